"""What all groups of settings have in common, and how a refusal reads."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, ValidationError


class Settings(BaseModel):
    """A group of settings: immutable, checked, and refusing those it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False)


def first_error(error: ValidationError, source: str) -> str:
    """Return the first thing that is wrong with settings as a sentence."""
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"]) or "the settings"
    reason = "it is not a known setting" if first["type"] == "extra_forbidden" else first["msg"]
    if first["type"] == "value_error":  # a sentence of our own
        reason = str(first["ctx"]["error"]).removesuffix(".")
    return f"Cannot use {name} in {source}: {reason}."

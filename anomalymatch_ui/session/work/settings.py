"""Changing the settings of an open session: what a person may want to change, and what follows from it."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from anomalymatch_ui.config import PRESETS, Config
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.prevalence import EXAMPLES

_DEFAULTS = Config()

Kind = Literal["whole number", "number", "share", "choice", "switch", "text"]

_TITLES = {
    "prevalence": "Prevalence",
    "train.every": "Train automatically",
    "train.steps": "Steps",
    "train.learning_rate": "Learning rate",
    "train.unlabelled_weight": "Unlabelled weight",
    "train.confidence_threshold": "Threshold",
    "train.align": "Alignment",
    "symmetry": "Symmetry",
    "embedding.effort": "Effort",
    "embedding.adapt": "Adapted network",
    "acquisition.strategy": "What to show",
    "acquisition.random_every": "Random share",
    "acquisition.same_place": "Same place",
    "order": "Order by",
    "device": "Device",
}

_OF_THE_POOL = ("seed", "device", "symmetry", "prevalence", "working_set", "pixels", "shown")
"""Settings of the images and the machine, which are no part of a method and outlive a change of preset."""

_OF_THE_SESSION = ("train.every", "train.keep_cycles")
"""Settings of when a cycle begins and how long it is kept, which change nothing of how it trains."""

_WHILE_BUSY = ("train.", "acquisition.", "shown.", "working_set", "preset_name")
"""Begin the names of settings that a running job has read already, or does not read."""


class SettingsError(InputError):
    """Settings that cannot be used.

    Attributes
    ----------
    sentences
        What is wrong with each, by its name, such as ``"train.steps"``.
    """

    def __init__(self, sentences: Mapping[str, str]) -> None:
        super().__init__(" ".join(sentences.values()))
        self.sentences = dict(sentences)


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting that a person may want to change.

    Attributes
    ----------
    name
        As :meth:`Session.configure` takes it, such as ``"train.steps"``.
    title
        In words.
    description
        What it does, a sentence.
    kind
        What its value is.
    expected
        Which values it takes, in words that follow "must be".
    choices
        All values of a choice; empty for other kinds.
    optional
        Whether it may be left unset.
    """

    name: str
    title: str
    description: str
    kind: Kind
    expected: str
    choices: tuple[str, ...]
    optional: bool


def configured(
    config: Config, values: Mapping[str, Any], preset: str | None = None, *, busy: bool = False
) -> Config:
    """Return settings with other values.

    Parameters
    ----------
    config
        The settings now.
    values
        New values by name, such as ``{"train.steps": 80}``; text is read as the number it shows, and an
        empty one unsets what may be unset.
    preset
        A preset to start from instead of ``config``. What belongs to the images and the machine stays:
        pixels, how they are shown, seed, device, symmetry, prevalence, after how many labels a cycle starts
        by itself, and how many cycles are kept.
    busy
        Whether a job runs: then only what it does not read may change.

    Raises
    ------
    SettingsError
        If a setting is unknown, out of range, or cannot be changed now.
    InputError
        If there is no such preset.
    """
    base = config if preset is None else _with_preset(config, preset)
    merged = base.model_dump()
    unknown = {}
    for name, value in values.items():
        group, _, key = name.rpartition(".")
        target = merged.get(group) if group else merged
        if not isinstance(target, dict) or key not in target or isinstance(target[key], dict):
            unknown[name] = f"There is no setting {name!r}."
        else:
            target[key] = _read(name, value)
    if unknown:
        raise SettingsError(unknown)
    try:
        changed = Config.model_validate(merged)
    except ValidationError as error:
        names = dict.fromkeys(_named(found["loc"]) for found in error.errors())
        refusals = {name: _refusal(name, values.get(name)) for name in names}
        ours = [found for found in error.errors() if found["type"] == "value_error"]
        for found in ours:  # sentences that know what was meant
            sentence = str(found["ctx"]["error"])
            refusals[_named(found["loc"])] = sentence[0].upper() + sentence[1:]
        raise SettingsError(refusals) from error
    if changed.pixels != config.pixels:
        told = "is chosen when the images are opened, by `anomalymatch serve` or `Session.open`."
        of_pixels = [name for name in changes(config, changed) if name.startswith("pixels.")]
        raise SettingsError({name: f"{name} {told}" for name in of_pixels})
    if changed.device != config.device:
        _check_device(changed.device)
    refused = [name for name in changes(config, changed) if not name.startswith(_WHILE_BUSY)] if busy else []
    if refused and preset is not None:
        raise SettingsError({"preset": "The preset cannot change while something runs: stop it first."})
    if refused:
        raise SettingsError(
            {name: f"{_title(name)} cannot change while something runs: stop it first." for name in refused}
        )
    return changed


def consequence(names: tuple[str, ...], *, looks_anew: bool, gives_up: int | None = None) -> str:
    """Return what follows from changed settings, in sentences.

    Parameters
    ----------
    names
        Names of the settings, from :func:`changes`.
    looks_anew
        Whether every image has to be looked at again.
    gives_up
        The cycle that was stopped and cannot be gone on with by the new settings; ``None`` if there is none.
    """
    sentences = []
    if any(name.startswith(("train.", "network.")) and name not in _OF_THE_SESSION for name in names):
        sentences.append("The next cycle uses the new settings.")
    if gives_up is not None:
        sentences.append(
            f"Cycle {gives_up}, which was stopped, began with other settings and will not be continued."
        )
    if changes_the_order(names):
        sentences.append("The next ranking follows the new settings.")
    if looks_anew:
        sentences.append(
            "Before that, every image has to be looked at again, which takes as long as the first time."
        )
    return " ".join(sentences) or "The settings are saved."


def gone_on_with(cycle: int, step: int) -> str:
    """Say that a cycle stopped in the middle, and where training begins."""
    return (
        f"Cycle {cycle} was interrupted at step {step}. Training goes on from there with the current labels."
    )


def given_up(cycle: int, begun_with: int) -> str:
    """Say that a stopped cycle is not gone on with, since the person went back from where it began."""
    return (
        f"Cycle {cycle}, which was stopped, began with the weights of cycle {begun_with} and will not be "
        "continued: the next one starts afresh."
    )


def changes(before: Config, after: Config) -> tuple[str, ...]:
    """Return the names of the settings that differ, such as ``"train.steps"``."""
    old, new = _flat(before), _flat(after)
    return tuple(name for name in new if old[name] != new[name])


def changes_the_order(names: tuple[str, ...]) -> bool:
    """Return whether any of these settings changes the order or which images come first."""
    return any(not name.startswith(("train.", "shown.", "working_set", "preset_name")) for name in names)


def in_effect(names: tuple[str, ...], config: Config) -> tuple[str, ...]:
    """Leave out the settings that nothing reads: those of the adaptation, where no adapted network looks."""
    return names if config.embedding.adapt else tuple(name for name in names if not name.startswith("adapt."))


def rescores(names: tuple[str, ...]) -> bool:
    """Return whether scores by the previous settings are out of date."""
    return any(not name.startswith(_WHILE_BUSY) for name in names)


def preset_of(config: Config) -> str | None:
    """Return the preset that these settings are, whatever belongs to the images and the machine."""
    for name in PRESETS:
        if not changes_beyond_name(config, _with_preset(config, name)):
            return name
    return None


def changes_beyond_name(before: Config, after: Config) -> tuple[str, ...]:
    """Return :meth:`changes` without the preset's name."""
    return tuple(name for name in changes(before, after) if name != "preset_name")


def main_settings() -> tuple[Setting, ...]:
    """Return the settings that an astronomer may want to change."""
    return tuple(_setting(name) for name in _TITLES)


def value_of(config: Config, name: str) -> Any:
    """Return the value of a setting by its name."""
    return _flat(config)[name]


def _with_preset(config: Config, preset: str) -> Config:
    kept = {name: getattr(config, name) for name in _OF_THE_POOL}
    of_session = {name.removeprefix("train."): value_of(config, name) for name in _OF_THE_SESSION}
    return Config.preset(preset).with_values(**kept, train=of_session)


def _check_device(device: str) -> None:
    from anomalymatch_ui.learn import resolve_device  # imports torch

    try:
        resolve_device(device)
    except InputError as error:
        raise SettingsError({"device": str(error)}) from error


def _flat(config: Config) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in config.model_dump().items():
        if isinstance(value, dict):
            flat |= {f"{name}.{key}": inner for key, inner in value.items()}
        else:
            flat[name] = value
    return flat


def _read(name: str, value: Any) -> Any:
    """Read what was typed: an empty text is no value."""
    if isinstance(value, str):
        value = value.strip()
        if not value and _setting(name).optional:
            return None
    return value


def _refusal(name: str, value: Any) -> str:
    setting = _setting(name)
    given = "" if value is None or value == "" else f", not {value}"
    return f"{setting.title} must be {setting.expected}{given}."


def _named(loc: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in loc[:2])


def _title(name: str) -> str:
    return _TITLES.get(name, name)


def _field(name: str) -> FieldInfo:
    group, _, key = name.rpartition(".")
    model: type[BaseModel] = type(getattr(_DEFAULTS, group)) if group else Config
    return model.model_fields[key]


def _setting(name: str) -> Setting:
    field = _field(name)
    annotation, optional = _without_none(field.annotation)
    choices: tuple[str, ...] = ()
    kind: Kind = "text"
    if typing.get_origin(annotation) is Literal:
        kind, choices = "choice", typing.get_args(annotation)
    elif annotation is bool:
        kind = "switch"
    elif annotation is int:
        kind = "whole number"
    elif annotation is float:
        kind = "share" if name == "prevalence" else "number"
    expected = {
        "choice": f"one of {', '.join(choices)}",
        "switch": "on or off",
        "share": f"a share such as {EXAMPLES}",
        "text": "auto, cpu, mps, cuda, or cuda: and a number" if name == "device" else "text",
    }.get(kind) or f"a {kind}{_range(field)}"
    expected += " or left empty" if optional else ""
    return Setting(name, _title(name), field.description or "", kind, expected, choices, optional)


def _without_none(annotation: Any) -> tuple[Any, bool]:
    if typing.get_origin(annotation) in (types.UnionType, typing.Union):
        inner = [part for part in typing.get_args(annotation) if part is not type(None)]
        return _bare(inner[0]), len(inner) < len(typing.get_args(annotation))
    return _bare(annotation), False


def _bare(annotation: Any) -> Any:
    return typing.get_args(annotation)[0] if typing.get_origin(annotation) is typing.Annotated else annotation


def _range(field: FieldInfo) -> str:
    """Return the bounds of a number, such as ``" of at least 1"``."""
    words = []
    for bound in field.metadata:
        if isinstance(bound, Ge):
            words.append(f"of at least {bound.ge}")
        elif isinstance(bound, Gt):
            words.append(f"above {bound.gt}")
        elif isinstance(bound, Le):
            words.append(f"at most {bound.le}")
        elif isinstance(bound, Lt):
            words.append(f"below {bound.lt}")
    return "".join(f" {word}" for word in [" and ".join(words)] if word)

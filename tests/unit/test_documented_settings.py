"""`docs/settings.md` lists every setting; `RENEW_DOCUMENTS=1` writes it anew from `config/`."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import tomli_w
from pydantic import BaseModel

from anomalymatch_ui.config import Config

DOCUMENT = Path(__file__).parents[2] / "docs" / "settings.md"

INTRODUCTION = """# Settings

A session keeps its settings in `config.toml`. Some of them are in the dashboard's **Settings**; a script
changes any of them by `session.configure({"train.steps": 80})`, and `anomalymatch benchmark` tries one by
`--set train.steps=80`. In the file those of a group stand under its name (`[train]`), the others above the
first group; one that is unset is not there. The last column says what preset `paper` has instead; preset
`embedding` is the default with `order = "labels"`.

Written from `anomalymatch_ui/config/` by `RENEW_DOCUMENTS=1 pytest tests/unit/test_documented_settings.py`.
"""


def rows(group: str, default: BaseModel, paper: BaseModel) -> list[str]:
    """Return a line of the table for each setting of a group."""
    lines = ["| setting | default | what it is | `paper` |", "|---|---|---|---|"]
    for name, field in type(default).model_fields.items():
        value, published = getattr(default, name), getattr(paper, name)
        if isinstance(value, BaseModel):
            continue
        meaning = re.sub(r" ?\[\d\]_", "", field.description or "")
        other = written(published) if published != value else ""
        lines.append(f"| `{group}{name}` | {written(value)} | {meaning} | {other} |")
    return lines


def written(value: Any) -> str:
    """Return a value as a `config.toml` has it."""
    if value is None:
        return "unset"
    text = " ".join(tomli_w.dumps({"value": value}).partition("= ")[2].split())
    return f"`{text.replace('[ ', '[').replace(', ]', ']')}`"


def document() -> str:
    default, paper = Config(), Config.preset("paper")
    parts = [INTRODUCTION, "\n".join(rows("", default, paper))]
    for name in type(default).model_fields:
        group = getattr(default, name)
        if isinstance(group, BaseModel):
            meaning = re.sub(r" ?\[\d\]_", "", (type(group).__doc__ or "").strip())
            parts += [
                f"\n## `[{name}]`\n\n{meaning}\n",
                "\n".join(rows(f"{name}.", group, getattr(paper, name))),
            ]
    return "\n".join(parts) + "\n"


def test_every_setting_is_listed_with_its_default() -> None:
    if os.environ.get("RENEW_DOCUMENTS"):
        DOCUMENT.write_text(document(), "utf-8")
    assert DOCUMENT.read_text("utf-8") == document()


def test_every_setting_says_what_it_is() -> None:
    for line in document().splitlines():
        if line.startswith("| `"):
            assert re.fullmatch(r"\| `[\w.]+` \| [^|]+ \| \S[^|]+ \|[^|]*\|", line), line

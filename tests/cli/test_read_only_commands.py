"""Commands that only read work on a session that nobody may write; the others say why not."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from rights import only_readable
from sessions import make_trained

from anomalymatch_ui.cli.main import application
from anomalymatch_ui.errors import AnomalyMatchError


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kept")
    make_trained(folder)
    return folder


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (["rank", "SESSION", "--top", "3"], '"images": 60'),
        (["report", "SESSION", "--html", "OUT/report.html"], '"labelled": 5'),
        (["export", "SESSION", "--what", "found", "--out", "OUT/found.vot"], '"rows": 2'),
        (["cycles", "SESSION"], '"cycle": 1'),
        (["selection", "SESSION"], '"found": 2'),
        (["replay", "SESSION"], '"same": true'),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_what_only_reads_works(
    command: list[str], told: str, kept: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = {"SESSION": str(kept / "session"), "OUT": str(tmp_path)}
    given = [word.replace("SESSION", names["SESSION"]).replace("OUT", names["OUT"]) for word in command]
    with only_readable(kept):
        application([*given, "--json"], standalone_mode=False)
    last = capsys.readouterr().out.splitlines()[-1]
    json.loads(last)
    assert told in last


@pytest.mark.parametrize(
    "command",
    [
        ["cycles", "SESSION", "--pin", "1"],
        ["completeness", "SESSION"],
        ["adapt", "IMAGES", "--session", "SESSION"],
    ],
    ids=lambda command: command[0],
)
def test_what_would_write_says_why_not(command: list[str], kept: Path) -> None:
    names = {"SESSION": str(kept / "session"), "IMAGES": str(kept / "images")}
    with only_readable(kept), pytest.raises(AnomalyMatchError, match="cannot be written|Cannot write"):
        application([names.get(word, word) for word in command], standalone_mode=False)


def test_an_order_that_is_not_there_cannot_be_made(kept: Path, tmp_path: Path) -> None:
    shutil.copytree(kept / "session", tmp_path / "session")
    (tmp_path / "session" / "ranking.npz").unlink()
    with only_readable(tmp_path / "session"), pytest.raises(AnomalyMatchError, match="keeps no order"):
        application(["rank", str(tmp_path / "session")], standalone_mode=False)

"""Runs of an archive by a quick engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from checkpoints import make_network
from scoring import QuickEngine, names

from anomalymatch_ui.config import ScoreConfig
from anomalymatch_ui.score import Outcome, score_archive

CPU = torch.device("cpu")
NETWORK = make_network()
IDS = [f"survey/{number:03d}.jpg" for number in range(95)]
SHARD = 10


def run(folder: Path, engine: QuickEngine | None = None, **changed: Any) -> Outcome:
    """Score the names into a folder, by default by scores that cost nothing."""
    asked: dict[str, Any] = {"shard_size": SHARD, "components": 0, "pool": names(IDS), "network": NETWORK}
    asked |= changed
    return score_archive(
        asked.pop("pool"), asked.pop("network"), folder, engine or QuickEngine(IDS), ScoreConfig(), **asked
    )


class Files(dict[str, bytes]):
    """Contents by name, which hypothesis shall not print."""

    def __repr__(self) -> str:
        return f"<Files {sorted(self)}>"


def contents(folder: Path) -> dict[str, bytes]:
    return Files({path.name: path.read_bytes() for path in folder.iterdir() if path.name != "run.lock"})

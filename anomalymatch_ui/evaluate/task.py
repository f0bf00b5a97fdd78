"""An anomaly-search task: images whose labels are known, half to search and half to measure on."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.labels import Label

COLUMNS = ("filename", "label", "split")


@dataclass(frozen=True)
class Task:
    """A table ``filename,label,split``.

    Attributes
    ----------
    name
        Name of the table.
    pool
        Label of each image that is searched, in the table's order.
    test
        Label of each image that is only measured on.
    """

    name: str
    pool: dict[str, Label]
    test: dict[str, Label]

    @property
    def digest(self) -> str:
        """Name of what the table says, whatever the order of its rows."""
        rows = [
            f"{split} {name} {label}"
            for split, part in (("pool", self.pool), ("test", self.test))
            for name, label in part.items()
        ]
        return hashlib.sha256("\0".join(sorted(rows)).encode()).hexdigest()[:16]

    @classmethod
    def read(cls, path: Path) -> Task:
        """Read a task.

        Raises
        ------
        InputError
            If the table is missing, lacks a column, lists an image twice, or a split lacks a class.
        """
        try:
            table = pd.read_csv(path, dtype=str, keep_default_na=False)
        except (OSError, ValueError) as error:
            raise InputError(f"Cannot read the task {path}: {error}.") from error
        missing = [column for column in COLUMNS if column not in table.columns]
        if missing:
            raise InputError(
                f"The task {path} lacks the column {missing[0]}. It needs the columns {', '.join(COLUMNS)}."
            )
        listed = table[table["split"].isin(("pool", "test"))]["filename"]
        if (twice := listed[listed.duplicated()]).any():
            raise InputError(
                f"The task {path} lists {twice.iloc[0]!r} twice. An image belongs to the pool or to the test "
                "split, once: what is measured on must never have been searched."
            )
        splits = {}
        for split in ("pool", "test"):
            rows = table[table["split"] == split]
            splits[split] = dict(zip(rows["filename"], rows["label"], strict=True))
            if set(splits[split].values()) != {"anomaly", "nominal"}:
                raise InputError(
                    f"The {split} split of the task {path} must hold images labelled anomaly and nominal, "
                    "and no others."
                )
        return cls(path.stem, splits["pool"], splits["test"])

    def held_out(self, seed: int = 0, share: float = 0.4) -> Task:
        """Return a task within the pool, to choose settings by without a look at the test split.

        Parameters
        ----------
        seed
            Seed of the draw.
        share
            Share of each class of the pool that becomes the test split.
        """
        random = np.random.default_rng(seed)
        measured: set[str] = set()
        for label in ("anomaly", "nominal"):
            names = [name for name, its in self.pool.items() if its == label]
            count = int(share * len(names))
            measured.update(random.choice(np.array(names, dtype=object), count, replace=False).tolist())
        searched = {name: label for name, label in self.pool.items() if name not in measured}
        test = {name: label for name, label in self.pool.items() if name in measured}
        return Task(f"{self.name} (pool)", searched, test)

    def start(self, seed: int, anomalies: int, nominals: int) -> dict[str, Label]:
        """Draw the labels a search starts with, anomalies first.

        Raises
        ------
        InputError
            If the pool does not hold as many.
        """
        random = np.random.default_rng(seed)
        labels: dict[str, Label] = {}
        wanted: tuple[tuple[Label, int], ...] = (("anomaly", anomalies), ("nominal", nominals))
        for label, count in wanted:
            names = [name for name, its in self.pool.items() if its == label]
            if count > len(names):
                raise InputError(
                    f"The task {self.name} has {len(names)} images labelled {label}, not {count}."
                )
            chosen = random.choice(np.array(names, dtype=object), size=count, replace=False)
            labels.update(dict.fromkeys(chosen.tolist(), label))
        return labels

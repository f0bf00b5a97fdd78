"""A journal whose folder is deleted, renamed or made anew while it is open acknowledges no label."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from anomalymatch_ui.errors import StorageError
from anomalymatch_ui.labels import Journal

ME = "me"


def refuses(journal: Journal, sentence: str) -> None:
    with pytest.raises(StorageError, match=sentence):
        journal.append(["late"], "anomaly", ME, "key")
    with pytest.raises(StorageError, match=sentence):
        journal.undo(ME, "key")


@pytest.mark.parametrize("seed", range(10))
def test_labels_are_refused_while_the_folder_is_renamed_and_kept_when_it_is_back(
    seed: int, tmp_path: Path
) -> None:
    chance = random.Random(seed)
    folder, elsewhere = tmp_path / "session", tmp_path / "renamed"
    folder.mkdir()
    acknowledged: list[str] = []
    with Journal(folder / "journal.sqlite") as journal:
        for number in range(chance.randrange(1, 20)):
            journal.append([f"{number}"], "nominal", ME, "key")
            acknowledged.append(f"{number}")
        folder.rename(elsewhere)
        refuses(journal, "session was deleted, moved or renamed")
        assert not folder.exists()
        with Journal(elsewhere / "journal.sqlite") as moved:
            assert list(moved.view()) == acknowledged
        elsewhere.rename(folder)
        journal.append(["after"], "anomaly", ME, "key")
    with Journal(folder / "journal.sqlite") as journal:
        assert list(journal.view()) == [*acknowledged, "after"]


@pytest.mark.parametrize("seed", range(10))
def test_labels_are_refused_when_the_folder_is_deleted_or_made_anew(seed: int, tmp_path: Path) -> None:
    folder = tmp_path / "session"
    folder.mkdir()
    with Journal(folder / "journal.sqlite") as journal:
        for number in range(seed):
            journal.append([f"{number}"], "nominal", ME, "key")
        shutil.rmtree(folder)
        if seed % 2:
            refuses(journal, "session was deleted, moved or renamed")
            assert not folder.exists()
        else:
            folder.mkdir()
            with Journal(folder / "journal.sqlite") as other:
                refuses(journal, "journal.sqlite was deleted, moved or replaced")
                other.append(["theirs"], "anomaly", "you", "key")
                assert list(other.view()) == ["theirs"]


def test_labels_are_refused_when_the_log_is_deleted(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal.sqlite") as journal:
        journal.append(["a"], "nominal", ME, "key")
        (tmp_path / "journal.sqlite-wal").unlink()
        refuses(journal, "holds the last labels, was deleted")

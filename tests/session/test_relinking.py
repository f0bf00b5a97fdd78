"""Images moved to another disk, where one has come, gone or was saved anew: the session goes on with them."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
from images import make_pool

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.pool import open_pool
from anomalymatch_ui.session import Session
from anomalymatch_ui.session.core.likeness import Sketch
from anomalymatch_ui.session.mending.relinking import relink_session


@pytest.fixture
def session(tmp_path: Path, pool_folder: Path) -> Path:
    with Session.open(tmp_path / "session", pool_folder) as session:
        session.label(["0000.jpg", "0001.jpg"], "anomaly")
        session.label(["0020.jpg", "0021.jpg"], "nominal")
    return tmp_path / "session"


def save_anew(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\0" * 7)


def test_images_that_moved_and_changed_a_little_are_the_session_s(
    session: Path, pool_folder: Path, tmp_path: Path
) -> None:
    moved = tmp_path / "another disk"
    pool_folder.rename(moved)
    (moved / "0020.jpg").unlink()
    (moved / "0059.jpg").rename(moved / "new.jpg")
    save_anew(moved / "0030.jpg")
    with Session.open(session, moved) as opened:
        assert "1 new, 2 gone, 1 saved anew" in opened.status.message
        assert "1 labelled image is not among them" in opened.status.message
        assert len(opened.labels()) == 4
        assert opened.status.counts.anomaly == 2
    with Session.open(session) as opened:
        assert opened.pool.path == moved
        assert opened.status.message == ""


def test_other_files_of_the_same_names_are_taken_only_when_a_person_says_so(
    session: Path, tmp_path: Path
) -> None:
    others = tmp_path / "saved as others"
    make_pool(others, seed=1)
    with pytest.raises(InputError, match="If they are the same images.*anomalymatch relink"):
        Session.open(session, others)
    told = relink_session(session, others)
    assert (told.images, told.labelled, told.found) == (60, 4, 4)
    with Session.open(session) as opened:
        assert opened.pool.path == others
        assert len(opened.labels()) == 4


def test_images_of_other_names_are_refused_also_when_a_person_says_so(session: Path, tmp_path: Path) -> None:
    others = tmp_path / "others"
    make_pool(others)
    for path in others.iterdir():
        path.rename(path.with_name(f"x{path.name}"))
    for take in (lambda: Session.open(session, others), lambda: relink_session(session, others)):
        with pytest.raises(InputError, match="belongs to the images in"):
            take()
    with Session.open(session) as opened:
        assert len(opened.labels()) == 4


def test_a_session_of_before_goes_by_the_names_of_its_labels(
    session: Path, pool_folder: Path, tmp_path: Path
) -> None:
    record = json.loads((session / "pool.json").read_text())
    del record["sketch"]
    (session / "pool.json").write_text(json.dumps(record))
    moved = tmp_path / "moved"
    pool_folder.rename(moved)
    save_anew(moved / "0030.jpg")
    with pytest.raises(InputError, match="anomalymatch relink"):
        Session.open(session, moved)
    assert relink_session(session, moved).found == 4
    strangers = tmp_path / "strangers"
    make_pool(strangers)
    for path in strangers.iterdir():
        path.rename(path.with_name(f"x{path.name}"))
    del record["digest"]
    (session / "pool.json").write_text(json.dumps({**record, "digest": "x"}))
    with pytest.raises(InputError, match="Only 0 of the 4 labelled images"):
        relink_session(session, strangers)


def test_rows_without_names_are_never_relinked(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).integers(0, 255, (20, 32, 32, 3), np.uint8)
    for name, images in (("survey", rows), ("other", rows[::-1])):
        with h5py.File(tmp_path / f"{name}.h5", "w") as file:
            file["images"] = images
    Session.open(tmp_path / "session", tmp_path / "survey.h5").close()
    with pytest.raises(InputError, match="could now be those of others"):
        relink_session(tmp_path / "session", tmp_path / "other.h5")


def test_of_many_images_the_share_that_agrees_is_told_to_a_few_percent() -> None:
    chance = np.random.default_rng(0)
    hashes = np.unique(chance.integers(0, 2**32, 20_000, dtype=np.uint32))
    kept = np.sort(chance.permutation(hashes)[:18_000])
    whole, part = (Sketch(len(some), tuple(some[:1000].tolist())) for some in (hashes, kept))
    assert whole.likeness(part).names == pytest.approx(0.9, abs=0.04)  # four deviations of 1,000 draws
    assert whole.likeness(whole).names == 1


def test_a_pool_s_stamps_tell_its_files_apart(pool_folder: Path) -> None:
    before = Sketch.of(open_pool(pool_folder))
    save_anew(pool_folder / "0001.jpg")
    likeness = before.likeness(Sketch.of(open_pool(pool_folder)))
    assert (likeness.come, likeness.gone, likeness.changed, likeness.names) == (0, 0, 1, 1.0)


def arrays(folder: Path, count: int, seed: int) -> Path:
    """Write images of one shape, whose files all have one size."""
    folder.mkdir()
    random = np.random.default_rng(seed)
    for number in range(count):
        np.save(folder / f"cutout-{number:04d}.npy", random.normal(size=(3, 16, 16)).astype(np.float32))
    return folder


@pytest.mark.parametrize("count", [20, 15])
def test_another_field_whose_files_have_the_same_names_and_sizes_is_another(
    count: int, tmp_path: Path
) -> None:
    field = arrays(tmp_path / "field", 20, seed=0)
    other = arrays(tmp_path / "other", count, seed=1)
    with Session.open(tmp_path / "session", field) as session:
        session.label(["cutout-0003.npy"], "anomaly")
    with pytest.raises(InputError, match="belongs to the images in .*field, not to"):
        Session.open(tmp_path / "session", other)
    moved = field.rename(tmp_path / "another disk")
    with Session.open(tmp_path / "session", moved) as session:
        assert dict(session.labels()) == {"cutout-0003.npy": "anomaly"}

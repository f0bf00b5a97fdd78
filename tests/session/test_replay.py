"""A search is repeated from its journal: the same labels give the same order, or it is said where not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import processes
import pytest
from images import make_pool

from anomalymatch_ui.config import Config
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.session import Ranking, Session
from anomalymatch_ui.session.outcome.replay import compared


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, quick_once: Config) -> Path:
    """A session on 40 JPEGs, ranked by eight labels, one of which was taken back."""
    folder = tmp_path_factory.mktemp("replay")
    rings = make_pool(folder / "images", images=40)
    config = quick_once.with_values(order="labels")
    with Session.open(folder / "session", folder / "images", config=config) as session:
        session.label(rings[:3], "anomaly")
        session.label(["0020.jpg", "0021.jpg", "0022.jpg", "0023.jpg"], "nominal")
        session.rank(wait=True)
        session.label(["0030.jpg"], "anomaly", ranking=session.ranking())
        session.undo()
        session.label(["0024.jpg"], "nominal", ranking=session.ranking())
        session.rank(wait=True)
    return folder


@pytest.fixture
def session(folder: Path) -> Iterator[Session]:
    with Session.open(folder / "session") as opened:
        yield opened


@pytest.mark.parametrize("anew", [False, True])
def test_the_same_labels_give_the_same_order(session: Session, anew: bool):
    told = session.replays.replay(anew=anew)
    assert (told.labels, told.images, told.kept_first, told.anew) == (8, 40, 40, anew)
    assert told.same
    assert told.differs == 0
    assert told.largest < 1e-6
    assert told.sentence().endswith("the same, to the last place.")


def test_labels_that_came_after_the_order_are_left_out_and_said(folder: Path, tmp_path: Path):
    with Session.open(folder / "session") as session:
        kept = Ranking.load(folder / "session" / "ranking.npz", session.pool.digest, 40)
        session.label(["0035.jpg"], "nominal")
        told = session.replays.replay()
        assert told.same
        assert told.later == 1
        assert "1 row of the journal came after that order" in told.sentence()
        session.undo()
        assert kept is not None


def test_another_order_is_told_from_its_first_place_on():
    scores = np.linspace(1, 0, 200).astype(np.float32)
    kept = Ranking.of_scores(3, "linear head", scores)
    other = scores.copy()
    other[[50, 150]] = other[[150, 50]]
    told = compared(kept, other, labels=7, later=0, anew=False)
    assert (told.same, told.differs, told.kept_first) == (False, 51, 99)
    assert told.largest == pytest.approx(scores[50] - scores[150])
    assert "from place 51 on, with 99 of the first 100 among the first again" in told.sentence()
    fewer = scores.copy()
    fewer[199] = np.nan
    assert compared(kept, fewer, labels=7, later=0, anew=False).differs == 200


def test_where_there_is_no_order_there_is_nothing_to_repeat(pool_folder: Path, quick: Config, tmp_path: Path):
    config = quick.with_values(instant=False)
    with (
        Session.open(tmp_path / "s", pool_folder, config=config) as session,
        pytest.raises(InputError, match="keeps no order of its images to repeat"),
    ):
        session.replays.replay()


def test_the_command_says_it_in_a_sentence_and_as_json(folder: Path):
    finished = processes.run("replay", folder / "session", "--json")
    assert finished.returncode == 0, finished.stderr
    said, last = finished.stdout.splitlines()
    told = json.loads(last)
    assert (told["same"], told["sentence"]) == (True, said)

"""A session on more images than it can hold chooses which of them it works on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from images import make_pool
from scoring import QuickEngine, quick_score

from anomalymatch_ui.config import Config, ScoreConfig
from anomalymatch_ui.pool import ImagePool, open_pool, rows_of
from anomalymatch_ui.pool.ids import RowIds, StoredIds
from anomalymatch_ui.score.archiving import Model, score_archive
from anomalymatch_ui.session import Session, make_shortlist
from anomalymatch_ui.session.archives.shown import order_shown
from anomalymatch_ui.session.labelling.shortlist import population_of
from anomalymatch_ui.session.labelling.working_set import ScoredArchive, sentence_on

MOST = 20


@pytest.fixture
def few(swift: Config) -> Config:
    return swift.with_values(working_set=MOST)


def ids_of(path: Path, images: Path, config: Config | None = None) -> tuple[str, ...]:
    with Session.open(path, images, config=config) as session:
        return tuple(session.pool.ids)


def score(session: Path, out: Path, pool: ImagePool) -> list[str]:
    """Score an archive, as `score --session` does, and give its ids from the best to the last."""
    engine = QuickEngine(pool.ids)
    outcome = score_archive(pool, Model("order", 64), out, engine, ScoreConfig(), shard_size=16)
    ScoredArchive(str(out), outcome.manifest.pool, outcome.manifest.identity).keep(session / "scored.json")
    readable = [name for row, name in enumerate(pool.ids) if row % 13 != 12]
    return sorted(readable, key=lambda name: (-quick_score(name), name))


def test_a_new_session_on_a_large_pool_draws_what_it_works_on_and_says_so(
    pool_folder: Path, tmp_path: Path, few: Config
) -> None:
    (tmp_path / "labels.csv").write_text("filename,label\n0003.jpg,anomaly\n0050.jpg,nominal\n")
    with Session.open(tmp_path / "s", pool_folder, tmp_path / "labels.csv", config=few) as session:
        chosen = tuple(session.pool.ids)
        assert MOST <= len(chosen) <= MOST + 2
        assert dict(session.labels()) == {"0003.jpg": "anomaly", "0050.jpg": "nominal"}
        assert f"60 images, and this session works on {MOST} of them, drawn at random" in (
            session.status.message or ""
        )
        population = population_of(session.pool)
        assert population.images == 60
        assert population.drawable is not None
        assert population.drawable.sum() == MOST
    with Session.open(tmp_path / "s", pool_folder) as session:  # as the page does that was served
        assert tuple(session.pool.ids) == chosen
        assert f"this session works on {len(chosen)} of them, drawn at random" in session.status.message


def test_once_all_are_scored_the_best_take_the_place_of_those_drawn_and_labels_stay(
    pool_folder: Path, tmp_path: Path, few: Config
) -> None:
    first = ids_of(tmp_path / "s", pool_folder, few)
    with Session.open(tmp_path / "s", pool_folder) as session:
        session.label([first[0]], "nominal")
    best = score(tmp_path / "s", tmp_path / "scores", open_pool(pool_folder))
    with Session.open(tmp_path / "s", share=True) as session:  # as commands do that read, such as export
        assert tuple(session.pool.ids) == first
    with order_shown(tmp_path / "s") as shown:  # already, for what is drawn at random is nothing yet
        assert shown.scores.top(MOST).ids == tuple(best[:MOST])
    with Session.open(tmp_path / "s", pool_folder) as session:
        second = tuple(session.pool.ids)
        assert {*best[: MOST // 2], first[0]} <= set(second)
        assert f"the best {MOST // 2} by its scores in {tmp_path / 'scores'}" in (
            session.status.message or ""
        )
        assert "come or gone" not in (session.status.message or "")
        assert dict(session.labels()) == {first[0]: "nominal"}
    with Session.open(tmp_path / "s", pool_folder) as session:  # and that is chosen once
        assert tuple(session.pool.ids) == second
        assert "works on" not in (session.status.message or "")


def test_scores_of_another_archive_come_beside_those_of_the_session_s_own(
    pool_folder: Path, tmp_path: Path, few: Config
) -> None:
    first = ids_of(tmp_path / "s", pool_folder, few)
    best = score(tmp_path / "s", tmp_path / "scores", open_pool(pool_folder))
    make_pool(tmp_path / "others", images=30)
    others = open_pool(tmp_path / "others")
    score(tmp_path / "s", tmp_path / "of-others", others)
    assert len(ScoredArchive.kept(tmp_path / "s" / "scored.json")) == 2
    second = ids_of(tmp_path / "s", pool_folder)
    assert set(best[: MOST // 2]) <= set(second) != set(first)
    with order_shown(tmp_path / "s") as shown:
        assert len(shown.scores) == len(best)
        assert str(tmp_path / "scores") in shown.source
    score(tmp_path / "s", tmp_path / "again", open_pool(pool_folder))
    told = ScoredArchive.kept(tmp_path / "s" / "scored.json")
    assert [Path(archive.folder).name for archive in told] == ["of-others", "again"]


def test_what_a_session_before_kept_of_the_last_archive_is_read(tmp_path: Path) -> None:
    (tmp_path / "scored.json").write_text('{"folder": "scores", "pool": "p", "identity": "i"}')
    assert ScoredArchive.kept(tmp_path / "scored.json") == (ScoredArchive("scores", "p", "i"),)


def test_what_a_person_has_chosen_and_scores_that_have_gone_change_nothing(
    pool_folder: Path, tmp_path: Path, few: Config
) -> None:
    pool = open_pool(pool_folder)
    by_hand = make_shortlist(tmp_path / "by-hand", pool, ["0001.jpg"], drawn=5)
    score(tmp_path / "by-hand", tmp_path / "scores", pool)
    assert set(ids_of(tmp_path / "by-hand", pool_folder, few)) == set(by_hand.ids)
    first = ids_of(tmp_path / "s", pool_folder, few)
    ScoredArchive(str(tmp_path / "gone"), pool.digest, "another").keep(tmp_path / "s" / "scored.json")
    assert ids_of(tmp_path / "s", pool_folder) == first
    (tmp_path / "by-hand" / "pool.json").unlink()
    assert set(ids_of(tmp_path / "by-hand", pool_folder)) == set(by_hand.ids)
    for damaged in ("{}", "[" * 100_000):
        (tmp_path / "s" / "scored.json").write_text(damaged)
        assert ids_of(tmp_path / "s", pool_folder) == first


def test_a_session_that_began_with_all_of_a_pool_keeps_all_of_it(
    pool_folder: Path, tmp_path: Path, few: Config, swift: Config
) -> None:
    assert len(ids_of(tmp_path / "s", pool_folder, swift)) == 60
    assert len(ids_of(tmp_path / "s", pool_folder, few)) == 60
    assert sentence_on(60, swift) == ""
    assert "works on 20 at a time" in sentence_on(60, few)


NUMBERS = st.lists(st.one_of(st.integers(-5, 60).map(str), st.sampled_from(["007", "x", "", "٣", "9" * 30])))


@given(NUMBERS)
def test_many_rows_are_found_as_each_is(asked: list[str]) -> None:
    class Pool:
        def __init__(self, ids: Sequence[str]) -> None:
            self.ids = ids

    names = [str(number) for number in range(50)]
    stored = StoredIds(lambda start, stop: names[start:stop], 50, "'ids'")
    expected = [int(name) if name in names else -1 for name in asked]
    assert rows_of(Pool(RowIds(50)), asked).tolist() == expected  # type: ignore[arg-type]
    assert rows_of(Pool(stored), asked).tolist() == expected  # type: ignore[arg-type]
    assert rows_of(Pool(RowIds(50)), asked).dtype == np.int64  # type: ignore[arg-type]

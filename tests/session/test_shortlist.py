"""A session on the part of an archive that is worth a cycle."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from anomalymatch_ui.config import Config
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.pool import ImagePool, open_pool
from anomalymatch_ui.rank import draw_order
from anomalymatch_ui.session import Session, Shortlist, make_shortlist
from anomalymatch_ui.session.core.writer_lock import SessionBusyError

RINGS = [f"{number:04d}.jpg" for number in range(6)]
DISCS = [f"{number:04d}.jpg" for number in range(40, 46)]


@pytest.fixture
def archive(pool_folder: Path) -> Iterator[ImagePool]:
    """60 images, of which six are rings."""
    pool = open_pool(pool_folder)
    yield pool
    pool.close()


def opened(path: Path, archive: ImagePool, config: Config) -> Session:
    return Session.open(path, archive.path, config=config, annotator="ada")


def test_a_session_works_on_the_best_and_on_images_drawn_from_the_whole_archive(
    tmp_path: Path, archive: ImagePool, swift: Config
):
    shortlist = make_shortlist(tmp_path / "s", archive, RINGS, drawn=10)
    assert set(RINGS) | shortlist.drawn == set(shortlist.ids)
    assert len(shortlist.drawn) == 10
    with opened(tmp_path / "s", archive, swift) as session:
        assert set(session.pool.ids) == set(shortlist.ids)
        assert session.status.message is None or "gone" not in session.status.message


def test_labels_stay_through_a_renewal_and_keep_their_images_on_the_shortlist(
    tmp_path: Path, archive: ImagePool, swift: Config
):
    first = make_shortlist(tmp_path / "s", archive, RINGS, drawn=5)
    with opened(tmp_path / "s", archive, swift) as session:
        session.label(RINGS[:2], "anomaly")
        session.label(list(first.drawn - set(RINGS))[:2], "nominal")
        labels = dict(session.labels())
    second = make_shortlist(tmp_path / "s", archive, RINGS[4:], drawn=5)
    assert second.renewal == 2
    assert labels.keys() <= set(second.ids)
    with opened(tmp_path / "s", archive, swift) as session:
        assert dict(session.labels()) == labels


def test_each_renewal_draws_other_images_and_one_seed_the_same(tmp_path: Path, archive: ImagePool):
    first, renewed = (make_shortlist(tmp_path / "a", archive, drawn=20) for _ in range(2))
    again = make_shortlist(tmp_path / "b", archive, drawn=20)
    assert first.drawn == again.drawn != renewed.drawn


def test_only_what_was_drawn_from_the_archive_is_shown_as_drawn(
    tmp_path: Path, archive: ImagePool, swift: Config
):
    config = swift.with_values(acquisition={"random_every": 2, "strategy": "most_likely"})
    shortlist = make_shortlist(tmp_path / "s", archive, [*RINGS, *archive.ids[6:36]], drawn=8)
    with opened(tmp_path / "s", archive, config) as session:
        session.label(RINGS[:3], "anomaly")
        session.label(archive.ids[6:12], "nominal")
        session.rank(wait=True)
        listing = session.insight.listing()
        drawn = {session.pool.ids[row] for row in listing.order[listing.drawn]}
        assert drawn
        assert drawn <= shortlist.drawn - session.labels().keys()
        assert len(set(listing.order.tolist())) == len(listing.order) == len(session.pool) - 9


def test_what_is_unfound_is_estimated_for_the_archive(tmp_path: Path, archive: ImagePool, swift: Config):
    config = swift.with_values(acquisition={"random_every": 2, "strategy": "most_likely"})
    its = make_shortlist(tmp_path / "s", archive, RINGS, drawn=30, scored=1_000_000)
    with opened(tmp_path / "s", archive, config) as session:
        session.label(RINGS[:3], "anomaly")
        session.rank(wait=True)
        shown = [session.pool.ids[row] for row in session.insight.listing().order[:21]]
        session.label(shown[:1], "anomaly")
        session.label(shown[1:], "nominal")
        outlook = session.insight.outlook()
        first = [
            row for row in draw_order(session.pool.ids, config.seed) if session.pool.ids[row] in its.drawn
        ]
        found = [session.labels().get(session.pool.ids[row]) for row in first[: outlook.drawn]]
    assert outlook.drawn == 12  # 24 looks, every second of which is a draw
    assert None not in found
    share = found.count("anomaly") / outlook.drawn
    assert outlook.images == 1_000_000
    assert outlook.next is not None
    assert outlook.unfound is not None
    assert outlook.unfound.expected > 100 * outlook.next.expected
    assert outlook.unfound.low < share * 1_000_000 < outlook.unfound.high


def test_images_drawn_from_the_archive_go_on_standing_for_it_when_all_of_them_have_a_label(
    tmp_path: Path, archive: ImagePool, swift: Config
):
    shortlist = make_shortlist(tmp_path / "s", archive, RINGS, drawn=30, scored=1_000_000)
    with opened(tmp_path / "s", archive, swift) as session:
        session.label(RINGS[:3], "anomaly")
        session.label(sorted(shortlist.drawn - set(RINGS)), "nominal")
        session.rank(wait=True)
        unfound = session.insight.outlook().unfound
    assert unfound is not None
    assert unfound.high > 100  # of a million that nobody has seen, and not of the few rings that are left


def test_probabilities_are_held_to_the_prevalence_by_the_images_drawn_and_not_by_the_best(
    tmp_path: Path, archive: ImagePool, swift: Config
):
    shortlist = make_shortlist(tmp_path / "s", archive, RINGS, drawn=40, scored=10_000)
    with opened(tmp_path / "s", archive, swift.with_values(prevalence=0.02)) as session:
        session.label(RINGS[:3], "anomaly")
        session.label(sorted(shortlist.drawn - set(RINGS))[:3], "nominal")
        session.rank(wait=True)
        scores = dict(zip(session.pool.ids, session.ranking().scores, strict=True))
        unlabelled = scores.keys() - session.labels().keys()
    drawn = [scores[name] for name in unlabelled & shortlist.drawn]
    # 2 % of 10,000 images are 200, of which three are found; what a person gives is right within a factor 2.
    assert 0.5 < np.mean(drawn) / (197 / 9_994) < 2
    assert np.mean([scores[name] for name in set(RINGS[3:]) & unlabelled]) > 5 * np.mean(drawn)


def test_training_is_told_how_many_anomalies_a_shortlist_of_the_best_holds(
    tmp_path: Path, archive: ImagePool, swift: Config
):
    shortlist = make_shortlist(tmp_path / "s", archive, RINGS, drawn=20, scored=10_000)
    with opened(tmp_path / "s", archive, swift.with_values(prevalence=0.02)) as session:
        assert session.insight.prevalence() == 0.02  # nothing is ranked yet
        session.label(RINGS[:3], "anomaly")
        session.label(sorted(shortlist.drawn - set(RINGS))[:3], "nominal")
        session.rank(wait=True)
        left = [row for row, name in enumerate(session.pool.ids) if name not in session.labels()]
        assert session.insight.prevalence() == pytest.approx(session.ranking().scores[left].mean(), rel=1e-5)
        assert session.insight.prevalence() > 0.02
    with Session.open(tmp_path / "whole", archive, config=swift.with_values(prevalence=0.02)) as session:
        assert session.insight.prevalence() == 0.02


def test_a_cycle_trains_on_the_shortlist_and_ranks_it(tmp_path: Path, archive: ImagePool, swift: Config):
    make_shortlist(tmp_path / "s", archive, [*RINGS, *DISCS], drawn=10)
    with opened(tmp_path / "s", archive, swift) as session:
        session.label(RINGS[:2], "anomaly")
        session.label(DISCS[:2], "nominal")
        session.train(wait=True)
        assert session.status.cycle == 1
        assert len(session.ranking().order) == len(session.pool) < len(archive)


def test_a_table_of_labels_puts_its_images_on_the_shortlist(
    tmp_path: Path, archive: ImagePool, swift: Config
):
    table = tmp_path / "labels.csv"
    table.write_text("filename,label\n0000.jpg,anomaly\n0041.jpg,nominal\n")
    shortlist = make_shortlist(tmp_path / "s", archive, drawn=3, labels=table)
    assert {"0000.jpg", "0041.jpg"} <= set(shortlist.ids)
    with opened(tmp_path / "s", archive, swift) as session:
        assert dict(session.labels()) == {"0000.jpg": "anomaly", "0041.jpg": "nominal"}


def test_images_that_have_gone_from_the_archive_are_left_out(
    tmp_path: Path, archive: ImagePool, swift: Config
):
    make_shortlist(tmp_path / "s", archive, RINGS, drawn=3)
    (archive.path / RINGS[0]).unlink()
    with opened(tmp_path / "s", archive, swift) as session:
        assert RINGS[0] not in session.pool
        assert RINGS[1] in session.pool


def test_scores_of_other_images_are_refused_and_nothing_changes(tmp_path: Path, archive: ImagePool):
    before = make_shortlist(tmp_path / "s", archive, RINGS, drawn=3)
    with pytest.raises(InputError, match=r"no image 'moon.jpg'.* score these first"):
        make_shortlist(tmp_path / "s", archive, ["moon.jpg"], drawn=3)
    assert Shortlist.load(tmp_path / "s" / "shortlist.parquet") == before


def test_a_shortlist_is_not_changed_under_an_open_session(tmp_path: Path, archive: ImagePool, swift: Config):
    make_shortlist(tmp_path / "s", archive, RINGS, drawn=3)
    with opened(tmp_path / "s", archive, swift), pytest.raises(SessionBusyError, match="open elsewhere"):
        make_shortlist(tmp_path / "s", archive, RINGS, drawn=3)


def test_a_damaged_shortlist_is_said_and_can_be_made_anew(tmp_path: Path, archive: ImagePool, swift: Config):
    make_shortlist(tmp_path / "s", archive, RINGS, drawn=3)
    (tmp_path / "s" / "shortlist.parquet").write_bytes(b"PAR1 no more")
    with pytest.raises(InputError, match=r"damaged. Make it again with `anomalymatch shortlist`"):
        opened(tmp_path / "s", archive, swift)
    make_shortlist(tmp_path / "s", archive, RINGS, drawn=3)
    with opened(tmp_path / "s", archive, swift) as session:
        assert len(session.pool) < len(archive)

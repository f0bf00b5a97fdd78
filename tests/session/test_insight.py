from __future__ import annotations

import itertools
import shutil
from pathlib import Path

import numpy as np
import pytest

from anomalymatch_ui.config import Config
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.rank import draw_order
from anomalymatch_ui.session import Query, Session
from anomalymatch_ui.session.search.exploring import EXPLORES_AFTER
from anomalymatch_ui.session.work.ranking import Ranking

RINGS = [f"{number:04d}.jpg" for number in range(6)]
DISCS = [f"{number:04d}.jpg" for number in range(20, 30)]


@pytest.fixture
def session(pool_folder: Path, swift: Config, tmp_path: Path):
    config = swift.with_values(acquisition={"random_every": 5})
    with Session.open(tmp_path / "session", pool_folder, config=config) as opened:
        yield opened


@pytest.fixture
def labelled(session: Session) -> Session:
    session.label(RINGS[:3], "anomaly", origin="known")
    session.label(DISCS, "nominal", origin="known")
    session.rank(wait=True)
    assert session._rankings.settle(60)  # no other ranking comes while a test looks
    return session


def draw_order_of(session: Session) -> list[str]:
    """Return the ids of the pool in the order in which they are drawn."""
    return names(session, draw_order(session.pool.ids, session.config.seed))


def names(session: Session, indices: np.ndarray) -> list[str]:
    return [session.pool.ids[index] for index in indices]


def test_before_a_ranking_the_listing_is_the_pool_without_what_is_labelled(session: Session) -> None:
    session.label(["0001.jpg"], "unsure")
    listing = session.insight.listing()
    assert names(session, listing.order) == [name for name in session.pool.ids if name != "0001.jpg"]
    assert not listing.drawn.any()


@pytest.mark.parametrize("acquisition", ["most_likely", "uncertain", "diverse", "mixed"])
def test_every_way_to_choose_lists_each_unlabelled_image_once(labelled: Session, acquisition: str) -> None:
    listing = labelled.insight.listing(acquisition)
    expected = set(labelled.pool.ids) - set(labelled.labels())
    assert sorted(names(labelled, listing.order)) == sorted(expected)
    assert listing.drawn.any()
    assert (np.flatnonzero(listing.drawn) % 5 == 4).all()


def test_the_uncertain_ones_of_a_network_alone_are_those_nearest_to_one_half(
    pool_folder: Path, swift: Config, tmp_path: Path
) -> None:
    config = swift.with_values(order="network", acquisition={"random_every": 0})
    with Session.open(tmp_path / "session", pool_folder, config=config) as session:
        scores = np.full(len(session.pool), 0.05, np.float32)  # most are sure to be nominal
        scores[[7, 19, 30, 41]] = 0.45, 0.9, 0.52, 0.6
        trained = Ranking.of_scores(1, "cycle 1", scores)
        assert session.insight.listing("uncertain", trained).order[:4].tolist() == [30, 7, 41, 19]


def test_the_rings_left_come_first_and_more_like_a_ring_are_rings(labelled: Session) -> None:
    listing = labelled.insight.listing("most_likely")
    shown = names(labelled, listing.order[~listing.drawn])
    assert set(RINGS[3:]) <= set(shown[:6]) | set(names(labelled, listing.order[listing.drawn]))
    assert set(labelled.insight.similar(RINGS[:1], 8)) & set(RINGS[1:])


def test_after_twenty_looks_four_draws_are_a_sample_of_all(labelled: Session) -> None:
    assert labelled.insight.outlook(top=10).drawn == 0
    listing = labelled.insight.listing()
    labelled.label(names(labelled, listing.order[:20]), "nominal")  # several at once, as one action
    outlook, first = labelled.insight.outlook(top=10), draw_order_of(labelled)[:4]
    assert (labelled.insight.looks_taken(), outlook.drawn) == (20, 4)
    assert set(first) <= labelled.labels().keys()
    labelled.undo()
    assert (labelled.insight.looks_taken(), labelled.insight.outlook().drawn) == (0, 0)
    labelled.redo()
    assert labelled._rankings.settle(60)  # else a new ranking may come between two questions
    assert labelled.insight.outlook() == labelled.insight.outlook()
    assert (labelled.insight.looks_taken(), labelled.insight.outlook().drawn) == (20, 4)


def test_what_lies_behind_a_labelled_image_is_not_among_the_next_looks(
    labelled: Session, tmp_path: Path
) -> None:
    before = labelled.insight.outlook(top=3)
    where = tmp_path / "where.csv"
    found, left = RINGS[:3], RINGS[3:]  # each of those found was cut out once more
    places = {name: number for ring in (found, left) for number, name in enumerate(ring)}
    rows = [f"{name},{places.get(name, 10 + row)},0" for row, name in enumerate(labelled.pool.ids)]
    where.write_text("\n".join(["id,ra,dec", *rows]))
    labelled.finding.keep(where)
    labelled.configure({"acquisition.same_place": 1.0})
    after = labelled.insight.outlook(top=3)
    assert before.next is not None
    assert after.next is not None
    assert after.next.expected < 0.5 * before.next.expected
    assert labelled.insight.outlook(top=1000).top == labelled.find().total
    assert after.unfound == before.unfound  # which counts images, not places


def test_one_look_in_five_is_a_draw_though_a_new_ranking_comes_after_every_third(labelled: Session) -> None:
    for _ in range(10):
        labelled.label(names(labelled, labelled.insight.listing().order[:3]), "nominal")
        labelled.rank(wait=True)
    assert labelled.insight.outlook().drawn == 6
    assert set(draw_order_of(labelled)[:6]) <= labelled.labels().keys()


def test_the_draw_goes_on_where_it_was_when_the_session_is_opened_again(labelled: Session) -> None:
    shown = labelled.insight.listing()
    labelled.label(names(labelled, shown.order[:7]), "nominal")
    ranking = labelled.ranking()
    before = labelled.insight.listing(ranking=ranking)
    labelled.close()
    with Session.open(labelled.path) as again:
        after = again.insight.listing(ranking=ranking)
        assert (again.insight.looks_taken(), again.insight.outlook().drawn) == (7, 1)
    np.testing.assert_array_equal(after.order, before.order)
    np.testing.assert_array_equal(after.drawn, before.drawn)


def test_labels_for_which_nobody_looked_at_each_image_offer_no_draw(
    labelled: Session, tmp_path: Path
) -> None:
    table = tmp_path / "labels.csv"
    table.write_text("filename,label\n" + "".join(f"{name},nominal\n" for name in labelled.pool.ids[30:50]))
    labelled.label_matching(Query(labels=("unlabelled",), text="005"), "nominal")
    assert len(labelled.labels()) == 13 + 11
    assert (labelled.insight.looks_taken(), labelled.insight.outlook().drawn) == (0, 0)
    labelled.close()
    with Session.open(labelled.path, labels=table) as again:
        assert len(again.labels()) == 13 + 11 + 20
        assert again.insight.looks_taken() == 0
        again.label(["0031.jpg"], "anomaly")  # a correction of what the table says
        again.label(["0010.jpg"], "nominal")
        assert again.insight.looks_taken() == 1


def test_the_first_image_to_look_at_is_the_most_probable_one_unless_it_is_drawn(labelled: Session) -> None:
    for looks in range(12):
        assert labelled._rankings.settle(60)  # else the order may follow the last label between two questions
        first = labelled.find()
        likeliest = labelled.find(Query(sort="probability", labels=("unlabelled",))).order[0]
        assert labelled.insight.looks_taken() == looks
        if first.drawn[0]:
            assert looks % 5 == 4
            assert first.order[0] != likeliest
        else:
            assert first.order[0] == likeliest
        labelled.label(names(labelled, first.order[:1]), "nominal")


def test_what_is_expected_adds_up_and_holds_what_is_found(labelled: Session) -> None:
    outlook = labelled.insight.outlook(top=10)
    assert outlook.next is not None
    assert outlook.unfound is not None
    assert outlook.total is not None
    assert outlook.prevalence is not None
    left = [row for row, name in enumerate(labelled.pool.ids) if name not in labelled.labels()]
    probabilities = np.sort(labelled.ranking().scores[left])[::-1]
    assert outlook.unfound.expected == pytest.approx(probabilities.sum(), rel=0.01)
    assert outlook.next.expected == pytest.approx(probabilities[:10].sum(), rel=0.01)
    assert outlook.next.low <= outlook.next.expected + 0.5 <= outlook.next.high + 1
    assert outlook.total.expected == outlook.found + outlook.unfound.expected
    assert (outlook.found, outlook.images, outlook.total.low >= 3) == (3, 60, True)
    assert outlook.prevalence[0] == outlook.total.expected / 60
    everything = labelled.insight.outlook(top=1000)
    assert (everything.top, everything.next) == (47, everything.unfound)


def test_looks_that_come_true_raise_what_is_expected(labelled: Session) -> None:
    before = labelled.insight.outlook(top=10)
    ranking = labelled.ranking()
    listing = labelled.insight.listing("most_likely")
    shown = names(labelled, listing.order[~listing.drawn])[:8]
    labelled.label(shown, "nominal", ranking=ranking)
    labelled.rank(wait=True)
    poor = labelled.insight.outlook(top=10)
    labelled.label(shown, "anomaly")  # they were anomalies after all; what was said of them is kept
    labelled.rank(wait=True)
    rich = labelled.insight.outlook(top=10)
    assert before.next is not None
    assert poor.next is not None
    assert rich.next is not None
    assert poor.next.expected < before.next.expected
    assert poor.next.expected < rich.next.expected


def test_before_there_is_an_anomaly_to_go_by_nothing_is_expected(session: Session) -> None:
    session.label(DISCS, "nominal")
    session.rank(wait=True)
    outlook = session.insight.outlook()
    assert (outlook.next, outlook.unfound, outlook.total, outlook.prevalence) == (None,) * 4
    assert outlook.found == 0


def test_of_a_pool_of_three_and_when_all_is_labelled_the_numbers_are_those_that_can_be(
    pool_folder: Path, swift: Config, tmp_path: Path
) -> None:
    for path in sorted(pool_folder.iterdir())[3:]:
        path.unlink()
    with Session.open(tmp_path / "session", pool_folder, config=swift) as session:
        first, second, third = session.pool.ids
        session.label([first], "anomaly")
        session.label([second], "nominal")
        session.rank(wait=True)
        outlook = session.insight.outlook()
        assert outlook.total is not None
        assert (outlook.top, outlook.total.low, outlook.total.high) == (1, 1, 2)
        session.label([third], "unsure")
        session.rank(wait=True)
        outlook = session.insight.outlook()
        assert outlook.unfound is not None
        assert (outlook.top, outlook.unfound.high) == (0, 0)


def test_a_ranking_comes_back_from_disk_with_what_it_forecasts(labelled: Session) -> None:
    before = labelled.insight.outlook()
    labelled.close()
    with Session.open(labelled.path) as again:
        assert again.insight.outlook() == before
        assert again.ranking().calibrated


def test_where_nothing_is_drawn_at_random_no_sample_is_counted(
    pool_folder: Path, swift: Config, tmp_path: Path
) -> None:
    config = swift.with_values(acquisition={"random_every": 0})
    with Session.open(tmp_path / "session", pool_folder, config=config) as session:
        first = [session.pool.ids[row] for row in draw_order(session.pool.ids, config.seed)[:5]]
        session.label(RINGS[:3], "anomaly")
        session.label([name for name in first if name not in RINGS[:3]], "nominal")
        session.rank(wait=True)
        assert session.insight.outlook().drawn == 0


def test_the_images_drawn_are_those_of_one_draw_order_whatever_list_they_were_labelled_in(
    labelled: Session,
) -> None:
    labelled.configure({"acquisition.random_every": 1})
    shuffled = draw_order_of(labelled)
    labelled.label([name for name in shuffled[1:8] if name not in labelled.labels()], "unsure")
    assert labelled.insight.outlook().drawn == (1 if shuffled[0] in labelled.labels() else 0)
    labelled.label(shuffled[:1], "nominal")
    assert labelled.insight.outlook().drawn == labelled.insight.looks_taken() > 3
    labelled.label(shuffled[3:4], None)
    assert labelled.insight.outlook().drawn == 3


def test_files_that_come_and_go_leave_what_was_drawn_in_the_estimate(
    labelled: Session, pool_folder: Path
) -> None:
    labelled.configure({"acquisition.random_every": 1})
    shuffled = draw_order_of(labelled)
    labelled.label([name for name in shuffled[:20] if name not in labelled.labels()], "nominal")
    drawn = labelled.insight.outlook().drawn
    labelled.close()
    seed = labelled.config.seed
    new = next(
        name for name in map("{}.jpg".format, itertools.count()) if place_of(name, shuffled, seed) >= 20
    )
    shutil.copy(pool_folder / shuffled[-1], pool_folder / new)
    (pool_folder / shuffled[-1]).unlink()
    with Session.open(labelled.path) as again:
        again.rank(wait=True)
        assert again.insight.outlook().drawn == drawn > 10


def place_of(name: str, shuffled: list[str], seed: int) -> int:
    order = draw_order([*shuffled, name], seed)
    return order.tolist().index(len(shuffled))


def test_the_audit_finds_a_label_given_by_mistake(labelled: Session) -> None:
    labelled.label(["0003.jpg", "0004.jpg"], "anomaly")
    labelled.label(["0005.jpg"], "nominal")
    audit = labelled.insight.audit()
    assert audit[0].image_id == "0005.jpg"
    assert audit[0].contest > 0.5
    assert len(audit) == 16


def test_without_labels_of_both_classes_there_is_nothing_to_audit(session: Session) -> None:
    session.label(RINGS[:2], "anomaly")
    session.rank(wait=True)
    with pytest.raises(InputError, match="some of both classes"):
        session.insight.audit()


def test_what_needs_the_embedding_says_so_before_there_is_one(session: Session) -> None:
    with pytest.raises(InputError, match="Rank them first"):
        session.insight.similar(RINGS[:1])


def test_more_like_an_unknown_image_is_a_sentence(labelled: Session) -> None:
    with pytest.raises(InputError, match="no image 'nobody.jpg'"):
        labelled.insight.similar(["nobody.jpg"])


def test_scores_are_probabilities_that_add_up_to_about_the_prevalence(
    pool_folder: Path, swift: Config, tmp_path: Path
) -> None:
    config = swift.with_values(prevalence=0.1)
    with Session.open(tmp_path / "s", pool_folder, config=config) as session:
        session.label(RINGS[:3], "anomaly")
        session.label(DISCS, "nominal")
        session.rank(wait=True)
        ranking, taken = session.ranking(), [session.pool.index(name) for name in session.labels()]
        left = np.delete(ranking.scores, taken)
        # What a person gives is right within a factor of two.
        assert 0.5 < (3 + left.sum()) / (0.1 * 60) < 2


def looked(session: Session, anomalies: list[str], nominals: list[str]) -> None:
    """Label images as somebody who looks at them in the order of the time."""
    for names_of, label in ((anomalies, "anomaly"), (nominals, "nominal")):
        session.label(names_of, label, ranking=session.ranking())
    assert session._rankings.settle(60)


@pytest.mark.parametrize("below", [0.0, 1.0])
def test_where_little_is_expected_of_the_likely_every_second_image_is_unlike_what_has_a_label(
    labelled: Session, below: float
) -> None:
    labelled.configure({"acquisition.explore_below": below})
    assert labelled._rankings.settle(60)
    listing = labelled.insight.listing()
    assert not listing.unlike.any()  # nobody has looked at anything yet
    assert not labelled.insight.outlook().explores
    left = names(labelled, listing.order)
    looked(labelled, left[:1], left[1:EXPLORES_AFTER])
    listing = labelled.insight.listing()
    assert labelled.insight.outlook().explores is (below > 0)
    assert listing.unlike.any() == (below > 0)
    assert not (listing.unlike & (listing.drawn | listing.duplicate)).any()
    assert sorted(names(labelled, listing.order)) == sorted(set(labelled.pool.ids) - set(labelled.labels()))
    found = labelled.find()
    assert found.unlike is not None
    assert found.unlike.tolist() == listing.unlike.tolist()
    by_score = labelled.insight.listing("most_likely")
    assert not by_score.unlike.any()


@pytest.mark.parametrize(("origin", "are_looks"), [("api", True), ("known", False)])
def test_what_a_script_labels_is_a_look_at_the_newest_order_unless_it_was_known(
    labelled: Session, origin: str, are_looks: bool
) -> None:
    """Taken for examples, nominals out of the top of an order made forecasts expect nothing any more."""
    first = names(labelled, labelled.insight.listing().order)[:6]
    said = [labelled.ranking().shown(labelled.pool.index(name)) for name in first]
    labelled.label(first, "nominal", origin=origin)
    looks = {look.image_id: look.shown for look in labelled._context.journal.looks()}
    assert [looks.get(name) for name in first] == (said if are_looks else [None] * 6)

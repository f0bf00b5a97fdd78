from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from images import make_pool

from anomalymatch_ui.config import Config
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.pool import open_pool
from anomalymatch_ui.session import LABEL_STATES, Found, Query, Ranking, Session
from anomalymatch_ui.session.core.folder import SessionFolder
from anomalymatch_ui.session.search.finding import natural_order
from anomalymatch_ui.session.search.orders import ORDERS
from anomalymatch_ui.session.work.cycles import Cycles

IMAGES = 20
LABELLED = {
    "0000.jpg": "anomaly",
    "0001.jpg": "anomaly",
    "0002.jpg": "nominal",
    "0003.jpg": "nominal",
    "0004.jpg": "nominal",
    "0005.jpg": "unsure",
}
MAGNITUDES = {f"{number:04d}.jpg": 15 + number / 4 for number in range(0, IMAGES, 2)}
UNREADABLE = "0019.jpg"


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty images, and a session with labels, metadata and a ranking by which the first is the best."""
    folder = tmp_path_factory.mktemp("scored")
    make_pool(folder / "images", images=IMAGES)
    table = folder / "survey.csv"
    rows = [
        f"{name},{magnitude},{'NGC' if magnitude < 17 else 'IC'}" for name, magnitude in MAGNITUDES.items()
    ]
    table.write_text("\n".join(["id,mag,catalogue", *rows]))
    with Session.open(folder / "session", folder / "images", metadata=table, annotator="ada") as session:
        for label in ("anomaly", "nominal", "unsure"):
            session.label([name for name, given in LABELLED.items() if given == label], label)
    scores = np.linspace(0.95, 0.05, IMAGES).astype(np.float32)
    scores[IMAGES - 1] = np.nan
    ranking = Ranking.of_scores(1, "linear head", scores, calibrated=True)
    ranking.save(SessionFolder(folder / "session").ranking, open_pool(folder / "images").digest)
    return folder


@pytest.fixture
def session(scored: Path, tmp_path: Path) -> Iterator[Session]:
    shutil.copytree(scored / "session", tmp_path / "session")
    with Session.open(tmp_path / "session", annotator="ada") as opened:
        yield opened


@pytest.fixture(scope="module")
def unchanging(scored: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """A session that no test labels in."""
    folder = tmp_path_factory.mktemp("unchanging") / "session"
    shutil.copytree(scored / "session", folder)
    with Session.open(folder, annotator="ada") as opened:
        yield opened


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """A session whose images have been compared, with labels of both classes."""
    folder = tmp_path_factory.mktemp("embedded")
    make_pool(folder / "images", images=24)
    config = Config.preset("default").with_values(
        network={"image_size": 32}, embedding={"sizes": (32,)}, symmetry="none", score={"batch_size": 16}
    )
    with Session.open(folder / "session", folder / "images", config=config) as opened:
        opened.label(["0000.jpg", "0001.jpg"], "anomaly")
        opened.label(["0010.jpg", "0011.jpg", "0012.jpg"], "nominal")
        opened.rank(wait=True)
        yield opened


def names(session: Session, found: Found) -> list[str]:
    return [session.pool.ids[row] for row in found.order]


ranges = st.none() | st.tuples(
    st.none() | st.sampled_from([0, 0.2, 0.5, 15, 17.5]), st.none() | st.sampled_from([0.5, 0.8, 17.5, 30])
).filter(lambda ends: None in ends or ends[0] <= ends[1])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    sort=st.sampled_from(["shown first", "probability", "uncertainty", "name", "random"]),
    reverse=st.booleans(),
    labels=st.sets(st.sampled_from(LABEL_STATES)),
    score=ranges,
    text=st.sampled_from(["", "1", "JPG", ".", "0*", "[01]", "(", "\\d", "nobody"]),
    magnitude=ranges,
    catalogue=st.sampled_from([None, "", "ngc", "c", "M"]),
)
def test_what_is_found_is_what_a_plain_filter_finds(
    unchanging: Session, sort, reverse, labels, score, text, magnitude, catalogue
) -> None:
    def within(value: float | None, ends: tuple[float | None, float | None] | None) -> bool:
        if ends is None:
            return True
        low, high = ends
        return value is not None and (low is None or value >= low) and (high is None or value <= high)

    def passes(name: str) -> bool:
        value = float(unchanging.ranking().scores[unchanging.pool.index(name)])
        told = MAGNITUDES.get(name)
        called = "" if told is None else ("ngc" if told < 17 else "ic")
        return (
            name != UNREADABLE
            and (not labels or LABELLED.get(name, "unlabelled") in labels)
            and within(value, score)
            and text.lower() in name
            and within(told, magnitude)
            and (catalogue or "").lower() in called
        )

    columns = {"mag": magnitude, "catalogue": catalogue}
    query = Query(
        sort=sort,
        reverse=reverse,
        labels=tuple(labels),
        score=score,
        text=text,
        columns={name: wanted for name, wanted in columns.items() if wanted is not None},
    )
    found = unchanging.find(query)
    assert sorted(names(unchanging, found)) == sorted(filter(passes, unchanging.pool.ids))
    assert found.total == len(found.order)
    assert found.order.dtype == np.int64


def test_without_a_query_it_is_what_to_look_at_next(session: Session) -> None:
    found = session.find()
    listing = session.insight.listing()
    assert found.order.tolist() == listing.order.tolist()
    assert found.drawn.tolist() == listing.drawn.tolist()
    assert found.title == "unlabelled, by your labels"


def test_a_filtered_list_tells_of_no_random_draw_that_it_would_bias(session: Session) -> None:
    config = session.config.with_values(acquisition={"random_every": 2})
    session.close()
    with Session.open(session.path, config=config, annotator="ada") as again:
        assert again.find().drawn.any()
        assert not again.find(Query(labels=("unlabelled",), text="1")).drawn.any()


def test_probability_sorts_by_score_and_backwards_the_other_way_round(session: Session) -> None:
    forward = names(session, session.find(Query(sort="probability")))
    backward = names(session, session.find(Query(sort="probability", reverse=True)))
    assert forward == [name for name in session.pool.ids if name != UNREADABLE]
    assert backward == forward[::-1]


def test_the_most_uncertain_are_nearest_to_the_mean_score(session: Session) -> None:
    assert names(session, session.find(Query(sort="uncertainty")))[0] == "0009.jpg"


def test_names_are_sorted_as_people_count() -> None:
    ids = ["ngc10", "NGC9", "b/2", "b/10", "a", "", "9" * 30, "é1"]
    assert [ids[row] for row in natural_order(ids)] == [
        "",
        "9" * 30,
        "a",
        "b/2",
        "b/10",
        "NGC9",
        "ngc10",
        "é1",
    ]


def test_the_random_order_follows_the_seed_of_now(session: Session) -> None:
    before = names(session, session.find(Query(sort="random")))
    session.configure({"seed": session.config.seed + 1})
    after = names(session, session.find(Query(sort="random")))
    assert after != before
    assert after == names(session, session.find(Query(sort="random", seed=session.config.seed)))


def test_each_order_is_asked_for_by_the_name_in_the_menu_and_says_what_comes_first() -> None:
    for name, order in ORDERS.items():
        assert Query(sort=name).sort == order.name == name
        assert order.meaning
    titles = [order.title for order in ORDERS.values() if order.title is not None]
    assert len({title for both in titles for title in both}) == 2 * len(titles)


def test_the_random_order_is_the_same_after_a_reload_and_holds_everything_once(session: Session) -> None:
    once = names(session, session.find(Query(sort="random", seed=3)))
    assert sorted(once) == sorted(set(session.pool.ids) - {UNREADABLE})
    session.close()
    with Session.open(session.path, annotator="ada") as again:
        assert names(again, again.find(Query(sort="random", seed=3))) == once
        assert names(again, again.find(Query(sort="random", seed=4))) != once
        some = [name for name in once if "1" in name]
        assert names(again, again.find(Query(sort="random", seed=3, text="1"))) == some


def test_sorting_by_change_shows_it_and_puts_first_what_has_changed_most(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    change = np.zeros(IMAGES, np.float32)
    change[[7, 12]] = -0.4, 0.3
    change[3] = np.nan
    monkeypatch.setattr(Cycles, "change", lambda self: change)
    found = session.find(Query(sort="change"))
    assert names(session, found)[:2] == ["0007.jpg", "0012.jpg"]
    assert names(session, found)[-1] == "0003.jpg"
    assert found.captions["0007.jpg"] == "change -0.40"
    assert "0003.jpg" not in found.captions
    assert len(found.captions) == IMAGES - 1


def test_before_two_cycles_there_is_no_change_to_sort_by(session: Session) -> None:
    with pytest.raises(InputError, match="before two training cycles"):
        session.find(Query(sort="change"))


def test_novelty_diversity_and_likeness_come_from_the_embedding(embedded: Session) -> None:
    for sort in ("novelty", "diversity"):
        found = embedded.find(Query(sort=sort))
        assert sorted(names(embedded, found)) == sorted(embedded.pool.ids)
    novelty = embedded.insight.novelty()
    assert embedded.find(Query(sort="novelty")).order[0] == np.argmax(novelty)
    similar = embedded.finding.similar("0003.jpg", count=5)
    assert names(embedded, similar)[0] == "0003.jpg"
    assert names(embedded, similar)[1:] == embedded.insight.similar(["0003.jpg"], 5)
    assert similar.captions["0003.jpg"] == "this one"
    assert similar.captions[names(embedded, similar)[1]].startswith("alike ")


def test_the_audit_lists_all_labels_with_how_contested_each_is(embedded: Session) -> None:
    audit = embedded.finding.audit()
    assert sorted(names(embedded, audit)) == sorted(embedded.labels())
    contests = [float(audit.captions[name].removeprefix("contest ")) for name in names(embedded, audit)]
    assert contests == sorted(contests, reverse=True)


@pytest.mark.parametrize("sort", ["probability", "uncertainty", "diversity", "novelty"])
def test_before_a_ranking_orders_by_score_say_what_to_do(pool_folder: Path, tmp_path: Path, sort) -> None:
    with (
        Session.open(tmp_path / "new", pool_folder) as session,
        pytest.raises(InputError, match=r"[Rr]ank"),
    ):
        session.find(Query(sort=sort))


def test_novelty_alone_leaves_no_uncertainty_to_sort_by(session: Session) -> None:
    ranking = Ranking.of_scores(2, "novelty", np.linspace(0, 1, IMAGES).astype(np.float32))
    with pytest.raises(InputError, match="before an anomaly is labelled"):
        session.finding.find(Query(sort="uncertainty"), ranking)


def test_images_without_a_score_pass_no_range_and_are_found_as_unreadable(session: Session) -> None:
    everything = session.find(Query(score=(None, None)))
    assert UNREADABLE not in names(session, everything)
    assert names(session, session.find(Query(unreadable=True, sort="name"))) == [UNREADABLE]


def test_images_on_which_annotators_disagree_are_found_with_what_each_says(session: Session) -> None:
    session.close()
    with Session.open(session.path, annotator="bob") as bob:
        bob.label(["0002.jpg"], "anomaly")
        bob.label(["0003.jpg"], "nominal")
        found = bob.find(Query(disagreements=True))
        assert names(bob, found) == ["0002.jpg"]
        assert found.captions["0002.jpg"] == "ada ● · bob ▲"


def test_a_set_of_ids_is_a_filter(session: Session) -> None:
    found = session.find(Query(ids=["0003.jpg", "0008.jpg"], labels="unlabelled"))
    assert names(session, found) == ["0008.jpg"]
    with pytest.raises(InputError, match=r"no image 'gone\.jpg'"):
        session.find(Query(ids={"gone.jpg"}))


def test_all_that_match_are_labelled_as_one_action_that_one_undo_takes_back(session: Session) -> None:
    query = Query(labels=("unlabelled",), text="1")
    matching = names(session, session.find(query))
    assert len(matching) == 9
    receipt = session.label_matching(query, "nominal")
    assert receipt.ids == tuple(matching)
    assert session.find(query).total == 0
    session.undo()
    assert dict(session.labels()) == LABELLED


def test_labelling_what_matches_nothing_is_refused(session: Session) -> None:
    with pytest.raises(InputError, match="no image to label"):
        session.label_matching(Query(text="nobody"), "nominal")


def test_what_was_found_stays_while_labels_are_given_and_only_the_counts_change(session: Session) -> None:
    found = session.find()
    order = found.order.copy()
    assert session.finding.counts(found).unlabelled == found.total == 13
    session.label([names(session, found)[0]], "anomaly")
    assert found.order.tolist() == order.tolist()
    counts = session.finding.counts(found)
    assert (counts.images, counts.anomaly, counts.unlabelled) == (13, 1, 12)
    assert session.finding.remaining(found) == names(session, found)[1:]


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"sort": "beauty"}, "no order 'beauty'. Choose one of: shown first, probability"),
        (
            {"labels": ("odd",)},
            "no label 'odd'. Choose one of: anomaly, nominal, unsure, artefact, unlabelled",
        ),
        ({"labels": 3}, "labels as a list"),
        ({"score": (0.8, 0.2)}, "from 0.8 to 0.2 is empty. Swap its ends"),
        ({"score": 0.8}, r"as \(least, greatest\)"),
        ({"score": (float("nan"), 1)}, "needs numbers, not nan"),
        ({"score": ("a", 1)}, "needs numbers, not 'a'"),
        ({"text": None}, "as text"),
        ({"reverse": 1}, "reverse as true or false"),
        ({"seed": -1}, "seed as a whole number"),
        ({"columns": [1]}, "column -> range or text"),
        ({"columns": {"mag": (3, 1)}}, "range of mag from 3 to 1 is empty"),
        ({"colour": "red"}, "no filter 'colour'. Choose one of: sort, reverse"),
    ],
)
def test_a_query_that_cannot_be_meant_is_a_sentence(values: dict, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        Query.validated(values)


def test_a_changed_query_keeps_its_other_values() -> None:
    query = Query(text="ngc", columns={"mag": [1, 2]}).with_values(sort="name")
    assert (query.text, query.sort, query.columns["mag"]) == ("ngc", "name", (1.0, 2.0))


def test_a_column_that_is_gone_is_named_with_those_there_are(session: Session) -> None:
    with pytest.raises(InputError, match=r"no column 'redshift'\. Choose one of: mag, catalogue\."):
        session.find(Query(columns={"redshift": (0, 1)}))
    (session.path / "metadata.csv").unlink()
    session.close()
    with (
        Session.open(session.path, annotator="ada") as again,
        pytest.raises(InputError, match="no column 'mag'. There are no columns at all"),
    ):
        again.find(Query(columns={"mag": (0, 1)}))


def test_a_range_of_text_is_refused(session: Session) -> None:
    with pytest.raises(InputError, match="'catalogue' holds text"):
        session.find(Query(columns={"catalogue": (0, 1)}))

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from images import make_pool

from anomalymatch_ui.config import Config
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.rank import draw_order
from anomalymatch_ui.session import Query, Session, Status
from anomalymatch_ui.session.look import looking
from anomalymatch_ui.session.look.embedded import COARSE, FINE, NOT_YET, Embedded, Pairs
from anomalymatch_ui.session.work.ranking import Ranking

IMAGES, FIRST = 60, 12
LABELLED = {"anomaly": ["0000.jpg", "0001.jpg"], "nominal": ["0030.jpg", "0041.jpg", "0050.jpg"]}
SETTINGS = Config.preset("embedding").with_values(
    symmetry="square",
    network={"image_size": 32},
    embedding={"sizes": (32, 48), "symmetric_up_to": 32},
    score={"batch_size": 4},
)


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"FIRST": FIRST, "PAIRS": 6, "CHUNK": 8, "KNOWN_AFTER": 0}.items():
        monkeypatch.setattr(looking, name, value)


@dataclass(frozen=True)
class Seen:
    """What there was when an order was announced."""

    ranking: Ranking
    status: Status
    listed: list[int]
    unreadable: int


def watch(session: Session) -> tuple[list[Seen], list[Status]]:
    orders: list[Seen] = []
    statuses: list[Status] = []

    def look(status: Status) -> None:
        statuses.append(status)
        if status.ranking_version and (not orders or orders[-1].ranking.version < status.ranking_version):
            unreadable = session.find(Query(sort="name", unreadable=True)).total
            orders.append(Seen(session.ranking(), status, session.find().order.tolist(), unreadable))

    session.subscribe(look)
    return orders, statuses


def give_labels(session: Session) -> None:
    for label, names in LABELLED.items():
        session.label(names, label)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pool") / "images"
    make_pool(folder, images=IMAGES)
    return folder


def test_an_order_is_there_after_the_first_images_and_grows_to_that_of_a_single_look(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Session.open(tmp_path / "steps", images, config=SETTINGS) as session:
        give_labels(session)
        labelled = [session.pool.index(name) for names in LABELLED.values() for name in names]
        orders, statuses = watch(session)
        session.rank(wait=True)
        in_steps = session.ranking()
        ids = session.pool.ids
    first = orders[0]
    assert first.status.looked_at is not None
    sample = set(draw_order(ids, SETTINGS.seed)[:FIRST].tolist())
    assert set(np.flatnonzero(first.ranking.depth != NOT_YET)) == sample | set(labelled)
    assert (first.ranking.depth[labelled] == FINE).all()
    # Those not looked at yet stand behind, and are not taken for unreadable.
    assert set(first.listed) == set(range(IMAGES)) - set(labelled)
    assert set(first.listed[-(IMAGES - len(sample | set(labelled))) :]) == set(first.ranking.not_yet)
    assert first.unreadable == first.status.unreadable == 0
    known = [IMAGES if seen.ranking.depth is None else int((seen.ranking.depth > 0).sum()) for seen in orders]
    assert known == sorted(known)
    assert [seen.status.looked_at.sentence()[:6] for seen in orders if seen.status.looked_at][-1] == "All 60"
    assert orders[-1].status.looked_at is None
    shares = [status.progress.share for status in statuses if status.progress.share is not None]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1)
    assert statuses[-2].progress.seconds_left == 0 or statuses[-1].phase == "idle"

    monkeypatch.setattr(looking, "FIRST", IMAGES)
    with Session.open(tmp_path / "once", images, config=SETTINGS) as session:
        give_labels(session)
        orders, statuses = watch(session)
        session.rank(wait=True)
        assert len(orders) == 1
        # Up to the last digits of features, which lie on disk in float16 and depend on the rest of a batch.
        np.testing.assert_allclose(session.ranking().margins, in_steps.margins, atol=0.02)


def test_a_look_that_was_stopped_is_followed_by_labels_after_reopening_and_gone_on_with(
    images: Path, tmp_path: Path
) -> None:
    with Session.open(tmp_path / "session", images, config=SETTINGS) as session:
        session.subscribe(
            lambda status: session.stop() if status.ranking_version and status.state == "running" else None
        )
        session.rank(wait=True)
        assert session.status.looked_at is not None
        assert session.status.looked_at.once < IMAGES
        assert "stand behind" in session.status.looked_at.sentence()
    with Session.open(tmp_path / "session") as session:
        assert session.ranking().source == "novelty"
        assert session.status.looked_at is not None
        names = [session.pool.ids[row] for row in session.ranking().order]
        session.label(names[:2], "anomaly")
        session.label(names[-3:], "nominal")
        assert session._rankings.settle(60)
        assert session.ranking().source == "linear head"
        assert session.status.looked_at.once < IMAGES
        assert session.insight.outlook().images == IMAGES  # what was looked at stands for all
        unseen = session.pool.ids[session.ranking().not_yet[0]]
        with pytest.raises(InputError, match="not been looked at yet"):
            session.insight.similar([unseen])
        _, statuses = watch(session)
        session.rank(wait=True)
        assert session.ranking().depth is None
        assert len(session.ranking().order) == IMAGES
    done = [status.progress.done for status in statuses if status.phase == "embedding"]
    assert done[0] >= FIRST
    assert not list((tmp_path / "session" / "embeddings").glob(".features-*"))


def test_a_disk_that_fills_up_midway_is_a_sentence_and_the_session_lives(
    images: Path, tmp_path: Path, full_disk: Path
) -> None:
    with Session.open(tmp_path / "session", images, config=SETTINGS, embeddings=full_disk) as session:
        session.rank()
        status = session.wait(120)
        assert status.error is not None
        assert "Free some space" in status.error
        session.label(["0000.jpg"], "anomaly")
        assert session.status.counts.anomaly == 1


@pytest.fixture
def half_known() -> Embedded:
    random = np.random.default_rng(0)
    fine = random.normal(size=(400, 8)).astype(np.float32)
    coarse = fine + random.normal(0, 0.7, fine.shape).astype(np.float32)
    depth = np.where(np.arange(400) < 200, COARSE, FINE).astype(np.uint8)
    table = np.where(depth[:, None] == COARSE, coarse, fine)
    rows = np.arange(200, 300)
    return Embedded(table, depth, Pairs(rows, coarse[rows]))


def test_coarse_looks_are_measured_as_is_to_be_expected_after_fine_ones(half_known: Embedded) -> None:
    def margins(features: np.ndarray) -> np.ndarray:
        return features @ np.linspace(-1, 1, 8, dtype=np.float32)

    assert half_known.depth is not None
    coarse = half_known.depth == COARSE
    measured, as_they_are = half_known.measured(margins), margins(half_known.table)
    np.testing.assert_array_equal(measured[~coarse], as_they_are[~coarse])
    np.testing.assert_array_equal(np.argsort(measured[coarse]), np.argsort(as_they_are[coarse]))
    # A quarter of the variance of a coarse margin is chance, and taken off.
    assert measured[coarse].std() < 0.9 * as_they_are[coarse].std()


def test_after_training_what_matters_is_scored_first_and_a_stop_loses_nothing(
    images: Path, tmp_path: Path
) -> None:
    training = {"steps": 3, "labelled_batch": 4, "unlabelled_batch": 4}
    config = SETTINGS.with_values(order="fused", train=training, acquisition={"head": 3})
    with Session.open(tmp_path / "session", images, config=config) as session:
        give_labels(session)
        session.rank(wait=True)
        labelled = [session.pool.index(name) for names in LABELLED.values() for name in names]
        enough = False

        def stop_late(status: Status) -> None:
            nonlocal enough
            if status.scored and status.phase == "ranking" and status.progress.done >= 20 and not enough:
                enough = status.progress.total == IMAGES
                if enough:
                    session.stop()

        session.subscribe(stop_late)
        session.train(wait=True)
        first = session.ranking()
        assert first.source == "cycle 1 and linear head"
        assert first.scored is not None
        assert len(labelled) < first.scored < IMAGES
        assert "stand where your labels put them" in session.status.so_far()
        assert len(first.order) == IMAGES  # the others are guessed, and stand among those that were scored
        _, statuses = watch(session)
        session.rank(wait=True)
        whole = session.ranking()
        assert whole.scored is None
        assert session.status.so_far() == ""
    done = [s.progress.done for s in statuses if s.phase == "ranking" and s.progress.total == IMAGES]
    assert done[0] >= 20
    with Session.open(tmp_path / "session") as session:
        session.rank(wait=True)
        np.testing.assert_allclose(session.ranking().scores, whole.scores, atol=1e-5)
    assert not list((tmp_path / "session" / "scores").glob("*/under-way.rows"))

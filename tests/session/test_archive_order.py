"""An archive is scored as a session orders its own images."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sessions import ANOMALIES, SETTINGS, make_trained

from anomalymatch_ui.errors import DamagedStoreError, InputError, StorageError
from anomalymatch_ui.rank import LinearHead, glance
from anomalymatch_ui.score import Outcome, Scores, similar
from anomalymatch_ui.session import Session
from anomalymatch_ui.session.archives import archive_engine
from anomalymatch_ui.session.archives.archive_engine import measured_threshold
from anomalymatch_ui.session.archives.archive_request import SessionScoreRequest, run_session_request
from anomalymatch_ui.session.archives.archive_spec import SessionSpec
from anomalymatch_ui.session.labelling.working_set import ScoredArchive
from anomalymatch_ui.session.look.backbone import Looker
from anomalymatch_ui.session.work.learnt import Learnt

TOLERANCE = 2e-3
"""Of a probability: an embedding is float16, and other batches round it elsewhere."""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `images`, and a `session` on them that has labels and a cycle."""
    folder = tmp_path_factory.mktemp("trained")
    make_trained(folder)
    return folder


@pytest.fixture
def session(trained: Path, tmp_path: Path) -> Path:
    """A copy of that session, to be changed."""
    shutil.copytree(trained / "session", tmp_path / "session")
    return tmp_path / "session"


def score(images: Path, session: Path, out: Path, **changed: Any) -> Outcome:
    return run_session_request(SessionScoreRequest(images, session, out, **changed), quietly)


def quietly(title: str) -> Callable[[int, int], None]:
    return lambda done, total: None


def probabilities(out: Path) -> dict[str, float]:
    with Scores(out) as scores:
        page = scores.page(0, 1_000)
    return dict(zip(page.ids, page.scores.tolist(), strict=True))


def assert_first(count: int, found: dict[str, float], expected: dict[str, float]) -> None:
    """Assert that the first are the session's own, but for those that rounding may put in another order."""
    least = list(expected.values())[count - 1]
    assert all(expected[name] > least - TOLERANCE for name in list(found)[:count])


def of_the_session(path: Path) -> dict[str, float]:
    """What the session's newest ranking says of each image, the most likely first."""
    with Session.open(path) as session:
        ranking = session.ranking()
        assert ranking.source == "cycle 1 and linear head"
        return {session.pool.ids[row]: float(ranking.scores[row]) for row in ranking.order.tolist()}


def test_images_have_the_probabilities_and_the_order_that_the_session_gives_them(
    trained: Path, tmp_path: Path
) -> None:
    outcome = score(trained / "images", trained / "session", tmp_path / "out", shard_size=16)
    assert (outcome.scored, outcome.unreadable, outcome.manifest.shard_count) == (60, 0, 4)
    told = ScoredArchive.of(trained / "session" / "scored.json", outcome.manifest.pool)
    identity, images = outcome.manifest.identity, str((trained / "images").resolve())
    assert told == ScoredArchive(str(tmp_path / "out"), outcome.manifest.pool, identity, images)
    expected, found = of_the_session(trained / "session"), probabilities(tmp_path / "out")
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=TOLERANCE)
    # Two that differ by less than the tolerance may change places.
    in_order = [expected[name] for name in found]
    assert all(one > other - TOLERANCE for one, other in itertools.pairwise(in_order))
    assert_first(6, found, expected)


def test_what_ranks_high_is_looked_at_closely_and_has_the_session_s_probability(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive_engine, "FEWEST_CLOSELY", 12)
    monkeypatch.setattr(archive_engine, "CLOSELY", 0.0)
    looked: list[tuple[int, bool]] = []
    embed = archive_engine.Seer.embed

    def watched(seer: Any, rows: np.ndarray, *, closely: bool, **told: Any) -> np.ndarray:
        looked.append((len(rows), closely))
        return embed(seer, rows, closely=closely, **told)

    monkeypatch.setattr(archive_engine.Seer, "embed", watched)
    score(trained / "images", trained / "session", tmp_path / "out")
    assert sum(count for count, closely in looked if closely) == 12
    expected, found = of_the_session(trained / "session"), probabilities(tmp_path / "out")
    best = list(expected)[:6]
    assert_first(6, found, expected)
    assert [found[name] for name in best] == pytest.approx([expected[name] for name in best], abs=TOLERANCE)
    assert len(found) == 60


def test_a_first_look_goes_no_further_than_it_has_to(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive_engine, "FEWEST_CLOSELY", 30)
    monkeypatch.setattr(archive_engine, "CLOSELY", 0.0)
    monkeypatch.setattr(glance, "FEWEST", 16)
    monkeypatch.setattr(glance, "_correlation", lambda one, other: 1.0)  # the cheapest look is enough
    looked: list[tuple[Path, int, str, int]] = []
    look = Looker.look

    def watched(looker: Any, rows: np.ndarray, symmetry: str) -> Any:
        looked.append((looker._images.path, looker.size, symmetry, len(rows)))
        return look(looker, rows, symmetry)

    monkeypatch.setattr(Looker, "look", watched)
    shutil.copytree(trained / "images", tmp_path / "images")
    images, out = tmp_path / "images", tmp_path / "out"
    score(images, trained / "session", out, shard_size=16)
    of_archive = [(size, views, count) for path, size, views, count in looked if path == images]
    assert {(size, views) for size, views, _ in of_archive} == {(32, "none"), (32, "square"), (48, "none")}
    # All 60 for the threshold and again for their shards; the other size of what ranks high.
    assert sum(count for size, views, count in of_archive if (size, views) == (32, "none")) == 120
    assert sum(count for size, _, count in of_archive if size == 48) == 30
    expected, found = of_the_session(trained / "session"), probabilities(out)
    assert_first(2, found, expected)
    before = {path.name: path.read_bytes() for path in out.glob("shard-*")}
    (out / "shard-0000001.parquet").unlink()
    assert score(images, trained / "session", out).written == 1
    assert {path.name: path.read_bytes() for path in out.glob("shard-*")} == before
    # Where embeddings are kept, all looks are taken; the scores are the same.
    score(images, trained / "session", tmp_path / "with", embeddings=True)
    assert probabilities(tmp_path / "with") == pytest.approx(found, abs=TOLERANCE)


def test_a_run_goes_on_by_what_the_session_had_learnt_when_it_began(
    trained: Path, session: Path, tmp_path: Path
) -> None:
    images, out = trained / "images", tmp_path / "out"
    score(images, session, out, shard_size=16)
    before = {path.name: path.read_bytes() for path in out.glob("shard-*")}
    (out / "shard-0000001.parquet").unlink()
    (out / "shard-0000003.parquet").write_bytes(b"damaged")
    with Session.open(session) as opened:
        opened.label(["0005.jpg"], "anomaly")
        assert opened.cycles.pinned == (1,)
    outcome = score(images, session, out)
    assert (outcome.written, outcome.damaged) == (2, 1)
    assert {path.name: path.read_bytes() for path in out.glob("shard-*")} == before


def test_a_run_goes_on_in_the_views_it_began_with(trained: Path, session: Path, tmp_path: Path) -> None:
    images, out = trained / "images", tmp_path / "out"
    score(images, session, out, shard_size=16)
    before = {path.name: path.read_bytes() for path in out.glob("shard-*")}
    (out / "shard-0000001.parquet").unlink()
    with Session.open(session) as opened:
        opened.configure({"score.symmetries": False})
        opened.rank(wait=True)
    assert score(images, session, out).written == 1
    assert {path.name: path.read_bytes() for path in out.glob("shard-*")} == before
    with Session.open(session) as opened:
        learnt = opened.scorer.learnt(opened.labels())[2]
    assert replace(learnt, views="square").digest != learnt.digest
    silent = replace(learnt, views=None)  # as archives were begun before views were written down
    silent.write(tmp_path / "order.npz")
    assert Learnt.load(tmp_path / "order.npz").digest == silent.digest


def test_another_order_does_not_come_beside_the_first_but_starts_again_where_that_is_asked_for(
    trained: Path, session: Path, tmp_path: Path
) -> None:
    images, out = trained / "images", tmp_path / "out"
    score(images, session, out)
    with Session.open(session) as opened:
        opened.label(["0005.jpg"], "anomaly")
        opened.rank(wait=True)
    (out / "order.npz").unlink()  # a crash came before it was there
    with pytest.raises(InputError, match="holds the scores of another model"):
        score(images, session, out)
    score(images, session, out, restart=True)
    assert {name: probabilities(out)[name] for name in ANOMALIES} == pytest.approx(
        {name: of_the_session(session)[name] for name in ANOMALIES}, abs=TOLERANCE
    )


def test_the_images_most_alike_are_those_that_the_session_gives(trained: Path, tmp_path: Path) -> None:
    score(trained / "images", trained / "session", tmp_path / "out", embeddings=True)
    with Scores(tmp_path / "out") as scores:
        found = similar(scores, ["0003.jpg"], 12)
    with Session.open(trained / "session") as session:
        expected = session.insight.similar(["0003.jpg"], 6)
    alike = dict(zip(found.ids, found.similarities.tolist(), strict=True))
    # Two that differ by less than the tolerance may change places.
    assert all(alike[name] > found.similarities[2] - TOLERANCE for name in expected[:3])


def test_an_image_that_cannot_be_read_has_no_score(trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained / "images", tmp_path / "images")
    (tmp_path / "images" / "0030.jpg").write_bytes(b"no image")
    outcome = score(tmp_path / "images", trained / "session", tmp_path / "out")
    assert (outcome.scored, outcome.unreadable) == (59, 1)
    assert "0030.jpg" not in probabilities(tmp_path / "out")


@pytest.mark.parametrize(
    ("labels", "settings", "sentence"),
    [
        ({}, {}, "label at least one anomaly and one nominal image"),
        ({"0000.jpg": "anomaly"}, {}, "label at least one anomaly and one nominal image"),
        ({"0000.jpg": "anomaly", "0020.jpg": "nominal"}, {}, "has not ranked its own images to the end"),
        (
            {"0000.jpg": "anomaly", "0020.jpg": "nominal"},
            {"order": "network"},
            "by the trained network alone",
        ),
    ],
)
def test_a_session_without_an_order_of_its_own_is_refused(
    trained: Path, tmp_path: Path, labels: dict[str, Any], settings: dict[str, Any], sentence: str
) -> None:
    config = SETTINGS.with_values(**settings)
    with Session.open(tmp_path / "session", trained / "images", config=config) as session:
        for name, label in labels.items():
            session.label([name], label)
    with pytest.raises(InputError, match=sentence):
        score(trained / "images", tmp_path / "session", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_images_that_are_rendered_otherwise_are_refused(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="The session .* rendered"):
        score(trained / "images", trained / "session", tmp_path / "out", pixels={"stretch": "asinh"})


def test_images_that_have_changed_since_are_refused(trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained / "images", tmp_path / "images")
    score(tmp_path / "images", trained / "session", tmp_path / "out")
    (tmp_path / "images" / "0059.jpg").unlink()
    with pytest.raises(InputError, match="the images have changed since"):
        score(tmp_path / "images", trained / "session", tmp_path / "out")


def test_a_full_disk_keeps_the_shards_that_were_written(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = archive_engine.Archive.write

    def full(archive: Any, encoded: Any) -> None:
        if encoded.number == 2:
            raise StorageError("Cannot write: no space left on device.")
        write(archive, encoded)

    with monkeypatch.context() as patched:
        patched.setattr(archive_engine.Archive, "write", full)
        with pytest.raises(StorageError):
            score(trained / "images", trained / "session", tmp_path / "out", shard_size=16)
    assert score(trained / "images", trained / "session", tmp_path / "out").written == 2


def test_a_worker_without_what_the_session_goes_by_says_so(trained: Path) -> None:
    with Session.open(trained / "session") as session:
        seeing, _, learnt = session.scorer.learnt(session.labels())
        checkpoint = trained / "session" / "checkpoints" / "cycle-0001.safetensors"
        job = SessionSpec.of(session.pool, session.config, seeing, learnt, "square", checkpoint)
        assert job.open().arithmetic.device == "cpu"
        cases: list[tuple[dict[str, Any], str]] = [
            ({"images": "/nowhere"}, "There is no folder or file /nowhere"),
            ({"pool_digest": "another"}, "the images .* are others there"),
            ({"checkpoint": "/nowhere/model.safetensors"}, "There is no checkpoint"),
            ({"order": replace(learnt, network="another").encoded()}, "the model .* is another one there"),
            ({"backbones": ("another",)}, "its pretrained weights are others"),
            ({"adapted": "/nowhere/adapted.safetensors"}, "the weights .* are missing or others there"),
        ]
        for changed, sentence in cases:
            with pytest.raises(InputError, match=sentence):
                replace(job, **changed).open()


def test_a_cluster_of_this_machine_starts_on_the_device_of_the_session(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str | None, str]] = []

    def without_workers(scheduler: str | None, device: str) -> None:
        asked.append((scheduler, device))
        raise InputError("no workers today")

    monkeypatch.setattr("anomalymatch_ui.score.dask_engine.open_client", without_workers)
    with pytest.raises(InputError, match="no workers today"):
        score(trained / "images", trained / "session", tmp_path / "out", engine="dask")
    assert asked == [(None, SETTINGS.device)] == [(None, "cpu")]
    assert not (tmp_path / "out").exists()


def test_a_scheduler_goes_with_the_engine_dask(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--scheduler goes with --engine dask"):
        score(trained / "images", trained / "session", tmp_path / "out", scheduler="tcp://127.0.0.1:8786")


def test_what_was_learnt_is_read_back_as_it_was(trained: Path, tmp_path: Path) -> None:
    with Session.open(trained / "session") as session:
        _, embedding, learnt = session.scorer.learnt(session.labels())
    learnt = replace(learnt, threshold=0.25)
    assert learnt.first is None
    quick = replace(learnt, first=LinearHead(learnt.head.weights / 2, 1.0))
    assert Learnt.decoded(quick.encoded()).digest == quick.digest != learnt.digest
    assert Learnt.decoded(quick.encoded()).glance.bias == 1
    learnt.write(tmp_path / "order.npz")
    again = Learnt.load(tmp_path / "order.npz")
    assert again.digest == learnt.digest
    assert replace(learnt, threshold=0.5).digest != learnt.digest
    assert again.coarse_probabilities(embedding).tolist() == learnt.coarse_probabilities(embedding).tolist()
    for content in (b"", b"PK\x03\x04", (tmp_path / "order.npz").read_bytes()[:-200]):
        (tmp_path / "order.npz").write_bytes(content)
        with pytest.raises(DamagedStoreError, match="--restart"):
            Learnt.load(tmp_path / "order.npz")


def test_the_share_that_is_looked_at_closely_is_measured_on_a_random_sample() -> None:
    margins = np.random.default_rng(1).normal(size=1_000_000)
    threshold = measured_threshold(len(margins), lambda rows: margins[rows], lambda values: values)
    assert (margins >= threshold).mean() == pytest.approx(archive_engine.CLOSELY, rel=0.5)
    assert measured_threshold(100, lambda rows: rows, lambda values: values) == -np.inf
    with pytest.raises(InputError, match="None of 4,096 images"):
        measured_threshold(len(margins), lambda rows: rows * np.nan, lambda values: values)

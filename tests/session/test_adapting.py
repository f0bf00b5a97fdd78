from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from images import make_pool
from safetensors.torch import load_file

from anomalymatch_ui.config import Config
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.session import Session, Status

RINGS = [f"{number:04d}.jpg" for number in range(4)]
DISCS = [f"{number:04d}.jpg" for number in range(20, 30)]


@pytest.fixture
def config(swift: Config) -> Config:
    """Settings that see images of the sky by the middle and the end of the network, and adapt in a second."""
    middle = {"size": 48, "layers": [7, 10], "place": "centre", "statistics": ["mean", "deviation"]}
    return swift.with_values(
        symmetry="square",
        embedding={"sizes": None, "parts": [middle, {"size": 32}]},
        adapt={"steps": 4, "batch": 8},
    )


def adapted_files(session: Session) -> list[Path]:
    return sorted(session.path.glob("embeddings/adapt*"))


def test_adapting_needs_no_label_and_changes_the_order_by_a_network_that_is_kept(
    pool_folder: Path, config: Config, tmp_path: Path
) -> None:
    phases: list[str] = []
    with Session.open(tmp_path / "session", pool_folder, config=config) as session:
        session.subscribe(lambda status: phases.append(status.phase))
        session.rank(wait=True)
        before = session.ranking()
        assert session.status.adaptation == "none"
        session.adapt(wait=True)
        assert session.status.adaptation == "in use"
        assert session.config.embedding.adapt
        assert session.ranking().version > before.version
        assert not np.array_equal(session.ranking().scores, before.scores)
        assert [file.name.split("-")[0] for file in adapted_files(session)] == ["adapted"]
        scores = session.ranking().scores
        session.configure({"train.window": 10_000})  # more than the pool has, as before
    assert [phase for phase in dict.fromkeys(phases) if phase in ("adapting", "embedding")] == [
        "embedding",
        "adapting",
    ]
    with Session.open(tmp_path / "session") as session:
        assert session.status.adaptation == "in use"
        phases.clear()
        session.subscribe(lambda status: phases.append(status.phase))
        session.rank(wait=True)
        assert "adapting" not in phases
        assert "embedding" not in phases
        np.testing.assert_array_equal(session.ranking().scores, scores)


def test_a_pool_that_was_never_ranked_is_ranked_before_it_is_adapted_to(
    pool_folder: Path, config: Config, tmp_path: Path
) -> None:
    versions: list[tuple[str, int]] = []
    with Session.open(tmp_path / "session", pool_folder, config=config) as session:
        session.subscribe(lambda status: versions.append((status.phase, status.ranking_version)))
        session.adapt(wait=True)
    assert {version for phase, version in versions if phase == "adapting"} == {1}


def test_labels_given_while_it_adapts_are_followed_at_once_and_by_the_order_at_its_end(
    pool_folder: Path, config: Config, tmp_path: Path
) -> None:
    with Session.open(tmp_path / "session", pool_folder, config=config) as session:
        session.rank(wait=True)
        adapting = threading.Event()

        def watch(status: Status) -> None:
            if status.phase == "adapting" and status.progress.done == 1 and not adapting.is_set():
                session.pause()
                adapting.set()

        session.subscribe(watch)
        session.adapt()
        assert adapting.wait(300)
        session.label(RINGS, "anomaly")
        session.label(DISCS, "nominal")
        assert session._rankings.settle(300)
        assert session.ranking().source == "linear head"
        assert session.status.phase == "adapting"
        session.configure({"train.steps": 5})
        session.resume()
        session.wait(300)
        assert session.status.error is None
        assert session.config.train.steps == 5
        assert session.config.embedding.adapt
        assert session.ranking().last_seq == session._journal.last_seq


def test_a_stopped_adaptation_goes_on_and_ends_as_one_that_ran_through(
    pool_folder: Path, config: Config, tmp_path: Path
) -> None:
    with Session.open(tmp_path / "through", pool_folder, config=config) as session:
        session.adapt(wait=True)
        through = load_file(adapted_files(session)[0])

    with Session.open(tmp_path / "stopped", pool_folder, config=config) as session:

        def stop(status: Status) -> None:
            if status.phase == "adapting" and status.state == "running" and status.progress.done == 2:
                session.stop()

        unsubscribe = session.subscribe(stop)
        session.adapt(wait=True)
        unsubscribe()
        assert session.status.adaptation == "begun"
        assert not session.config.embedding.adapt
    done: list[int] = []
    with Session.open(tmp_path / "stopped") as session:
        assert session.status.adaptation == "begun"
        session.subscribe(
            lambda status: done.append(status.progress.done) if status.phase == "adapting" else None
        )
        session.adapt(wait=True)
        assert done[0] == 2
        (file,) = adapted_files(session)
        # Not the bytes: safetensors writes its metadata in any order.
        made = load_file(file)
        assert made.keys() == through.keys()
        assert all(torch.equal(made[name], through[name]) for name in through)


def test_a_session_without_the_adaptation_looks_as_before_and_can_go_back_to_it(
    pool_folder: Path, config: Config, tmp_path: Path
) -> None:
    with Session.open(tmp_path / "session", pool_folder, config=config) as session:
        session.rank(wait=True)
        before = session.ranking().scores
        session.adapt(wait=True)
        session.configure({"embedding.adapt": False})
        assert session.status.adaptation == "made"
        session.rank(wait=True)
        np.testing.assert_array_equal(session.ranking().scores, before)


def test_a_session_whose_adaptation_is_wanted_but_not_made_has_to_look_anew(
    pool_folder: Path, config: Config, tmp_path: Path
) -> None:
    with Session.open(tmp_path / "session", pool_folder, config=config) as session:
        session.rank(wait=True)
        assert not session.outdated
        session.configure({"embedding.adapt": True})
    with Session.open(tmp_path / "session") as session:
        assert session.outdated
        assert "looked at again" in session.status.message


def test_sessions_that_share_embeddings_adapt_once(pool_folder: Path, config: Config, tmp_path: Path) -> None:
    asked = config.with_values(embedding={"adapt": True}, order="labels")
    phases: list[str] = []
    for number, seed in enumerate((1, 2)):
        phases.clear()
        with Session.open(
            tmp_path / str(number),
            pool_folder,
            config=asked.with_values(seed=seed),
            embeddings=tmp_path / "shared",
        ) as session:
            session.subscribe(lambda status: phases.append(status.phase))
            session.rank(wait=True)
    assert "adapting" not in phases
    assert len(list((tmp_path / "shared").glob("adapted-*"))) == 1


def test_what_cannot_be_adapted_is_refused_in_a_sentence(config: Config, tmp_path: Path) -> None:
    make_pool(tmp_path / "few", images=3, rings=1)
    with (
        Session.open(tmp_path / "one", tmp_path / "few", config=config) as session,
        pytest.raises(InputError, match="cannot be adapted to 3 images"),
    ):
        session.adapt(wait=True)
    upright = config.with_values(embedding={"parts": [{"size": 32}]})
    with Session.open(tmp_path / "two", tmp_path / "few", config=upright) as session:
        assert session.status.adaptation == "unfit"
        with pytest.raises(InputError, match="last layer of the network alone"):
            session.adapt(wait=True)
    paper = config.with_values(order="network")
    with (
        Session.open(tmp_path / "three", tmp_path / "few", config=paper) as session,
        pytest.raises(InputError, match="trained network alone"),
    ):
        session.adapt(wait=True)


def test_damaged_weights_are_refused_and_a_damaged_state_begins_anew(
    pool_folder: Path, config: Config, tmp_path: Path
) -> None:
    with Session.open(tmp_path / "session", pool_folder, config=config) as session:
        session.adapt(wait=True)
        (weights,) = adapted_files(session)
    state = weights.with_name(weights.name.replace("adapted-", "adapting-"))
    weights.rename(state)
    state.write_bytes(b"no tensors")
    for embedding in (tmp_path / "session" / "embeddings").glob("*.np*"):
        embedding.unlink()
    with Session.open(tmp_path / "session") as session:
        session.rank(wait=True)
        assert session.status.adaptation == "in use"
        assert weights.exists()
        assert not state.exists()

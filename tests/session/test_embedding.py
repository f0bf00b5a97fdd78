from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from images import make_pool
from PIL import Image
from scipy.special import logit

from anomalymatch_ui.config import Config
from anomalymatch_ui.learn import load_checkpoint
from anomalymatch_ui.pixels import View
from anomalymatch_ui.pool import Batch, Fetched, ImagePool, SubsetPool
from anomalymatch_ui.pool.folder import FolderPool
from anomalymatch_ui.rank import Reduction
from anomalymatch_ui.score import open_embeddings, write_table
from anomalymatch_ui.session import Session, Status
from anomalymatch_ui.session.core.folder import SessionFolder
from anomalymatch_ui.session.look.embedding import Embedder
from anomalymatch_ui.session.look.reduced import write_reduced
from anomalymatch_ui.session.look.sight import PARTS, Kind, Traits

RINGS = [f"{number:04d}.jpg" for number in range(4)]
DISCS = [f"{number:04d}.jpg" for number in range(20, 30)]


class ReorderedPool(SubsetPool):
    """A pool that lists the same images in another order."""

    def __init__(self, pool: ImagePool, ids: list[str]) -> None:
        super().__init__(pool, ids)
        self._members = np.array([pool.index(name) for name in ids])
        self.ids = tuple(ids)
        self._index = {name: index for index, name in enumerate(ids)}

    def read(self, indices: Sequence[int] | np.ndarray, size: int, view: View = "picture") -> Batch:
        batch = self._pool.read(self._members[np.asarray(indices)], size, view)
        return Batch(np.asarray(indices), batch.pixels)

    def fetch(self, indices: Sequence[int] | np.ndarray) -> Fetched:
        fetched = self._pool.fetch(self._members[np.asarray(indices)])
        return Fetched(np.asarray(indices), fetched.contents)


def learn(path: Path, pool: SubsetPool, config: Config) -> dict[str, float]:
    with Session.open(path, pool, config=config) as session:
        session.label(RINGS, "anomaly")
        session.label(DISCS, "nominal")
        session.train(wait=True)
        return dict(zip(session.pool.ids, session.ranking().scores.tolist(), strict=True))


def test_what_is_learnt_does_not_depend_on_the_order_of_the_files(
    pool_folder: Path, swift: Config, tmp_path: Path
) -> None:
    ids = list(FolderPool(pool_folder).ids)
    mixed = np.random.default_rng(0).permutation(ids).tolist()
    one = learn(tmp_path / "one", SubsetPool(FolderPool(pool_folder), ids), swift)
    other = learn(tmp_path / "other", ReorderedPool(FolderPool(pool_folder), mixed), swift)
    # Not to the last digit: an image's neighbours in a batch change the order of additions, and features lie
    # on disk in float16. So the log-odds, which both add up in, are compared: of four orders they were 0.0008
    # apart at most, and 0.02 to 0.12 where a cross-validation went by rows instead of names.
    apart = [abs(logit(other[name]) - logit(one[name])) for name in ids]
    assert max(apart) < 0.01


def test_two_searches_with_one_seed_agree_to_the_last_digit(
    pool_folder: Path, swift: Config, tmp_path: Path
) -> None:
    pool = SubsetPool(FolderPool(pool_folder), FolderPool(pool_folder).ids)
    assert learn(tmp_path / "one", pool, swift) == learn(tmp_path / "other", pool, swift)


def test_sessions_on_the_same_images_can_share_their_embedding(
    pool_folder: Path, swift: Config, tmp_path: Path
) -> None:
    shared = tmp_path / "embeddings"
    for name in ("one", "other"):
        with Session.open(tmp_path / name, pool_folder, config=swift, embeddings=shared) as session:
            session.rank(wait=True)
            assert not (session.path / "embeddings").exists()
        if name == "one":
            written = {file: file.stat().st_mtime_ns for file in shared.iterdir()}
    assert {file: file.stat().st_mtime_ns for file in shared.iterdir()} == written
    assert {file.suffix for file in written} == {".npy", ".npz", ".json"}


def test_a_damaged_embedding_is_made_again(pool_folder: Path, swift: Config, tmp_path: Path) -> None:
    path = tmp_path / "session"
    with Session.open(path, pool_folder, config=swift) as session:
        session.rank(wait=True)
        scores = session.ranking().scores
    for file in (path / "embeddings").glob("*.npy"):
        file.write_bytes(b"not an array")
    with Session.open(path) as session:
        session.rank(wait=True)
        np.testing.assert_allclose(session.ranking().scores, scores, rtol=0.02)


def test_another_symmetry_makes_another_embedding(pool_folder: Path, swift: Config, tmp_path: Path) -> None:
    path = tmp_path / "session"
    with Session.open(path, pool_folder, config=swift.with_values(symmetry="none")) as session:
        session.rank(wait=True)
    with Session.open(path, config=swift.with_values(symmetry="square")) as session:
        session.rank(wait=True)
    assert len(list((path / "embeddings").glob("*.npz"))) == 2


@pytest.mark.parametrize(("symmetry", "kind"), [("square", "centred"), ("mirror", "upright")])
def test_parts_follow_from_what_the_images_are_unless_they_are_given(
    pool_folder: Path, swift: Config, tmp_path: Path, symmetry: str, kind: Kind
) -> None:
    shared = tmp_path / "embeddings"
    unset = swift.with_values(symmetry=symmetry, embedding={"sizes": None, "symmetric_up_to": 0})
    given = unset.with_values(embedding={"parts": PARTS[kind]})
    others = unset.with_values(embedding={"whitening": 0.5})
    tables = []
    for name, config in (("unset", unset), ("given", given), ("others", others)):
        with Session.open(tmp_path / name, pool_folder, config=config, embeddings=shared) as session:
            session.rank(wait=True)
        tables.append(len(list(shared.glob("*.npy"))))
    assert tables == [1, 1, 2]


@pytest.mark.parametrize(("kind", "reads"), [("centred", "middle"), ("scattered", "end"), ("upright", "end")])
def test_a_trained_network_reads_what_the_instant_order_reads(
    pool_folder: Path, swift: Config, tmp_path: Path, kind: Kind, reads: str
) -> None:
    parts = tuple(part.model_copy(update={"size": 32}) for part in PARTS[kind])
    config = swift.with_values(symmetry="mirror", embedding={"sizes": None, "parts": parts})
    pool = FolderPool(pool_folder)
    learn(tmp_path / "session", SubsetPool(pool, pool.ids[:30]), config)
    folder = SessionFolder(tmp_path / "session")
    assert load_checkpoint(folder.checkpoint(1)).network.config.reads == reads


def test_a_part_by_another_backbone_stands_beside_those_of_the_network(
    pool_folder: Path, swift: Config, tmp_path: Path
) -> None:
    other = {"size": 32, "backbone": "efficientnet-lite2"}
    tables = []
    for name, parts in (("one", [{"size": 32}]), ("both", [{"size": 32}, other])):
        config = swift.with_values(symmetry="none", embedding={"sizes": None, "parts": parts})
        with Session.open(tmp_path / name, pool_folder, config=config) as session:
            session.rank(wait=True)
            assert not session.outdated
        (table,) = (tmp_path / name / "embeddings").glob("*.npy")
        assert len(list(table.parent.glob("backbone-*.json"))) == len(parts)
        tables.append(open_embeddings(table))
    alone, both = tables
    own = alone.shape[1]
    np.testing.assert_allclose(both[:, :own], alone, atol=1e-3)
    assert both.shape[1] > own


@pytest.mark.parametrize("side", [16, 40])
def test_a_pool_of_three_images_of_any_size_is_ordered(tmp_path: Path, side: int) -> None:
    make_pool(tmp_path / "images", images=3, size=side)
    for symmetry in ("square", "mirror"):
        config = Config.preset("embedding").with_values(symmetry=symmetry)
        with Session.open(tmp_path / symmetry, tmp_path / "images", config=config) as session:
            session.label(["0000.jpg"], "anomaly")
            session.label(["0001.jpg"], "nominal")
            session.rank(wait=True)
            scores = session.ranking().scores
        assert np.isfinite(scores).all()
        assert scores[0] > scores[1]


@pytest.mark.parametrize("symmetry", ["square", "mirror"])
def test_images_that_are_all_alike_get_the_same_score(tmp_path: Path, symmetry: str) -> None:
    (tmp_path / "images").mkdir()
    for number in range(8):
        Image.fromarray(np.full((32, 32, 3), 90, np.uint8)).save(tmp_path / "images" / f"{number}.png")
    config = Config.preset("embedding").with_values(symmetry=symmetry)
    with Session.open(tmp_path / "session", tmp_path / "images", config=config) as session:
        session.label(["0.png"], "anomaly")
        session.label(["1.png", "2.png"], "nominal")
        session.rank(wait=True)
        scores = session.ranking().scores
    assert np.isfinite(scores).all()
    np.testing.assert_allclose(scores, scores[0], atol=1e-3)


def test_what_was_measured_on_a_pool_by_an_earlier_version_is_measured_again(
    pool_folder: Path, swift: Config, tmp_path: Path
) -> None:
    config = swift.with_values(embedding={"sizes": None, "symmetric_up_to": 0})
    with Session.open(tmp_path / "session", pool_folder, config=config) as session:
        session.rank(wait=True)
        (traits,) = (session.path / "embeddings").glob("symmetry-*.json")
        whole = traits.read_bytes()
        traits.write_text('{"symmetry": "square"}')
    with Session.open(tmp_path / "session") as session:
        assert session.outdated
        session.rank(wait=True)
        assert not session.outdated
    assert traits.read_bytes() == whole


@pytest.mark.parametrize(
    "changed", [{"score": {"number_format": "bfloat16"}}, {"network": {"name": "efficientnet-lite2"}}]
)
def test_what_was_measured_by_another_network_or_number_format_is_not_taken(
    pool_folder: Path, tmp_path: Path, changed: dict[str, dict[str, str]]
) -> None:
    """Sessions that share a folder of embeddings would take it from one another."""
    folder, pool = SessionFolder(tmp_path / "session", tmp_path / "shared"), FolderPool(pool_folder)
    usual, other = (Embedder(folder, pool, Config().with_values(**values)) for values in ({}, changed))
    Traits("square", centred=True).save(usual._traits_file)
    assert usual.known_symmetry() == "square"
    assert other.known_symmetry() is None


def test_images_outside_the_pool_are_scored_on_its_scale(
    pool_folder: Path, swift: Config, tmp_path: Path
) -> None:
    everything = FolderPool(pool_folder)
    pool = SubsetPool(everything, [name for name in everything.ids if name not in ("0004.jpg", "0040.jpg")])
    others = SubsetPool(everything, ["0040.jpg", "0004.jpg", "0001.jpg"])
    with Session.open(tmp_path / "session", pool, config=swift) as session:
        session.label(RINGS, "anomaly")
        session.label(DISCS, "nominal")
        session.rank(wait=True)
        scores = dict(zip(others.ids, session.score_images(others), strict=True))
        known = session.ranking().scores[session.pool.index("0001.jpg")]
    assert scores["0004.jpg"] > scores["0040.jpg"]
    assert scores["0001.jpg"] == pytest.approx(known, rel=0.02)


def test_a_batch_of_images_that_cannot_be_read_keeps_nobody_from_ranking(
    pool_folder: Path, swift: Config, tmp_path: Path
) -> None:
    for number in range(40, 60):
        (pool_folder / f"{number:04d}.jpg").write_bytes(b"no image")
    with Session.open(tmp_path / "session", pool_folder, config=swift) as session:
        session.label(RINGS, "anomaly")
        session.label(DISCS, "nominal")
        session.train(wait=True)
        assert len(session.ranking().order) == 40
        unfound = session.insight.outlook().unfound
        assert unfound is not None
        assert unfound.high <= 40 - sum(int(name[:4]) < 40 for name in session.labels())


def test_an_image_that_could_be_read_at_one_size_only_has_no_embedding(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    features = [random.normal(size=(50, 8)).astype(np.float16) for _ in range(2)]
    reductions = [Reduction.of(table, np.arange(50), components=4, whitening=0.25) for table in features]
    features[1][7] = np.nan
    files = [tmp_path / "96.npy", tmp_path / "160.npy"]
    for file, table in zip(files, features, strict=True):
        write_table(file, iter([table]), images=50, columns=8)
    tables = [open_embeddings(file) for file in files]
    embedding = write_reduced(tmp_path / "embedding.npy", tables, reductions)
    assert np.isnan(embedding[7]).all()
    assert not np.isnan(np.delete(embedding, 7, axis=0)).any()


def test_a_look_at_the_images_that_was_stopped_goes_on_where_it_was(
    pool_folder: Path, swift: Config, tmp_path: Path
) -> None:
    def stop_at(session: Session, images: int) -> None:
        def look(status: Status) -> None:
            if (status.phase, status.state) == ("embedding", "running") and status.progress.done >= images:
                session.stop()

        session.subscribe(look)

    with Session.open(tmp_path / "session", pool_folder, config=swift) as session:
        session.label(RINGS, "anomaly")
        session.label(DISCS, "nominal")
        stop_at(session, 32)
        session.rank(wait=True)
        assert session.ranking().version == 0
    seen: list[int] = []
    with Session.open(tmp_path / "session") as session:
        session.subscribe(
            lambda status: seen.append(status.progress.done) if status.phase == "embedding" else None
        )
        session.rank(wait=True)
        assert len(session.ranking().order) == 60
    assert seen[0] >= 32
    assert not list((tmp_path / "session" / "embeddings").glob(".features-*"))


def test_sessions_that_share_a_folder_can_embed_at_the_same_time(
    pool_folder: Path, swift: Config, tmp_path: Path
) -> None:
    shared = tmp_path / "embeddings"
    sessions = [
        Session.open(tmp_path / name, pool_folder, config=swift, embeddings=shared)
        for name in ("one", "other")
    ]
    for session in sessions:
        session.rank()
    for session in sessions:
        assert session.wait(300).error is None
        assert session.ranking().version == 1
        session.close()
    assert not list(shared.glob(".raw*"))


def test_a_session_that_was_looked_at_otherwise_is_looked_at_anew_and_says_why(
    pool_folder: Path, swift: Config, tmp_path: Path
) -> None:
    path = tmp_path / "session"
    before = swift.with_values(network={"input_range": "unit"})
    with Session.open(path, pool_folder, config=before) as session:
        session.label(RINGS, "anomaly")
        session.label(DISCS, "nominal")
        session.rank(wait=True)
        scores = session.ranking().scores
        assert not session.outdated
    with Session.open(path, config=swift) as session:
        assert session.outdated
        assert "looked at again" in session.status.message
        np.testing.assert_array_equal(session.ranking().scores, scores)
        session.rank(wait=True)
        assert not session.outdated
        assert np.abs(session.ranking().scores - scores).max() > 0.001
    with Session.open(path) as session:
        assert not session.status.message


def test_other_images_of_the_same_names_and_sizes_get_scores_of_their_own(
    pool_folder: Path, swift: Config, tmp_path: Path
) -> None:
    random = np.random.default_rng(0)
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        for number in range(3):  # BMP, whose files are as long as the image has pixels
            pixels = random.integers(0, 256, (48, 48, 3), np.uint8)
            Image.fromarray(pixels).save(tmp_path / name / f"{number}.bmp")
    with Session.open(tmp_path / "s", pool_folder, config=swift) as session:
        session.label(RINGS, "anomaly")
        session.label(DISCS, "nominal")
        session.rank(wait=True)
        one, other = FolderPool(tmp_path / "one"), FolderPool(tmp_path / "other")
        assert one.digest == other.digest
        scores = session.score_images(one)
        assert not np.array_equal(session.score_images(other), scores)
        assert np.array_equal(session.score_images(FolderPool(tmp_path / "one")), scores)

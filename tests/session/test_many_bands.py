"""Sessions whose network sees two or five bands, from FITS to an archive's scores."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from fitsfiles import sky, write_extensions

from anomalymatch_ui.config import Config, ScoreConfig
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.learn import load_checkpoint
from anomalymatch_ui.pixels import Rendering
from anomalymatch_ui.pool import open_pool
from anomalymatch_ui.score import Archive, dask_worker
from anomalymatch_ui.score.request import ScoreRequest, run_request
from anomalymatch_ui.score.shards import EncodedShard
from anomalymatch_ui.session import Session

RINGS = [f"{number:03d}.fits" for number in range(4)]


def write_bands(folder: Path, names: str, images: int = 16, reverse: bool = False) -> Path:
    """Write an extension a band, of which the first four images are rings; or the same in another order."""
    for number in range(images):
        bands = {
            name: 10 * place + (1 + place) * sky(20 * number + place, ring=number < len(RINGS))
            for place, name in enumerate(names)
        }
        turned = dict(reversed(bands.items())) if reverse else bands
        write_extensions(folder / f"{number:03d}.fits", turned)
    return folder


def progress(_: str) -> object:
    return lambda done, total: None


@pytest.mark.parametrize("names", ["gr", "grizy"])
def test_a_session_trains_and_an_archive_is_scored_on_all_bands(
    names: str, quick: Config, tmp_path: Path
) -> None:
    images, folder = write_bands(tmp_path / "images", names), tmp_path / "session"
    with Session.open(folder, images, config=quick) as session:
        assert session.pool.rendering.channels == len(names)
        session.label(RINGS[:3], "anomaly")
        session.label(["010.fits", "011.fits", "012.fits"], "nominal")
        session.train(2, wait=True)
        assert sorted(session.ranking().order) == list(range(16))
        turned = write_bands(tmp_path / "turned", names, reverse=True)
        # The same bands in another order are the same images, to the last bit of a score.
        scores = session.score_images(open_pool(images))
        assert np.array_equal(session.score_images(open_pool(turned)), scores)
        # Nor does it matter in which order they are named.
        assert len({open_pool(images, bands=tuple(order)).digest for order in (names, names[::-1])}) == 1
        model = next((folder / "checkpoints").glob("cycle-*.safetensors"))
    assert load_checkpoint(model).average.bands == len(names)

    def score(images: Path, out: str, **pixels: object) -> dict[str, float]:
        request = ScoreRequest(images, model, tmp_path / out, device="cpu", pixels=pixels)
        run_request(request, progress)  # type: ignore[arg-type]
        archive = Archive.existing(tmp_path / out)
        return {
            name: float(value)
            for number in range(archive.manifest.shard_count)
            for name, value in zip(archive.read(number).ids, archive.read(number).scores, strict=True)
        }

    found = score(images, "scores")
    archive = Archive.existing(tmp_path / "scores")
    with closing(open_pool(images)) as pool:
        job = dask_worker.NetworkSpec(
            images=str(images),
            model=str(model),
            pool_digest=pool.digest,
            model_digest=archive.manifest.model,
            device="cpu",
            symmetry="none",
            config=ScoreConfig(),
        )
    by_worker = dask_worker.score_shard(job, archive.manifest, None, 0)
    assert isinstance(by_worker, EncodedShard)
    assert by_worker.content == archive.shard(0).read_bytes()
    assert len(found) == 16
    assert score(turned, "turned-scores") == found
    with pytest.raises(InputError, match="network 'rgb' instead of 'bands'"):
        score(images, "others", network="rgb")
    lacking = write_bands(tmp_path / "lacking", names[:-1], images=2)
    with pytest.raises(InputError, match=r"it has no band '[A-Z]', only"):
        score(lacking, "lacking-scores")


def test_another_choice_for_the_network_begins_anew_and_keeps_the_labels(
    quick: Config, tmp_path: Path
) -> None:
    images, folder = write_bands(tmp_path / "images", "gr"), tmp_path / "session"
    with Session.open(folder, images, config=quick, pixels={"network": "rgb"}) as session:
        assert session.pool.rendering.channels == 3
        session.label(RINGS[:3], "anomaly")
        session.label(["010.fits", "011.fits"], "nominal")
        session.train(2, wait=True)
    with Session.open(folder, images, pixels={"network": "bands"}) as session:
        assert session.pool.rendering.channels == 2
        assert len(session.labels()) == 5
        assert session.status.cycle_in_use == 0
        session.train(2, wait=True)
        assert session.status.cycle_in_use == 2


def test_a_model_of_before_saw_red_green_and_blue_of_its_bands() -> None:
    record = {"bands": ("g", "r"), "rgb": ("r", "g", "g")}
    assert Rendering.of_record(record).network == "rgb"
    assert Rendering.of_record({}).network == "auto"


def test_a_session_on_two_bands_with_an_encoder_of_timm(tmp_path: Path) -> None:
    config = Config.preset("default").with_values(
        network={"name": "timm:test_convnext", "pretrained": False, "image_size": 64},
        embedding={"symmetric_up_to": 32},
        train={"steps": 2, "labelled_batch": 4, "unlabelled_batch": 4},
        score={"batch_size": 16},
    )
    images, folder = write_bands(tmp_path / "images", "gr"), tmp_path / "session"
    with Session.open(folder, images, config=config) as session:
        session.label(RINGS[:2], "anomaly")
        session.label(["010.fits", "011.fits"], "nominal")
        session.train(wait=True)
        scores = session.ranking().scores
        assert np.isfinite(scores).all()
    model = load_checkpoint(next((folder / "checkpoints").glob("cycle-*.safetensors")))
    assert model.average.bands == 2
    assert model.average.config.name == "timm:test_convnext"
    with Session.open(folder) as session:
        assert session.status.cycle_in_use == 1
        assert np.array_equal(session.ranking().scores, scores)


def test_an_adaptation_sees_every_band(quick: Config, tmp_path: Path) -> None:
    images = write_bands(tmp_path / "images", "gr", images=20)
    middle = {"size": 32, "layers": [7], "statistics": ["mean"]}
    config = quick.with_values(
        order="labels",
        embedding={"parts": [middle], "sizes": None, "adapt": True},
        adapt={"steps": 1, "batch": 4},
        symmetry="square",
    )
    with Session.open(tmp_path / "session", images, config=config) as session:
        session.label(RINGS[:2], "anomaly")
        session.rank(wait=True)
        assert session.status.adaptation == "in use"
        assert np.isfinite(session.ranking().scores).all()


def open_and_rank(images: Path, folder: Path, config: Config, **pixels: object) -> Session:
    """Label by name, train two steps, and rank."""
    session = Session.open(folder, images, config=config, pixels=pixels)
    names = sorted(session.pool.ids)
    session.label(names[:1], "anomaly")
    session.label(names[1:2], "nominal")
    session.train(2, wait=True)
    readable = len(session.pool) - len(session.pool.report)
    assert len(session.ranking().order) == np.isfinite(session.ranking().scores).sum() == readable
    return session


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("where", "channels", "pixels"),
    [
        ("cutouts_64", 3, {}),
        ("decam_interacting", 2, {"template": "{name}_{band}band.fits"}),
        ("hsc_cosmos", 5, {"planes": ("g", "r", "i", "z", "y")}),
    ],
)
def test_real_images_of_other_bands_are_searched(
    where: str, channels: int, pixels: dict[str, object], quick: Config, tmp_path: Path, shared_data: Path
) -> None:
    some = tmp_path / "some"
    some.mkdir()
    for path in sorted((shared_data / "fits" / where).rglob("*.fits"))[:: 20 if where == "cutouts_64" else 1]:
        (some / path.name).symlink_to(path)
    with open_and_rank(some, tmp_path / "session", quick, follow_links=True, **pixels) as session:
        assert session.pool.rendering.channels == channels

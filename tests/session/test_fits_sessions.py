"""A session on FITS: labelled, trained, ranked, and never on pixels that were rendered otherwise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fitsfiles import write_survey

from anomalymatch_ui.config import Config
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.learn import load_checkpoint
from anomalymatch_ui.pixels import PLAIN
from anomalymatch_ui.pool import open_pool
from anomalymatch_ui.score.request import ScoreRequest, run_request
from anomalymatch_ui.session import Session, SettingsError


def test_a_session_on_fits_keeps_to_its_rendering(quick: Config, tmp_path: Path) -> None:
    images, folder = tmp_path / "images", tmp_path / "session"
    rings = write_survey(images)
    with Session.open(folder, images, config=quick, pixels={"stretch": "asinh"}) as session:
        assert session.config.pixels.stretch == "asinh"
        session.label(rings[:3], "anomaly")
        session.label(["010.fits", "011.fits", "012.fits"], "nominal")
        session.train(wait=True)
        assert len(session.ranking().order) == 30
        scores = session.score_images(open_pool(images, stretch="asinh"))
        with pytest.raises(InputError, match="stretch 'auto' instead of 'asinh'"):
            session.score_images(open_pool(images))
        with pytest.raises(SettingsError, match=r"pixels\.stretch is chosen when the images are opened"):
            session.configure({"pixels.stretch": "log"})
        model = next((folder / "checkpoints").glob("cycle-*.safetensors"))
    assert load_checkpoint(model).rendering == open_pool(images, stretch="asinh").rendering
    # Opened again, from its folder alone.
    with Session.open(folder) as session:
        assert session.pool.rendering.stretch == "asinh"
        assert session.status.cycle_in_use == 1
    # The same planes in another order are the same images, to the last bit of a score.
    turned = tmp_path / "turned"
    write_turned(images, turned)
    with Session.open(folder) as session:
        assert np.array_equal(session.score_images(open_pool(turned, stretch="asinh")), scores)
    # Rendered otherwise, it begins anew and keeps its labels.
    with Session.open(folder, images, pixels={"stretch": "linear"}) as session:
        assert "rendered differently" in (session.status.message or "")
        assert len(session.labels()) == 6
        assert session.status.cycle_in_use == 0
        with pytest.raises(InputError, match="The network of cycle 1 was trained on images"):
            session.cycles.use(1)


def write_turned(source: Path, target: Path) -> None:
    from astropy.io import fits

    target.mkdir()
    for path in source.iterdir():
        with fits.open(path) as opened:
            fits.HDUList([fits.PrimaryHDU(), *reversed([hdu.copy() for hdu in opened[1:]])]).writeto(
                target / path.name
            )


def test_an_archive_is_scored_as_its_model_was_trained(quick: Config, tmp_path: Path) -> None:
    images, folder = tmp_path / "images", tmp_path / "session"
    rings = write_survey(images, images=12, rings=3)
    with Session.open(folder, images, config=quick, pixels={"bands": ("i", "r", "g")}) as session:
        session.label(rings, "anomaly")
        session.label(["010.fits", "011.fits"], "nominal")
        session.train(2, wait=True)
    model = next((folder / "checkpoints").glob("cycle-*.safetensors"))

    def asked(out: str, images: Path = images, **pixels: object) -> ScoreRequest:
        return ScoreRequest(images, model, tmp_path / out, device="cpu", pixels=pixels)

    outcome, _ = run_request(asked("scores"), lambda _: lambda done, total: None)
    assert outcome.scored == 12
    with pytest.raises(InputError, match="rendered differently .* stretch 'log' instead of 'auto'"):
        run_request(asked("others", stretch="log"), lambda _: lambda done, total: None)
    write_survey(tmp_path / "two", images=2)
    for path in (tmp_path / "two").iterdir():
        from astropy.io import fits

        with fits.open(path) as opened:
            fits.HDUList([hdu.copy() for hdu in opened[:3]]).writeto(path, overwrite=True)
    with pytest.raises(InputError, match="it has no band 'i', only 'G', 'R'"):
        run_request(asked("two-scores", tmp_path / "two"), lambda _: lambda done, total: None)


def test_a_checkpoint_of_before_is_of_pictures(tmp_path: Path) -> None:
    from checkpoints import make_checkpoint
    from safetensors import safe_open
    from safetensors.torch import load_file, save_file

    make_checkpoint(tmp_path / "model.safetensors")
    with safe_open(tmp_path / "model.safetensors", framework="pt") as file:
        metadata = file.metadata()
    for later in ("rendering", "digest"):
        metadata.pop(later, None)
    save_file(load_file(tmp_path / "model.safetensors"), tmp_path / "old.safetensors", metadata)
    assert load_checkpoint(tmp_path / "old.safetensors").rendering == PLAIN

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from anomalymatch_ui.config import Config
from anomalymatch_ui.pool import open_pool
from anomalymatch_ui.rank import measure_symmetry
from anomalymatch_ui.session.core.folder import SessionFolder
from anomalymatch_ui.session.core.jobs import Job, Reporter
from anomalymatch_ui.session.look.embedding import Embedder

UP = 0.3
"""How much a change of view that shows the wrong side up moves every feature, in standard deviations."""


class Views:
    """Features of a sample of images as they are, mirrored and turned.

    Every view moves every feature of every image by as much as the images differ; a view in which the
    images look wrong moves them to one side besides.
    """

    def __init__(self, *, mirrored: float = 0, turned: float = 0, images: int = 256, seed: int = 0) -> None:
        random = np.random.default_rng(seed)
        self.upright, self.mirrored, *self.turned = (
            (random.normal(size=(images, 1280)) * 0.3 + 0.5 + 0.3 * shift).astype(np.float16)
            for shift in (0, mirrored, turned, turned, turned)
        )

    def everywhere(self) -> list[np.ndarray]:
        return [self.upright, self.mirrored, *self.turned]

    def measure(self) -> str:
        return measure_symmetry(self.upright, self.mirrored, self.turned)


@pytest.mark.parametrize("seed", range(3))
def test_a_pool_whose_features_keep_their_mean_in_every_view_has_no_up(seed: int) -> None:
    assert Views(seed=seed).measure() == "square"


@pytest.mark.parametrize("seed", range(3))
def test_a_pool_that_only_turning_changes_may_be_mirrored(seed: int) -> None:
    assert Views(turned=UP, seed=seed).measure() == "mirror"


def test_a_pool_that_one_single_turn_changes_may_not_be_turned() -> None:
    for turn in range(3):
        views = Views()
        views.turned[turn] = views.turned[turn] + np.float16(0.3 * UP)
        assert views.measure() == "mirror"


def test_a_pool_that_mirroring_changes_has_no_symmetry() -> None:
    assert Views(mirrored=UP, turned=UP).measure() == "none"
    assert Views(mirrored=UP).measure() == "none"  # as writing that is read from both sides of a square


def test_images_that_cannot_be_read_do_not_matter() -> None:
    for views, expected in ((Views(), "square"), (Views(turned=UP), "mirror"), (Views(mirrored=UP), "none")):
        for features in views.everywhere():
            features[[0, 100, 255]] = np.nan
        assert views.measure() == expected


def test_fewer_than_32_readable_images_cannot_tell() -> None:
    enough, too_few = Views(images=40), Views(images=40)
    for views, readable in ((enough, 32), (too_few, 31)):
        for features in views.everywhere():
            features[readable:] = np.nan
    assert enough.measure() == "square"
    assert too_few.measure() == "none"
    assert Views(images=0).measure() == "none"


def test_features_that_never_vary_do_no_harm() -> None:
    for views, expected in ((Views(), "square"), (Views(turned=UP), "mirror")):
        for features in views.everywhere():
            features[:, ::2] = 1.25
        assert views.measure() == expected


def test_images_that_no_view_changes_have_every_symmetry() -> None:
    same = np.full((64, 16), 0.5, np.float16)
    assert measure_symmetry(same, same, [same, same, same]) == "square"


def test_the_order_of_the_images_does_not_matter() -> None:
    views = Views(turned=0.07)  # close to the threshold
    order = np.random.default_rng(0).permutation(256)
    shuffled = [features[order] for features in views.everywhere()]
    assert measure_symmetry(shuffled[0], shuffled[1], shuffled[2:]) == views.measure()


@pytest.fixture
def reporter() -> Reporter:
    job = Job("test", lambda job: None, lambda state: None, lambda error: None)
    return Reporter(job, lambda phase, progress: None, lambda: None)


@pytest.mark.shared_data
@pytest.mark.parametrize(("folder", "symmetry"), [("galaxies", "square"), ("natural", "mirror")])
def test_galaxies_have_no_up_and_photographs_have_one(
    folder: str, symmetry: str, shared_data: Path, tmp_path: Path, reporter: Reporter
) -> None:
    pool = open_pool(shared_data / folder)
    embedder = Embedder(SessionFolder(tmp_path), pool, Config().with_values(device="cpu"))
    assert embedder.known_symmetry() is None
    assert embedder.symmetry(reporter) == symmetry
    assert Embedder(SessionFolder(tmp_path), pool, Config()).known_symmetry() == symmetry

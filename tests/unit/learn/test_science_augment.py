from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Generator, Tensor

from anomalymatch_ui.config import Symmetry
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.learn.augment import MAX_SHIFT
from anomalymatch_ui.learn.science import NOISE, blur, resample, science_augment, weak_symmetry_augment
from anomalymatch_ui.learn.symmetry import symmetries

Augmentation = Callable[[Tensor, Generator], Tensor]

KINDS: tuple[Symmetry, ...] = ("none", "mirror", "square")
BOTH = [
    pytest.param(partial(weak_symmetry_augment, symmetry="square"), id="weak"),
    pytest.param(science_augment, id="strong"),
]


def generator(seed: int = 0) -> Generator:
    return torch.Generator().manual_seed(seed)


def disc(side: int, radius: float) -> Tensor:
    """A bright disc at the centre of a black image; ``radius`` is a share of the side."""
    places = (torch.arange(side) + 0.5) / side - 0.5
    return (places[:, None].hypot(places) < radius).float().expand(1, 3, side, side)


@pytest.fixture
def images() -> Tensor:
    return torch.rand(64, 3, 32, 32, generator=generator(9))


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 2**32 - 1),
    side=st.integers(8, 80),
    bands=st.integers(1, 5),
    count=st.integers(0, 6),
    kind=st.sampled_from(KINDS),
)
def test_every_seed_keeps_shape_and_range_and_leaves_the_input_alone(
    seed: int, side: int, bands: int, count: int, kind: Symmetry
) -> None:
    images = torch.rand(count, bands, side, side, generator=generator(seed)).round(decimals=1)
    before = images.clone()
    for augment in (weak_symmetry_augment, science_augment):
        result = augment(images, generator(seed), kind)
        assert result.shape == images.shape
        assert result.dtype == images.dtype
        assert ((result >= 0) & (result <= 1)).all()
    assert torch.equal(images, before)


@pytest.mark.parametrize("augment", BOTH)
def test_one_seed_gives_one_augmentation(augment: Augmentation, images: Tensor) -> None:
    assert torch.equal(augment(images, generator(1)), augment(images, generator(1)))
    assert not torch.equal(augment(images, generator(1)), augment(images, generator(2)))


@pytest.mark.parametrize("augment", BOTH)
def test_an_image_is_augmented_the_same_whatever_its_neighbours_show(
    augment: Augmentation, images: Tensor
) -> None:
    others = images.flip(0)
    others[:10] = images[:10]
    torch.testing.assert_close(augment(others, generator())[:10], augment(images, generator())[:10])


@pytest.mark.parametrize("kind", KINDS)
def test_weak_augmentation_is_a_view_and_a_shift_both_ways_and_nothing_else(
    kind: Symmetry, images: Tensor
) -> None:
    reach = int(MAX_SHIFT * 32)
    inner = (..., slice(reach, -reach), slice(reach, -reach))
    views = list(symmetries(images, kind))
    result = weak_symmetry_augment(images, generator(), kind)
    moves = [(down, right) for down in range(-reach, reach + 1) for right in range(-reach, reach + 1)]
    matches = torch.stack(
        [
            torch.stack(
                [(view.roll(move, (2, 3))[inner] == result[inner]).flatten(1).all(1) for move in moves]
            )
            for view in views
        ]
    )
    assert (matches.sum((0, 1)) == 1).all()
    assert matches.any(2).any(1).all()
    seen = [move for move, found in zip(moves, matches.any(2).any(0), strict=True) if found]
    for axis in (0, 1):
        assert {move[axis] for move in seen} == set(range(-reach, reach + 1))


def test_a_blank_sky_stays_blank_but_for_noise() -> None:
    result = science_augment(torch.full((128, 3, 48, 48), 0.4), generator())
    levels = result.flatten(2).median(dim=2).values[:, :, None, None]
    assert ((result - levels).abs() < 6 * NOISE.high).all()
    noiseless = (result - levels).abs().flatten(1).amax(1) < 1e-5
    assert 32 < noiseless.sum() < 96


def test_some_images_are_changed_little_and_some_a_lot() -> None:
    galaxy = blur(disc(48, 0.2), torch.tensor([4.0])).expand(256, 3, 48, 48)
    change = (science_augment(galaxy, generator()) - galaxy).abs().mean((1, 2, 3))
    assert change.min() < 0.002
    assert change.max() > 0.05


@pytest.mark.parametrize("kind", KINDS)
def test_up_stays_up_unless_there_is_none(kind: Symmetry) -> None:
    landscape = torch.linspace(1, 0, 48).view(1, 1, 48, 1).expand(128, 3, 48, 48)
    result = science_augment(landscape, generator(), kind)
    upright = result[:, :, :24].mean((1, 2, 3)) > result[:, :, 24:].mean((1, 2, 3))
    assert bool(upright.all()) == (kind != "square")


def test_images_that_are_not_square_are_refused(images: Tensor) -> None:
    with pytest.raises(InputError, match="20 x 32 pixels cannot be turned"):
        science_augment(images[..., :20], generator())


def unchanged(count: int) -> dict[str, Tensor]:
    return {"degrees": torch.zeros(count), "scales": torch.ones(count), "shifts": torch.zeros(count, 2)}


def test_resampling_without_a_change_gives_the_image_back(images: Tensor) -> None:
    torch.testing.assert_close(resample(images, **unchanged(64)), images, atol=1e-5, rtol=0)


def test_resampling_by_a_quarter_turn_is_anticlockwise(images: Tensor) -> None:
    turned = resample(images, **unchanged(64) | {"degrees": torch.full((64,), 90.0)})
    torch.testing.assert_close(turned, images.rot90(1, (2, 3)), atol=1e-5, rtol=0)


def test_resampling_shifts_to_the_right_and_down_and_reflects_at_the_edge(images: Tensor) -> None:
    shifted = resample(images, **unchanged(64) | {"shifts": torch.tensor([[2 / 32, 4 / 32]]).expand(64, 2)})
    torch.testing.assert_close(shifted[:, :, 4:, 2:], images[:, :, :-4, :-2], atol=1e-5, rtol=0)
    torch.testing.assert_close(shifted[:, :, 4:, 0], images[:, :, :-4, 2], atol=1e-5, rtol=0)


def test_a_galaxy_scaled_down_covers_less_by_the_square_of_the_scale() -> None:
    galaxy = disc(64, 0.2)
    smaller = resample(galaxy, **unchanged(1) | {"scales": torch.tensor([0.8])})
    assert smaller.sum() / galaxy.sum() == pytest.approx(0.64, rel=0.01)


def test_the_reflection_never_shows_the_galaxy_a_second_time() -> None:
    galaxy = disc(64, 0.2).expand(36, 3, 64, 64)
    strengths = unchanged(36) | {
        "degrees": torch.arange(36.0) * 10,
        "scales": torch.full((36,), 0.8),
        "shifts": torch.full((36, 2), 0.1),
    }
    flux = resample(galaxy, **strengths).sum((1, 2, 3)) / galaxy[0].sum()
    torch.testing.assert_close(flux, torch.full((36,), 0.64), atol=0.01, rtol=0)


@pytest.mark.parametrize("width", [0.8, 1.2, 3.0])
def test_blur_spreads_a_star_by_its_width_and_keeps_its_light(width: float) -> None:
    star = torch.zeros(1, 1, 41, 41)
    star[..., 20, 20] = 1
    blurred = blur(star, torch.tensor([width]))
    places = torch.arange(41.0) - 20
    assert blurred.sum() == pytest.approx(1, abs=1e-5)
    for axis in (2, 3):
        variance = (blurred.sum(5 - axis).flatten() * places**2).sum()
        assert variance == pytest.approx(width**2, rel=0.05)


def test_each_image_is_blurred_by_its_own_width_and_not_at_all_by_none(images: Tensor) -> None:
    widths = torch.linspace(0, 2, 64)
    together = blur(images, widths)
    assert torch.equal(together[0], images[0])
    for row in (1, 30, 63):
        alone = blur(images[row : row + 1], widths[row : row + 1])
        torch.testing.assert_close(together[row : row + 1], alone)

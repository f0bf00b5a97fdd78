from __future__ import annotations

import pytest
import torch
from torch import Tensor

from anomalymatch_ui.learn.augment import (
    MAX_SHIFT,
    OPERATIONS,
    Operation,
    cutout,
    strong_augment,
    weak_augment,
)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def images() -> Tensor:
    return torch.rand(64, 3, 32, 32, generator=generator(9))


def test_one_seed_gives_one_augmentation(images: Tensor) -> None:
    for augment in (weak_augment, strong_augment):
        assert torch.equal(augment(images, generator(1)), augment(images, generator(1)))
        assert not torch.equal(augment(images, generator(1)), augment(images, generator(2)))


def test_images_keep_their_shape_and_range_and_the_input_is_not_touched(images: Tensor) -> None:
    before = images.clone()
    for augment in (weak_augment, strong_augment):
        result = augment(images, generator())
        assert result.shape == images.shape
        assert result.min() >= 0
        assert result.max() <= 1 + 1e-6
    assert torch.equal(images, before)


def test_weak_augmentation_is_a_flip_and_a_vertical_shift_and_nothing_else(images: Tensor) -> None:
    reach = int(MAX_SHIFT * 32)
    seen = set()
    for original, augmented in zip(images, weak_augment(images, generator()), strict=True):
        inner = augmented[:, reach:-reach]
        matches = [
            (flipped, shift)
            for flipped, source in ((False, original), (True, original.flip(2)))
            for shift in range(-reach, reach + 1)
            if torch.equal(inner, torch.roll(source, shift, dims=1)[:, reach:-reach])
        ]
        assert len(matches) == 1
        seen.add(matches[0])
    assert {flipped for flipped, _ in seen} == {False, True}
    assert min(shift for _, shift in seen) < 0 < max(shift for _, shift in seen)


def test_weak_augmentation_fills_the_edge_with_its_reflection() -> None:
    ramp = torch.arange(32.0).view(1, 1, 32, 1).expand(64, 3, 32, 32) / 31
    assert (weak_augment(ramp, generator()).diff(dim=2).abs() > 0).all()


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_each_operation_treats_every_image_by_its_own_strength(operation, images: Tensor) -> None:
    strengths = torch.linspace(operation.low, operation.high, 64)
    together = operation.apply(images, strengths)
    for row in (0, 17, 63):
        alone = operation.apply(images[row : row + 1], strengths[row : row + 1])
        torch.testing.assert_close(together[row : row + 1], alone)


@pytest.mark.parametrize(
    ("name", "strength"),
    [
        ("brightness", 1.0),
        ("colour", 1.0),
        ("contrast", 1.0),
        ("sharpness", 1.0),
        ("identity", 0.0),
        ("rotate", 0.0),
        ("shear_x", 0.0),
        ("shear_y", 0.0),
        ("translate_x", 0.0),
        ("translate_y", 0.0),
    ],
)
def test_an_operation_without_strength_changes_nothing(name: str, strength: float, images: Tensor) -> None:
    operation = {operation.name: operation for operation in OPERATIONS}[name]
    result = operation.apply(images, torch.full((64,), strength))
    torch.testing.assert_close(result, images, atol=1e-5, rtol=0)


def test_translation_by_a_quarter_moves_the_image_by_a_quarter(images: Tensor) -> None:
    operation = {operation.name: operation for operation in OPERATIONS}["translate_x"]
    moved = operation.apply(images, torch.full((64,), 0.25))
    torch.testing.assert_close(moved[..., :24], images[..., 8:], atol=1e-5, rtol=0)


def test_posterize_at_four_bits_leaves_sixteen_levels(images: Tensor) -> None:
    operation = {operation.name: operation for operation in OPERATIONS}["posterize"]
    assert len(operation.apply(images, torch.full((64,), 4.0)).unique()) <= 16


def test_cutout_blanks_at_most_half_of_each_side_with_grey(images: Tensor) -> None:
    blank = (cutout(images, generator()) == 0.5).all(dim=1)
    assert blank.any(dim=2).sum(dim=1).max() <= 17
    assert blank.any(dim=1).sum(dim=1).max() <= 17
    assert 0 < blank.flatten(1).any(dim=1).sum() <= 64


def test_strong_augmentation_gives_each_image_its_own_operations() -> None:
    same = torch.rand(1, 3, 32, 32, generator=generator()).expand(32, 3, 32, 32)
    result = strong_augment(same, generator())
    assert len(result.flatten(1).unique(dim=0)) > 28


@pytest.mark.parametrize("bands", [1, 2, 5, 16])
def test_any_number_of_bands_is_augmented(bands: int) -> None:
    images = torch.rand(64, bands, 32, 32, generator=generator(9))
    before = images.clone()
    for augment in (weak_augment, strong_augment):
        result = augment(images, generator())
        assert result.shape == images.shape
        assert result.min() >= 0
        assert result.max() <= 1 + 1e-6
        assert not torch.equal(result, images)
    assert torch.equal(images, before)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_an_operation_does_to_six_bands_what_it_does_to_three(operation: Operation, images: Tensor) -> None:
    values = torch.linspace(operation.low, operation.high, len(images))
    other = images.flip(0)
    together = operation.apply(torch.cat([images, other], dim=1), values)
    if operation.name in ("colour", "contrast"):  # which mix bands: a grey image has no colour to lose
        grey = images.mean(1, keepdim=True)
        expected = operation.apply(grey.expand(-1, 3, -1, -1), values)
        torch.testing.assert_close(operation.apply(grey.expand(-1, 6, -1, -1), values)[:, :3], expected)
        return
    apart = torch.cat([operation.apply(half, values) for half in (images, other)], dim=1)
    torch.testing.assert_close(together, apart)

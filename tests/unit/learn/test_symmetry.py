from __future__ import annotations

import pytest
import torch
from torch import Tensor

from anomalymatch_ui.config import Symmetry
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.learn.symmetry import random_symmetry, symmetries

KINDS: tuple[tuple[Symmetry, int], ...] = (("none", 1), ("mirror", 2), ("square", 8))


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(params=["uint8", "float32"])
def images(request: pytest.FixtureRequest) -> Tensor:
    pixels = torch.randint(256, (64, 3, 9, 9), generator=generator(9)).to(torch.uint8)
    return pixels if request.param == "uint8" else pixels.float() / 255


@pytest.mark.parametrize(("kind", "count"), KINDS)
def test_there_are_one_two_or_eight_different_views_and_the_first_is_the_image_itself(
    kind: Symmetry, count: int, images: Tensor
) -> None:
    views = list(symmetries(images, kind))
    assert torch.equal(views[0], images)
    assert len(torch.stack(views).flatten(1).unique(dim=0)) == len(views) == count


def test_a_view_moves_pixels_and_changes_none(images: Tensor) -> None:
    sorted_pixels = images.flatten(2).sort(dim=2).values
    for view in symmetries(images, "square"):
        assert view.dtype == images.dtype
        assert torch.equal(view.flatten(2).sort(dim=2).values, sorted_pixels)


def test_the_eight_views_are_four_quarter_turns_of_the_image_and_of_its_mirror_image(images: Tensor) -> None:
    expected = [side.rot90(turns, (2, 3)) for side in (images, images.flip(3)) for turns in range(4)]
    views = list(symmetries(images, "square"))
    assert all(any(torch.equal(view, other) for view in views) for other in expected)


@pytest.mark.parametrize(("kind", "count"), KINDS)
def test_an_answer_averaged_over_the_views_is_the_same_for_each_view(
    kind: Symmetry, count: int, images: Tensor
) -> None:
    weights = torch.rand(3, 9, 9, generator=generator(), dtype=torch.float64)

    def answer(seen: Tensor) -> Tensor:
        views = symmetries(seen, kind)
        return torch.stack([(view * weights).sum((1, 2, 3)).sin() for view in views]).mean(0)

    for view in symmetries(images, kind):
        torch.testing.assert_close(answer(view), answer(images))


@pytest.mark.parametrize(("kind", "count"), KINDS)
def test_each_image_gets_a_view_of_its_own_and_every_view_is_drawn(
    kind: Symmetry, count: int, images: Tensor
) -> None:
    drawn = random_symmetry(images, generator(), kind)
    same = torch.stack([(drawn == view).flatten(1).all(1) for view in symmetries(images, kind)])
    assert drawn.dtype == images.dtype
    assert (same.sum(0) == 1).all()
    assert same.any(1).all()


def test_one_seed_draws_one_view(images: Tensor) -> None:
    first, again, other = (random_symmetry(images, generator(seed), "square") for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_an_image_is_drawn_the_same_view_whatever_its_neighbours_show(images: Tensor) -> None:
    others = images.roll(1, dims=0)
    others[5] = images[5]
    drawn = random_symmetry(images, generator(), "square")
    assert torch.equal(drawn[5], random_symmetry(others, generator(), "square")[5])


def test_an_oblong_image_can_be_mirrored_but_not_turned(images: Tensor) -> None:
    oblong = images[..., :5]
    assert random_symmetry(oblong, generator(), "mirror").shape == oblong.shape
    assert len(list(symmetries(oblong, "mirror"))) == 2
    for turn in (
        lambda: symmetries(oblong, "square"),
        lambda: random_symmetry(oblong, generator(), "square"),
    ):
        with pytest.raises(InputError, match="5 x 9 pixels cannot be turned"):
            turn()

from __future__ import annotations

import numpy as np
import pytest
import torch

from anomalymatch_ui.config import NetworkConfig, PartConfig, Place
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.learn import AnomalyNetwork, build_network, represented, width
from anomalymatch_ui.learn.pooled_places import CENTRE_RADIUS
from anomalymatch_ui.learn.pooling import centre_weights, pooled, pooling_weights

PLACES: tuple[Place, ...] = ("frame", "centre", "flux")


def spot(row: int, column: int, side: int = 48) -> torch.Tensor:
    """One dark image with a bright spot of three pixels."""
    image = torch.full((1, 3, side, side), 0.1)
    image[..., row - 1 : row + 2, column - 1 : column + 2] = 1
    return image


@pytest.fixture(scope="module")
def network() -> AnomalyNetwork:
    return build_network(NetworkConfig(image_size=64), 0).eval()


def images(count: int = 2) -> torch.Tensor:
    return torch.rand(count, 3, 64, 64, generator=torch.Generator().manual_seed(0))


def test_weights_of_the_centre_fall_off_as_a_gaussian_in_half_widths() -> None:
    weights = centre_weights(101)[0]
    at_one_deviation = 50 + round(CENTRE_RADIUS * 101 / 2)
    assert float(weights.sum()) == pytest.approx(1)
    assert float(weights[50, at_one_deviation] / weights[50, 50]) == pytest.approx(np.exp(-0.5), rel=0.05)
    torch.testing.assert_close(weights, weights.flip(0).T)


@pytest.mark.parametrize("side", [1, 2, 3, 6, 12])
@pytest.mark.parametrize("place", PLACES[1:])
def test_weights_of_any_map_sum_to_one(place: Place, side: int) -> None:
    weights = pooling_weights(place, spot(24, 24), side)
    assert weights is not None
    torch.testing.assert_close(weights.sum(dim=(1, 2)), torch.ones(len(weights)))


def test_flux_is_followed_wherever_the_object_lies() -> None:
    for row, column in ((20, 20), (10, 36)):
        weights = pooling_weights("flux", spot(row, column), 6)
        assert weights is not None
        assert int(weights[0].argmax()) == row // 8 * 6 + column // 8
        assert float(weights[0].max()) > 0.9


def test_a_frame_without_light_is_averaged_evenly() -> None:
    weights = pooling_weights("flux", torch.full((1, 3, 48, 48), 0.3), 6)
    torch.testing.assert_close(weights, torch.full((1, 6, 6), 1 / 36))


def test_mean_and_deviation_are_those_of_the_weighted_values() -> None:
    maps = torch.rand(2, 5, 4, 4, generator=torch.Generator().manual_seed(1)) * 10
    weights = centre_weights(4)
    values, by = maps.flatten(2).double().numpy(), weights.flatten().double().numpy()
    mean = (values * by).sum(axis=2)
    deviation = np.sqrt((np.square(values - mean[..., None]) * by).sum(axis=2))
    found = pooled(maps, weights)
    np.testing.assert_allclose(found.mean, mean, rtol=1e-4)
    np.testing.assert_allclose(found.deviation, deviation, rtol=1e-3)
    torch.testing.assert_close(pooled(maps).mean, maps.mean(dim=(2, 3)))


def test_constant_maps_have_a_slope_everywhere() -> None:
    maps = torch.ones(1, 2, 3, 3, requires_grad=True)
    pooled(maps).deviation.sum().backward()
    assert maps.grad is not None
    assert torch.isfinite(maps.grad).all()


def test_stages_are_computed_no_further_than_the_deepest(network: AnomalyNetwork) -> None:
    calls: list[int] = []
    hooks = [
        block.register_forward_hook(lambda *_, number=number: calls.append(number))
        for number, block in enumerate(network.backbone._blocks)
    ]
    ten, seven = network.stages(images(), [10, 7])
    for hook in hooks:
        hook.remove()
    assert calls == list(range(11))
    assert (seven.shape, ten.shape) == ((2, 80, 4, 4), (2, 112, 4, 4))


def test_the_last_stage_averaged_over_the_frame_is_the_network_s_features(network: AnomalyNetwork) -> None:
    (last,) = network.stages(images(), ["last"])
    torch.testing.assert_close(pooled(last).mean, network.features(images()))


def test_stages_after_the_frozen_blocks_follow_from_their_maps(network: AnomalyNetwork) -> None:
    expected = network.stages(images(), [10, "last"])
    found = network.stages_of_maps(network.frozen_maps(images()), [10, "last"])
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other)


def test_a_part_has_a_column_for_each_statistic_of_each_channel(network: AnomalyNetwork) -> None:
    parts = [
        PartConfig(size=64, layers=(7, 10), place="centre", statistics=("mean", "deviation")),
        PartConfig(size=64),
    ]
    assert [width(network, part) for part in parts] == [2 * (80 + 112), 1280]
    rows = represented(network, images(), parts)
    assert rows.shape == (2, 384 + 1280)
    seven = pooled(network.stages(images(), [7])[0], centre_weights(4))
    torch.testing.assert_close(rows[:, :160], torch.cat(seven, dim=1))


def test_a_block_that_is_not_there_is_refused_in_a_sentence(network: AnomalyNetwork) -> None:
    with pytest.raises(InputError, match="has no block 16: its blocks are 0 to 15"):
        width(network, PartConfig(size=64, layers=(16,)))


@pytest.mark.parametrize("place", PLACES)
def test_turned_images_are_pooled_alike(place: Place) -> None:
    image = spot(10, 36)
    maps = torch.rand(1, 4, 6, 6, generator=torch.Generator().manual_seed(2))
    turned = pooled(maps.rot90(1, (2, 3)), pooling_weights(place, image.rot90(1, (2, 3)), 6))
    for one, other in zip(turned, pooled(maps, pooling_weights(place, image, 6)), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-3)  # roots of what float32 leaves of 1

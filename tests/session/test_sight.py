from __future__ import annotations

import pytest

from anomalymatch_ui.config import Config, PartConfig
from anomalymatch_ui.session.look.sight import Look, Sight, Traits

SKY = Traits("square", centred=True)
PHOTOGRAPHS = Traits("mirror", centred=False)


def test_each_backbone_looks_once_at_each_size() -> None:
    parts = [
        PartConfig(size=96, layers=(7,)),
        PartConfig(size=96, layers=(10,)),
        PartConfig(size=96, backbone="efficientnet-lite2"),
        PartConfig(size=160, backbone="efficientnet-lite2"),
    ]
    sight = Sight("none", tuple(parts))
    lite2 = "efficientnet-lite2"
    assert sight.looks == (Look(96), Look(96, lite2), Look(160, lite2))
    assert sight.parts_of(Look(96)) == parts[:2]
    assert sight.parts_of(Look(96, lite2)) == parts[2:3]
    assert sight.backbones == (Look(96), Look(96, lite2))
    assert sight.adaptable == (Look(96),)
    assert len({look.name for look in sight.looks}) == 3


def test_photographs_are_seen_by_lite2_and_the_sky_by_the_network_that_trains() -> None:
    assert {look.backbone for look in Sight.of(Config(), PHOTOGRAPHS).looks} == {"efficientnet-lite2"}
    assert {look.backbone for look in Sight.of(Config(), SKY).looks} == {None}


@pytest.mark.parametrize(("traits", "sizes"), [(SKY, {64, 96, 128}), (PHOTOGRAPHS, {224})])
def test_a_high_effort_takes_larger_images_at_the_same_length(traits: Traits, sizes: set[int]) -> None:
    config = Config().with_values(embedding={"effort": "high"})
    usual, high = Sight.of(Config(), traits), Sight.of(config, traits)
    assert {look.size for look in high.looks} == sizes
    in_views = {look.size <= config.embedding.views_up_to for look in high.looks}
    assert in_views == {traits == SKY}
    # The squares of the weights are a factor of the head's regularisation, which is to mean the same.
    lengths = [sum(part.weight**2 for part in sight.parts) for sight in (usual, high)]
    assert lengths[1] == pytest.approx(lengths[0], rel=0.01)


@pytest.mark.parametrize("network", [{"name": "efficientnet-b0"}, {"pretrained": False}])
def test_a_network_that_somebody_chose_sees_photographs_too(network: dict[str, object]) -> None:
    sight = Sight.of(Config().with_values(network=network), PHOTOGRAPHS)
    assert {look.backbone for look in sight.looks} == {None}


def test_a_part_that_names_the_network_s_own_backbone_is_no_other_look() -> None:
    part = {"size": 96, "backbone": "efficientnet-lite0"}
    config = Config().with_values(embedding={"parts": [part, {"size": 96}]})
    assert Sight.of(config, SKY).looks == (Look(96),)

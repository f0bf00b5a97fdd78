"""Frozen backbones without torch: what is kept is what torch makes, and nothing else ever answers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from anomalymatch_ui.config import NetworkConfig
from anomalymatch_ui.errors import DamagedStoreError
from anomalymatch_ui.learn import keeping
from anomalymatch_ui.learn.freezing import freeze, name_of
from anomalymatch_ui.learn.frozen import FrozenBackbone, load_frozen, save_frozen
from anomalymatch_ui.learn.openvino_graph import openvino
from anomalymatch_ui.learn.plan import AT_THE_END, Taken
from anomalymatch_ui.learn.wanted import WantedBackbone

try:
    openvino()
except ImportError:
    pytest.skip("OpenVINO is not installed", allow_module_level=True)

WANTED = WantedBackbone(
    NetworkConfig(image_size=32, pretrained=False), 1, 3, (Taken((0, 2), "centre", ("mean", "deviation")),)
)

ASK = """
import json, sys
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.learn import keeping
from anomalymatch_ui.learn.frozen import save_frozen
from anomalymatch_ui.learn.wanted import WantedBackbone
from pathlib import Path
wanted = WantedBackbone.heard(sys.argv[1])
children, popen = [], keeping.subprocess.Popen
keeping.subprocess.Popen = lambda *a, **k: children.append(popen(*a, **k)) or children[-1]
name = keeping.backbone_name(wanted)
save_frozen(Path(sys.argv[2]), keeping.frozen_backbone(wanted))
keeping.end_the_other_process()
print(json.dumps([name, len(children), [child.returncode for child in children], "torch" in sys.modules]))
"""
"""Asks for a backbone in a process without torch; tells its name, and what other processes it took."""


def asked(cache: Path, told: Path, wanted: WantedBackbone = WANTED, **variables: str) -> list[object]:
    finished = subprocess.run(
        [sys.executable, "-c", ASK, wanted.told(), str(told)],
        env={**os.environ, "XDG_CACHE_HOME": str(cache), **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(finished.stdout.splitlines()[-1])


def assert_same(one: FrozenBackbone, other: FrozenBackbone) -> None:
    """Assert that two backbones are alike to the bit: both as their files say."""
    assert (one.name, one.parts, one.widths) == (other.name, other.parts, other.widths)
    assert one.scaling.spread == other.scaling.spread
    np.testing.assert_array_equal(one.scaling.mean, other.scaling.mean)
    np.testing.assert_array_equal(one.pixels, other.pixels)
    np.testing.assert_allclose(one.features, other.features, rtol=0, atol=1e-4)  # threads of torch
    assert one.plan.blocks.keys() == other.plan.blocks.keys()
    for number, block in one.plan.blocks.items():
        same = other.plan.blocks[number]
        assert (block.activation, block.adds) == (same.activation, same.adds)
        np.testing.assert_array_equal(block.depthwise.weights, same.depthwise.weights)
        assert replace(block.project, weights=0, bias=0) == replace(same.project, weights=0, bias=0)


def test_a_file_holds_what_was_written(tmp_path: Path) -> None:
    frozen = freeze(WANTED)
    save_frozen(tmp_path / "kept.safetensors", frozen)
    assert_same(load_frozen(tmp_path / "kept.safetensors"), frozen)


@pytest.mark.parametrize("place", [100, 5_000, -5])
def test_a_flipped_bit_in_a_file_is_found(tmp_path: Path, place: int) -> None:
    path = tmp_path / "kept.safetensors"
    save_frozen(path, freeze(WANTED))
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    with pytest.raises(DamagedStoreError):
        load_frozen(path)


def test_another_process_makes_it_once_and_the_cache_gives_it_from_then_on(tmp_path: Path) -> None:
    told, expected = tmp_path / "told", freeze(WANTED)
    assert asked(tmp_path / "cache", told) == [name_of(WANTED), 1, [0], False]
    assert_same(load_frozen(told), expected)
    told.unlink()
    assert asked(tmp_path / "cache", told) == [name_of(WANTED), 0, [], False]
    assert_same(load_frozen(told), expected)


def test_a_damaged_file_of_the_cache_is_made_again(tmp_path: Path) -> None:
    told = tmp_path / "told"
    asked(tmp_path / "cache", told)
    (kept,) = (tmp_path / "cache").rglob("*.safetensors")
    whole = kept.read_bytes()
    for damage in (b"", whole[: len(whole) // 2], whole[:-1] + bytes([whole[-1] ^ 1])):
        kept.write_bytes(damage)
        assert asked(tmp_path / "cache", told)[1:] == [1, [0], False]
        assert_same(load_frozen(told), freeze(WANTED))
        assert kept.read_bytes() != damage


def test_a_cache_that_refuses_leaves_the_work_to_this_process(tmp_path: Path) -> None:
    (tmp_path / "cache").write_bytes(b"a file where a folder should be")
    told = tmp_path / "told"
    assert asked(tmp_path / "cache", told)[0::3] == [name_of(WANTED), True]
    assert_same(load_frozen(told), freeze(WANTED))


def test_a_user_without_a_home_gets_it_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    monkeypatch.setattr(keeping, "torch_is_loaded", lambda: False)
    assert keeping.backbone_name(WANTED) == name_of(WANTED)
    assert keeping.frozen_backbone(WANTED).name == WANTED.network.name


def test_whatever_decides_what_a_backbone_computes_is_in_its_name(tmp_path: Path) -> None:
    adapted = tmp_path / "adapted.safetensors"
    adapted.write_bytes(b"one")
    others = [
        WANTED,
        replace(WANTED, seed=2),
        replace(WANTED, bands=4),
        replace(WANTED, parts=(AT_THE_END,)),
        replace(WANTED, network=NetworkConfig(image_size=64, pretrained=False)),
        replace(WANTED, network=NetworkConfig(image_size=32)),
        replace(WANTED, adapted=str(adapted)),
    ]
    names = {one.digest() for one in others}
    assert len(names) == len(others)
    adapted.write_bytes(b"two")
    assert others[-1].digest() not in names
    assert WantedBackbone.heard(others[-1].told()) == others[-1]

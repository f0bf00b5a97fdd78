"""Fixtures that every room's tests share."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from anomalymatch_ui.config import Config

# The networks of these tests are so small that threads only wait for one another; read when torch is loaded,
# here and in the programs that tests start.
os.environ.setdefault("OMP_NUM_THREADS", "1")

sys.path.insert(0, str(Path(__file__).parent))

from images import make_pool

# An example may wait for a disk, or for another program; Hypothesis would end it after 200 ms.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

LONG_FILES = (
    *("test_pages.py", "test_looking.py", "test_dashboard.py", "test_finding.py", "test_keys.py"),
    *("test_zoom.py", "test_adapting.py", "test_pictures.py", "test_training_panel.py", "test_benchmark.py"),
    *("test_commands.py", "test_without_torch.py", "test_selection.py", "test_screenshots.py"),
    *("test_archive_order.py", "test_archive_dask.py", "test_network_scores.py", "test_archive_size.py"),
    *("test_scoring_benchmark.py", "test_notebooks.py", "test_demo.py", "test_zoom_out.py"),
    *("test_two_people.py", "test_proxy.py", "test_mapping.py", "test_frozen_maps.py", "test_people.py"),
    *("test_many_bands.py", "test_accessibility.py", "test_orientation.py", "test_lab.py"),
    *("test_gpu_benchmark.py", "test_sky.py", "test_native_pixels.py", "test_wheel.py", "test_going_on.py"),
)
"""Files of half a minute to seven minutes, as they were measured on two cores, the longest first."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin the files that take long first: one begun last lets all processors but its own wait."""
    place = {name: number for number, name in enumerate(LONG_FILES)}
    items.sort(key=lambda item: place.get(item.path.name, len(place)))


SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real images that lies beside the project on the developers' machines."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"the real images are not on this machine ({SHARED_DATA.name}/ is absent)")
    return SHARED_DATA


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Callable[[Path], Path]]:
    """Return what shows a folder where nothing can be written: a real mount, for modes do not bind root."""
    mounted: list[Path] = []

    def shown(folder: Path) -> Path:
        place = tmp_path / f"read-only-{len(mounted)}"
        place.mkdir()
        for options in (["--bind", str(folder), str(place)], ["-o", "remount,bind,ro", str(place)]):
            if os.geteuid() or subprocess.run(["mount", *options], check=False).returncode:
                pytest.skip("only root can mount a folder read-only here")
        mounted.append(place)
        return place

    yield shown
    for place in mounted:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A real folder on a disk of 256 kB where root can make one; else no file may grow larger than that."""
    folder = tmp_path / "full"
    folder.mkdir()
    mounted = (
        os.geteuid() == 0
        and subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)],
            capture_output=True,
            check=False,
        ).returncode
        == 0
    )
    if mounted:
        yield folder
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
        return
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (256 * 1024, limits[1]))
    try:
        yield folder
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)


@pytest.fixture
def pool_folder(tmp_path: Path) -> Path:
    """60 images of 32 px, of which 0000.jpg to 0005.jpg are rings and the rest discs."""
    make_pool(tmp_path / "images")
    return tmp_path / "images"


@pytest.fixture(scope="session")
def quick_once() -> Config:
    """Settings with which a cycle takes a second, for fixtures that many tests share."""
    return Config.preset("paper").with_values(
        network={"image_size": 32},
        train={"steps": 3, "labelled_batch": 4, "unlabelled_batch": 4, "checkpoint_every": 2},
        embedding={"sizes": (32, 48), "symmetric_up_to": 32},
        score={"batch_size": 8, "shard_size": 20},
    )


@pytest.fixture
def quick(quick_once: Config) -> Config:
    """Settings with which a cycle takes a second."""
    return quick_once


@pytest.fixture
def swift() -> Config:
    """The product's own settings, small enough that a cycle takes a second."""
    return Config.preset("default").with_values(
        network={"image_size": 32},
        embedding={"sizes": (32, 48), "symmetric_up_to": 32},
        train={"steps": 3, "labelled_batch": 4, "unlabelled_batch": 4},
        score={"batch_size": 16, "shard_size": 20},
    )

"""Memory while scoring does not depend on how many images there are."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from containers import CONTAINERS

pytestmark = pytest.mark.timeout(600)

# In a process of its own, whose peak memory is that of these runs alone, and is asked for after each. The
# network is one that costs nothing; everything around it is real.
CHILD = """
import sys
from pathlib import Path

import numpy as np
import torch

from anomalymatch_ui.config import NetworkConfig, ScoreConfig
from anomalymatch_ui.learn import build_network
from anomalymatch_ui.pool import open_pool
from anomalymatch_ui.stream import Scorer, score_pool


class FreeScorer(Scorer):
    def score(self, pixels, symmetry="none"):
        return np.zeros(len(pixels), np.float32), np.zeros((len(pixels), self.feature_count), np.float16)


network, cpu = build_network(NetworkConfig(image_size=32), seed=0), torch.device("cpu")
config, scorer = ScoreConfig(batch_size=64), FreeScorer(network, cpu)
for path in sys.argv[1:]:
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    pool = open_pool(path)
    seen = 0
    for batch in score_pool(pool, network, config, device=cpu, scorer=scorer):
        assert batch.asked.start == seen
        seen += len(batch.indices)
    assert seen == len(pool)
    pool.close()
    # Not ru_maxrss, which begins with what the process had that started this one.
    told = Path("/proc/self/status").read_text().splitlines()
    (peak,) = (line for line in told if line.startswith("VmHWM"))
    print(int(peak.split()[1]) / 1024)
"""

FAMILIES = ("hdf5", "tar", "parquet", "parquet of files")
FEW, MANY = 1_000, 10_000


def peaks_of(*paths: Path) -> list[float]:
    """Return the peak memory, in MB, of scoring each pool, one after another in one process."""
    run = subprocess.run(
        [sys.executable, "-c", CHILD, *map(str, paths)], capture_output=True, text=True, check=True
    )
    return [float(line) for line in run.stdout.split()]


@pytest.fixture(scope="module")
def pools() -> None:
    sys.path.insert(0, str(Path(__file__).parents[3] / "benchmarks"))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems have no /proc")
@pytest.mark.usefixtures("pools")
def test_forty_times_the_images_take_no_more_memory(tmp_path: Path) -> None:
    from scoring_pools import write_pool

    few, many = peaks_of(*(write_pool(tmp_path, "zarr", images, 32) for images in (10_000, 400_000)))
    assert many - few < 100  # MB; the larger pool is of 1,200 MB


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems have no /proc")
def test_ten_times_the_images_take_no_more_memory_whatever_file_they_are_in(tmp_path: Path) -> None:
    paths = []
    for number, family in enumerate(FAMILIES):
        for count in (FEW, MANY):
            folder = tmp_path / f"{number}-{count}"
            folder.mkdir()
            images = np.broadcast_to(np.uint8(7), (count, 64, 64, 3))
            paths.append(CONTAINERS[family](folder, images, [f"image-{row:05d}" for row in range(count)]))
    peaks = peaks_of(*paths)
    growth = {family: many - few for family, few, many in zip(FAMILIES, peaks[::2], peaks[1::2], strict=True)}
    assert max(growth.values()) < 90, growth  # MB; the larger ones are of 123 MB

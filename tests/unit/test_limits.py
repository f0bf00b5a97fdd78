"""How much memory this process may use, as its control groups say."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from anomalymatch_ui.limits import free_memory, memory_limit

MB = 2**20
WHOLE = psutil.virtual_memory().total
VERSIONS = [
    ("0::/user.slice/job_7", "", "memory.max", "memory.current", "inactive_file", "max"),
    (
        "4:memory:/slurm/job_7",
        "memory",
        "memory.limit_in_bytes",
        "memory.usage_in_bytes",
        "total_inactive_file",
        str(2**63 - 4096),
    ),
]


def write(folder: Path, **told: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in told.items():
        (folder / name.replace("__", ".")).write_text(value + "\n")


@pytest.mark.parametrize(("line", "mount", "most", "used", "reclaimable", "unlimited"), VERSIONS)
def test_the_least_limit_of_a_group_and_those_above_it_counts(
    line: str, mount: str, most: str, used: str, reclaimable: str, unlimited: str, tmp_path: Path
) -> None:
    groups = tmp_path / "cgroup"
    groups.write_text(f"7:pids:/elsewhere\n{line}\n")
    above, job = line.rpartition(":")[2].strip("/").split("/")
    root = tmp_path / mount
    write(root / above, **{most: str(64 * MB), used: str(20 * MB)})
    write(root / above / job, **{most: unlimited, used: str(10 * MB)})
    assert memory_limit(groups, tmp_path) == 64 * MB
    assert free_memory(groups, tmp_path) == 44 * MB
    (root / above / job / most).write_text(f"{32 * MB}\n")
    assert memory_limit(groups, tmp_path) == 32 * MB
    assert free_memory(groups, tmp_path) == 22 * MB
    (root / above / job / "memory.stat").write_text(f"anon 5\n{reclaimable} {4 * MB}\n")
    assert free_memory(groups, tmp_path) == 26 * MB


def test_a_container_whose_root_is_its_own_group_has_its_limit(tmp_path: Path) -> None:
    (tmp_path / "cgroup").write_text("0::/../../kubepods/pod9\n")
    write(tmp_path, **{"memory.max": str(48 * MB), "memory.current": str(50 * MB)})
    assert memory_limit(tmp_path / "cgroup", tmp_path) == 48 * MB
    assert free_memory(tmp_path / "cgroup", tmp_path) == 0


@pytest.mark.parametrize("told", ["max", "", "nonsense", "-1", str(2 * WHOLE)])
def test_without_a_limit_the_machine_has_what_there_is(told: str, tmp_path: Path) -> None:
    (tmp_path / "cgroup").write_text("0::/\nnonsense\n\n1:name=systemd:/\n")
    write(tmp_path, **{"memory.max": told})
    assert memory_limit(tmp_path / "cgroup", tmp_path) == WHOLE
    assert memory_limit(tmp_path / "missing", tmp_path) == WHOLE
    assert 0 < free_memory(tmp_path / "missing", tmp_path) <= WHOLE

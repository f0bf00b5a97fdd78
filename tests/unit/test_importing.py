"""Importing the package changes nothing for the program that does so."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from anomalymatch_ui.process import DEFAULTS, prepare_process

LOOK = """
import json, os, sys
before = dict(os.environ)
import anomalymatch_ui.app.serving.kernel, anomalymatch_ui.app.serving.serve
import anomalymatch_ui.cli.main, anomalymatch_ui.config
changed = {name for name in os.environ.keys() | before.keys() if os.environ.get(name) != before.get(name)}
changed.discard("KMP_DUPLICATE_LIB_OK")  # by scikit-learn
print(json.dumps([sorted(changed), sys.modules.get("debugpy", 0) is None, "torch" in sys.modules]))
"""


def test_importing_it_sets_no_variable_hides_no_debugger_and_loads_no_torch() -> None:
    without = {name: value for name, value in os.environ.items() if name not in DEFAULTS}
    told = subprocess.run(
        [sys.executable, "-c", LOOK], env=without, capture_output=True, text=True, check=True
    )
    changed, hidden, torch = json.loads(told.stdout.splitlines()[-1])
    assert (changed, hidden, torch) == ([], False, False)


def test_a_process_of_the_package_sets_what_torch_reads_but_not_over_a_users_choice(monkeypatch) -> None:
    monkeypatch.delenv("THP_MEM_ALLOC_ENABLE", raising=False)
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    prepare_process()
    assert os.environ["THP_MEM_ALLOC_ENABLE"] == "1"
    assert os.environ["OMP_WAIT_POLICY"] == "ACTIVE"


TORCH = """
import importlib, json, os, sys

class Torch:
    def find_spec(self, name, path=None, target=None):
        if name == "torch":
            print(json.dumps({key: os.environ.get(key) for key in sys.argv[2:]}), flush=True)
            os._exit(0)

sys.meta_path.insert(0, Torch())
importlib.import_module(sys.argv[1])
"""
"""Says what variables are when torch is about to be loaded by a module, and ends there."""


@pytest.mark.parametrize(
    "module",
    [
        "anomalymatch_ui.score.dask_engine",
        "anomalymatch_ui.score.dask_worker",
        "anomalymatch_ui.session.archives.archive_spec",
    ],
)
def test_a_worker_of_a_cluster_sets_them_before_it_loads_torch(module: str) -> None:
    """Dask starts a worker, which loads first whatever its first task is made of."""
    without = {name: value for name, value in os.environ.items() if name not in DEFAULTS}
    command = [sys.executable, "-c", TORCH, module, *DEFAULTS]
    told = subprocess.run(command, env=without, capture_output=True, text=True, check=True)
    assert json.loads(told.stdout) == DEFAULTS

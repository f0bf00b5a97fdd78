"""The files for clusters in docs/ do what they say, as far as that shows without a cluster."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from anomalymatch_ui.cli.main import application

CLUSTERS = Path(__file__).parents[2] / "docs" / "clusters"


def options_of(command: str) -> set[str]:
    """Names of the options that a command of the command line takes."""
    group: Any = typer.main.get_command(application)
    return {name for parameter in group.commands[command].params for name in parameter.opts}


def documents() -> dict[str, Any]:
    text = (CLUSTERS / "kubernetes.yaml").read_text()
    return {document["kind"]: document for document in yaml.safe_load_all(text)}


def test_the_job_on_kubernetes_gives_options_that_there_are_and_finds_the_scheduler() -> None:
    command = documents()["Job"]["spec"]["template"]["spec"]["containers"][0]["command"]
    assert command[:2] == ["anomalymatch", "score"]
    assert {word for word in command if word.startswith("--")} <= options_of("score")
    cluster = documents()["DaskCluster"]
    service = cluster["spec"]["scheduler"]["service"]
    assert command[-1] == f"tcp://{cluster['metadata']['name']}-scheduler:{service['ports'][0]['port']}"
    assert service["selector"]["dask.org/cluster-name"] == cluster["metadata"]["name"]


def test_workers_on_kubernetes_say_that_they_have_a_gpu_and_see_the_job_s_files() -> None:
    worker = documents()["DaskCluster"]["spec"]["worker"]["spec"]
    container = worker["containers"][0]
    arguments = container["args"]
    assert arguments[arguments.index("--resources") + 1] == "GPU=1"
    assert container["resources"]["limits"]["nvidia.com/gpu"] == 1
    job = documents()["Job"]["spec"]["template"]["spec"]
    mounted = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert mounted["survey"] == job["containers"][0]["volumeMounts"][0]["mountPath"]
    assert worker["volumes"][0] == job["volumes"][0]


def test_the_script_for_slurm_compiles_and_gives_options_that_there_are() -> None:
    text = (CLUSTERS / "slurm.py").read_text()
    tree = ast.parse(text)
    compile(tree, "slurm.py", "exec")
    words = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    given = {word for word in words if isinstance(word, str) and word in options_of("score")}
    assert given == {"--model", "--out", "--embeddings", "--engine", "--scheduler"}


def test_the_job_script_for_slurm_asks_for_a_gpu_and_starts_a_worker_that_says_so() -> None:
    jobqueue = pytest.importorskip("dask_jobqueue", reason="dask-jobqueue is not needed but on a cluster")
    assert jobqueue.SLURMCluster
    namespace: dict[str, Any] = {"__name__": "slurm"}
    exec(compile((CLUSTERS / "slurm.py").read_text(), "slurm.py", "exec"), namespace)
    with namespace["make_cluster"]() as cluster:
        script = cluster.job_script()
    assert "#SBATCH --gres=gpu:1" in script
    assert "--resources GPU=1" in script
    assert "--nthreads 1" in script

"""Score an archive on a SLURM cluster: one job a GPU, by dask-jobqueue.

Run it where jobs are submitted, in the environment that the jobs shall use, too:

    pip install 'anomalymatch-ui[cluster]' dask-jobqueue
    python slurm.py

The images, the model and this environment must have the same paths on every node; the scores are written by
this process alone. It needs no GPU. Run again, it goes on where it was; a job that ends costs one shard.
"""

from __future__ import annotations

import subprocess
import sys

from dask_jobqueue import SLURMCluster

IMAGES = "/scratch/survey/cutouts.zarr"
MODEL = "/scratch/survey/session/checkpoints/cycle-0003.safetensors"
SCORES = "/scratch/survey/scores"
GPUS = 8


def make_cluster() -> SLURMCluster:
    """Describe one job: a GPU, a worker for it, and cores that read and decode."""
    return SLURMCluster(
        queue="gpu",
        account="survey",
        walltime="04:00:00",
        cores=1,  # threads of the worker: one shard at a time; score uses the others itself
        processes=1,
        job_cpu=8,
        memory="32GB",
        job_extra_directives=["--gres=gpu:1"],
        worker_extra_args=["--resources", "GPU=1"],
        python=sys.executable,
    )


def main() -> int:
    """Submit the jobs and score; jobs that end are submitted again."""
    with make_cluster() as cluster:
        # Shards are asked for a few at a time, so that what waits never calls for more jobs than there are.
        cluster.adapt(minimum_jobs=GPUS, maximum_jobs=GPUS)
        score = [
            sys.executable,
            "-m",
            "anomalymatch_ui.cli",
            "score",
            IMAGES,
            "--model",
            MODEL,
            "--out",
            SCORES,
        ]
        on_cluster = ["--embeddings", "--engine", "dask", "--scheduler", cluster.scheduler_address]
        return subprocess.run([*score, *on_cluster], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())

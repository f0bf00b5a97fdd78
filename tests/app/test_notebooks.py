"""The notebooks run from the first cell to the last, on a few images; the real ones take minutes."""

from __future__ import annotations

from pathlib import Path

import nbformat
import numpy as np
import pytest
from archives import publish, write_archives
from cutana import FIRST_ID, write_batch
from fitsfiles import sky, write_survey
from images import make_pool
from nbclient import NotebookClient

from anomalymatch_ui.demo import galaxy_mnist

FOLDER = Path(__file__).parents[2] / "notebooks"


def test_notebooks_are_kept_without_what_they_printed() -> None:
    for path in FOLDER.glob("*.ipynb"):
        for cell in nbformat.read(path, as_version=4).cells:
            assert not cell.get("outputs"), path
            assert cell.get("execution_count") is None, path


def run(name: str, folder: Path, **parameters: object) -> str:
    """Run a notebook with other parameters in a folder; return what it printed."""
    notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    place = next(n for n, cell in enumerate(notebook.cells) if "parameters" in cell.metadata.get("tags", ()))
    given = "\n".join(f"{key} = {value!r}" for key, value in parameters.items())
    notebook.cells.insert(place + 1, nbformat.v4.new_code_cell(given))
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(folder)}}).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    return "".join(
        str(output.get("text", output.get("data", {}).get("text/plain", ""))) for output in outputs
    )


def test_the_quick_start_searches_labels_trains_and_writes_a_table(tmp_path: Path) -> None:
    make_pool(tmp_path / "images", images=40, rings=6)
    (tmp_path / "labels.csv").write_text("filename,label\n0000.jpg,anomaly\n0020.jpg,nominal\n")
    told = run("quickstart", tmp_path, IMAGES="images", LABELS="labels.csv", SESSION="s.session", STEPS=2)
    assert "2 found" in told
    assert (tmp_path / "quickstart.ecsv").exists()


def test_a_survey_of_fits_becomes_a_table_and_a_sentence_for_the_paper(tmp_path: Path) -> None:
    rings = write_survey(tmp_path / "images", images=30, rings=6)
    rows = [f"{rings[0]},anomaly", f"{rings[1]},anomaly", "020.fits,nominal", "021.fits,nominal"]
    (tmp_path / "labels.csv").write_text("\n".join(["filename,label", *rows]) + "\n")
    told = run(
        "your_survey",
        tmp_path,
        IMAGES="images",
        LABELS="labels.csv",
        SESSION="s.session",
        PIXELS={"bands": ("i", "r", "g"), "stretch": "asinh"},
        INJECTED=4,
    )
    assert "float32" in told
    assert "exact binomial intervals" in told  # the sentence of completeness
    assert (tmp_path / "your_survey.vot").exists()


def test_the_published_experiment_prints_its_figures_beside_and_draws_its_curves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_archives(tmp_path / "galaxies")
    publish(tmp_path / "galaxies", "http://127.0.0.1:1", monkeypatch)
    galaxy_mnist(tmp_path / "galaxies")  # unpacked, for the kernel knows the published archives alone
    told = run(
        "galaxymnist",
        tmp_path,
        FOLDER="galaxies",
        ANOMALIES=["edge_on_disk"],
        ROUNDS=1,
        CHANGES={"embedding": {"sizes": [64]}},
    )
    assert "galaxy_mnist_edge_on_disk: 40 of 160 images" in told
    assert "| published, after three cycles (224 px) | | 0.89 | 0.77 | 0.94 |" in told
    assert (tmp_path / "galaxymnist.png").exists()
    assert (tmp_path / "galaxymnist" / "galaxy_mnist_edge_on_disk.json").exists()


def test_batches_of_cutana_become_a_ranking_by_source_id(tmp_path: Path) -> None:
    for batch in range(2):
        images = np.stack(
            [
                np.stack([sky(40 * batch + 4 * n + band, 32, ring=n == 3) for band in range(4)], -1)
                for n in range(10)
            ]
        )
        folder = tmp_path / "run" / f"batch_cutout_process_00{batch}_ab"
        write_batch(folder, images, FIRST_ID + 10 * batch, 150.0 + np.arange(10) + 10 * batch)
    told = run("euclid_cutana", tmp_path, IMAGES="run", SESSION="s.session", TOP=5)
    assert "20 images, positions in ('ra', 'dec')" in told
    assert "(4, 32, 32) float32" in told
    assert "5 ['rank', 'id'" in told
    assert str(FIRST_ID)[:15] in told

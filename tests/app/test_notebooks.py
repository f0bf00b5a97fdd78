"""The notebooks run from the first cell to the last, on a few images; the real ones take minutes."""

from __future__ import annotations

from pathlib import Path

import nbformat
from fitsfiles import write_survey
from images import make_pool
from nbclient import NotebookClient

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

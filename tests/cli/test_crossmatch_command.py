"""Known objects, from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import processes
from images import make_pool

from anomalymatch_ui.config import Config
from anomalymatch_ui.session import Session


def test_finds_are_looked_up_in_a_table(tmp_path: Path, quick: Config):
    names = make_pool(tmp_path / "images", images=3, rings=3)
    (tmp_path / "where.csv").write_text(
        "\n".join(["id,ra,dec", *(f"{name},{n},0" for n, name in enumerate(names))])
    )
    (tmp_path / "known.csv").write_text("name,ra,dec\nNGC 1,1.0001,0\n")
    folder = tmp_path / "session"
    config = quick.with_values(instant=False)
    with Session.open(folder, tmp_path / "images", config=config, metadata=tmp_path / "where.csv") as session:
        session.label(names, "anomaly")
    finished = processes.run("crossmatch", folder, tmp_path / "known.csv", "--radius", 1, "--json")
    assert finished.returncode == 0, finished.stderr
    sentence, hint, last = finished.stdout.splitlines()
    assert sentence == "1 of 3 images has a known object of known.csv within 1″."
    assert hint.startswith(f"`anomalymatch export {folder} --what found` has them")
    told = json.loads(last)
    assert (told["asked"], told["matched"], told["nearest"]) == (3, 1, None)
    refused = processes.run("crossmatch", folder, "--service", "gaia")
    assert refused.returncode == 2
    assert "There is no service 'gaia'. Choose one of: simbad, ned" in refused.stderr

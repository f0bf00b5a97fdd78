"""A session on a catalogue: labelled, trained, ranked, and exported with positions."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from catalogues import write_mosaic
from fitsfiles import sky

from anomalymatch_ui.config import Config
from anomalymatch_ui.session import Session

IMAGES = 24
RINGS = 4


def test_a_catalogue_is_labelled_trained_on_ranked_and_exported_with_positions(
    quick: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bands = [
        np.stack([100 * band + sky(10 * number + band, ring=number < RINGS) for band in range(3)], -1)
        for number in range(IMAGES)
    ]
    ids = [f"J{number:03d}" for number in range(IMAGES)]
    catalogue = write_mosaic(tmp_path / "survey", np.stack(bands), ids)
    (tmp_path / "survey" / "tiles").rename(tmp_path / "tiles")
    table = pd.read_csv(catalogue).set_index("SourceID")
    monkeypatch.chdir(tmp_path)
    pixels = {"tiles": "tiles", "stretch": "asinh"}
    with Session.open(tmp_path / "session", catalogue, config=quick, pixels=pixels) as session:
        session.label(ids[:3], "anomaly")
        session.label(ids[10:13], "nominal")
        session.train(wait=True)
        assert sorted(session.ranking().order) == list(range(IMAGES))
        assert session.export_labels(tmp_path / "labels.csv") == 6
    exported = pd.read_csv(tmp_path / "labels.csv").set_index("filename")
    assert exported.index.tolist() == sorted(ids[:3] + ids[10:13])
    for name in ("RA", "Dec"):
        assert exported[name].tolist() == table[name][exported.index].tolist()
    # Opened again from its folder alone, and from elsewhere.
    os.chdir("/")
    with Session.open(tmp_path / "session", labels=tmp_path / "labels.csv") as session:
        assert session.pool.pixels.tiles == str(tmp_path / "tiles")
        assert session.labels()["J011"] == "nominal"
        assert len(session.pool.read(range(IMAGES), 24).indices) == IMAGES
        session.export_labels(tmp_path / "again.csv")
    assert (tmp_path / "again.csv").read_text() == (tmp_path / "labels.csv").read_text()

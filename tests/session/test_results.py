"""What a search has come to, as tables."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from astropy.table import Table

from anomalymatch_ui import __version__
from anomalymatch_ui.config import Config
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.session import Session

FIRST_ID = 2739161834506210321


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory, quick_once: Config) -> Path:
    """A session on 30 images, seven of them labelled by two people, with a table of metadata."""
    from images import make_pool

    folder = tmp_path_factory.mktemp("searched")
    make_pool(folder / "images", images=30)
    table = folder / "survey.csv"
    rows = [f"{n:04d}.jpg,{FIRST_ID + n},{150 + n / 10},{2 - n / 10},{n % 2}" for n in range(29)]
    table.write_text("\n".join(["id,source_id,RA,Dec,label_2", *rows]) + "\n")
    at = folder / "session", folder / "images"
    with Session.open(*at, config=quick_once, metadata=table, annotator="ada") as session:
        session.label(["0000.jpg", "0001.jpg"], "anomaly")
        session.label(["0020.jpg", "0021.jpg", "0022.jpg"], "nominal")
        session.rank(wait=True)
        session.label(["0002.jpg"], "anomaly", ranking=session.ranking())
    with Session.open(folder / "session", annotator="bob") as session:
        session.label(["0023.jpg"], "unsure")
        session.label(["0020.jpg"], "anomaly")
        session.label(["0020.jpg"], "nominal")
    return folder


@pytest.fixture
def session(searched: Path) -> Iterator[Session]:
    with Session.open(searched / "session", share=True) as opened:
        yield opened


def test_the_ranking_has_every_image_by_its_rank(session: Session, searched: Path):
    table = session.results.table("ranking")
    order = session.ranking().order
    assert table["rank"].values.to_pylist() == list(range(1, 31))
    assert table["id"].values.to_pylist() == [session.pool.ids[row] for row in order]
    assert table["probability"].values.to_pylist() == pytest.approx(session.ranking().scores[order])
    assert table["cutout"].values[0].as_py() == str(searched / "images" / session.pool.ids[order[0]])
    labels = dict(zip(table["id"].values.to_pylist(), table["label"].values.to_pylist(), strict=True))
    assert {name: label for name, label in labels.items() if label} == dict(session.labels())


def test_metadata_gives_positions_and_keeps_every_digit_of_identifiers(session: Session):
    table = session.results.table("ranking")
    by_id = dict(zip(table["id"].values.to_pylist(), range(30), strict=True))
    assert table["source_id"].values.type == pa.int64()
    assert table["source_id"].values[by_id["0007.jpg"]].as_py() == FIRST_ID + 7
    assert table["source_id"].values[by_id["0029.jpg"]].as_py() is None
    assert (table["ra"].unit, table["ra"].ucd) == ("deg", "pos.eq.ra;meta.main")
    assert table["ra"].values[by_id["0003.jpg"]].as_py() == 150.3
    assert table["dec"].values[by_id["0003.jpg"]].as_py() == 1.7
    assert "RA" not in table.names


def test_labels_come_in_the_order_they_were_given_with_who_and_when(session: Session):
    table = session.results.table("labels")
    names = table["id"].values.to_pylist()
    assert names[:2] == ["0000.jpg", "0001.jpg"]
    assert names[-1] == "0020.jpg"  # its label is of now
    people = dict(zip(names, table["annotator"].values.to_pylist(), strict=True))
    assert (people["0000.jpg"], people["0023.jpg"], people["0020.jpg"]) == ("ada", "bob", "bob")
    times = table["time"].values.to_pylist()
    assert times == sorted(times)
    assert all(time.endswith("Z") for time in times)
    seen = dict(zip(names, table["probability_when_seen"].values.to_pylist(), strict=True))
    # Of 0023 a script has said so when an order was there: that is a look at it, too.
    assert [name for name, its in seen.items() if its is not None] == ["0002.jpg", "0023.jpg"]


def test_found_are_the_anomalies_by_rank(session: Session):
    table = session.results.table("found")
    assert set(table["id"].values.to_pylist()) == {"0000.jpg", "0001.jpg", "0002.jpg"}
    ranks = table["rank"].values.to_pylist()
    assert ranks == sorted(ranks)


def test_a_label_of_an_image_that_is_gone_is_still_exported(swift: Config, pool_folder: Path, tmp_path: Path):
    with Session.open(tmp_path / "session", pool_folder, config=swift) as session:
        session.label(["0003.jpg", "0023.jpg"], "unsure")
    (pool_folder / "0023.jpg").unlink()
    with Session.open(tmp_path / "session") as session:
        table = session.results.table("labels")
    assert table["id"].values.to_pylist() == ["0003.jpg", "0023.jpg"]
    assert table["label"].values.to_pylist() == ["unsure", "unsure"]
    assert table["cutout"].values.to_pylist() == [str(pool_folder / "0003.jpg"), None]


def test_images_that_cannot_be_read_are_counted_in_a_sentence(
    swift: Config, pool_folder: Path, tmp_path: Path
):
    (pool_folder / "0040.jpg").write_bytes(b"no image")
    with Session.open(tmp_path / "session", pool_folder, config=swift) as session:
        session.label(["0003.jpg"], "anomaly")
        session.label(["0023.jpg"], "nominal")
        session.rank(wait=True)
        table = session.results.table("ranking")
    assert len(table) == 59
    assert table.remarks == ("1 of 60 images cannot be read, and are not in the table.",)


def test_the_file_says_what_made_it(session: Session, tmp_path: Path):
    session.results.write(tmp_path / "found.ecsv", "found")
    said = Table.read(tmp_path / "found.ecsv", format="ascii.ecsv").meta
    assert said["software"] == f"anomalymatch-ui {__version__}"
    assert said["pool_digest"] == session.pool.digest
    assert said["rendering_digest"] == session.pool.rendering.digest
    assert said["order"] == session.ranking().source
    assert json.loads(said["settings"])["seed"] == session.config.seed


def test_before_there_is_a_ranking_the_tables_are_empty_or_have_the_labels_alone(
    swift: Config, pool_folder: Path, tmp_path: Path
):
    with Session.open(tmp_path / "session", pool_folder, config=swift) as session:
        session.label(["0003.jpg"], "anomaly")
        assert session.results.table("labels")["label"].values.to_pylist() == ["anomaly"]
        session.results.write(tmp_path / "ranking.csv")
    frame = pd.read_csv(tmp_path / "ranking.csv")
    assert frame["novelty"].isna().all()


def test_what_there_is_not_is_refused(session: Session, tmp_path: Path):
    with pytest.raises(InputError, match="There is no table 'finds'. Choose one of: ranking, labels, found"):
        session.results.table("finds")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="does not say in which format"):
        session.results.write(tmp_path / "found")


def test_probabilities_have_intervals_and_labels_the_cycle_they_were_given_after(
    quick: Config, pool_folder: Path, tmp_path: Path
):
    config = quick.with_values(order="fused")
    with Session.open(tmp_path / "s", pool_folder, config=config) as session:
        session.label(["0000.jpg", "0001.jpg"], "anomaly")
        session.label(["0020.jpg", "0021.jpg"], "nominal")
        session.train(wait=True)
        session.label(["0002.jpg"], "anomaly")
        table = session.results.table("labels")
        assert dict(zip(table["id"].values.to_pylist(), table["cycle"].values.to_pylist(), strict=True)) == {
            **dict.fromkeys(["0000.jpg", "0001.jpg", "0020.jpg", "0021.jpg"], 0),
            "0002.jpg": 1,
        }
        ranking = session.results.table("ranking")
    columns = ("probability_low", "probability", "probability_high")
    low, probability, high = (ranking[name].values.to_numpy() for name in columns)
    assert ((low <= probability) & (probability <= high)).all()
    assert ranking["cycle"].values.null_count == 55

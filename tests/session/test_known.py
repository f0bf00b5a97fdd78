"""Images looked up among known objects, of a table or of an archive."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pandas as pd
import pytest
from astropy.table import MaskedColumn, Table
from astropy.wcs import WCS
from catalogues import tile_wcs, write_tile
from images import make_pool

from anomalymatch_ui.config import Config
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.session import Query, Session
from anomalymatch_ui.session.catalogue import services
from anomalymatch_ui.session.catalogue.known_table import read_known

IDS = 2739161834506210321


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, quick_once: Config) -> Path:
    """Eight JPEGs, ten minutes of arc apart along the equator about 0 h, the last without a position."""
    folder = tmp_path_factory.mktemp("known")
    names = make_pool(folder / "images", images=8, rings=8)
    rows = [f"{name},{(n - 3) / 6 % 360:.9f},0.0" for n, name in enumerate(names[:7])]
    (folder / "where.csv").write_text("\n".join(["id,ra,dec", *rows]) + "\n")
    config = quick_once.with_values(instant=False)
    at = folder / "session", folder / "images"
    with Session.open(*at, config=config, metadata=folder / "where.csv") as session:
        session.label(names[:5] + names[7:], "anomaly")
    return folder


@pytest.fixture
def session(folder: Path) -> Iterator[Session]:
    with Session.open(folder / "session") as opened:
        yield opened
        (folder / "session" / "known.parquet").unlink(missing_ok=True)


def known(path: Path, **others: object) -> Path:
    """Write three known objects: 1.2″ and 0.4″ from image 2, which lies west of 0 h, and far from all."""
    ra = np.array([360 - 1 / 6 - 1.2 / 3600, 360 - 1 / 6 + 0.4 / 3600, 180])
    columns = {"name": ["Far one", "NGC 7777", "M 1"], "ra": ra, "dec": [0.0, 0.0, 40.0], **others}
    table = Table(columns)
    suffix = path.suffix
    path.unlink(missing_ok=True)
    if suffix == ".parquet":
        table.to_pandas().to_parquet(path)
    else:
        table.write(path, format={".csv": "ascii.csv", ".ecsv": "ascii.ecsv", ".vot": "votable"}.get(suffix))
    return path


@pytest.mark.parametrize("suffix", ["csv", "ecsv", "vot", "fits", "parquet"])
def test_finds_get_the_nearest_known_object_and_how_far_it_is(session: Session, tmp_path: Path, suffix: str):
    told = session.crossmatch(known(tmp_path / f"ngc.{suffix}"), radius=2)
    assert told.sentence() == (
        f"1 of 5 images has a known object of ngc.{suffix} within 2″. "
        "The position of 1 more image is not known."
    )
    table = session.results.table("found")
    rows = dict(zip(table["id"].values.to_pylist(), range(6), strict=True))
    assert table["known"].values[rows["0002.jpg"]].as_py() == "NGC 7777"
    assert table["known_separation"].values[rows["0002.jpg"]].as_py() == pytest.approx(0.4, abs=1e-5)
    assert table["known_separation"].unit == "arcsec"
    assert table["known_in"].values.to_pylist().count(None) == 5
    assert table.provenance["known_objects_1"] == told.sentence()


def test_a_session_keeps_what_it_was_told_and_images_are_found_by_it(session: Session, tmp_path: Path):
    session.crossmatch(known(tmp_path / "ngc.csv"), radius=2)
    session.crossmatch(known(tmp_path / "other.csv", dec=[0, 1, 40]), radius=2, what="labels")
    with Session.open(session.path, share=True) as again:
        found = again.find(Query(columns={"known": "ngc"}))
        assert [again.pool.ids[row] for row in found.order] == ["0002.jpg"]
        found = again.find(Query(columns={"known_separation": (0.3, 0.5)}))
        assert [again.pool.ids[row] for row in found.order] == ["0002.jpg"]
        assert [its.source for its in again.finding.known.sources()] == ["ngc.csv", "other.csv"]
    # The same table, corrected, counts anew: then the other one knows the nearest.
    known(tmp_path / "ngc.csv", dec=[1.0, 1, 40])
    session.crossmatch(tmp_path / "ngc.csv", radius=2)
    table = session.results.table("found").columns
    names = {column.name: column.values.to_pylist() for column in table}
    assert [name for name in names["known"] if name] == ["Far one"]
    assert [name for name in names["known_in"] if name] == ["other.csv"]


def test_no_match_at_all_shows_the_nearest_of_both_sides(session: Session, tmp_path: Path):
    table = tmp_path / "stars.csv"
    table.write_text("source_id,ra,dec\n2739161834506210321,0.5,0.01\n1,90,0\n")
    told = session.crossmatch(table, radius=3)
    assert told.matched == 0
    assert told.sentence().startswith(
        f"No object of stars.csv lies within 3″ of any of 5 images: the nearest, {IDS}, is 20′ from 0004.jpg."
    )


def test_positions_are_read_in_hours_in_any_unit_and_sexagesimal(tmp_path: Path):
    table = tmp_path / "by_hand.csv"
    table.write_text("Name,RA,Dec\nA,12:00:00,-00:30:00\nB,95.0,95.0\nC,,\n")
    read = read_known(table)
    np.testing.assert_allclose(read.ra, [180, np.nan, np.nan])
    np.testing.assert_allclose(read.dec, [-0.5, np.nan, np.nan])
    assert read.names == ("A", "B", "C")
    assert read_known(table, "RA").names[0] == "12:00:00"


def test_what_cannot_be_used_is_refused(session: Session, tmp_path: Path):
    with pytest.raises(InputError, match="There is no table of known objects"):
        session.crossmatch(tmp_path / "none.csv")
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("ra,dec\n400,2\n")
    with pytest.raises(
        InputError, match="no position on the sky: of row 1 its position 400, 2 is not on the"
    ):
        session.crossmatch(wrong)
    with pytest.raises(InputError, match="has no column 'designation', only name, ra, dec"):
        session.crossmatch(known(tmp_path / "ngc.csv"), name="designation")
    for radius in (0, -1, float("nan")):
        with pytest.raises(InputError, match="in seconds of arc and above 0"):
            session.crossmatch(tmp_path / "ngc.csv", radius)
    with pytest.raises(InputError, match="either a table of known objects or a service"):
        session.crossmatch()
    for service in ("gaia", "vizier", "simbad:x"):
        with pytest.raises(InputError, match=f"no service '{service}'. Choose one of: simbad, ned, vizier:"):
            session.crossmatch(service=service)


def test_a_damaged_file_of_matches_is_set_aside_and_said(session: Session, tmp_path: Path):
    session.crossmatch(known(tmp_path / "ngc.csv"))
    (session.path / "known.parquet").write_bytes(b"PAR1 no more")
    assert "known" not in session.results.table("found").names
    assert (session.path / "known.parquet.damaged").exists()
    session.crossmatch(known(tmp_path / "ngc.csv"))
    assert "known" in session.results.table("found").names


def test_the_wcs_of_images_places_them_in_exports_and_matches(quick: Config, tmp_path: Path):
    for number in range(3):
        wcs: WCS | None = tile_wcs(24, ra=150 + number / 60) if number < 2 else None
        values = np.random.default_rng(number).normal(0, 1, (24, 24)).astype(np.float32)
        if wcs is None:
            np.save(tmp_path / "2.npy", values)  # not among the images: a file without a place
        else:
            write_tile(tmp_path / "fields" / f"{number}.fits", values, "r", wcs)
    (tmp_path / "2.npy").rename(tmp_path / "fields" / "2.npy")
    config = quick.with_values(instant=False)
    with Session.open(tmp_path / "s", tmp_path / "fields", config=config) as session:
        session.label(session.pool.ids, "anomaly")
        table = session.results.table("found")
        places = dict(zip(table["id"].values.to_pylist(), table["ra"].values.to_pylist(), strict=True))
        assert places["1.fits"] == pytest.approx(150 + 1 / 60, abs=1e-8)
        assert places["2.npy"] is None
        (tmp_path / "one.csv").write_text("name,ra,dec\nit,150.0001,2.2\n")
        assert session.crossmatch(tmp_path / "one.csv", 1).matched == 1


# The answers of the three archives have the layout that astroquery 0.4.11 reads from them.


def votable(table: Table) -> bytes:
    from io import BytesIO

    written = BytesIO()
    table.write(written, format="votable")
    return written.getvalue()


class Archive(BaseHTTPRequestHandler):
    """Answers as SIMBAD, NED and VizieR do about the place of image 2, and of nothing else."""

    def do_GET(self) -> None:
        if self.path.endswith("capabilities"):
            self._send(CAPABILITIES)
            return
        self._answer(parse_qs(urlsplit(self.path).query))

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        self._answer(parse_qs(self.rfile.read(length).decode()))

    def _answer(self, asked: dict[str, list[str]]) -> None:
        at = {"ra": [359.8334], "dec": [0.0001]}
        if "tap" in self.path:
            assert "359.83333" in asked["QUERY"][0]
            table = Table({"main_id": ["NGC  7777"], **at})
        elif "ned" in self.path:
            if not asked["lon"][0].startswith("23.98888"):  # hours
                self._send(NOTHING)
                return
            table = Table({"No.": [1], "Object Name": ["NGC 7777"], "RA": at["ra"], "DEC": at["dec"]})
        else:
            assert asked["-source"][0].startswith("I/355/gaiadr3")
            table = Table(
                {"_q": [3], "_RAJ2000": at["ra"], "_DEJ2000": at["dec"], "RA_ICRS": at["ra"], "Source": [IDS]}
            )
        self._send(votable(table))

    def _send(self, content: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        pass


NOTHING = b"""<?xml version="1.0"?>
<VOTABLE version="1.1"><RESOURCE type="results"><INFO name="QUERY_STATUS" value="OK"/>
<PARAM name="queryDateTime" datatype="char" arraysize="*" value="2026-11-30T12:00:00PDT"/>
<PARAM name="Error" datatype="char" arraysize="*" value=" There is no object within the search radius."/>
</RESOURCE></VOTABLE>"""


CAPABILITIES = b"""<?xml version="1.0"?>
<vosi:capabilities xmlns:vosi="http://www.ivoa.net/xml/VOSICapabilities/v1.0"
  xmlns:tr="http://www.ivoa.net/xml/TAPRegExt/v1.0" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
<capability standardID="ivo://ivoa.net/std/TAP" xsi:type="tr:TableAccess">
<language><name>ADQL</name><version ivo-id="ivo://ivoa.net/std/ADQL#v2.0">2.0</version></language>
<outputLimit><default unit="row">10000</default><hard unit="row">2000000</hard></outputLimit>
<uploadLimit><hard unit="row">200000</hard></uploadLimit>
</capability></vosi:capabilities>"""


@pytest.fixture
def archives(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A server of our own in the place of the three archives."""
    from astroquery.ipac.ned import Ned
    from astroquery.simbad.core import SimbadClass
    from astroquery.vizier.core import VizierClass
    from pyvo.dal import TAPService

    with ThreadingHTTPServer(("127.0.0.1", 0), Archive) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        at = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setattr(SimbadClass, "tap", property(lambda _: TAPService(f"{at}/tap")))
        monkeypatch.setattr(Ned, "OBJ_SEARCH_URL", f"{at}/ned")
        monkeypatch.setattr(
            VizierClass, "_server_to_url", lambda _self, return_type="votable": f"{at}/vizier"
        )
        yield
        server.shutdown()
        thread.join()


@pytest.mark.usefixtures("archives")
@pytest.mark.parametrize(
    ("service", "source", "name"),
    [
        ("simbad", "SIMBAD", "NGC  7777"),
        ("ned", "NED", "NGC 7777"),
        ("vizier:I/355/gaiadr3", "VizieR I/355/gaiadr3", str(IDS)),
    ],
)
def test_an_archive_is_asked_about_the_finds(session: Session, service: str, source: str, name: str):
    told = session.crossmatch(service=service, radius=3)
    assert told.sentence().startswith(f"1 of 5 images has a known object of {source} within 3″.")
    table = session.results.table("found")
    assert [one for one in table["known"].values.to_pylist() if one] == [name]


def test_without_a_network_one_sentence_says_so(session: Session, monkeypatch: pytest.MonkeyPatch):
    from astroquery.ipac.ned import Ned

    monkeypatch.setattr(Ned, "OBJ_SEARCH_URL", "http://127.0.0.1:9/ned")  # nobody listens at "discard"
    with pytest.raises(InputError, match=r"NED could not be asked: .*Check the network, or give a table"):
        session.crossmatch(service="ned")
    assert session.finding.known.sources() == ()


def test_an_archive_that_takes_a_question_and_is_silent_is_waited_for_no_longer_than_said(
    monkeypatch: pytest.MonkeyPatch,
):
    import requests
    from astroquery.simbad import Simbad

    monkeypatch.setattr(services, "_PATIENCE", 0.2)
    simbad = Simbad()
    services._with_patience(simbad._session)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(requests.Timeout):
        simbad._session.post(f"http://127.0.0.1:{silent.getsockname()[1]}/sync", stream=True)


def test_an_object_without_a_name_is_called_by_its_place():
    names = MaskedColumn(["M 31", "?"], mask=[False, True])
    answer = Table({"main_id": names, "ra": [10.0, 11.0], "dec": [41.0, -5.0]})
    told = services._known("SIMBAD", answer, "main_id", "ra", "dec")
    assert told.names == ("M 31", "unnamed at 11.00000 -5.00000")


class Listed:
    """Stands for VizieR's list of catalogues, which is another service of another machine."""

    def __init__(self, *names: str, failure: type[Exception]) -> None:
        self.names, self.failure = names, failure

    def get_catalog_metadata(self, *, catalog: str) -> None:
        if catalog not in self.names:
            raise self.failure(catalog)


def test_a_catalogue_that_vizier_does_not_have_is_refused_with_what_names_look_like():
    from astroquery.exceptions import EmptyResponseError

    with pytest.raises(InputError, match=r"VizieR has no catalogue 'I/355x/gaiadr3'. Copy its name"):
        services._check_catalogue(Listed("I/355", failure=EmptyResponseError), "I/355x/gaiadr3")
    services._check_catalogue(Listed("I/355", failure=EmptyResponseError), "I/355/gaiadr3")
    services._check_catalogue(Listed("J/ApJS/173/185", failure=EmptyResponseError), "J/ApJS/173/185")
    # The list is away: nothing is claimed of the catalogue.
    services._check_catalogue(Listed(failure=ConnectionError), "I/355/gaiadr3")


def test_a_matched_table_reads_back_from_a_file(session: Session, tmp_path: Path):
    session.crossmatch(known(tmp_path / "ngc.csv"))
    session.results.write(tmp_path / "found.csv", "found")
    frame = pd.read_csv(tmp_path / "found.csv")
    assert frame["known"].dropna().tolist() == ["NGC 7777"]

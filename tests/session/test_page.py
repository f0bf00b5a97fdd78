"""The report as one HTML file."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import processes
import pytest
from PIL import Image

from anomalymatch_ui.config import Config
from anomalymatch_ui.session import Session

HOSTILE = "<script>alert('a')</script>&\".png"


class Reader(HTMLParser):
    """Keeps the tags, their attributes, and the text of a page."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(content)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory, quick_once: Config) -> Path:
    """A session on six images, one of a hostile name, and three of them finds."""
    folder = tmp_path_factory.mktemp("page")
    (folder / "images").mkdir()
    random = np.random.default_rng(0)
    names = [HOSTILE.replace("/", "∕"), *(f"{n}.png" for n in range(5))]
    for name in names:
        Image.fromarray(random.integers(0, 255, (24, 24, 3), dtype=np.uint8)).save(folder / "images" / name)
    config = quick_once.with_values(instant=False)
    with Session.open(folder / "session", folder / "images", config=config) as session:
        session.label([names[0]], "anomaly", origin="key")
        session.marking.note(names[0], "<b>bold & brave</b>")
        session.label([names[1]], "anomaly", origin="key")
        session.label([names[2]], "nominal", origin="key")
        session.label([names[3]], "anomaly", origin="key")
    return folder


def test_the_page_shows_finds_curve_and_provenance_and_nothing_of_a_name_runs(searched: Path, tmp_path: Path):
    with Session.open(searched / "session", share=True) as session:
        session.write_report(tmp_path / "report.html")
    page = Reader((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert page.all("script") == page.all("b") == page.all("link") == []
    assert "<script>alert('a')<∕script>&\".png" in page.text
    assert "<b>bold & brave</b>" in page.text
    assert len(page.all("img")) == 3
    assert all((image["src"] or "").startswith("data:image/jpeg;base64,") for image in page.all("img"))
    (curve,) = page.all("svg")
    assert curve["aria-label"] == "3 anomalies found in 4 looks"
    assert "The last 4 looks brought 3 anomalies, one in 1.3." in page.text
    assert session.pool.digest in page.text
    policy = next(its["content"] or "" for its in page.all("meta") if "http-equiv" in its)
    assert "default-src 'none'" in policy
    addresses = [value for _, its in page.tags for key, value in its.items() if key in ("src", "href")]
    assert not any((value or "").startswith("http") for value in addresses)


def test_the_command_writes_it_with_the_first_finds(searched: Path, tmp_path: Path):
    out = tmp_path / "report.html"
    finished = processes.run("report", searched / "session", "--html", out, "--top", 2)
    assert finished.returncode == 0, finished.stderr
    page = Reader(out.read_text(encoding="utf-8"))
    assert len(page.all("img")) == 2
    assert "The first 2 of 3, by rank." in page.text


def test_before_any_find_the_page_says_so(searched: Path, quick: Config, tmp_path: Path):
    config = quick.with_values(instant=False)
    with Session.open(tmp_path / "session", searched / "images", config=config) as session:
        session.write_report(tmp_path / "report.html")
    page = Reader((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert "No image is labelled anomaly yet." in page.text
    assert page.all("svg") == []

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from images import make_pool

from anomalymatch_ui.app.gallery.gallery import Gallery
from anomalymatch_ui.config import Config
from anomalymatch_ui.session import Session

QUICK_TRAINING = {"steps": 2, "labelled_batch": 2, "unlabelled_batch": 2}


@pytest.fixture(scope="session")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pool and a session that has looked at every image once; tests copy both."""
    folder = tmp_path_factory.mktemp("embedded")
    make_pool(folder / "images")
    config = Config.preset("paper").with_values(network={"image_size": 32}, train=QUICK_TRAINING)
    with Session.open(folder / "session", folder / "images", config=config) as session:
        session.rank(wait=True)
    (folder / "session" / "ranking.npz").unlink()
    return folder


@pytest.fixture
def session(embedded: Path, tmp_path: Path) -> Iterator[Session]:
    """A session without labels or a ranking; the first ranking takes it no time."""
    for name in ("images", "session"):
        shutil.copytree(embedded / name, tmp_path / name)
    with Session.open(tmp_path / "session", tmp_path / "images", annotator="ada") as opened:
        yield opened


class Browser:
    """Stands where the browser is: sends messages to a gallery and keeps what the gallery sends."""

    def __init__(self, gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
        self.gallery = gallery
        self.received: list[dict[str, Any]] = []
        self.request = 0
        self.commits = 0
        monkeypatch.setattr(gallery, "send", lambda message, buffers=None: self.received.append(message))

    def send(self, **message: Any) -> None:
        self.gallery._handle_custom_msg(message, [])

    def ask(self, **message: Any) -> dict[str, Any]:
        self.request += 1
        if message["kind"] in self.gallery.commits:
            self.commits += 1
            message["commit"] = self.commits
        self.send(frontend="one", request=self.request, **message)
        return self.answers(self.request)[-1]

    def answers(self, request: int) -> list[dict[str, Any]]:
        return [message for message in self.received if message.get("request") == request]

    def of_kind(self, kind: str) -> list[dict[str, Any]]:
        return [message for message in self.received if message["kind"] == kind]


@pytest.fixture
def gallery(session: Session) -> Iterator[Gallery]:
    gallery = Gallery(session, page_size=10)
    yield gallery
    gallery.close()


@pytest.fixture
def browser(gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> Browser:
    return Browser(gallery, monkeypatch)

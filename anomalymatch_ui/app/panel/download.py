"""The dialog by which results come to the computer where the browser runs."""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any, TypeVar

import ipyvuetify
import traitlets

from anomalymatch_ui.errors import AnomalyMatchError
from anomalymatch_ui.session import Session
from anomalymatch_ui.session.outcome.results import WHAT, What, counted
from anomalymatch_ui.session.outcome.samp import Sent
from anomalymatch_ui.tables import FORMATS, SUFFIX_OF, Format

TABLES = {
    "ranking": "Ranking: every image, the likeliest anomaly first",
    "labels": "Labels: the images that have one, and who gave it when",
    "found": "Finds: the images labelled anomaly",
    "completeness": "Completeness: what share of painted objects the search finds",
    "selection": "Selection function: what share of all anomalies was found, and what going on would bring",
    "injected": "Painted objects: each with its place in the order",
}
TITLES = {
    "csv": "CSV",
    "ecsv": "ECSV (astropy)",
    "votable": "VOTable (TOPCAT)",
    "fits": "FITS",
    "parquet": "Parquet",
}
TYPES = {
    "csv": "text/csv",
    "ecsv": "text/plain",
    "votable": "application/x-votable+xml",
    "fits": "application/fits",
    "parquet": "application/vnd.apache.parquet",
}

Result = TypeVar("Result")

logger = logging.getLogger(__name__)

PART = 4 * 2**20
"""Bytes of a message: some proxies close a connection over which more than 10 MiB come at one time."""


class DownloadDialog(ipyvuetify.VuetifyTemplate):  # type: ignore[misc]
    """Asks which table in which format, and sends the file to the browser, which keeps it as any download.

    Parameters
    ----------
    session
        Whose results these are.
    write_labels
        Writes ``labels.csv`` into the session's folder, and returns where.
    loop
        The kernel's; tables are made beside it, so that labels do not wait. ``None`` makes them at once.
    """

    template_file = (__file__, "download.vue")

    opened = traitlets.Bool(False).tag(sync=True)
    tables: traitlets.List[dict[str, str]] = traitlets.List().tag(sync=True)
    formats: traitlets.List[dict[str, str]] = traitlets.List().tag(sync=True)
    at_work = traitlets.Bool(False).tag(sync=True)
    note = traitlets.Unicode().tag(sync=True)
    refusal = traitlets.Unicode().tag(sync=True)

    def __init__(
        self,
        session: Session,
        write_labels: Callable[[], Path],
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._session = session
        self._write_labels = write_labels
        self._loop = loop
        self._worker = ThreadPoolExecutor(1, "download")
        super().__init__(
            tables=[{"value": what, "title": TABLES[what]} for what in WHAT],
            formats=[{"value": form, "title": TITLES[form]} for form in FORMATS],
        )
        self.add_class("am-settings-host")

    def show(self) -> None:
        """Open the dialog."""
        self.note = self.refusal = ""
        self.opened = True

    def vue_fetch(self, wanted: Mapping[str, str]) -> None:
        """Download was clicked."""
        self.note = self.refusal = ""
        form: Format = wanted["form"]  # type: ignore[assignment]  # the dialog offers no other
        name = f"{self._session.pool.name}-{wanted['what']}{SUFFIX_OF[form]}"
        self._work(lambda: self._made(wanted), lambda made: self._deliver(*made, name, TYPES[form]))

    def vue_send_on(self, wanted: Mapping[str, str]) -> None:
        """Send to TOPCAT was clicked."""
        self.note = self.refusal = ""
        what: What = wanted["what"]  # type: ignore[assignment]  # the dialog offers no other
        self._work(lambda: self._session.samp.send(what), self._say_sent)

    def vue_keep_labels(self, _data: Any = None) -> None:
        """Put labels.csv into the session's folder, for its button was clicked."""
        self.note = self.refusal = ""
        try:
            self.note = f"Written to {self._write_labels()}."
        except AnomalyMatchError as error:
            self.refusal = str(error)

    def close(self) -> None:
        """End it."""
        self._worker.shutdown(wait=False, cancel_futures=True)
        super().close()

    def _made(self, wanted: Mapping[str, str]) -> tuple[bytes, str]:
        """Return the file, and what to say of it."""
        with tempfile.TemporaryDirectory(prefix="anomalymatch-") as folder:
            path = Path(folder) / "table"
            table = self._session.results.write(path, wanted["what"], wanted["form"])  # type: ignore[arg-type]
            rows = counted(table, wanted["what"])  # type: ignore[arg-type]
            return path.read_bytes(), " ".join([f"{rows}.", *table.remarks])

    def _work(self, work: Callable[[], Result], then: Callable[[Result], None]) -> None:
        """Do some work beside the loop, then say on the loop what came of it, or why nothing did."""

        def end(done: Future[Result]) -> None:
            self.at_work = False
            error = done.exception()
            if error is None:
                then(done.result())
            else:
                self.refusal = str(error) if isinstance(error, AnomalyMatchError) else _unexpected(error)

        loop, submitted = self._loop, self._worker.submit(work)
        if loop is None:
            wait([submitted])
            end(submitted)
            return
        self.at_work = True
        submitted.add_done_callback(lambda done: loop.call_soon_threadsafe(end, done))

    def _say_sent(self, sent: Sent) -> None:
        if sent.received:
            self.note = sent.sentence()
        else:
            self.refusal = sent.sentence()

    def _deliver(self, content: bytes, said: str, name: str, kind: str) -> None:
        parts = [content[start : start + PART] for start in range(0, len(content), PART)] or [b""]
        for number, part in enumerate(parts):
            self.send({"method": "part", "args": [name, kind, number, len(parts)]}, [part])
        self.note = f"{name}: {said}"


def _unexpected(error: BaseException) -> str:
    """Return what to say of a fault of ours, which is logged whole."""
    logger.error("A table could not be made", exc_info=error)
    return (
        f"The table could not be made: {type(error).__name__}: {error}. Your labels are safe; another "
        "format may work. Please report it."
    )

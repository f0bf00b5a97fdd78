"""The drawer at the right of the gallery: charts of the search, and the map."""

from __future__ import annotations

import asyncio
import math
from pathlib import Path
from typing import Any, Literal

import anywidget
import numpy as np
import traitlets

from anomalymatch_ui.app.bridge import Bridge
from anomalymatch_ui.app.inbox import Inbox
from anomalymatch_ui.app.pictures.map import Lists, Map
from anomalymatch_ui.app.scripts import joined
from anomalymatch_ui.errors import AnomalyMatchError
from anomalymatch_ui.session import Session, Status
from anomalymatch_ui.session.charts.mapping import MapState
from anomalymatch_ui.session.charts.pictures import Discovery, Precision, ScoreHistogram

Tab = Literal["charts", "map"]

ROOM = Path(__file__).parent


class Pictures(anywidget.AnyWidget):  # type: ignore[misc]
    """Charts and a map, hidden until they are asked for; nothing is computed while they are hidden.

    Parameters
    ----------
    session
        Whose pictures these are.
    gallery
        Where images that were chosen on the map are shown.
    loop
        The kernel's loop, on which maps made in a thread are shown; ``None`` in a script.

    Attributes
    ----------
    shown
        Whether the drawer is open; a trait.
    tab
        ``"charts"`` or ``"map"``; a trait.
    map
        The map: ``show``, ``select``, ``selected``, ``show_image``.
    """

    _esm = joined(ROOM / "main.js")
    _css = ROOM / "pictures.css"

    shown = traitlets.Bool(False).tag(sync=True)
    tab = traitlets.Enum(["charts", "map"], "charts").tag(sync=True)
    charts = traitlets.Dict().tag(sync=True)
    map_state = traitlets.Dict().tag(sync=True)

    def __init__(
        self, session: Session, gallery: Lists, *, loop: asyncio.AbstractEventLoop | None = None
    ) -> None:
        super().__init__()
        self._session = session
        self._drawn: object = None
        self.map = Map(session, gallery, self)
        self._inbox = Inbox(lambda message, buffers: self.send(message, buffers), self._refuse)
        self.map.take_messages(self._inbox)
        self._bridge: Bridge[MapState] = Bridge(lambda _state: self._refresh(), loop)
        self._unsubscribe = session.pictures.mapper.subscribe(self._bridge.publish)
        self.add_class("am-pictures")
        self.on_msg(self._receive)
        self.observe(self._open, ["shown", "tab"])

    def __repr__(self) -> str:
        return f"<Pictures of {self._session.pool.name}: {self.tab if self.shown else 'hidden'}>"

    def show(self, tab: Tab | None = None) -> None:
        """Open the drawer, at the charts or the map; ``None`` leaves the tab as it is."""
        with self.hold_sync():
            if tab is not None:
                self.tab = tab
            self.shown = True

    def hide(self) -> None:
        """Close the drawer."""
        self.shown = False

    def heed(self, _status: Status) -> None:
        """Take notice of labels and rankings that may have come."""
        self._refresh()

    def refresh(self) -> None:
        """Show the charts and the map as they are now. In a script no loop does it by itself."""
        self._bridge.drain()
        self._refresh()

    def close(self) -> None:
        """Leave the page."""
        self._unsubscribe()
        self._bridge.close()
        super().close()

    def _open(self, _change: object) -> None:
        self.map.opened()
        self._refresh()

    def _refresh(self) -> None:
        if not self.shown:
            return
        if self.tab == "map":
            self.map.refresh()
            return
        state = (self._session.labels(), self._session.ranking().version)
        if self._drawn is None or state != self._drawn:
            self._drawn = state
            self.charts = self._draw()

    def _draw(self) -> dict[str, Any]:
        pictures = self._session.pictures
        try:
            return {
                "histogram": _histogram(pictures.histogram()),
                "discovery": _discovery(pictures.discovery()),
                "precision": _precision(pictures.precision()),
            }
        except AnomalyMatchError as error:
            return {"refusal": str(error)}

    def _receive(self, _widget: Any, message: dict[str, Any], buffers: list[memoryview]) -> None:
        self._inbox.receive({**message, "buffers": buffers})

    def _refuse(self, sentence: str) -> None:
        self.map_state = {**self.map_state, "sentence": sentence}


def _histogram(histogram: ScoreHistogram) -> dict[str, Any]:
    return {
        "edges": histogram.edges.tolist(),
        "counts": histogram.counts.tolist(),
        "labelled": {label: counts.tolist() for label, counts in histogram.labelled.items()},
        "calibrated": histogram.calibrated,
        "unscored": histogram.unscored,
    }


def _discovery(curve: Discovery) -> dict[str, Any]:
    arrays = {name: getattr(curve, name) for name in ("looked", "found", "ahead", "expected", "low", "high")}
    return {**{name: _numbers(values) for name, values in arrays.items()}, "imported": curve.imported}


def _precision(precision: Precision) -> dict[str, Any]:
    names = ("top", "labelled", "anomalies", "share", "low", "high")
    return {name: _numbers(getattr(precision, name)) for name in names}


def _numbers(values: np.ndarray) -> list[float | None]:
    """Return numbers as JSON knows them, which has no NaN, with as many digits as can be seen."""
    return [round(value, 4) if math.isfinite(value) else None for value in values.tolist()]

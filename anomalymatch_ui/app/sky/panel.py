"""A panel with Aladin Lite: the objects of the gallery's page on the sky, selected from either side.

ipyaladin has no script of Aladin Lite with it: the browser fetches that from the network, and so it does the
images of the sky. Nothing of it is asked for before somebody opens the panel; where the script cannot be had,
a sentence says so, and ipyaladin's widget, which would fail without a word, is not shown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import anywidget
import ipywidgets
import numpy as np
import traitlets

from anomalymatch_ui.app.scripts import APP, joined
from anomalymatch_ui.errors import AnomalyMatchError, InputError
from anomalymatch_ui.session import Session
from anomalymatch_ui.sky import separations, unit_vectors
from anomalymatch_ui.wording import counted

_FETCHED = re.compile(r"""from\s*["'](https?://[^"']+)["']""")
_COLOURS = {"objects": "#56b4e9", "selected": "#e69f00"}
_CLOSE = 0.03
"""Degrees across where one object is looked at: some 2 minutes of arc."""
_WIDEST = 180.0


class SkyGallery(Protocol):
    """What is needed of a gallery."""

    page: dict[str, Any]
    selection: list[str]

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of the images on its page."""

    def select(self, ids: Iterable[str]) -> None:
        """Select images of its page."""

    def observe(self, handler: Callable[[Any], None], names: str | list[str]) -> None:
        """Be told of changed traits."""

    def unobserve(self, handler: Callable[[Any], None], names: str | list[str]) -> None:
        """Be told no longer."""


class _Head(anywidget.AnyWidget):  # type: ignore[misc]
    """What the panel says, and whether the browser can have the script."""

    _esm = joined(APP / "sky" / "sky.js")
    _css = (APP / "sky" / "sky.css").read_text("utf-8")

    sentence = traitlets.Unicode().tag(sync=True)
    address = traitlets.Unicode().tag(sync=True)


class SkyPanel(ipywidgets.VBox):  # type: ignore[misc]
    """Shows the page's objects in Aladin Lite, and selects cards and objects together.

    Parameters
    ----------
    session
        Whose images have the positions.
    gallery
        Whose page is shown.

    Attributes
    ----------
    aladin
        ipyaladin's widget while it is shown, for scripts; else ``None``.
    """

    def __init__(self, session: Session, gallery: SkyGallery) -> None:
        self._session = session
        self._gallery = gallery
        self._head = _Head()
        self._head.add_class("am-sky-head")
        self._head.on_msg(self._hear)
        self._number = 0
        self._layers: dict[str, str] = {}
        self._is_from_aladin = False
        self.aladin: Any = None
        super().__init__(layout=ipywidgets.Layout(display="none"))
        self.add_class("am-sky")

    @property
    def shown(self) -> bool:
        """Whether the panel is open."""
        return bool(self.children)

    @property
    def sentence(self) -> str:
        """What it says; empty while there is nothing to say."""
        return str(self._head.sentence)

    def show(self) -> None:
        """Open the panel.

        Raises
        ------
        InputError
            If ipyaladin is not installed.
        """
        if self.shown:
            return
        script = _script_of(_ipyaladin())
        self._head.sentence = "Looking for Aladin Lite …"
        self._head.address = script
        self.children = [self._head]
        self.layout.display = None
        self._gallery.observe(self._follow, ["page", "selection"])
        if not script:  # of a version that has the script with it
            self._begin()

    def hide(self) -> None:
        """Close the panel, and Aladin Lite with it."""
        if not self.shown:
            return
        self._gallery.unobserve(self._follow, ["page", "selection"])
        self.children = []
        self.layout.display = "none"
        self._head.address = self._head.sentence = ""
        aladin, self.aladin, self._layers = self.aladin, None, {}
        if aladin is not None:
            aladin.close()

    def toggle(self) -> None:
        """Open the panel, or close it. Raises as :meth:`show`."""
        (self.hide if self.shown else self.show)()

    def close(self) -> None:
        """Leave the page."""
        self.hide()
        self._head.close()
        super().close()

    def _hear(self, _widget: Any, message: dict[str, Any], _buffers: Any) -> None:
        if message.get("kind") == "close":
            self.hide()
        elif message.get("kind") == "looked" and message.get("address") == self._head.address and self.shown:
            if message.get("reached"):
                self._begin()
            else:
                host = urlsplit(self._head.address).hostname
                self._head.sentence = (
                    f"Aladin Lite cannot be shown: this browser cannot fetch its script from {host}. "
                    "Everything else works as before; the close-up (Space) has the position, and links to "
                    "sky archives."
                )

    def _begin(self) -> None:
        """Show Aladin Lite; what belongs on it is drawn when the browser has loaded it."""
        if self.aladin is not None:
            return
        self.aladin = _ipyaladin().Aladin(height=-1, fov=_WIDEST)
        self.aladin.add_class("am-sky-map")
        # Its own listeners are one table for all its widgets of a kernel, another dashboard's among them.
        self.aladin.on_msg(self._hear_aladin)
        self.aladin.observe(lambda _change: self._draw(), "_is_loaded")
        self._head.sentence = "Loading Aladin Lite …"
        self.children = [self._head, self.aladin]

    def _hear_aladin(self, _widget: Any, message: dict[str, Any], _buffers: Any) -> None:
        """Select the cards of the objects that were clicked, or surrounded, in Aladin Lite."""
        content = message.get("content")
        if message.get("event_type") == "object_clicked":
            chosen = [content]
        elif message.get("event_type") == "select":
            chosen = list(content or ())
        else:
            return
        on_page = frozenset(self._gallery.ids)
        named = [(one or {}).get("data") or {} for one in chosen]
        ids = dict.fromkeys(str(data["id"]) for data in named if str(data.get("id")) in on_page)
        if ids or message.get("event_type") == "select":
            self._is_from_aladin = True
            try:
                self._gallery.select(ids)
            finally:
                self._is_from_aladin = False

    def _follow(self, change: Any) -> None:
        if self.aladin is None or not self.aladin._is_loaded:
            return
        if change["name"] == "page":
            self._draw()
        else:
            self._draw_selected(move=not self._is_from_aladin)

    def _draw(self) -> None:
        if self.aladin is None or not self.aladin._is_loaded:
            return
        ids, ra, dec = self._placed(self._gallery.ids)
        cards = len(self._gallery.ids)
        self._head.sentence = (
            f"Marked: {len(ids):,} of {counted(cards, 'image')} on this page."
            if ids
            else "No image on this page has a position, neither in a table nor in its own file."
        )
        self._layer("objects", ids, ra, dec)
        if ids:
            self._look_at(ra, dec)
        self._draw_selected(move=bool(self._gallery.selection))

    def _draw_selected(self, *, move: bool) -> None:
        ids, ra, dec = self._placed(self._gallery.selection)
        self._layer("selected", ids, ra, dec)
        if move and ids:
            self._look_at(ra, dec)

    def _layer(self, name: str, ids: list[str], ra: np.ndarray, dec: np.ndarray) -> None:
        """Put objects into a layer, in place of the one of that name."""
        from astropy.table import Table

        former = self._layers.pop(name, None)
        if former is not None and former in self.aladin.overlays:  # a person may have removed it
            self.aladin.remove_overlay(former)
        if not ids:
            return
        labels = self._session.labels()
        table = Table({"id": ids, "ra": ra, "dec": dec, "label": [labels.get(one, "") for one in ids]})
        for column in ("ra", "dec"):
            table[column].unit = "deg"
        # Each has a name of its own, for the browser's word that one has gone comes after the next is there.
        self._number += 1
        self._layers[name] = f"{name} {self._number}"
        look = {"shape": "circle", "source_size": 18 if name == "objects" else 26}
        self.aladin.add_table(table, name=self._layers[name], color=_COLOURS[name], **look)

    def _look_at(self, ra: np.ndarray, dec: np.ndarray) -> None:
        """Centre on objects, so that all are seen."""
        from astropy.coordinates import SkyCoord

        middle = unit_vectors(ra, dec).mean(axis=0)
        far = np.inf
        if np.linalg.norm(middle) > 1e-6:
            at = (float(np.degrees(np.arctan2(middle[1], middle[0])) % 360), _latitude(middle))
            far = float(separations(ra, dec, at).max()) / 3600
        if far > _WIDEST / 2:  # no view holds all of them
            at, far = (float(ra[0]), float(dec[0])), 0.0
        self.aladin.target = SkyCoord(*at, unit="deg")
        self.aladin.fov = min(max(2.4 * far, _CLOSE), _WIDEST)

    def _placed(self, ids: Iterable[str]) -> tuple[list[str], np.ndarray, np.ndarray]:
        """Return those that have a position, and where they are."""
        names, pool = [name for name in ids if name in self._session.pool], self._session.pool
        try:
            ra, dec = self._session.finding.places.at(
                np.array([pool.index(name) for name in names], np.int64)
            )
        except AnomalyMatchError as error:  # a table that has gone meanwhile
            self._head.sentence = str(error)
            return [], np.empty(0), np.empty(0)
        here = np.isfinite(ra) & np.isfinite(dec)
        return [name for name, there in zip(names, here, strict=True) if there], ra[here], dec[here]


def _latitude(direction: np.ndarray) -> float:
    return float(np.degrees(np.arctan2(direction[2], np.hypot(direction[0], direction[1]))))


def _ipyaladin() -> Any:
    """Return ipyaladin. Raises ``InputError`` where it is not installed."""
    try:
        import ipyaladin
    except ImportError as error:
        raise InputError(
            "The sky is shown by Aladin Lite, which needs ipyaladin. Install it by `pip install "
            "'anomalymatch-ui[sky]'`, then open the dashboard again."
        ) from error
    return ipyaladin


def _script_of(ipyaladin: Any) -> str:
    """Return the address from which ipyaladin's widget fetches Aladin Lite; empty if it has it with it."""
    source = Path(ipyaladin.__file__).parent / "static" / "widget.js"
    try:
        found = _FETCHED.search(source.read_text("utf-8"))
    except OSError:  # of a version that is built otherwise
        return ""
    return found[1] if found else ""

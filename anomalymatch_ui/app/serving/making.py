"""The page on which the simulated survey is made, before there is anything to show."""

from __future__ import annotations

import asyncio
import atexit
import html
import logging
import threading
from typing import Any

import ipywidgets

from anomalymatch_ui.app.bridge import Bridge
from anomalymatch_ui.app.dashboard import Dashboard
from anomalymatch_ui.app.missing import shown_by
from anomalymatch_ui.app.serving.environment import FITS, Wanted
from anomalymatch_ui.app.serving.error_page import ErrorPage
from anomalymatch_ui.app.theme.theme import CSS
from anomalymatch_ui.demo import survey
from anomalymatch_ui.errors import AnomalyMatchError

logger = logging.getLogger(__name__)

_INTERVAL = 0.25
"""Seconds between two states of the bar."""

_ATTENTION = 10.0
"""Seconds that the end of a kernel waits for the making to remove what it has begun; it takes one image."""


class _LeftError(Exception):
    """The page was closed."""


class MakingPage:
    """Shows how the survey of the demo is made, and then the dashboard in its place.

    Parameters
    ----------
    wanted
        What to open when it is made; see :meth:`~anomalymatch_ui.app.serving.environment.Wanted.of_demo`.
    loop
        The kernel's loop, on which the dashboard is opened; ``None`` in a script, which calls :meth:`finish`.

    Attributes
    ----------
    widget
        What a notebook shows.
    dashboard
        The dashboard, as soon as there is one.
    """

    def __init__(self, wanted: Wanted, loop: asyncio.AbstractEventLoop | None) -> None:
        self._wanted = wanted
        self._loop = loop
        self._left = threading.Event()
        self._failure: AnomalyMatchError | None = None
        self.dashboard: Dashboard | None = None
        self._told = ipywidgets.HTML(_in_words(wanted, 0, 0))
        self._told.layout.width = "100%"
        self.widget = ipywidgets.Box([self._told])
        self._bridge: Bridge[tuple[int, int]] = Bridge(self._tell, loop, _INTERVAL)
        self._thread = threading.Thread(target=self._make, daemon=True)
        self._thread.start()
        atexit.register(self.close)

    def __repr__(self) -> str:
        return "<MakingPage: the survey of the demo is being made>"

    def _repr_mimebundle_(self, **options: Any) -> Any:
        return shown_by(self.widget, repr(self), **options)

    def finish(self) -> None:
        """Wait until the survey is made and open the dashboard; on the loop's thread."""
        self._thread.join()
        self._open()

    def close(self) -> None:
        """Make no more of the survey, and leave nothing half-made behind."""
        atexit.unregister(self.close)
        self._left.set()
        self._bridge.close()
        self._thread.join(_ATTENTION)
        if self.dashboard is not None:
            self.dashboard.close()

    def _make(self) -> None:
        try:
            survey(progress=self._advance, fits=self._wanted.demo == FITS)
        except _LeftError:
            return
        except AnomalyMatchError as error:
            self._failure = error
        except Exception as error:  # else the bar would stand still, and nobody would know why
            logger.exception("The survey of the demo could not be made.")
            self._failure = AnomalyMatchError(
                f"The survey could not be made: {type(error).__name__}: {error}. Please report it."
            )
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._open)

    def _advance(self, done: int, total: int) -> None:
        if self._left.is_set():
            raise _LeftError
        self._bridge.publish((done, total))

    def _tell(self, made: tuple[int, int]) -> None:
        if self.dashboard is None:
            self._told.value = _in_words(self._wanted, *made)

    def _open(self) -> None:
        if self._left.is_set() or self.dashboard is not None:
            return
        if self._failure is not None:
            self.widget.children = (ErrorPage(str(self._failure)).widget,)
            return
        try:
            self.dashboard = Dashboard(self._wanted.open())
        except AnomalyMatchError as error:
            self.widget.children = (ErrorPage(str(error)).widget,)
            return
        except Exception as error:  # as above: a loop tells nobody what its callbacks raise
            logger.exception("The demo could not be opened.")
            told = f"The demo could not be opened: {type(error).__name__}: {error}. Please report it."
            self.widget.children = (ErrorPage(told).widget,)
            return
        self._bridge.close()
        self.widget.children = (self.dashboard.widget,)


def _in_words(wanted: Wanted, done: int, total: int) -> str:
    known = f' max="{total}" value="{done}"' if total else ""
    count = f"{done:,} of {total:,} images" if total else "Beginning …"
    return (
        f'<style>{CSS}</style><div class="am-making-page"><h1>Simulating a survey of 2,000 images</h1>'
        f"<p>Galaxies, stars and blank fields, with 32 {html.escape(wanted.aim)} among them. Five of these "
        "are labelled for you; the others are yours to find.</p>"
        f'<progress aria-label="images made"{known}></progress><p>{count}</p>'
        "<p>It is made once, in about half a minute. The images then open here.</p></div>"
    )

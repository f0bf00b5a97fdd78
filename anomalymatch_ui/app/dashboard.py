"""The dashboard: panel and gallery on one session, and the methods behind every button."""

from __future__ import annotations

import atexit
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import ipywidgets

from anomalymatch_ui.app.bridge import Bridge, kernel_loop
from anomalymatch_ui.app.gallery.gallery import Gallery
from anomalymatch_ui.app.missing import REMEDY, remedy_where_widgets_are_missing, shown_by
from anomalymatch_ui.app.panel.download import DownloadDialog
from anomalymatch_ui.app.panel.panel import Panel
from anomalymatch_ui.app.pictures.pictures import Pictures
from anomalymatch_ui.app.settings.settings import SettingsDialog, suggested
from anomalymatch_ui.app.sky.panel import SkyPanel
from anomalymatch_ui.app.theme.theme import Theme
from anomalymatch_ui.docstrings import as_in
from anomalymatch_ui.errors import AnomalyMatchError
from anomalymatch_ui.session import Cycle, Outlook, Session, Status
from anomalymatch_ui.session.labelling.marking import Marking


class Dashboard:
    """Shows a session in a notebook or in Voilà. All that can be clicked can be called.

    Parameters
    ----------
    session
        The session to show. The dashboard closes it with :meth:`close`, or when the kernel ends.
    page_size
        Cards on a page; ``None`` takes what the person chose last in this browser, at first 60.

    Attributes
    ----------
    gallery
        The cards: ``label``, ``undo``, ``redo``, ``next_page``, ``previous_page``, ``show_page``.
    panel
        Counts and training.
    pictures
        Charts and a map, in a drawer: ``show``, ``hide``, ``map.select``, ``map.selected``.
    settings
        The dialog of settings.
    sky
        Aladin Lite with the page's objects: ``show``, ``hide``, ``aladin``.
    download
        The dialog by which results come to the browser's computer.
    widget
        All of them; what a notebook shows.

    Examples
    --------
    >>> dashboard = Dashboard(Session.open("my.session"))  # doctest: +SKIP
    >>> dashboard.gallery.label(dashboard.gallery.ids[:1], "anomaly")  # doctest: +SKIP
    >>> dashboard.train()  # doctest: +SKIP
    """

    def __init__(self, session: Session, *, page_size: int | None = None) -> None:
        self._page_size = page_size
        self._theme = Theme()
        self.widget = ipywidgets.HBox()
        self.widget.add_class("anomalymatch")
        self._show(session)
        atexit.register(self.close)

    def _show(self, session: Session) -> None:
        """Put panel, gallery and the rest on a session, in the place of those that were there."""
        self.session = session
        loop = kernel_loop()
        self.gallery = Gallery(session, loop=loop, page_size=self._page_size)
        self.panel = Panel(
            session.pool.name,
            session.status,
            {
                "write_aim": self._telling(self.write_aim),
                "train": self._telling(self.train),
                "adapt": self._telling(self.adapt),
                "pause": self._telling(self._pause_or_resume),
                "stop": self._telling(self.stop),
                "download": self._telling(self.show_download),
                "settings": self._telling(self.show_settings),
                "train_every": self._telling(self.train_automatically),
                "go_back": self._telling(self.go_back),
                "pin": self._telling(self.pin),
            },
            self._theme,
        )
        self.gallery.commands["train"] = lambda _message: self.train()
        self.gallery.commands["sky"] = lambda _message: self.sky.toggle()
        self.gallery.commands["use for the network"] = lambda _message: self.use_for_network()
        self.pictures = Pictures(session, self.gallery, loop=loop)
        self.settings = SettingsDialog(
            lambda: session.config,
            lambda values, preset: self.configure(values, preset=preset),
            lambda: suggested(session.insight.outlook()),
        )
        self.download = DownloadDialog(session, self.export_labels, loop)
        self.sky = SkyPanel(session, self.gallery)
        parts = self.panel, self.gallery, self.pictures, self.sky, self.settings, self.download
        self.widget.children = (*parts, remedy_where_widgets_are_missing())
        self._foreseen: tuple[Any, Outlook] = (None, session.insight.outlook())
        self._cycles: tuple[Cycle, ...] = session.cycles.all()
        self.panel.heed(session.status, self._foreseen[1], self._cycles, session.train_every)
        self._bridge: Bridge[Status] = Bridge(self._heed, loop)
        self._unsubscribe = session.subscribe(self._bridge.publish)
        if session.status.state == "idle" and not session.status.read_only:
            session.resume()  # what ran on the page that was left
        status = session.status
        may_rank = status.state == "idle" and status.written_elsewhere is None and not status.read_only
        if may_rank and (session.ranking().version == 0 or session.outdated):
            session.rank()

    def __repr__(self) -> str:
        return f"<Dashboard of {self.session.pool.name}: {self.gallery!r}>"

    def _repr_mimebundle_(self, **options: Any) -> Any:
        return shown_by(self.widget, f"{self!r}\n{REMEDY}", **options)

    @property
    def theme(self) -> str:
        """``"auto"``, ``"dark"`` or ``"light"``; set, it is kept by the browser. Auto follows JupyterLab.

        Raises
        ------
        InputError
            If another one is set.
        """
        return self._theme.choice or "auto"

    @theme.setter
    def theme(self, choice: str) -> None:
        self._theme.choice = choice

    @property
    def export_path(self) -> Path:
        """Where :meth:`export_labels` writes: ``labels.csv`` in the session's folder."""
        return self.session.path / "labels.csv"

    @as_in(Marking.write_aim)
    def write_aim(self, text: str) -> None:
        """Keep a line with the session that says what is looked for."""
        self.session.marking.write_aim(text)

    @as_in(Session.train)
    def train(self, steps: int | None = None) -> None:
        """Train one cycle in the background, then rank the images by it."""
        self.session.train(steps)

    @as_in(Session.adapt)
    def adapt(self) -> None:
        """Adapt the network to the pool in the background, without labels."""
        self.session.adapt()

    def pause(self) -> None:
        """Hold the training after the step it is at."""
        self.session.pause()

    def resume(self) -> None:
        """Go on after a pause, or with what ran when the session was left, as a page that opens does."""
        self.session.resume()

    def stop(self) -> None:
        """Stop the job after the step it is at; :meth:`train` goes on from there."""
        self.session.stop()

    @as_in(Session.go_back)
    def go_back(self, cycle: int) -> None:
        """Let an earlier cycle order the images until the next one is finished."""
        self.session.go_back(cycle)

    @as_in(Session.pin)
    def pin(self, cycle: int, pinned: bool = True) -> None:
        """Keep a cycle's network and scores for good, or no longer than those of other cycles."""
        self.session.pin(cycle, pinned)

    def train_automatically(self, labels: int | str) -> None:
        """Let a cycle start by itself after every so many new labels.

        Parameters
        ----------
        labels
            How many; 0 or ``"off"`` for never.

        Raises
        ------
        SettingsError
            If that is no number of labels.
        """
        off = isinstance(labels, str) and labels.strip().lower() == "off"
        self.configure({"train.every": 0 if off else labels})

    def configure(self, values: Mapping[str, Any], *, preset: str | None = None) -> None:
        """Change settings, and rank the images by them where they change the order.

        Parameters
        ----------
        values
            New values by the names of the settings, such as ``{"train.steps": 80}``.
        preset
            Start from a preset, such as ``"paper"``, instead of the current settings.

        Raises
        ------
        SettingsError
            With a sentence for each setting that is unknown, out of range, or cannot change while a job runs.
        """
        if self.session.configure(values, preset=preset) and self.session.status.state == "idle":
            self.session.rank()

    def use_for_network(self) -> None:
        """Let the network see the images as the cards show them; see :meth:`Session.seen_anew`.

        Panel and gallery are new ones afterwards, of the session opened anew.

        Raises
        ------
        AnomalyMatchError
            As there.
        """
        session = self.session.seen_anew()
        self._leave()
        self._show(session)

    def show_settings(self) -> None:
        """Open the dialog of settings."""
        self.settings.show()

    def show_download(self) -> None:
        """Open the dialog that downloads the ranking, the labels or the finds."""
        self.download.show()

    def apply_ranking(self) -> None:
        """Show the newest ranking; see :meth:`Gallery.apply_ranking`."""
        self.gallery.apply_ranking()

    def export_labels(self) -> Path:
        """Write the labels to :attr:`export_path` and say so in the panel.

        Raises
        ------
        StorageError
            If the disk refuses.
        """
        number = self.session.export_labels(self.export_path)
        self.panel.note = f"{number:,} {'label' if number == 1 else 'labels'} written to {self.export_path}"
        return self.export_path

    def refresh(self) -> None:
        """Show the session as it is now. In a script no loop does it by itself."""
        self._bridge.publish(self.session.status)
        self._bridge.drain()
        self.pictures.refresh()

    def close(self) -> None:
        """Close the session and leave the page; twice is as good as once."""
        atexit.unregister(self.close)
        self._leave()
        self.session.close()

    def _leave(self) -> None:
        """Take panel and gallery from the session."""
        self._unsubscribe()
        self._bridge.close()
        self.pictures.close()
        self.sky.close()
        self.download.close()
        self.gallery.close()

    def _heed(self, status: Status) -> None:
        if status.cycle != (self._cycles[-1].number if self._cycles else 0):
            self._cycles = self.session.cycles.all()
        self.panel.heed(status, self._outlook(status), self._cycles, self.session.train_every)
        self.gallery.heed(status)
        self.pictures.heed(status)

    def _outlook(self, status: Status) -> Outlook:
        """Return what to expect, anew only where a label or a ranking has come."""
        state = (status.counts, status.ranking_version)
        if state != self._foreseen[0]:
            self._foreseen = state, self.session.insight.outlook()
        return self._foreseen[1]

    def _pause_or_resume(self) -> None:
        if self.session.status.state in ("pausing", "paused"):
            self.resume()
        else:
            self.pause()

    def _telling(self, action: Callable[..., Any]) -> Callable[..., None]:
        """Wrap an action so that what it cannot do is said in the panel."""

        def carry_out(*chosen: Any) -> None:
            self.panel.refusal = ""
            try:
                action(*chosen)
            except AnomalyMatchError as error:
                self.panel.refusal = str(error)

        return carry_out

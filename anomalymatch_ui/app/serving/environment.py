"""What to open, handed from the command that serves the dashboard to the kernel that shows it."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from anomalymatch_ui.app.serving.variables import (
    ANNOTATOR,
    CLASSES,
    DEMO,
    IMAGES,
    LABELS,
    METADATA,
    PIXELS,
    RADIUS,
    SESSION,
)
from anomalymatch_ui.demo import DemoSurvey
from anomalymatch_ui.errors import InputError, StorageError
from anomalymatch_ui.files import expanded
from anomalymatch_ui.session import Session
from anomalymatch_ui.session.catalogue.metadata import MATCH_RADIUS

Demo = Literal["", "pictures", "fits"]
"""A survey of the demo, or none."""

PICTURES: Final = "pictures"
FITS: Final = "fits"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to open, and for whom.

    Attributes
    ----------
    images
        The pool; ``None`` takes the one the session was made with.
    labels
        A table to import once; ``None`` if there is none.
    session
        The session's folder; ``None`` takes ``<name of the images>.session`` in the current folder.
    annotator
        Name kept with every label; ``None`` takes the user's.
    pixels
        Options of :func:`anomalymatch_ui.open_pool`; what is not given is as the session has it.
    classes
        What the classes of the table of labels stand for; ``None`` takes what the session keeps.
    metadata
        A table about the images; ``None`` takes what the session keeps.
    match_radius
        Seconds of arc between an image and its row of that table at most, where they are matched by position.
    aim
        What is looked for, kept with a new session in which nobody has written it.
    demo
        Which survey of the demo this is, whose images may have to be made first; empty for all else.
    """

    images: Path | None = None
    labels: Path | None = None
    session: Path | None = None
    annotator: str | None = None
    pixels: Mapping[str, Any] = field(default_factory=dict)
    classes: str | Mapping[str, str] | None = None
    metadata: Path | None = None
    match_radius: float = MATCH_RADIUS
    aim: str = ""
    demo: Demo = ""

    @classmethod
    def of_demo(
        cls, session: Path | None = None, annotator: str | None = None, *, fits: bool = False
    ) -> Wanted:
        """Say where the simulated survey is, or shall be; parameters as :class:`Wanted` has them.

        Raises
        ------
        InputError
            If something else is there.
        """
        planned = DemoSurvey.at(fits=fits)
        folder = planned.session if session is None else session
        begun = (expanded(folder) / "config.toml").exists()  # it then says itself how its images are read
        pixels = {} if begun else planned.pixels
        demo: Demo = FITS if fits else PICTURES
        return cls(planned.images, planned.labels, folder, annotator, pixels, aim=planned.aim, demo=demo)

    @property
    def must_be_made(self) -> bool:
        """Whether this is a survey of the demo that is not there yet."""
        return bool(self.demo) and not DemoSurvey.at(fits=self.demo == FITS).is_made

    @classmethod
    def from_environment(cls) -> Wanted | None:
        """Read ``ANOMALYMATCH_IMAGES``, ``_SESSION`` and the others that :meth:`environment` names.

        ``None`` if neither images nor a session are asked for.
        """
        images, labels, session, table = (_path(name) for name in (IMAGES, LABELS, SESSION, METADATA))
        annotator = os.environ.get(ANNOTATOR) or None
        if demo := os.environ.get(DEMO):
            return cls.of_demo(session, annotator, fits=demo == FITS)
        if images is None and session is None:
            return None
        pixels = json.loads(os.environ.get(PIXELS) or "{}")
        classes = json.loads(os.environ.get(CLASSES) or "null")
        radius = float(os.environ.get(RADIUS) or MATCH_RADIUS)
        return cls(images, labels, session, annotator, pixels, classes, table, radius)

    def environment(self) -> dict[str, str]:
        """Return the variables from which :meth:`from_environment` reads this back, in any folder."""
        paths = {
            IMAGES: self.images,
            LABELS: self.labels,
            SESSION: self.session_path,
            METADATA: self.metadata,
        }
        given = {name: "" if path is None else str(expanded(path).absolute()) for name, path in paths.items()}
        classes = dict(self.classes) if isinstance(self.classes, Mapping) else self.classes
        return given | {
            ANNOTATOR: self.annotator or "",
            PIXELS: json.dumps(dict(self.pixels)),
            CLASSES: json.dumps(classes),
            RADIUS: repr(self.match_radius),
            DEMO: self.demo,
        }

    @property
    def session_path(self) -> Path:
        """Where the session is kept.

        Raises
        ------
        InputError
            If neither images nor a session are given.
        """
        if self.session is not None:
            return expanded(self.session)
        if self.images is None:
            raise InputError("Give the path of the images, or that of a session to go on with.")
        images = expanded(self.images).resolve()
        name = images.stem if images.is_file() else images.name
        return Path.cwd() / f"{name or 'images'}.session"

    def open(self, *, check_only: bool = False) -> Session:
        """Open the session, beside other annotators if they have it open.

        A page reloaded in Voilà is a new kernel while the old one is still about to end, so the lock is
        taken over from the same annotator; another annotator keeps it.

        Parameters
        ----------
        check_only
            Take nothing over. Unless an annotator is given, a session that is open elsewhere is refused.

        Raises
        ------
        AnomalyMatchError
            If something given cannot be used.
        """
        with self._place_named():
            session = Session.open(
                self.session_path,
                self.images,
                self.labels,
                annotator=self.annotator,
                pixels=self.pixels,
                classes=self.classes,
                metadata=self.metadata,
                match_radius=self.match_radius,
                take_over=not check_only,
                share=not check_only or self.annotator is not None,
            )
        if self.aim and session.ranking().version == 0 and not session.marking.aim:
            session.marking.write_aim(self.aim)
        return session

    @contextlib.contextmanager
    def _place_named(self) -> Iterator[None]:
        """Say of a disk that refuses a session which nobody has given a place that there may be another."""
        try:
            yield
        except StorageError as error:
            if self.session is not None:
                raise
            raise StorageError(
                f"{error} A session is kept in the current folder, {Path.cwd()}, unless --session (in a "
                "notebook, session=) names another place."
            ) from error


def _path(name: str) -> Path | None:
    value = os.environ.get(name, "")
    return Path(value) if value else None

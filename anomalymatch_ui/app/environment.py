"""What to open, handed from the command that serves the dashboard to the kernel that shows it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.session import Session

IMAGES = "ANOMALYMATCH_IMAGES"
LABELS = "ANOMALYMATCH_LABELS"
SESSION = "ANOMALYMATCH_SESSION"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Paths of what to open.

    Attributes
    ----------
    images
        The pool; ``None`` takes the one the session was made with.
    labels
        A table to import once; ``None`` if there is none.
    session
        The session's folder; ``None`` takes ``<name of the images>.session`` in the current folder.
    """

    images: Path | None = None
    labels: Path | None = None
    session: Path | None = None

    @classmethod
    def from_environment(cls) -> Wanted | None:
        """Read ``ANOMALYMATCH_IMAGES``, ``_LABELS`` and ``_SESSION``; ``None`` if nothing is asked for."""
        images, labels, session = (_path(name) for name in (IMAGES, LABELS, SESSION))
        return None if images is None and session is None else cls(images, labels, session)

    def environment(self) -> dict[str, str]:
        """Give the variables from which :meth:`from_environment` reads this back, in any folder."""
        paths = {IMAGES: self.images, LABELS: self.labels, SESSION: self.session_path}
        return {name: "" if path is None else str(path.absolute()) for name, path in paths.items()}

    @property
    def session_path(self) -> Path:
        """Where the session is kept.

        Raises
        ------
        InputError
            If neither images nor a session are given.
        """
        if self.session is not None:
            return self.session
        if self.images is None:
            raise InputError("Give the path of the images, or that of a session to go on with.")
        return Path.cwd() / f"{self.images.absolute().stem or 'images'}.session"

    def open(self, annotator: str | None = None, *, take_over: bool = True) -> Session:
        """Open the session.

        By default the pen is taken over: reloading a page served by Voilà starts a new kernel while the
        old one is still about to end.

        Raises
        ------
        AnomalyMatchError
            If something given cannot be used.
        """
        return Session.open(
            self.session_path, self.images, self.labels, annotator=annotator, take_over=take_over
        )


def _path(name: str) -> Path | None:
    value = os.environ.get(name, "")
    return Path(value) if value else None

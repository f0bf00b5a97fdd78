"""The entry in the launcher of JupyterLab, on a hub or on Datalabs: a click opens the dashboard.

jupyter-server-proxy finds it by the entry point ``jupyter_serverproxy_servers``, starts the dashboard at the
first click, one a user, and shows it below the user's own server. It is no dependency: where it is not
installed, nothing asks.
"""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path
from typing import Any

from anomalymatch_ui.app.serving.variables import ANNOTATOR, IMAGES, LABELS, SESSION

NAME = "anomalymatch"
"""Of the entry point, which is the path below the user's server, too."""

TOKEN = "ANOMALYMATCH_TOKEN"
"""Variable that tells :func:`anomalymatch_ui.app.serving.serve.serve` which secret to ask for."""

TIMEOUT = 300.0
"""Seconds until the first answer; a first start reads many packages from a disk that may be slow."""


def launcher() -> dict[str, Any]:
    """Return what jupyter-server-proxy starts and shows.

    ``ANOMALYMATCH_IMAGES`` in the environment of the Jupyter server, with ``ANOMALYMATCH_LABELS``,
    ``ANOMALYMATCH_SESSION`` and ``ANOMALYMATCH_ANNOTATOR`` if wanted, says what is opened; else the demo is.

    The dashboard asks for a secret, for its port is open to all users of the machine. The proxy, which has
    checked who the user is, adds it to each request, so that it is in no address.
    """
    token = secrets.token_urlsafe(24)
    return {
        "command": [
            *(sys.executable, "-m", "anomalymatch_ui.cli", *_subcommand()),
            *("--no-browser", "--port", "{port}", "--base-url", f"{{base_url}}{NAME}/"),
        ],
        "environment": {TOKEN: token},
        "request_headers_override": {"Authorization": f"token {token}"},
        "timeout": TIMEOUT,
        "new_browser_tab": True,
        "launcher_entry": {
            "title": "AnomalyMatch",
            "icon_path": str(Path(__file__).with_name("launcher.svg")),
        },
    }


def _subcommand() -> list[str]:
    images = os.environ.get(IMAGES)
    if not images:
        return ["demo"]
    options = {"--labels": LABELS, "--session": SESSION, "--annotator": ANNOTATOR}
    given = {option: os.environ.get(name) for option, name in options.items()}
    # Braces are places to fill in for the proxy.
    chosen = [images, *(part for option, value in given.items() if value for part in (option, value))]
    return ["serve", *(part.replace("{", "{{").replace("}", "}}") for part in chosen)]

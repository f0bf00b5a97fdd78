"""The dashboard in a browser: Voilà on this machine, for one user."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import secrets
import signal
import socket
import sys
import threading
import webbrowser
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import zmq
from ipykernel.kernelspec import RESOURCES, get_kernel_dict
from jupyter_client.kernelspec import NATIVE_KERNEL_NAME, KernelSpec, KernelSpecManager
from jupyter_client.manager import KernelManager
from tornado.ioloop import IOLoop
from voila.app import Voila

from anomalymatch_ui.app.serving.environment import FITS, Demo, Wanted
from anomalymatch_ui.app.serving.launcher import TOKEN
from anomalymatch_ui.app.serving.places import writable_places
from anomalymatch_ui.app.serving.waiting import NAME, WAITING, is_known, kernel_command
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.session import Session
from anomalymatch_ui.session.catalogue.metadata import MATCH_RADIUS

HOST = "127.0.0.1"
TEMPLATES = Path(__file__).parent / "voila"

LAB_ONLY = ("@jupyterhub/jupyter-server-proxy",)
"""What of JupyterLab the page does not load: this extension, of version 4.6, fails without a file browser."""


def serve(
    images: Path | None,
    labels: Path | None = None,
    session: Path | None = None,
    port: int = 8866,
    open_browser: bool = True,
    as_json: bool = False,
    annotator: str | None = None,
    pixels: Mapping[str, Any] | None = None,
    base_url: str | None = None,
    classes: str | None = None,
    metadata: Path | None = None,
    match_radius: float = MATCH_RADIUS,
    demo: Demo = "",
) -> None:
    """Serve the dashboard until Ctrl+C or SIGTERM.

    The address, with the secret that keeps the machine's other users out, is printed on standard error.
    ``ANOMALYMATCH_TOKEN`` in the environment names the secret, where who starts this has to know it.

    Parameters
    ----------
    images, labels, session
        As in :func:`anomalymatch_ui.launch`.
    port
        Where to listen, on the loopback interface only; 0 takes a free port.
    open_browser
        Open the address in the user's browser.
    as_json
        Also print one JSON object with ``address``, ``port`` and ``session`` on standard output, as soon
        as the server answers.
    annotator
        As in :func:`anomalymatch_ui.launch`; with it the session may be open elsewhere.
    pixels
        Options of :func:`anomalymatch_ui.open_pool`; what is not given is as the session has it.
    base_url
        Path at which a proxy shows this server to the browser, such as ``/user/ada/proxy/8866/``, whether
        the proxy takes it off its requests or not. ``None`` takes that of jupyter-server-proxy where this
        is a server of JupyterHub (:func:`hub_base_url`), and ``/`` elsewhere.
    classes, metadata, match_radius
        As in :func:`anomalymatch_ui.launch`.
    demo
        ``"pictures"`` or ``"fits"`` opens the simulated survey instead, in the given session or one of its
        own; where it is not there yet, the first page makes it.

    Raises
    ------
    InputError
        If the port is taken, the base URL is no path, or the images, the labels or the session cannot be
        used.
    SessionBusyError
        If another process has the session open, and no annotator is given.
    StorageError
        If the disk refuses.
    """
    with reserve_port(port) as reserved, writable_places():
        port = reserved.getsockname()[1]
        base = hub_base_url(os.environ, port) if base_url is None else checked_base_url(base_url)
        wanted = (
            Wanted.of_demo(session, annotator, fits=demo == FITS)
            if demo
            else Wanted(images, labels, session, annotator, pixels or {}, classes, metadata, match_radius)
        )
        if is_known():
            WAITING.start()
        try:
            _serve(wanted, reserved, base, open_browser, as_json)
        finally:
            WAITING.end()


def told_once(session: Session) -> list[str]:
    """Return what a session tells when it is opened, and to the page that opens it again maybe no more."""
    message = session.status.message
    reports = [
        "" if session.import_report is None else session.import_report.sentence(),
        session.metadata_report or "",
    ]
    return [*(said for said in reports if said not in message), *([message] if message else [])]


def _tried(wanted: Wanted) -> Wanted:
    """Open the session once and say what it tells; what cannot be opened is refused before it is served."""
    with contextlib.closing(wanted.open(check_only=True)) as opened:
        for sentence in told_once(opened):
            print(sentence, file=sys.stderr)
        # By now the session says how its images are read; what is chosen on the page outlives a reload.
        return replace(wanted, pixels={}) if opened.keeps_settings else wanted


def _serve(wanted: Wanted, reserved: socket.socket, base_url: str, open_browser: bool, as_json: bool) -> None:
    port = reserved.getsockname()[1]
    if not wanted.must_be_made:
        wanted = _tried(wanted)
    known = os.environ.pop(TOKEN, "")
    token = known or secrets.token_urlsafe(24)
    behind_proxy = f"{base_url}?token={token}" if not known else base_url
    # It warns of a time-out that the server's own defaults set too long.
    logging.getLogger("tornado.general").setLevel(logging.ERROR)
    server = DashboardServer()
    server.reserved = reserved
    server.announcement = Announcement(
        f"http://{HOST}:{port}/?token={token}",
        behind_proxy if base_url != "/" else None,
        port,
        str(wanted.session_path.absolute()),
        open_browser,
        as_json,
    )
    os.environ.update(wanted.environment())
    server.initialize(server_arguments(notebook_path(), port, token, base_url))
    server.start()


def hub_base_url(environment: Mapping[str, str], port: int) -> str:
    """Return the path at which jupyter-server-proxy shows a port of a JupyterHub server; ``/`` elsewhere.

    Parameters
    ----------
    environment
        Environment of this process; JupyterHub sets ``JUPYTERHUB_SERVICE_PREFIX``, such as ``/user/ada/``.
    port
        Where this server listens.
    """
    prefix = environment.get("JUPYTERHUB_SERVICE_PREFIX", "")
    return checked_base_url(f"{prefix}/proxy/{port}") if prefix else "/"


def checked_base_url(base_url: str) -> str:
    """Return a path with one slash at either end.

    Raises
    ------
    InputError
        If it is no path, such as a whole address.
    """
    if not re.fullmatch(r"[\w./~@%!$&'()*+,;=:-]*", base_url) or "://" in base_url:
        raise InputError(
            f"{base_url!r} cannot be a base URL. Give the path that the proxy puts before the dashboard, "
            "such as /user/ada/proxy/8866/, without https:// and without the name of the host."
        )
    parts = [part for part in base_url.split("/") if part]
    return f"/{'/'.join(parts)}/" if parts else "/"


def reserve_port(port: int) -> socket.socket:
    """Return a socket that nothing else can listen on the port of until it is closed; for 0 of a free port.

    Raises
    ------
    InputError
        If something listens there, or this user may not.
    """
    reserved = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    # As the server does: a port whose last connections are still closing counts as free.
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        reserved.bind((HOST, port))
    except (OSError, OverflowError) as error:
        reserved.close()
        reason = getattr(error, "strerror", None) or error
        raise InputError(
            f"Cannot listen on port {port}: {reason}. A dashboard may be open there already. "
            "Choose another port with --port, or let --port 0 find a free one."
        ) from error
    return reserved


def free_port() -> int:
    """Return a port that nothing listens on now."""
    with reserve_port(0) as reserved:
        return int(reserved.getsockname()[1])


def notebook_path() -> Path:
    """Return the dashboard's notebook: beside this file in an installed package, else in the checkout."""
    packaged = Path(__file__).with_name("dashboard.ipynb")
    return packaged if packaged.exists() else Path(__file__).parents[3] / "notebooks" / "dashboard.ipynb"


def server_arguments(notebook: Path, port: int, token: str, base_url: str = "/") -> list[str]:
    """Return Voilà's arguments; as a command line's they win over a user's configuration files."""
    settings: dict[str, Any] = {
        "Voila.ip": HOST,
        "Voila.base_url": base_url,
        "Voila.server_url": "/",
        "Voila.port": port,
        "Voila.port_retries": 0,
        "Voila.open_browser": False,
        "Voila.token": token,
        # Behind a proxy the browser also sends the login of the Jupyter server there; two of one name clash.
        "IdentityProvider.cookie_name": f"anomalymatch-{port}",
        "Voila.log_level": "ERROR",
        "VoilaConfiguration.theme": "dark",
        "VoilaConfiguration.template": "lab",
        # A preheated kernel rendered nothing, and would hold the session's lock; ours only waits.
        "VoilaConfiguration.preheat_kernel": False,
        "VoilaConfiguration.extension_denylist": LAB_ONLY,
        "VoilaConfiguration.show_tracebacks": True,
        "VoilaConfiguration.kernel_spec_manager_class": f"{__name__}.ThisInterpreter",
        # Closing a page ends its kernel; if the browser was killed, the kernel is ended after an hour in
        # which it said nothing. One that trains reports, and one with a page open is never ended.
        "MappingKernelManager.cull_idle_timeout": 3600,
        # Above 1 MB/s the server drops messages. A sheet is about 0.3 MB; pages turn faster than that.
        "ZMQChannelsWebsocketConnection.limit_rate": False,
    }
    if "transport_encryption" in KernelManager.class_trait_names() and zmq.has("curve"):
        # Without it any user of the machine may listen to what the kernel sends.
        settings["KernelManager.transport_encryption"] = "auto"
    values = {name: value if isinstance(value, tuple) else (value,) for name, value in settings.items()}
    return [str(notebook), *(f"--{name}={value}" for name, several in values.items() for value in several)]


class ThisInterpreter(KernelSpecManager):
    """Knows one kernel: the interpreter that serves.

    A ``python3`` kernel installed elsewhere on the machine would be found first, and lack the package.
    """

    def find_kernel_specs(self) -> dict[str, str]:
        """Return the one kernel's name and folder of icons."""
        return {NATIVE_KERNEL_NAME: str(RESOURCES)}

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        """Return this interpreter's kernel, whatever the notebook calls it."""
        specification = get_kernel_dict()
        specification["argv"] = kernel_command("-f", "{connection_file}", "--IPKernelApp.log_level=ERROR")
        if is_known():
            specification["metadata"]["kernel_provisioner"] = {"provisioner_name": NAME}
        return KernelSpec(resource_dir=str(RESOURCES), **specification)


@dataclass(frozen=True, slots=True)
class Announcement:
    """What to tell once the server answers."""

    address: str
    behind_proxy: str | None
    port: int
    session: str
    open_browser: bool
    as_json: bool

    def make(self) -> None:
        """Print the address."""
        place = self.address
        if self.behind_proxy is not None:
            place = f"{self.behind_proxy} of your Jupyter server or hub: put its address before that path"
        print(f"AnomalyMatch is open at {place}\nPress Ctrl+C to end it.", file=sys.stderr, flush=True)
        if self.as_json:
            told = {"address": self.address, "port": self.port, "session": self.session}
            if self.behind_proxy is not None:
                told["behind_proxy"] = self.behind_proxy
            print(json.dumps(told), flush=True)
        if self.open_browser and self.behind_proxy is None:  # a hub's machine has no browser of the user's
            threading.Thread(target=webbrowser.open, args=(self.address,), daemon=True).start()


class DashboardServer(Voila):  # type: ignore[misc]
    """Voilà with the dashboard's page around the notebook."""

    name = "voila"
    announcement: Announcement
    reserved: socket.socket

    def setup_template_dirs(self) -> None:
        """Put the dashboard's page before Voilà's own."""
        super().setup_template_dirs()
        self.template_paths.insert(0, str(TEMPLATES))

    def init_settings(self) -> dict[str, Any]:
        """Return the server's settings."""
        return {
            **super().init_settings(),
            # A page that is closed tells the server to end its kernel, by a beacon without the field that
            # this check asks for. It names the kernel by a secret number, so nobody else can send it.
            "disable_check_xsrf": True,
        }

    def init_handlers(self) -> list[Any]:
        """Return what answers, with and without the base URL before it: some proxies take it off."""
        handlers: list[Any] = super().init_handlers()
        prefix = re.escape(self.base_url.rstrip("/"))
        return [(prefix + pattern, *rest) for pattern, *rest in handlers] + handlers if prefix else handlers

    def listen(self) -> None:
        """Announce the address once the server answers, and serve."""
        self.ioloop = IOLoop.current()
        # As SIGTERM: an exception that may come up anywhere might end nothing.
        signal.signal(signal.SIGINT, self._handle_signal_stop)
        self.ioloop.add_callback(self.announcement.make)
        self.reserved.close()  # opening the session may have taken long enough for others to ask for a port
        super().listen()

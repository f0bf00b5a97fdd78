from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from anomalymatch_ui.app.serving.environment import Wanted
from anomalymatch_ui.app.serving.serve import (
    ThisInterpreter,
    checked_base_url,
    hub_base_url,
    reserve_port,
    serve,
    told_once,
)
from anomalymatch_ui.errors import InputError, SessionBusyError
from anomalymatch_ui.session import Session


@pytest.fixture
def taken_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_port_in_use_is_a_sentence(taken_port: int, pool_folder: Path):
    with pytest.raises(InputError, match=f"port {taken_port}.*--port"):
        serve(pool_folder, port=taken_port, open_browser=False)


def test_port_0_finds_a_free_one(taken_port: int):
    with reserve_port(0) as reserved:
        assert reserved.getsockname()[1] not in (0, taken_port)


def test_a_reserved_port_is_nobody_else_s_until_it_is_given_up():
    with reserve_port(0) as reserved, socket.socket() as other, socket.socket() as later:
        address = reserved.getsockname()
        with pytest.raises(OSError, match="in use"):
            other.bind(address)
        reserved.close()
        later.bind(address)


def test_bad_input_is_told_before_anything_is_served(tmp_path: Path, pool_folder: Path):
    with pytest.raises(InputError, match="nowhere"):
        serve(tmp_path / "nowhere", session=tmp_path / "session", port=0, open_browser=False)
    (tmp_path / "labels.csv").write_text("name\n")
    with pytest.raises(InputError, match="filename"):
        serve(pool_folder, tmp_path / "labels.csv", tmp_path / "session", port=0, open_browser=False)


def test_a_session_that_is_open_elsewhere_is_told_of(tmp_path: Path, pool_folder: Path):
    holder = (
        "import sys, time; from anomalymatch_ui.session import Session;"
        "Session.open(sys.argv[1], sys.argv[2]); print('open', flush=True); time.sleep(600)"
    )
    command = [sys.executable, "-c", holder, str(tmp_path / "session"), str(pool_folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with pytest.raises(SessionBusyError, match=str(process.pid)):
            serve(pool_folder, session=tmp_path / "session", port=0, open_browser=False)
        process.kill()


def test_a_session_that_is_open_elsewhere_is_shared_with_who_gives_a_name(tmp_path: Path, pool_folder: Path):
    with Session.open(tmp_path / "session", pool_folder, annotator="ada") as ada:
        wanted = Wanted(pool_folder, session=tmp_path / "session", annotator="bob")
        with wanted.open(check_only=True) as bob, wanted.open() as again:
            assert bob.status.written_elsewhere == again.status.written_elsewhere is not None
        assert ada.status.written_elsewhere is None


def test_who_serves_is_told_what_the_page_does_not_learn_any_more(tmp_path: Path, pool_folder: Path):
    (tmp_path / "labels.csv").write_text("filename,label\n0003.jpg,anomaly\n0050.jpg,nominal\n")
    wanted = Wanted(pool_folder, tmp_path / "labels.csv", tmp_path / "session")
    with wanted.open(check_only=True) as opened:
        assert opened.import_report is not None
        assert told_once(opened) == [opened.import_report.sentence()]
    (pool_folder / "0007.jpg").unlink()
    with wanted.open(check_only=True) as opened:
        _, changed = told_once(opened)
        assert "Images have come or gone" in changed


def test_the_kernel_is_the_interpreter_that_serves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    foreign = tmp_path / "kernels" / "python3"
    foreign.mkdir(parents=True)
    (foreign / "kernel.json").write_text('{"argv": ["/usr/bin/false"], "display_name": "foreign"}')
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    known = ThisInterpreter()
    assert list(known.find_kernel_specs()) == ["python3"]
    assert known.get_kernel_spec("python3").argv[0] == sys.executable


def test_a_session_is_free_again_after_a_check(tmp_path: Path, pool_folder: Path, taken_port: int):
    with pytest.raises(InputError):
        serve(pool_folder, session=tmp_path / "session", port=taken_port, open_browser=False)
    Session.open(tmp_path / "session", pool_folder).close()


@pytest.mark.parametrize(
    ("given", "base"),
    [("", "/"), ("/", "/"), ("user/ada/proxy/8866", "/user/ada/proxy/8866/"), ("//a//b//", "/a/b/")],
)
def test_a_base_url_has_one_slash_at_either_end(given: str, base: str):
    assert checked_base_url(given) == base


@pytest.mark.parametrize("given", ["https://hub.example.org/user/ada/", "/a b/", "/a?b", "/<b>/", "/a\n/"])
def test_what_is_no_path_is_refused_as_a_base_url(given: str):
    with pytest.raises(InputError, match="cannot be a base URL"):
        checked_base_url(given)


def test_on_a_hub_the_base_url_is_that_of_its_proxy():
    assert hub_base_url({"JUPYTERHUB_SERVICE_PREFIX": "/user/ada@example.org/"}, 8866) == (
        "/user/ada@example.org/proxy/8866/"
    )
    assert hub_base_url({}, 8866) == "/"

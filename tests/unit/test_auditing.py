"""``make audit`` fails where PyPI knows a fault, and where it does not answer."""

from __future__ import annotations

import json
import shutil
import socketserver
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest.importorskip("pip_audit")
AUDIT = Path(__file__).resolve().parents[1] / "auditing.py"
FAULT = {"id": "PYSEC-1", "aliases": [], "details": "A fault.", "fixed_in": ["1.1"], "published": None}
Answer = tuple[int, object]


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a certificate of pypi.org that only these tests believe, and its key, in one file."""
    if not (openssl := shutil.which("openssl")):
        pytest.skip("openssl makes the certificate")
    folder = tmp_path_factory.mktemp("certificate")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    made = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=pypi.org"]
    made += ["-addext", "subjectAltName=DNS:pypi.org", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(made, check=True, capture_output=True)
    both = folder / "both.pem"
    both.write_text(key.read_text() + certificate.read_text())
    return both


@contextmanager
def pypi(certificate: Path, answer: Callable[[str], Answer | None]) -> Iterator[dict[str, str]]:
    """Run a proxy that is PyPI itself; of a package of which the answer is none it hangs up.

    Returns the environment in which it is asked.
    """
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)

    class Proxy(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self._head(self.rfile)
            self.wfile.write(b"HTTP/1.1 200 Connected\r\n\r\n")
            try:
                with (
                    tls.wrap_socket(self.connection, server_side=True) as inside,
                    inside.makefile("rb") as asked,
                ):
                    while path := self._head(asked):
                        told = answer(path.split("/")[2])
                        if told is None:
                            return
                        content = json.dumps(told[1]).encode()
                        head = f"HTTP/1.1 {told[0]} Answer\r\nContent-Length: {len(content)}\r\n\r\n"
                        inside.sendall(head.encode() + content)
            except OSError:  # who asks has hung up
                pass

        def _head(self, stream: object) -> str:
            first = stream.readline().decode()  # type: ignore[attr-defined]
            while first and stream.readline().strip():  # type: ignore[attr-defined]
                pass
            return first.split(" ")[1] if first else ""

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads, allow_reuse_address = True, True

    with Server(("127.0.0.1", 0), Proxy) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_address[1]}"
        yield {"HTTPS_PROXY": address, "https_proxy": address, "REQUESTS_CA_BUNDLE": str(certificate)}
        server.shutdown()


def audit(surroundings: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> subprocess.CompletedProcess[str]:
    for name in ("NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in surroundings.items():
        monkeypatch.setenv(name, value)
    asked = [sys.executable, str(AUDIT), "Good_One==1.0", "other.one==2.0", "third==3.0"]
    return subprocess.run(asked, capture_output=True, text=True, timeout=300, check=False)


def test_where_pypi_knows_no_fault_of_any_package_the_audit_ends_well(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pypi(certificate, lambda name: (200, {"vulnerabilities": []})) as surroundings:
        ended = audit(surroundings, monkeypatch)
    assert (ended.returncode, ended.stdout) == (
        0,
        "PyPI knows no fault of the 3 packages that are installed.\n",
    ), ended.stderr


def test_a_fault_is_told_and_the_audit_fails(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(name: str) -> Answer:
        return 200, {"vulnerabilities": [FAULT] if name == "third" else []}

    with pypi(certificate, answer) as surroundings:
        ended = audit(surroundings, monkeypatch)
    assert (ended.returncode, ended.stdout) == (1, "third 3.0: PYSEC-1, mended in 1.1\n"), ended.stderr


@pytest.mark.parametrize("silence", ["404 of one", "503 of all", "hangs up", "no such server"])
def test_where_pypi_does_not_answer_for_a_package_the_audit_fails_in_one_sentence(
    certificate: Path, monkeypatch: pytest.MonkeyPatch, silence: str
) -> None:
    def answer(name: str) -> Answer | None:
        if silence == "404 of one":
            return (404, {}) if name == "other-one" else (200, {"vulnerabilities": []})
        return (503, {}) if silence == "503 of all" else None

    with pypi(certificate, answer) as surroundings:
        if silence == "no such server":
            surroundings = {name: "http://127.0.0.1:9" for name in ("HTTPS_PROXY", "https_proxy")}
        ended = audit(surroundings, monkeypatch)
    assert ended.returncode == 2, ended.stdout
    assert not ended.stdout
    assert ended.stderr.count("\n") == 1
    assert "nothing is known of their faults" in ended.stderr
    if silence == "404 of one":
        assert "1 of 3 packages (other.one==2.0)" in ended.stderr

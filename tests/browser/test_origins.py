"""A page of somebody else's, open in the same browser, reaches no kernel."""

from __future__ import annotations

import http.client
from urllib.parse import urlsplit

import pytest
from desk import Desk
from playwright.sync_api import Page
from serving import Prepared, Serve

pytestmark = pytest.mark.browser

FOREIGN = ("http://evil.example", "http://127.0.0.1:1", "https://127.0.0.1", "null")


def test_foreign_origins_reach_no_kernel_even_with_the_cookie(
    page: Page, prepared_once: Prepared, serve: Serve, tmp_path
):
    prepared = prepared_once.copied_to(tmp_path)
    with serve(prepared.images, prepared.session) as served:
        opened: list[str] = []
        page.on("websocket", lambda socket: opened.append(socket.url))
        Desk(page).open(served.address)
        socket = urlsplit(next(url for url in opened if "/channels" in url))
        cookies = "; ".join(f"{one['name']}={one['value']}" for one in page.context.cookies())

        def status(method: str, path: str, origin: str | None, **headers: str) -> int:
            connection = http.client.HTTPConnection(socket.hostname, socket.port, timeout=60)
            sent = {"Cookie": cookies, **({} if origin is None else {"Origin": origin}), **headers}
            connection.request(method, path, headers=sent)
            found = connection.getresponse().status
            connection.close()
            return found

        upgrade = {
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        }
        channels = f"{socket.path}?{socket.query}"
        own = f"http://{socket.netloc}"
        assert status("GET", channels, own, **upgrade) == 101
        assert [status("GET", channels, origin, **upgrade) for origin in FOREIGN] == [403] * len(FOREIGN)
        assert status("GET", channels, own, **{**upgrade, "Cookie": ""}) == 403
        page.goto("about:blank")

"""What goes wrong on the pages of a test."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import ConsoleMessage, Page

# Voilà ends the kernel when its page begins to be left. A timer of the page may still find the time to write
# to it, and says that it cannot: nobody is there to read that, and nothing is lost which was not before.
SILENT_ONCE_LEFT = """
addEventListener("beforeunload", () => {
  console.error = () => {};
  for (const kind of ["error", "unhandledrejection"])
    addEventListener(kind, (event) => event.preventDefault(), { capture: true });
}, { capture: true });
"""

A_LOST_CONNECTION = ("WebSocket connection to", "net::ERR_", "Cannot send")
"""What a browser and Jupyter's own scripts say of a server that does not answer."""


class Faults:
    """Scripts that failed, errors on the console, and addresses elsewhere, on the pages of a test.

    A page is watched until it is left, or :meth:`end` is called: what is said later is not the page's fault.
    """

    def __init__(self) -> None:
        self._noted: list[str] = []
        self._pages: list[Page] = []
        self._forgiven: tuple[str, ...] = ()
        self.passed = False
        """Whether the watch has ended without a fault."""

    def watch(self, page: Page) -> None:
        """Note what goes wrong on a page from now on."""
        note = self._note
        page.add_init_script(SILENT_ONCE_LEFT)
        page.on("pageerror", lambda error: note(str(error)))
        page.on("console", _errors(note))
        page.on("request", lambda request: note(request.url) if _is_elsewhere(request.url) else None)
        self._pages.append(page)

    def forgive(self, parts: tuple[str, ...]) -> None:
        """Take no offence at what has one of these parts, for the rest of the test: it causes that itself."""
        self._forgiven += parts

    def end(self) -> list[str]:
        """Watch no longer, and return what went wrong."""
        for page in self._pages:
            if not page.is_closed():
                page.evaluate("0")  # What was said before comes before the answer.
        self._pages.clear()
        noted, self._noted = self._noted, []
        faults = [fault for fault in noted if not any(part in fault for part in self._forgiven)]
        self.passed = not faults
        return faults

    def _note(self, fault: str) -> None:
        if self._pages:
            self._noted.append(fault)


def _errors(note: Callable[[str], None]) -> Callable[[ConsoleMessage], None]:
    return lambda message: note(message.text) if message.type == "error" else None


def _is_elsewhere(url: str) -> bool:
    return not url.startswith(("http://127.0.0.1:", "data:", "blob:"))

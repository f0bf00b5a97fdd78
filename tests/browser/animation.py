"""Make the animation of the README from the real dashboard: somebody presses A and N on the demo, then R.

Each frame is a screenshot of the served demo in Chromium, and each key is right by the demo's own truth. The
key cap in the corner is drawn over it. `make animation` runs this.
"""

from __future__ import annotations

import csv
import io
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Annotated

sys.path.insert(1, str(Path(__file__).parents[1]))

import typer
from desk import Desk
from install_chromium import find_chromium
from PIL import Image, ImageDraw, ImageFont
from playwright.sync_api import expect, sync_playwright
from serving import CHROMIUM_ARGUMENTS, PATIENCE, serving

from anomalymatch_ui.demo import DemoSurvey, survey
from anomalymatch_ui.session import Session

ROOT = Path(__file__).resolve().parents[2]
SIZE = (960, 540)
LARGEST = 1_000_000  # bytes of a README's first picture
ROUNDS, KEYS = 3, 12
GLANCE, LOOK = 320, 1800  # ms that a frame stays: after a key, and where there is something to read
QUALITY = 60


class Film:
    """The frames so far, each with its time."""

    def __init__(self, desk: Desk) -> None:
        self._page = desk.page
        self._font = ImageFont.load_default(size=30)
        self.frames: list[Image.Image] = []
        self.times: list[int] = []

    def take(self, time: int, key: str = "") -> None:
        """Add what is seen now, and the key that was pressed."""
        shot = self._page.screenshot(animations="disabled", caret="hide")
        frame = Image.open(io.BytesIO(shot)).convert("RGB").resize(SIZE, Image.Resampling.LANCZOS)
        if key:
            self._draw(frame, key)
        self.frames.append(frame)
        self.times.append(time)

    def _draw(self, frame: Image.Image, key: str) -> None:
        drawn = ImageDraw.Draw(frame)
        left, top = SIZE[0] - 76, SIZE[1] - 76
        box = (left, top, left + 56, top + 56)
        drawn.rounded_rectangle(box, radius=9, fill="#f4f5f7", outline="#7a828d", width=2)
        drawn.text((left + 28, top + 28), key, fill="#15181c", font=self._font, anchor="mm")

    def write(self, path: Path) -> None:
        """Write it as WebP, as an endless loop."""
        first, *others = self.frames
        first.save(
            path, save_all=True, append_images=others, duration=self.times, loop=0, quality=QUALITY, method=6
        )
        size = path.stat().st_size
        if size > LARGEST:
            raise SystemExit(f"{path} has {size:,} bytes, and {LARGEST:,} at most are wanted.")
        print(f"{path}: {len(self.frames)} frames, {sum(self.times) / 1000:.0f} s, {size:,} bytes")


def prepare(folder: Path) -> DemoSurvey:
    """Make the demo and its first order in a folder, or take those that are there."""
    made = survey(folder)
    with Session.open(made.session, made.images, made.labels, annotator="ada") as session:
        if session.ranking().version == 0:
            session.marking.write_aim(made.aim)
            session.rank(wait=True)
    return made


def film(desk: Desk, truth: dict[str, str]) -> Film:
    """Label what has the ring, as the truth has it, and show each new order."""
    shots = Film(desk)
    shots.take(LOOK)
    for _ in range(ROUNDS):
        for _ in range(KEYS):
            image_id = desk.active_id()
            assert image_id is not None
            key = "a" if truth[image_id] == "anomaly" else "n"
            desk.press(key)
            expect(desk.card(image_id)).to_have_attribute("data-label", truth[image_id])
            desk.expect_saved()
            shots.take(GLANCE, key.upper())
        expect(desk.offer).to_be_visible()
        shots.take(LOOK // 2)
        shown = desk.serial()
        desk.press("r")
        expect(desk.gallery).not_to_have_attribute("data-page", shown or "")
        expect(desk.offer).to_be_hidden()
        desk.page.wait_for_load_state("networkidle")
        shots.take(LOOK, "R")
    return shots


def main(
    out: Annotated[Path, typer.Argument(help="The file.")] = ROOT / "docs" / "images" / "demo.webp",
    folder: Annotated[
        Path | None, typer.Option(help="Keep the survey and its first order here, for another try.")
    ] = None,
) -> None:
    """Make the animation."""
    expect.set_options(timeout=PATIENCE)
    chromium = find_chromium()
    with tempfile.TemporaryDirectory(prefix="animation-") as temporary, sync_playwright() as playwright:
        made = prepare(folder or Path(temporary) / "survey")
        with made.truth.open(encoding="utf-8") as table:
            truth = {row["filename"]: row["label"] for row in csv.DictReader(table)}
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_ARGUMENTS)
        with closing(browser), serving(made.images, made.session, "--annotator", "ada") as served:
            page = browser.new_page(viewport={"width": 1280, "height": 720})
            page.set_default_timeout(PATIENCE)
            film(Desk(page).open(served.address), truth).write(out)


if __name__ == "__main__":
    typer.run(main)

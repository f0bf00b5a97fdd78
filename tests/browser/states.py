"""What the dashboard can show, one state after the other, on a small survey with a fixed seed."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from desk import Desk
from playwright.sync_api import Page, expect
from serving import Serve, Served

from anomalymatch_ui.config import Config
from anomalymatch_ui.demo import DemoSurvey, build, survey
from anomalymatch_ui.session import Session

THEMES = ("dark", "light")

ANOMALIES_FOUND = 9
NOMINALS_FOUND = 26

# The map of everybody who runs this, with UMAP installed or not.
WITHOUT_UMAP = """
import importlib.util

found = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name == "umap" else found(name, package)
"""


EMBEDDING = Path(__file__).parent / "survey-embedding.npy"
"""The embedding of :func:`make_survey`, float16 ``(180, components)``, by the names of the cutouts.

Every order of the pictures follows from it, so that no processor's rounding moves a card. Without it,
``make screenshots`` keeps the one that is made here.
"""


@dataclass(frozen=True)
class State:
    """Something that the dashboard can show.

    Attributes
    ----------
    name
        Of its picture.
    reach
        What a person does to see it.
    leave
        What a person does to be back at the first page.
    changing
        CSS selectors of what is another each time: clocks, places that a computer's own arithmetic decides.
    pictured
        Whether docs/images has a picture of it.
    """

    name: str
    reach: Callable[[Desk], None]
    leave: Callable[[Desk], None] = lambda _desk: None
    changing: tuple[str, ...] = ()
    pictured: bool = True


def make_survey(folder: Path) -> DemoSurvey:
    """Make 180 cutouts of the demo's own survey, 40 of them odd."""
    fields, cutouts = build.FIELDS, build.CUTOUTS_PER_FIELD
    build.FIELDS, build.CUTOUTS_PER_FIELD = 3, 60
    try:
        return survey(folder / "survey")
    finally:
        build.FIELDS, build.CUTOUTS_PER_FIELD = fields, cutouts


def prepare(folder: Path) -> tuple[Path, Path]:
    """Return images and a session in which somebody has searched for a while."""
    made = make_survey(folder)
    truth = dict(line.split(",")[::2] for line in made.truth.read_text().splitlines()[1:])
    config = Config.preset("default").with_values(
        network={"image_size": 32},
        embedding={"sizes": (64,), "symmetric_up_to": 0},
        train={"steps": 4, "labelled_batch": 4, "unlabelled_batch": 4},
        score={"symmetries": False},
    )
    session = folder / "session"
    with Session.open(session, made.images, config=config, annotator="ada") as opened:
        anomalies = [name for name in opened.pool.ids if truth[name] == "anomaly"][:ANOMALIES_FOUND]
        nominals = [name for name in opened.pool.ids if truth[name] == "nominal"][:NOMINALS_FOUND]
        opened.label(anomalies, "anomaly")
        opened.label(nominals, "nominal")
        opened.label([nominals[0]], "anomaly")  # which the audit shall contest
        opened.rank(wait=True)
    put_in_the_kept_embedding(session / "embeddings")
    with Session.open(session, made.images, annotator="ada") as opened:
        opened.rank(wait=True)
    return made.images, session


def put_in_the_kept_embedding(folder: Path) -> None:
    """Let the session go by the embedding that lies beside this file, instead of by what is made here."""
    (made,) = folder.glob("*.npy")
    if os.environ.get("RENEW_SCREENSHOTS") == "1" and not EMBEDDING.exists():
        shutil.copy(made, EMBEDDING)
    shutil.copy(EMBEDDING, made)


@contextlib.contextmanager
def served_survey(serve: Serve, folder: Path) -> Iterator[tuple[Served, Path]]:
    """Serve it; gives the images as well, for they can go."""
    images, session = prepare(folder)
    without = folder / "without-umap"
    without.mkdir()
    (without / "sitecustomize.py").write_text(WITHOUT_UMAP)
    former = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(without), former]))
    try:
        with serve(images, session) as served:
            yield served, images
    finally:
        os.environ.pop("PYTHONPATH")
        if former is not None:
            os.environ["PYTHONPATH"] = former


def choose_theme(page: Page, theme: str) -> None:
    """Choose a theme as a person does, or, where there is no menu, as the browser has kept it."""
    menu = page.get_by_label("theme", exact=True)
    if menu.count():
        # Also below a dialog, where nobody could reach it.
        menu.evaluate(
            "(menu, theme) => { menu.value = theme; menu.dispatchEvent(new Event('change')); }", theme
        )
        expect(page.locator(f".am-panel .v-theme--{theme}").first).to_be_attached()
    else:
        page.evaluate("theme => localStorage.setItem('anomalymatch.theme', JSON.stringify(theme))", theme)
        page.reload()
        expect(page.get_by_role("alert")).to_be_visible()


def be_there(desk: Desk) -> None:
    expect(desk.page.locator(".am-outlook")).to_be_visible()
    desk.grid.focus()


def close_hints(desk: Desk) -> None:
    desk.page.get_by_role("button", name="close the hints").click()


def open_charts(desk: Desk) -> None:
    desk.press("p")
    expect(desk.page.get_by_role("region", name="Anomalies found")).to_contain_text("looked at")


def open_map(desk: Desk) -> None:
    desk.press("p")
    desk.page.get_by_role("tab", name="Map").click()
    expect(desk.page.locator(".am-map")).to_have_attribute("data-painted", "180")


def close_drawer(desk: Desk) -> None:
    desk.press("p")
    expect(desk.page.locator(".am-drawer")).to_be_hidden()


def open_zoom(desk: Desk) -> None:
    desk.press("Space")
    expect(desk.page.locator(".am-zoom-thumbnail")).to_have_count(8)


def close_overlay(desk: Desk) -> None:
    desk.press("Escape")
    expect(desk.overlay).to_have_count(0)


def view(name: str) -> Callable[[Desk], None]:
    def show(desk: Desk) -> None:
        before = desk.serial()
        desk.page.get_by_label("view", exact=True).select_option(name)
        expect(desk.gallery).not_to_have_attribute("data-page", before or "")

    return show


def find_nothing(desk: Desk) -> None:
    desk.page.get_by_role("searchbox").fill("quasar")
    desk.page.get_by_role("searchbox").press("Enter")
    expect(desk.page.locator(".am-empty")).to_be_visible()


def open_settings(desk: Desk) -> None:
    desk.button("Settings").click()
    expect(desk.page.get_by_label("Steps", exact=True)).to_be_visible()


def close_settings(desk: Desk) -> None:
    desk.press("Escape")
    expect(desk.page.get_by_label("Steps", exact=True)).to_be_hidden()


def press(key: str) -> Callable[[Desk], None]:
    def open_it(desk: Desk) -> None:
        desk.press(key)
        expect(desk.overlay).to_be_visible()

    return open_it


def open_filters(desk: Desk) -> None:
    desk.page.get_by_role("button", name="Filter").click()
    expect(desk.overlay).to_be_visible()


def open_look(desk: Desk) -> None:
    desk.page.get_by_role("button", name="Look").click()
    expect(desk.page.get_by_role("group", name="look")).to_be_visible()


def close_look(desk: Desk) -> None:
    desk.page.get_by_role("button", name="Look").click()
    expect(desk.page.get_by_role("group", name="look")).to_be_hidden()


def train_and_pause(desk: Desk) -> None:
    open_settings(desk)
    steps = desk.page.get_by_label("Steps", exact=True)
    steps.fill("5000")
    desk.page.get_by_role("button", name="Save").click()
    expect(steps).to_be_hidden()
    desk.button("Train").click()
    # A curve that is more than a line.
    expect(desk.page.locator(".am-curve polyline").first).to_have_attribute(
        "points", re.compile(r"^(\S+ ){7,}\S+$")
    )
    desk.button("Pause").click()
    expect(desk.phase).to_contain_text("Training, cycle 1: paused")


def stop(desk: Desk) -> None:
    desk.button("Stop").click()
    expect(desk.phase).to_contain_text("stopped at step")


STATES = (
    State("first-page", be_there, close_hints),
    State("charts", open_charts, close_drawer),
    State("map", open_map, close_drawer),
    State("zoom", open_zoom, close_overlay, changing=(".am-zoom-list",)),
    State("settings", open_settings, close_settings, pictured=False),
    State("keys", press("?"), close_overlay, pictured=False),
    State("filters", open_filters, close_overlay, pictured=False),
    State("look", open_look, close_look, pictured=False),
    State("audit", view("audit"), view("to label")),
    State("empty", find_nothing, view("to label")),
    State(
        "training",
        train_and_pause,
        stop,
        changing=(".am-side .am-figures", ".am-side .am-curves", ".am-side .v-progress-linear"),
    ),
)

HIDE_FOLDER = "(alert, folder) => { alert.innerHTML = alert.innerHTML.replace(folder, '/archive'); }"
ERROR = State("error", lambda _desk: None)


def walk(page: Page, served: Served, images: Path, style: str = "") -> Iterator[tuple[State, str]]:
    """Show each state, dark and light.

    The last is an error, for which the images are taken away.
    """
    desk = Desk(page).open(served.address)
    page.add_style_tag(content=f"* {{ transition: none !important; }} {style}")
    for state in STATES:
        state.reach(desk)
        for theme in THEMES:
            choose_theme(page, theme)
            yield state, theme
        choose_theme(page, "dark")
        state.leave(desk)
    shutil.rmtree(images)
    page.reload()
    expect(page.get_by_role("alert")).to_contain_text("AnomalyMatch cannot open this.")
    for theme in THEMES:
        choose_theme(page, theme)
        page.add_style_tag(content=f"* {{}} {style}")  # an empty sheet is refused
        page.get_by_role("alert").evaluate(HIDE_FOLDER, str(images.parent))
        yield ERROR, theme

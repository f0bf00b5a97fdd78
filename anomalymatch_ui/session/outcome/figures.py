"""The images of a table of results: as files in a folder, and as a contact sheet for a paper or a talk."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from PIL import Image, ImageDraw, ImageFont

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.files import storage_errors, write_atomically, write_bytes_atomically
from anomalymatch_ui.pixels.square import square
from anomalymatch_ui.pool import ImagePool, UnreadableImageError
from anomalymatch_ui.tables import Column, ResultTable

MOST_ON_A_PICTURE = 400
"""Images on a PNG; a PDF has as many pages as it takes."""

CELL, GAP, TEXT = 256, 12, 18
"""Side of an image on a sheet, the space around it, and the height of a line of text, in pixels."""

COLUMNS, ROWS = 6, 7
"""Images on a page of a PDF: a page of A4 upright."""

DPI = 200
"""Pixels an inch on paper: six images are as wide as a page."""

_NO_NAME = re.compile(r"[^\w.+=@-]+")


def write_cutouts(pool: ImagePool, table: ResultTable, folder: Path) -> ResultTable:
    """Write each image of a table as a PNG in its full resolution, as a person sees it.

    Parameters
    ----------
    pool
        Holds the images.
    table
        With a row an image and their ids in the column ``id``.
    folder
        Where to; it is made. Files of the same names are replaced.

    Returns
    -------
    ResultTable
        The table with these files in its column ``cutout``, and a remark on those that cannot be read.

    Raises
    ------
    StorageError
        If the disk refuses.
    """
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    paths: list[str | None] = []
    for place, image_id in enumerate(table["id"].values.to_pylist(), start=1):
        pixels = image_of(pool, image_id)
        if pixels is None:
            paths.append(None)
            continue
        stem = _NO_NAME.sub("_", image_id.rpartition("/")[2].rpartition(".")[0] or image_id)[:80]
        path = folder / f"{place:06}-{stem}.png"
        content = io.BytesIO()
        Image.fromarray(pixels).save(content, "PNG")
        write_bytes_atomically(path, content.getvalue())
        paths.append(str(path))
    column = Column(
        "cutout", pa.array(paths, pa.string()), ucd="meta.ref.path", description="File of the image"
    )
    others = tuple(its for its in table.columns if its.name != "cutout")
    missing = paths.count(None)
    said = (f"{missing:,} of the images cannot be read, and have no cutout.",) if missing else ()
    return replace(table, columns=(*others, column), remarks=(*table.remarks, *said))


def write_sheet(pool: ImagePool, table: ResultTable, path: Path, title: str = "") -> None:
    """Write the images of a table side by side, each with its rank, probability, label and name.

    Parameters
    ----------
    pool
        Holds the images.
    table
        With a row an image.
    path
        A PNG, of at most :data:`MOST_ON_A_PICTURE` images, or a PDF of as many pages as it takes.
    title
        Stands above them.

    Raises
    ------
    InputError
        If the name ends otherwise, or there is no image, or too many for a PNG.
    StorageError
        If the disk refuses.
    """
    check_sheet(path, len(table))
    kind = path.suffix.lower()
    per_page = COLUMNS * ROWS if kind == ".pdf" else len(table)
    ids, captions = table["id"].values.to_pylist(), list(_captions(table))

    def drawn(number: int) -> Image.Image:
        ours = slice(number * per_page, (number + 1) * per_page)
        images = [image_of(pool, image_id) for image_id in ids[ours]]
        return _page(images, captions[ours], title, ROWS if kind == ".pdf" else 0)

    def write(temporary: Path) -> None:
        if kind == ".pdf":
            pages = _Pages(-(-len(ids) // per_page), drawn)
            pages.save(temporary, "PDF", save_all=True, resolution=DPI, title=title)
        else:
            drawn(0).save(temporary, "PNG", dpi=(DPI, DPI))

    write_atomically(path, write)


class _Pages(Image.Image):
    """Pages as the frames of one picture, each drawn when Pillow comes to it: one is in memory at a time."""

    def __init__(self, number: int, drawn: Callable[[int], Image.Image]) -> None:
        super().__init__()
        self.n_frames, self._drawn, self._number = number, drawn, -1
        self.seek(0)

    def seek(self, frame: int) -> None:
        if frame >= self.n_frames:
            raise EOFError(f"There is no page {frame + 1}.")
        if frame != self._number:
            self._page = self._drawn(frame)
            self.im, self._mode, self._size = self._page.im, self._page.mode, self._page.size
            self._number = frame

    def tell(self) -> int:
        return self._number


def check_sheet(path: Path, images: int) -> None:
    """Check that so many images can be written to a sheet of that name; raises as :func:`write_sheet`."""
    if path.suffix.lower() not in (".png", ".pdf"):
        raise InputError(f"{path.name} is not a name for a contact sheet. End it with .png or .pdf.")
    if images == 0:
        raise InputError("There is no image to put on a contact sheet.")
    if path.suffix.lower() == ".png" and images > MOST_ON_A_PICTURE:
        raise InputError(
            f"{images:,} images are too many for one picture: at most {MOST_ON_A_PICTURE} (--top), or a PDF."
        )


def image_of(pool: ImagePool, image_id: str) -> np.ndarray | None:
    """Return an image as a person sees it, uint8 ``(height, width, 3)``; ``None`` if it cannot be read."""
    if image_id not in pool:
        return None
    try:
        return pool.image(pool.index(image_id))
    except UnreadableImageError:
        return None


def _captions(table: ResultTable) -> Iterator[tuple[str, str]]:
    """Iterate over the two lines below each image."""
    values = {name: table[name].values.to_pylist() for name in table.names}
    for row, image_id in enumerate(values["id"]):
        rank, label = values["rank"][row], values.get("label", [None] * len(table))[row]
        chance = next(
            (values[name][row] for name in ("probability", "score", "novelty") if name in values), None
        )
        parts = [
            "" if rank is None else f"{rank:,}",
            "" if chance is None else f"{100 * chance:.3g} %" if "probability" in values else f"{chance:.3f}",
            label or "",
        ]
        yield " · ".join(filter(None, parts)), image_id.rpartition("/")[2]


def _page(
    images: Sequence[np.ndarray | None], captions: Sequence[tuple[str, str]], title: str, rows: int
) -> Image.Image:
    """Draw a page, white, of as many rows as given or as it takes."""
    columns = COLUMNS if rows else min(len(images), max(COLUMNS, round(len(images) ** 0.5)))
    rows = rows or -(-len(images) // columns)
    step, line = CELL + GAP, CELL + GAP + 2 * TEXT
    head = 3 * TEXT if title else GAP
    page = Image.new("RGB", (columns * step + GAP, rows * line + head + GAP), "white")
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(size=TEXT - 4)
    if title:
        draw.text((GAP, TEXT // 2), _fitting(draw, title, page.width - 2 * GAP, font), "black", font)
    for place, (pixels, lines) in enumerate(zip(images, captions, strict=True)):
        left, top = GAP + place % columns * step, head + place // columns * line
        if pixels is None:
            draw.rectangle((left, top, left + CELL - 1, top + CELL - 1), outline="grey")
            draw.text((left + GAP, top + CELL // 2), "cannot be read", "grey", font)
        else:
            page.paste(cell_of(pixels), (left, top))
        for number, text in enumerate(lines):
            at = left, top + CELL + number * TEXT
            draw.text(at, _fitting(draw, text, CELL, font), ("black", "dimgrey")[number], font)
    return page


def cell_of(pixels: np.ndarray) -> Image.Image:
    """Return the central square, pixels of a small image magnified by a whole number, as squares."""
    side = min(pixels.shape[:2])
    times = max(1, CELL // side)
    within = min(CELL, side * times)
    cell = Image.fromarray(np.ascontiguousarray(square(pixels, min(side, CELL)).transpose(1, 2, 0)))
    framed = Image.new("RGB", (CELL, CELL), "black")
    offset = (CELL - within) // 2
    framed.paste(cell.resize((within, within), Image.Resampling.NEAREST), (offset, offset))
    return framed


def _fitting(draw: ImageDraw.ImageDraw, text: str, width: int, font: object) -> str:
    """Return a text, shortened in its middle until it is no wider."""
    if draw.textlength(text, font=font) <= width:  # type: ignore[arg-type]
        return text
    kept = len(text)
    while kept > 2:
        kept -= 1
        shorter = f"{text[: (kept + 1) // 2]}…{text[len(text) - kept // 2 :]}"
        if draw.textlength(shorter, font=font) <= width:  # type: ignore[arg-type]
            return shorter
    return "…"

"""What a search has come to, as one HTML file for a colleague: it fetches nothing, and runs no script."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from anomalymatch_ui.files import write_bytes_atomically
from anomalymatch_ui.pool import ImagePool
from anomalymatch_ui.session.outcome.figures import cell_of, image_of
from anomalymatch_ui.session.summary.selection import Selection
from anomalymatch_ui.tables import ResultTable

if TYPE_CHECKING:
    from anomalymatch_ui.session.charts.pictures import Discovery

MOST = 200
"""Finds with pictures, unless told otherwise: some 2 MB."""

_WIDTH, _HEIGHT, _MARGIN = 640, 260, 48

_STYLE = Path(__file__).with_name("page.css")


def write_page(
    path: Path,
    pool: ImagePool,
    found: ResultTable,
    lines: Sequence[str],
    selection: Selection,
    top: int = MOST,
) -> None:
    """Write the report, whole or not at all.

    Parameters
    ----------
    path
        The file.
    pool
        Holds the images.
    found
        The finds, a row each, with what made them.
    lines
        Labels, cycles and people, a sentence each.
    selection
        What share of all was found, and the curve of finds.
    top
        How many of the finds have a row.

    Raises
    ------
    StorageError
        If the disk refuses.
    """
    shown = found.first(top)
    title = f"{pool.name}: {len(found):,} {'find' if len(found) == 1 else 'finds'}"
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        # Nothing is fetched and no script runs, whatever stands in a name.
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; '
        "style-src 'unsafe-inline'\">",
        '<meta name="viewport" content="width=device-width">',
        f"<title>{escape(title)}</title><style>{_STYLE.read_text()}</style></head><body>",
        f"<h1>{escape(title)}</h1>",
        f'<p class="when">{escape(found.provenance.get("written", ""))}, '
        f"{escape(found.provenance.get('software', ''))}</p>",
        "<ul>",
        *(f"<li>{escape(line)}</li>" for line in lines),
        "</ul>",
        "<h2>What share was found</h2>",
        f"<p>{escape(selection.sentence())}</p>",
        f'<p class="advice">{escape(selection.advice())}</p>',
        _curve(selection.discovery),
        "<h2>Finds</h2>",
        *_rows(pool, shown, len(found)),
        "<h2>How this was made</h2>",
        '<table class="made">',
        *(
            f'<tr><th scope="row">{escape(key)}</th><td>{escape(text)}</td></tr>'
            for key, text in found.provenance.items()
        ),
        "</table></body></html>",
    ]
    # A name that is not UTF-8 keeps its other bytes as Python writes them.
    write_bytes_atomically(path, "\n".join(parts).encode("utf-8", "backslashreplace"))


def _rows(pool: ImagePool, table: ResultTable, found: int) -> Iterator[str]:
    """Iterate over the lines of the table of finds."""
    if found == 0:
        yield "<p>No image is labelled anomaly yet.</p>"
        return
    values = {name: table[name].values.to_pylist() for name in table.names}
    cells = {name: [text(values, row) for row in range(len(table))] for name, text in _CELLS.items()}
    columns = {name: texts for name, texts in cells.items() if any(texts)}
    yield '<div class="wide"><table>'
    if found > len(table):
        yield f"<caption>The first {len(table):,} of {found:,}, by rank.</caption>"
    heads = "".join(f'<th scope="col">{name}</th>' for name in columns)
    yield f'<thead><tr><th scope="col">image</th>{heads}</tr></thead><tbody>'
    for row, image_id in enumerate(values["id"]):
        told = "".join(f"<td>{escape(texts[row])}</td>" for texts in columns.values())
        yield f"<tr><td>{_picture(pool, image_id)}</td>{told}</tr>"
    yield "</tbody></table></div>"


Values = Mapping[str, Sequence[Any]]


def _text(name: str) -> Callable[[Values, int], str]:
    """Return what writes the values of a column; nothing where there is none."""
    return lambda values, row: "" if (its := _at(values, name, row)) is None else str(its)


def _at(values: Values, name: str, row: int) -> Any:
    return values[name][row] if name in values else None


def _position(values: Values, row: int) -> str:
    ra, dec = (_at(values, name, row) for name in ("ra", "dec"))
    return "" if ra is None or dec is None else f"{ra:.5f}\u00a0{dec:+.5f}"


def _score(values: Values, row: int) -> str:
    chance, low, high = (_at(values, f"probability{end}", row) for end in ("", "_low", "_high"))
    if chance is None:
        others = (_at(values, name, row) for name in ("score", "novelty"))
        return next((f"{its:.3f}" for its in others if its is not None), "")
    interval = "" if None in (low, high) else f" ({100 * low:.0f}–{100 * high:.0f}\u00a0%)"
    return f"{100 * chance:.1f}\u00a0%{interval}"


def _labelled(values: Values, row: int) -> str:
    who, when = (_at(values, name, row) for name in ("annotator", "time"))
    return ", ".join(filter(None, (when and when[:10], who)))


def _known(values: Values, row: int) -> str:
    name, apart, source = (_at(values, its, row) for its in ("known", "known_separation", "known_in"))
    return "" if name is None else f"{name}, {apart:.2f}″ ({source})"


_CELLS: Mapping[str, Callable[[Values, int], str]] = {
    "rank": _text("rank"),
    "name": _text("id"),
    "position (deg)": _position,
    "probability": _score,
    "labelled": _labelled,
    "tags": _text("tags"),
    "note": _text("note"),
    "known object": _known,
}


def _picture(pool: ImagePool, image_id: str) -> str:
    pixels = image_of(pool, image_id)
    if pixels is None:
        return "cannot be read"
    content = io.BytesIO()
    cell_of(pixels).save(content, "JPEG", quality=88)
    encoded = base64.b64encode(content.getvalue()).decode()
    return f'<img alt="{escape(image_id)}" src="data:image/jpeg;base64,{encoded}">'


def _curve(discovery: Discovery) -> str:
    """Return the curve of finds and its expected continuation as a drawing."""
    looked, found = discovery.looked, discovery.found
    if len(looked) < 2:
        return ""
    right = int(max(looked[-1], discovery.ahead[-1] if len(discovery.ahead) else 0))
    top = int(max(found[-1], discovery.high[-1] if len(discovery.high) else 0, 1))

    def at(x: np.ndarray, y: np.ndarray) -> str:
        across = _MARGIN + (_WIDTH - 2 * _MARGIN) * np.asarray(x, float) / right
        down = _HEIGHT - _MARGIN - (_HEIGHT - 2 * _MARGIN) * np.asarray(y, float) / top
        return " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(across, down, strict=True))

    parts = [
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}" role="img" '
        f'aria-label="{found[-1]} anomalies found in {looked[-1]} looks">',
        f'<path d="M{_MARGIN},{_MARGIN // 2} V{_HEIGHT - _MARGIN} H{_WIDTH - _MARGIN // 2}" '
        'fill="none" stroke="#8a8f9c"/>',
    ]
    if len(discovery.ahead) > 1:
        there, back = at(discovery.ahead, discovery.low), at(discovery.ahead[::-1], discovery.high[::-1])
        parts += [
            f'<polygon points="{there} {back}" fill="#2b6cb0" opacity=".15"/>',
            f'<polyline points="{at(discovery.ahead, discovery.expected)}" fill="none" stroke="#2b6cb0" '
            'stroke-dasharray="5 4" stroke-width="1.5"/>',
        ]
    base = _HEIGHT - _MARGIN
    parts += [
        f'<polyline points="{at(looked, found)}" fill="none" stroke="#1c1e26" stroke-width="2"/>',
        f'<text x="{_MARGIN - 6}" y="{base}" text-anchor="end">0</text>',
        f'<text x="{_MARGIN - 6}" y="{_MARGIN + 4}" text-anchor="end">{top:,}</text>',
        f'<text x="{_WIDTH - _MARGIN}" y="{base + 18}" text-anchor="end">{right:,} images looked at</text>',
        f'<text x="{_MARGIN}" y="{base + 18}">0</text>',
        f'<text x="{_MARGIN + 8}" y="{_MARGIN // 2 + 8}">anomalies found; dashed: expected of the next '
        "looks, with 95 %</text></svg>",
    ]
    return "".join(parts)

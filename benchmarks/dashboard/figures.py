"""What must hold, whether it does, and the table for docs/benchmark.md."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

STATES = ("idle", "training")


@dataclass(frozen=True)
class Line:
    """Something that must hold.

    Attributes
    ----------
    path
        Where the figure stands in the results.
    limit
        It must be less; ``None`` if it is only told.
    name
        Of the row of the table, where it has one of its own.
    unit
        What stands behind the figure.
    """

    path: tuple[str, ...]
    limit: float | None
    name: str = ""
    unit: str = ""

    def value(self, results: Mapping[str, Any]) -> float:
        """Return the figure: the median where there are several."""
        found: Any = results
        for key in self.path:
            found = found[key]
        return float(found["median"] if isinstance(found, Mapping) else found)

    def holds(self, results: Mapping[str, Any]) -> bool:
        """Return whether it does."""
        return self.limit is None or self.value(results) < self.limit


# Milliseconds, idle and while FixMatch trains; the medians are held.
ACTIONS: Mapping[str, tuple[str, float | None, float | None]] = {
    "key_to_visible": ("key to visible change", 16, 16),
    "key_to_journal": ("key to journal on disk", 100, 300),
    "page_turn": ("page turn, 100 cards", 150, None),
    "bulk_label": ("label of 1,000 images at once", 500, None),
    "label_to_ranking": ("label to a new ranking that is offered", 500, None),
}

# A growth counts as none where it is within what the same page has from one moment to the next.
OTHERS = (
    Line(("first_cards",), 10, "first cards of the demo", "s"),
    Line(("messages_a_page", "idle"), 6, "messages for a page"),
    Line(("scroll", "kernel_growth_at_most_mb"), 50, "{images:,} images scrolled: kernel grows by", "MB"),
    Line(("scroll", "heap_growth_mb"), 150, "browser's heap grows by", "MB"),
    Line(("turns", "kernel_growth_mb"), 10, "{turns} page turns: kernel grows by", "MB"),
    Line(("turns", "heap_growth_mb"), 2, "browser's heap grows by", "MB"),
    Line(("turns", "node_growth"), 100, "nodes of the document more by"),
    Line(("turns", "listener_growth"), 20, "listeners more by"),
    Line(("million", "first_cards"), 5, "first cards of a session of {images:,} images", "s"),
)


def lines() -> Iterator[Line]:
    """Return all that must hold."""
    for action, (_, *limits) in ACTIONS.items():
        for state, limit in zip(STATES, limits, strict=True):
            yield Line((action, state), limit)
    yield from OTHERS


def failed(results: Mapping[str, Any]) -> list[str]:
    """Name what does not hold, of what was measured."""
    return [
        f"{' '.join(line.path)}: {line.value(results):g}, limit {line.limit:g}"
        for line in lines()
        if line.path[0] in results and not line.holds(results)
    ]


def table(results: Mapping[str, Any]) -> str:
    """Return the figures as tables in Markdown."""
    rows = []
    if measured := [action for action in ACTIONS if action in results]:
        rows.append(
            "| milliseconds, median (95th percentile) | idle | while FixMatch trains | must be below |"
        )
        rows.append("|---|---|---|---|")
        for action in measured:
            name, *limits = ACTIONS[action]
            cells = [_spread(results[action][state]) for state in STATES]
            wanted = " / ".join("–" if limit is None else f"{limit:g}" for limit in limits)
            rows.append(f"| {name} | {' | '.join(cells)} | {wanted} |")
        rows.append("")
    rows += ["| | measured | must be below |", "|---|---|---|"]
    for line in OTHERS:
        if line.path[0] in results:
            name = line.name.format(**results[line.path[0]])
            value, limit = (f"{number:g} {line.unit}".strip() for number in (line.value(results), line.limit))
            rows.append(f"| {name} | {value} | {limit} |")
    return "\n".join(rows)


def _spread(values: Mapping[str, float]) -> str:
    return f"{values['median']:.1f} ({values['p95']:.1f})"

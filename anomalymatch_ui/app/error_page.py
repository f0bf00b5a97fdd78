"""What the page shows instead of a traceback."""

from __future__ import annotations

import html
from typing import Any

import ipywidgets

STYLE = (
    "max-width: 46em; margin: 12vh auto; padding: 20px 24px; border: 1px solid #ff8a80; border-radius: 8px;"
    "background: #1b1f25; color: #e8eaed; font: 15px/1.5 system-ui, sans-serif; overflow-wrap: anywhere;"
)


class ErrorPage:
    """One sentence in place of a dashboard that could not be opened.

    Attributes
    ----------
    sentence
        What is wrong and what to do.
    widget
        What a notebook shows.
    """

    def __init__(self, sentence: str) -> None:
        self.sentence = sentence
        self.widget = ipywidgets.HTML(
            f'<div role="alert" style="{STYLE}"><strong>AnomalyMatch cannot open this.</strong><br>'
            f"{html.escape(sentence)}</div>"
        )

    def __repr__(self) -> str:
        return f"<ErrorPage: {self.sentence}>"

    def _repr_mimebundle_(self, **options: Any) -> Any:
        return self.widget._repr_mimebundle_(**options)

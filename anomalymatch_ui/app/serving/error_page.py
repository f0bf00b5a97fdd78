"""What the page shows instead of a traceback."""

from __future__ import annotations

import html
from typing import Any

import ipywidgets

from anomalymatch_ui.app.missing import shown_by
from anomalymatch_ui.app.theme.theme import CSS

_HEADING = "AnomalyMatch cannot open this."


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
            f'<style>{CSS}</style><div role="alert" class="am-error-page">'
            f"<strong>{_HEADING}</strong><br>{html.escape(sentence)}</div>"
        )

    def __repr__(self) -> str:
        return f"<ErrorPage: {self.sentence}>"

    def _repr_mimebundle_(self, **options: Any) -> Any:
        return shown_by(self.widget, repr(self), f"{_HEADING} {self.sentence}", **options)

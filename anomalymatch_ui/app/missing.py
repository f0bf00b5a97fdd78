"""What a cell shows in place of the dashboard where JupyterLab's own environment lacks the widgets."""

from __future__ import annotations

import html
from typing import Any

import ipywidgets

REMEDY = (
    "JupyterLab lacks the widgets of the dashboard: run `pip install ipyvuetify anywidget` in the "
    "environment where JupyterLab itself runs, then reload the page. `anomalymatch serve` shows it "
    "without JupyterLab."
)

_STYLE = """
.anomalymatch > .am-missing { display: none; }
.anomalymatch:has(> * > .jupyter-widgets-error-widget) { height: auto; container-type: normal; }
.anomalymatch:has(> * > .jupyter-widgets-error-widget) > * { display: none; }
.anomalymatch:has(> * > .jupyter-widgets-error-widget) > .am-missing { display: block; height: auto; }
"""
"""Where a widget is unknown, JupyterLab puts a button in its place that shows an error of its own. A box
whose size others ask for (``room.css``) is as high as nothing where it has no height of its own."""


def remedy_where_widgets_are_missing() -> ipywidgets.HTML:
    """Return what is seen only where JupyterLab knows its own widgets, and not those of the dashboard.

    A dashboard that is there empties it (``complete.js``).
    """
    shown = ipywidgets.HTML(f'<style>{_STYLE}</style><p role="alert">{html.escape(REMEDY)}</p>')
    shown.add_class("am-missing")
    return shown


def shown_by(widget: ipywidgets.Widget, plain: str, said: str = REMEDY, **options: Any) -> Any:
    """Return what a cell may show of a widget, by type, with what it shows where no widgets are known.

    Parameters
    ----------
    widget
        What is shown.
    plain
        The text for a terminal.
    said
        A sentence that JupyterLab shows where it knows no widgets at all.
    **options
        As IPython gives them to ``_repr_mimebundle_``.
    """
    bundle = widget._repr_mimebundle_(**options)
    data, *metadata = bundle if isinstance(bundle, tuple) else (bundle,)
    told = {**data, "text/plain": plain, "text/html": f'<p role="alert">{html.escape(said)}</p>'}
    return (told, *metadata) if metadata else told

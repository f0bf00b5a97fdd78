"""Where JupyterLab lacks the widgets, the cell says what to install."""

from __future__ import annotations

import html

from anomalymatch_ui.app.dashboard import Dashboard
from anomalymatch_ui.app.missing import REMEDY
from anomalymatch_ui.app.serving.error_page import ErrorPage
from anomalymatch_ui.session import Session


def test_a_cell_says_what_to_install_where_all_widgets_are_missing_or_some(session: Session) -> None:
    session.rank(wait=True)
    dashboard = Dashboard(session)
    bundle = dashboard._repr_mimebundle_()
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    assert data["text/plain"].endswith(REMEDY)
    assert data["text/html"] == f'<p role="alert">{html.escape(REMEDY)}</p>'
    assert "application/vnd.jupyter.widget-view+json" in data
    remedy = dashboard.widget.children[-1]
    assert "am-missing" in remedy._dom_classes
    assert html.escape(REMEDY) in remedy.value
    dashboard.close()


def test_what_cannot_be_opened_is_said_without_widgets_too() -> None:
    bundle = ErrorPage("There are no images in <here>.")._repr_mimebundle_()
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    said = "AnomalyMatch cannot open this. There are no images in &lt;here&gt;."
    assert data["text/html"] == f'<p role="alert">{said}</p>'

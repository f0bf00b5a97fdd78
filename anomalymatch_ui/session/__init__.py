"""The conductor: a pool, its labels, a learner in the background, and the ranking they give."""

from anomalymatch_ui.session.completeness import Completeness
from anomalymatch_ui.session.cycles import Cycle, Cycles
from anomalymatch_ui.session.finding import TO_LABEL, Finding
from anomalymatch_ui.session.found import Found
from anomalymatch_ui.session.insight import Contested, Insight, Outlook
from anomalymatch_ui.session.people import People
from anomalymatch_ui.session.query import LABEL_STATES, SORTS, LabelState, Query, Sort
from anomalymatch_ui.session.ranking import Ranking
from anomalymatch_ui.session.recipe import Recipe
from anomalymatch_ui.session.report import AnnotatorReport, Report
from anomalymatch_ui.session.session import Session
from anomalymatch_ui.session.settings import Setting, SettingsError
from anomalymatch_ui.session.shortlist import Shortlist, make_shortlist
from anomalymatch_ui.session.status import Counts, Progress, Receipt, Status

__all__ = [
    "LABEL_STATES",
    "SORTS",
    "TO_LABEL",
    "AnnotatorReport",
    "Completeness",
    "Contested",
    "Counts",
    "Cycle",
    "Cycles",
    "Finding",
    "Found",
    "Insight",
    "LabelState",
    "Outlook",
    "People",
    "Progress",
    "Query",
    "Ranking",
    "Receipt",
    "Recipe",
    "Report",
    "Session",
    "Setting",
    "SettingsError",
    "Shortlist",
    "Sort",
    "Status",
    "make_shortlist",
]

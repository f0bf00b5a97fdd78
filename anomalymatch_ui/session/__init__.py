"""The conductor: a pool, its labels, a learner in the background, and the ranking they give."""

from anomalymatch_ui.session.catalogue.known import CrossMatch
from anomalymatch_ui.session.core.status import Counts, Progress, Receipt, Status
from anomalymatch_ui.session.labelling.people import People
from anomalymatch_ui.session.labelling.shortlist import Shortlist, make_shortlist
from anomalymatch_ui.session.outcome.completeness import Completeness
from anomalymatch_ui.session.outcome.recipe import Recipe
from anomalymatch_ui.session.outcome.report import AnnotatorReport, Report
from anomalymatch_ui.session.search.finding import TO_LABEL, Finding
from anomalymatch_ui.session.search.found import Found
from anomalymatch_ui.session.search.insight import Contested, Insight, Outlook
from anomalymatch_ui.session.search.query import LABEL_STATES, SORTS, LabelState, Query, Sort
from anomalymatch_ui.session.session import Session
from anomalymatch_ui.session.summary.footprint import Footprint, measure_footprint
from anomalymatch_ui.session.work.cycles import Cycle, Cycles
from anomalymatch_ui.session.work.ranking import Ranking
from anomalymatch_ui.session.work.settings import Setting, SettingsError

__all__ = [
    "LABEL_STATES",
    "SORTS",
    "TO_LABEL",
    "AnnotatorReport",
    "Completeness",
    "Contested",
    "Counts",
    "CrossMatch",
    "Cycle",
    "Cycles",
    "Finding",
    "Footprint",
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
    "measure_footprint",
]

"""The conductor: a pool, its labels, a learner in the background, and the ranking they give."""

from anomalymatch_ui.session.cycles import Cycle, Cycles
from anomalymatch_ui.session.insight import Contested, Insight, Outlook
from anomalymatch_ui.session.ranking import Ranking
from anomalymatch_ui.session.session import Session
from anomalymatch_ui.session.status import Counts, Progress, Receipt, Status

__all__ = [
    "Contested",
    "Counts",
    "Cycle",
    "Cycles",
    "Insight",
    "Outlook",
    "Progress",
    "Ranking",
    "Receipt",
    "Session",
    "Status",
]

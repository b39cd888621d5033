"""What the dashboard has of a two-alternative study."""

from __future__ import annotations

from study_server.tasks.dashboard import SHIFTS, Dashboard, ResultsPage
from study_server.tasks.two_afc.results import preferences
from study_server.tasks.two_afc.settings import TwoAfcSettings


def rules(settings: TwoAfcSettings) -> str:
    """The validation test, in a sentence."""
    return "The validation test: who answers more than a third of the catch triplets wrong fails."


DASHBOARD = Dashboard(
    results=(ResultsPage("preferences", "Preferences", preferences),),
    strata=SHIFTS,
    called={"left": "preferred the left", "right": "preferred the right"},
    rules=rules,
)

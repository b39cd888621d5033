"""What the dashboard has of a same–different study."""

from __future__ import annotations

from study_server.tasks.dashboard import SHIFTS, Dashboard, ResultsPage
from study_server.tasks.same_different.results import table1
from study_server.tasks.same_different.settings import SameDifferentSettings


def rules(settings: SameDifferentSettings) -> str:
    """The validation test, in a sentence."""
    return (
        "The validation test (Ghildyal & Liu 2022): who calls more than two thirds of the 0-pixel pairs different, or "
        "more than two thirds of the pairs with the largest shift the same, fails."
    )


DASHBOARD = Dashboard(
    results=(ResultsPage("table1", "Table 1", table1, template="dashboard/tasks/same_different/table1.html"),),
    strata=SHIFTS,
    answers={"same": "same", "different": "different"},
    called={"same": "called the same", "different": "called different"},
    rules=rules,
)

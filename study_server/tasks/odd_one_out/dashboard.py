"""What the dashboard has of an odd-one-out study."""

from __future__ import annotations

from typing import Any

from study_server.tasks.dashboard import SHIFTS, Dashboard, ResultsPage
from study_server.tasks.odd_one_out.results import right_answers


def rules(settings: Any) -> str:
    """The validation test, in a sentence."""
    return (
        f"The validation test: who answers more than half of the trials with the largest shift, "
        f"{settings.stimuli.max_shift} px, wrong fails."
    )


DASHBOARD = Dashboard(
    results=(ResultsPage("right-answers", "Right answers", right_answers),),
    strata=SHIFTS,
    called={"left": "chose the left", "middle": "chose the middle", "right": "chose the right"},
    rules=rules,
)

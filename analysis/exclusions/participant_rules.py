"""Rules that mark all responses of a participant, whatever the task."""

from __future__ import annotations

import numpy as np

from analysis.columns.participants import of_each, participant_codes, totals
from analysis.columns.rule_columns import Mask, Responses, is_text, known
from analysis.tasks.registry import task_of

# Nobody who looks gives one answer so often, where each is right as often as the others.
MOST_ONE_SIDED = 0.95
# Fewer can be alike by chance.
FEWEST_ANSWERS = 10


def unfinished(responses: Responses) -> tuple[Mask, Mask]:
    """Responses of participants who did not reach the end of the study."""
    return is_text(responses, "participant_state", "unfinished"), known(responses, "participant_state")


def one_sided(responses: Responses) -> tuple[Mask, Mask]:
    """Participants more than 95 % of whose answers are alike, of ten answers or more.

    A participant with fewer answers is not assessed; nobody is, where it is not known what can be answered.
    """
    codes, count = participant_codes(responses)
    choices = task_of(responses).choices("response")
    each = [totals(codes, count, is_text(responses, "response", choice)) for choice in choices]
    given = totals(codes, count, codes >= 0)
    enough = (given >= FEWEST_ANSWERS) & bool(choices)
    most = np.max(each, axis=0) if each else given
    return of_each((most > MOST_ONE_SIDED * given) & enough, codes), of_each(enough, codes)

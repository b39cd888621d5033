"""Same–different: are the two images of a pair the same, or is one shifted? The paper's own study (Section 3)."""

from __future__ import annotations

from analysis.columns.column import Column
from analysis.columns.participants import PARTICIPANT
from analysis.columns.rule_columns import Mask, Responses, is_text
from analysis.tasks.rule import Rule
from analysis.tasks.same_different_rules import catch_dprime, validation
from analysis.tasks.shift_columns import DIRECTION, IMAGE, PAIR, SHIFT_ARCMIN, SHIFT_PX
from analysis.tasks.task import Task


def says_different(responses: Responses) -> Mask:
    """Which answers are "different"."""
    return is_text(responses, "response", "different")


SAME_DIFFERENT = Task(
    "same-different",
    columns={
        "trial": (PAIR, IMAGE),
        "selection": (
            SHIFT_PX,
            DIRECTION,
            Column("reference_side", "choice", "side on which the reference was shown", choices=("left", "right")),
            Column(
                "response", "choice", "what the participant answered", nullable=False, choices=("same", "different")
            ),
        ),
        "pixels_per_degree": (SHIFT_ARCMIN,),
    },
    subject="pair",
    of_subject=("shift_px", "image", "photograph"),
    picture="image",
    rules={
        "validation": Rule(validation, (*PARTICIPANT, "shift_px", "response"), known_by="participant"),
        "catch_dprime": Rule(catch_dprime, (*PARTICIPANT, "shift_px", "response")),
    },
    hit=says_different,
    verbs=(
        "table1",
        "exclusions",
        "psychometric",
        "dprime",
        "reliability",
        "mixed",
        "jnd",
        "compare",
        "score",
        "power",
        "new",
        "report",
        "scorecard",
    ),
    sections=(
        "study",
        "participants",
        "answers",
        "psychometric",
        "people",
        "d-prime",
        "observers",
        "reliability",
        "metrics",
        "sensitivity",
        "plan",
    ),
)

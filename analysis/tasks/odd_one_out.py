"""Odd-one-out: which of three images differs? One image of a pair stands once, the other twice (triangular method)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from analysis.columns.column import Column
from analysis.columns.participants import PARTICIPANT, largest_shifts, of_each, participant_codes, totals
from analysis.columns.rule_columns import Mask, Responses, integers, is_text, row_count
from analysis.tasks.rule import Rule
from analysis.tasks.shift_columns import DIRECTION, IMAGE, PAIR, SHIFT_ARCMIN, SHIFT_PX
from analysis.tasks.task import Task

PLACES = ("left", "middle", "right")


def is_right(responses: Responses) -> Mask:
    """Which answers name the place where the odd image stood."""
    right = np.zeros(row_count(responses), dtype=np.bool_)
    for place in PLACES:
        right |= is_text(responses, "response", place) & is_text(responses, "odd_place", place)
    return right


def validation(responses: Responses) -> tuple[Mask, Mask]:
    """Participants who answer more than half of their trials with the largest shift wrong.

    The largest shift is the largest in the study's responses. Somebody who guesses is wrong two times of three. A
    participant who was shown no such pair cannot fail.
    """
    codes, count = participant_codes(responses)
    largest = integers(responses, "shift_px") == largest_shifts(responses)
    shown, wrong = (totals(codes, count, which) for which in (largest, largest & ~is_right(responses)))
    return of_each(2 * wrong > shown, codes), codes >= 0


ODD_ONE_OUT = Task(
    "odd-one-out",
    columns={
        "trial": (PAIR, IMAGE),
        "selection": (
            replace(SHIFT_PX, minimum=1),
            DIRECTION,
            Column(
                "odd_place",
                "choice",
                "where the image stood that is unlike the two others; an answer is right that names this place",
                nullable=False,
                choices=PLACES,
            ),
            Column(
                "odd_role",
                "choice",
                "which of the pair's images stood alone; the other stood in two places",
                choices=("reference", "shifted"),
            ),
            Column("response", "choice", "the place that the participant named", nullable=False, choices=PLACES),
        ),
        "pixels_per_degree": (SHIFT_ARCMIN,),
    },
    subject="pair",
    of_subject=("shift_px", "image", "photograph"),
    picture="image",
    rules={"validation": Rule(validation, (*PARTICIPANT, "shift_px", "odd_place", "response"), known_by="participant")},
    hit=is_right,
    verbs=("exclusions", "dprime", "report"),
    sections=("study", "participants", "oddity", "plan"),
)

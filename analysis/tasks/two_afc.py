"""Two-alternative forced choice on triplets: which of two distorted images is more similar to the reference?

The same is asked of the triplet as it is and of versions in which both distorted images are shifted (Ghildyal & Liu
2022, Figure 1).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from analysis.columns.column import Column
from analysis.columns.participants import PARTICIPANT, Codes, of_each, participant_codes, totals
from analysis.columns.rule_columns import Mask, Responses, integers, is_text, numbered_texts, row_count
from analysis.tasks.rule import Rule
from analysis.tasks.shift_columns import DIRECTION, SHIFT_PX
from analysis.tasks.task import Task

SIDES = ("left", "right")
IMAGES = ("first", "second")


# An answer is as often one image as the other where somebody guesses.
MOST_CATCH_ERRORS = Fraction(1, 3)
LEAST_AGREEMENT = Fraction(1, 2)
# Of fewer, half can agree by chance though somebody looks.
FEWEST_RETESTS = 8


def validation(responses: Responses) -> tuple[Mask, Mask]:
    """Participants who answer over a third of the catch trials wrong.

    A participant without catch trials cannot fail. Whether people agree with themselves where a stimulus is asked about
    again is no part of it: that is the floor of their flip rate, and without who agrees least it would be too low.
    """
    codes, count = participant_codes(responses)
    catches, wrong = catch_trials(responses, codes, count)
    fails = wrong * MOST_CATCH_ERRORS.denominator > catches * MOST_CATCH_ERRORS.numerator
    return of_each(fails, codes), codes >= 0


def catch_trials(responses: Responses, codes: Codes, count: int) -> tuple[Codes, Codes]:
    """Of each participant: catch trials, and those answered wrong."""
    catch, right = np.zeros((2, row_count(responses)), dtype=np.bool_)
    for image in IMAGES:
        obvious = is_text(responses, "catch_answer", image)
        catch |= obvious
        right |= obvious & is_text(responses, "preferred", image)
    return totals(codes, count, catch), totals(codes, count, catch & ~right)


def retest_agreement(responses: Responses) -> tuple[Mask, Mask]:
    """Participants who answered half or fewer of eight or more stimuli that they were asked twice as before.

    A coin agrees in half of them; whoever has fewer retests cannot fail. Flips of who is left are held against a floor
    that comes out too low, so that a shift seems to change more minds: no rule to report flips with.
    """
    codes, count = participant_codes(responses)
    retests, agreeing = retest_trials(responses, codes, count)
    same = agreeing * LEAST_AGREEMENT.denominator <= retests * LEAST_AGREEMENT.numerator
    return of_each(same & (retests >= FEWEST_RETESTS), codes), codes >= 0


def retest_trials(responses: Responses, codes: Codes, count: int) -> tuple[Codes, Codes]:
    """Of each participant: trials about a stimulus that they were asked about before, and those answered as then.

    Which answer was before, `repetition` says; where it is unknown, the trial is no retest and has none.
    """
    repetition = integers(responses, "repetition")
    stimuli, names = numbered_texts(responses, "stimulus")
    first = is_text(responses, "preferred", "first")
    asked = np.where((codes >= 0) & (repetition > 0), codes * max(1, len(names)) + stimuli, -1)
    order = np.lexsort((repetition, asked))
    here, before = order[1:], order[:-1]
    again, agree = np.zeros((2, len(order)), dtype=np.bool_)
    again[here] = (asked[here] >= 0) & (asked[here] == asked[before])
    agree[here] = again[here] & (first[here] == first[before])
    return totals(codes, count, again), totals(codes, count, agree)


def preference_contradiction(columns: Mapping[str, pa.Array]) -> tuple[int, str] | None:
    """The first row whose `preferred` is not the image that stood where the answer says."""
    if not {"first_side", "response", "preferred"} <= columns.keys():
        return None
    side, response, preferred = (columns[name].cast(pa.string()) for name in ("first_side", "response", "preferred"))
    wrong = pc.not_equal(pc.equal(side, response), pc.equal(preferred, "first")).fill_null(False)
    rows = np.flatnonzero(wrong.to_numpy(zero_copy_only=False))
    if not len(rows):
        return None
    row = int(rows[0])
    return row, (
        f"preferred is {preferred[row].as_py()!r}, but the image first stood on the {side[row].as_py()} and the answer "
        f"is {response[row].as_py()!r}; correct one of them."
    )


TWO_AFC = Task(
    "2afc",
    columns={
        "trial": (
            Column("stimulus", "text", "stimulus id of the triplet manifest, `TRIPLET_n-SHIFT`", nullable=False),
            Column("triplet", "text", "triplet id of the triplet manifest", nullable=False),
        ),
        "selection": (
            replace(SHIFT_PX, meaning="how far both distorted images were shifted against the reference, pixels"),
            DIRECTION,
            Column("distortion_first", "text", "how the triplet's first image was distorted, as `blur 2`"),
            Column("distortion_second", "text", "how the second was"),
            Column(
                "catch_answer",
                "choice",
                "of a catch trial, which of the two images is obviously more similar; unknown for all others",
                choices=IMAGES,
            ),
            Column("first_side", "choice", "side on which the image `first` was shown", choices=SIDES),
            Column(
                "repetition",
                "integer",
                "2 where the same participant is asked about the same stimulus again, else 1",
                minimum=1,
            ),
            Column(
                "response", "choice", "side of the image that the participant preferred", nullable=False, choices=SIDES
            ),
            Column("preferred", "choice", "the image that stood there", nullable=False, choices=IMAGES),
        ),
    },
    subject="stimulus",
    of_subject=("shift_px", "triplet", "photograph", "distortion_first", "distortion_second", "catch_answer"),
    picture="triplet",
    rules={
        "validation": Rule(
            validation,
            (*PARTICIPANT, "catch_answer", "preferred"),
            known_by="participant",
        ),
        "retest_agreement": Rule(
            retest_agreement,
            (*PARTICIPANT, "stimulus", "repetition", "preferred"),
            known_by="participant",
        ),
    },
    verbs=("exclusions", "two-afc", "flips", "bapps export", "train", "report"),
    sections=("study", "participants", "shares", "flips", "figure-1", "scale", "plan"),
    contradiction=preference_contradiction,
)

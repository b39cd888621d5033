"""What may make people answer "different": shift, side of the reference, and how long they have been at it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.observers.accepted_answers import AcceptedAnswers
from analysis.responses.displacement import displacement_px

Floats = NDArray[np.float64]

PRACTICE_TRIALS = 10

MEANING = {
    "intercept": "odds of a pair without a shift, where all that follows is 0",
    "shift": "each doubling of 1 + shift (pixels)",
    "reference_right": "reference on the right instead of on the left",
    "ten_trials": "each ten trials later",
    "first_trials": f"one of the first {PRACTICE_TRIALS} trials instead of a later one",
}


@dataclass(frozen=True)
class Predictors:
    """`values`: `(N, K)`, a column for each of `names`; `notes`: sentences on what is left out."""

    names: tuple[str, ...]
    values: Floats
    notes: tuple[str, ...]


def predictors_of(answers: AcceptedAnswers) -> Predictors:
    """The predictors of a study's accepted answers; what is unknown or the same in all of them is left out."""
    rows, notes = answers.responses, []
    columns: dict[str, Floats] = {
        "intercept": np.ones(len(rows)),
        "shift": np.log2(1.0 + displacement_px(rows)),
    }
    side = rows["reference_side"]
    if side.notna().all():
        columns["reference_right"] = (side == "right").to_numpy(dtype=bool).astype(np.float64)
    else:
        notes.append("The side of the reference is not known of each answer, and is left out.")
    if answers.participant is not None and rows["trial"].notna().all():
        trial = rows["trial"].to_numpy(dtype=np.float64)
        columns["ten_trials"] = (trial - 1) / 10
        columns["first_trials"] = np.asarray(trial <= PRACTICE_TRIALS, dtype=np.float64)
    else:
        notes.append("The order of the trials is not known of each answer, and is left out.")
    kept: dict[str, Floats] = {}
    for name, values in columns.items():
        if name != "intercept" and np.ptp(values) == 0:
            notes.append(f"{_SUBJECT[name]} is the same in all answers, and is left out.")
        # Ten trials are the first ten, and eleven all but tell which they are.
        elif name == "first_trials" and np.ptp(columns["ten_trials"][values == 0]) == 0:
            notes.append("There are too few trials after the first ten to tell practice from the order.")
        else:
            kept[name] = values
    return Predictors(tuple(kept), np.stack(list(kept.values()), axis=1), tuple(notes))


_SUBJECT = {
    "shift": "The shift",
    "reference_right": "The side of the reference",
    "ten_trials": "The order of the trials",
    "first_trials": "Whether a trial is one of the first ten",
}

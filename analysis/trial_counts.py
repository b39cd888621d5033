"""Numbers of answers by shift: of everybody, of each participant, of each photograph."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.columns.participants import named, unknown_participants
from analysis.errors import AnalysisError
from analysis.exclusions.marking import accepted
from analysis.responses.displacement import displacement_px
from analysis.responses.photographs import photographs
from analysis.responses.sources import PUBLISHED_TABLE1
from analysis.tasks.registry import task_of
from analysis.tasks.same_different import SAME_DIFFERENT

Floats = NDArray[np.float64]

# An interval of fewer clusters says more about them than about their kind.
FEWEST_CLUSTERS = 5

_COLUMNS = ("shift_px", "same", "different")

COUNTED_COLUMNS = ("image", "shift_px", "response", "odd_place")
"""What is counted, of whichever task, for readers that need not read more."""


@dataclass(frozen=True)
class TrialCounts:
    """Numbers of answers to pairs with a shift of `shift_px[k]` pixels; `shift_px` is `(K,)`, ascending,
    the length of the shift: on a diagonal larger than that along each axis.

    `different`, `total`: `(K,)`; of odd-one-out, `different` are the answers that found the odd image.
    `by_participant`: `(P, K, 2)`, different and total of each participant; None where it is not known who answered.
    `by_photograph`: `(F, K, 2)` likewise; None for bare counts.
    `notes`: sentences on what is missing.
    """

    shift_px: Floats
    different: Floats
    total: Floats
    by_participant: Floats | None
    by_photograph: Floats | None
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, responses: pd.DataFrame) -> TrialCounts:
        """The accepted answers of a tidy response table.

        Raises: `AnalysisError` where none is left, they are of several studies, or their task has none to count.
        """
        task = task_of(responses)
        if task.hit is None:
            raise AnalysisError(f"Answers of {task.name} studies are not counted by shift; use another analysis.")
        kept = accepted(responses)
        shift, level = np.unique(displacement_px(kept), return_inverse=True)
        different = task.hit(kept)
        unknown = unknown_participants(kept)
        known = unknown is None
        notes = [] if known else [f"{unknown}, so that intervals hold no variance of people."]
        by_participant = _grouped(kept["participant"], level, different, len(shift)) if known else None
        by_photograph = _grouped(photographs(kept), level, different, len(shift))
        pooled = by_photograph.sum(axis=0)
        missing = np.setdiff1d(displacement_px(responses), shift)
        if len(missing):
            listed = ", ".join(f"{length:g}" for length in missing)
            notes.append(f"No answer to a pair with a shift of {listed} px is analysed; these shifts are left out.")
        for what, tables in (("participants", by_participant), ("photographs", by_photograph)):
            if tables is not None and len(tables) < FEWEST_CLUSTERS:
                notes.append(
                    f"The answers are of {len(tables)} {what if len(tables) > 1 else what[:-1]}, too few to draw from: "
                    f"intervals hold no variance of {'people' if what == 'participants' else what}."
                )
        if by_participant is not None and task is SAME_DIFFERENT:
            one_sided = _one_sided(kept["participant"], by_participant)
            if one_sided:
                notes.append(
                    f"Participants who gave the same answer in every trial: {named(one_sided)}; they are kept."
                )
        return cls(shift, pooled[:, 0], pooled[:, 1], by_participant, by_photograph, tuple(notes))


def _grouped(groups: pd.Series, level: NDArray[np.int64], different: NDArray[np.bool_], levels: int) -> Floats:
    codes, names = pd.factorize(groups, sort=True)
    cell = codes * levels + level
    size = len(names) * levels
    counts = [np.bincount(cell, weights, size) for weights in (different.astype(np.float64), None)]
    return np.stack(counts, axis=-1).reshape(len(names), levels, 2).astype(np.float64)


def _one_sided(participants: pd.Series, counts: Floats) -> list[str]:
    different, total = counts.sum(axis=1).T
    names = sorted(participants.unique())
    return [str(names[index]) for index in np.flatnonzero((different == 0) | (different == total))]


def read_counts(source: str) -> TrialCounts:
    """Numbers of answers in a CSV file with the columns shift_px, same and different, or in the paper's Table 1.

    A shift may stand in several lines; they are added. Other columns are ignored.

    Raises: `AnalysisError` naming file, line and column where the file cannot be read or holds what it cannot.
    """
    if source == PUBLISHED_TABLE1:
        file = resources.files("analysis.responses") / "data" / "ghildyal2022" / "table1.csv"
        return _parsed(file.read_text(encoding="utf-8"), source)
    try:
        text = Path(source).read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise AnalysisError(f"{source} is not UTF-8 text; save it as UTF-8.") from None
    except OSError as error:
        raise AnalysisError(f"{source} cannot be read: {error.strerror or error}.") from error
    return _parsed(text, source)


def _parsed(text: str, origin: str) -> TrialCounts:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    counts: dict[float, Floats] = {}
    try:
        reader.fieldnames = [name.strip() for name in reader.fieldnames or []]
        for name in _COLUMNS:
            if name not in reader.fieldnames:
                raise AnalysisError(f"{origin}: the column {name} is missing; the first line names the columns.")
        for row in reader:
            here = f"{origin}: line {reader.line_num}"
            shift, same, different = (_number(row[name], name, here) for name in _COLUMNS)
            counts[shift] = counts.get(shift, np.zeros(2)) + np.array([different, same + different])
    except csv.Error as error:
        raise AnalysisError(f"{origin}: line {reader.line_num} is not CSV ({error}); correct it.") from None
    empty = [shift for shift, (_, total) in sorted(counts.items()) if total == 0]
    shown = sorted(set(counts) - set(empty))
    if not shown:
        raise AnalysisError(f"{origin} holds no answers; give a line for each shift with the numbers of answers.")
    table = np.array([counts[shift] for shift in shown])
    notes = ["Only numbers of answers are known, so that intervals hold no variance of people or of photographs."]
    if empty:
        listed = ", ".join(f"{shift:g}" for shift in empty)
        notes.append(f"No answers were given to pairs with a shift of {listed} px; they are left out.")
    return TrialCounts(np.array(shown), table[:, 0], table[:, 1], None, None, tuple(notes))


def _number(cell: str | None, name: str, here: str) -> float:
    if cell is None:
        raise AnalysisError(f"{here}: {name} is missing; each line has a number for each column.")
    try:
        value = float(cell)
    except ValueError:
        value = -1.0
    whole = name == "shift_px" or value == np.floor(value)
    if not (0 <= value < 1e15 and whole):
        kind = "a number of pixels" if name == "shift_px" else "a whole number of answers"
        raise AnalysisError(f"{here}: {name} is {cell!r}, not {kind} ≥ 0; correct it.")
    return value

"""How long people take, by shift and answer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

from analysis.errors import AnalysisError
from analysis.observers.accepted_answers import AcceptedAnswers
from analysis.results import Estimate, Result

Floats = NDArray[np.float64]

REPLICATES = 2000
FEWEST_PARTICIPANTS = 5
# So many numbers at a time.
_PORTION = 5_000_000


@dataclass(frozen=True)
class ReactionTime(Result):
    """Median reaction time of one answer to the pairs of one shift, in milliseconds."""

    shift_px: int
    response: str
    median_ms: Estimate
    answers: int


@dataclass(frozen=True)
class ReactionTimes(Result):
    """Median reaction times; intervals by drawing participants with replacement.

    `answers`: accepted answers whose reaction time is known. `rows`: by shift, then by answer; those without an answer
    are left out.
    """

    median_ms: Estimate
    rows: tuple[ReactionTime, ...]
    answers: int


def reaction_times(responses: pd.DataFrame, *, replicates: int = REPLICATES, seed: int = 0) -> ReactionTimes:
    """Median reaction times of the accepted answers of a tidy response table.

    Args:
        responses: a tidy response table.
        replicates: how often participants are drawn anew.
        seed: of the draws.

    Raises: `AnalysisError` where no response is left, they are of several studies, or no reaction time is known.
    """
    answers = AcceptedAnswers.of(responses)
    column = answers.responses["reaction_time_ms"]
    known = column.notna().to_numpy(dtype=bool)
    if not known.any():
        raise AnalysisError("The source does not say how long the answers took, so that there are no reaction times.")
    time = column[known].to_numpy(dtype=np.float64)
    shift, different = answers.shift_px[known], answers.different[known]
    weights, method, codes = None, "no interval: it is not known who answered", None
    if answers.participant is not None:
        _, codes = np.unique(answers.participant[known], return_inverse=True)
        people = int(codes.max()) + 1
        method = f"no interval: too few participants to draw from ({people})"
        if people >= FEWEST_PARTICIPANTS:
            generator = np.random.default_rng(seed)
            drawn = generator.integers(0, people, (replicates, people))
            weights = np.stack([np.bincount(draw, minlength=people) for draw in drawn]).astype(np.float64)
            method = f"95% bootstrap interval over {people} participants, {replicates:,} draws"

    def median(which: NDArray[np.bool_]) -> Estimate:
        value = float(np.median(time[which]))
        if weights is None or codes is None:
            return Estimate(value, None, None, method)
        medians = _medians(time[which], codes[which], weights)
        found = medians[np.isfinite(medians)]
        if len(found) < 0.99 * len(medians):
            return Estimate(value, None, None, "no interval: too few participants gave this answer")
        low, high = np.quantile(found, (0.025, 0.975))
        return Estimate(value, min(float(low), value), max(float(high), value), method)

    cells = [
        (int(shift_px), response, (shift == shift_px) & (different == (response == "different")))
        for shift_px in np.unique(shift)
        for response in ("same", "different")
    ]
    rows = [
        ReactionTime(shift_px, response, median(which), int(which.sum()))
        for shift_px, response, which in tqdm(cells, desc="reaction times", delay=1, leave=False)
        if which.any()
    ]
    return ReactionTimes(median(np.ones(len(time), dtype=np.bool_)), tuple(rows), len(time))


def _medians(time: Floats, participant: NDArray[np.int64], weights: Floats) -> Floats:
    """Median of the times with each participant's as often as a row of `weights` says; NaN where none is left."""
    order = np.argsort(time, kind="stable")
    ordered, who = time[order], participant[order]
    medians = np.full(len(weights), np.nan)
    step = max(1, _PORTION // len(time))
    for begin in range(0, len(weights), step):
        running = np.cumsum(weights[begin : begin + step][:, who], axis=1)
        half = running[:, -1:] / 2
        # The two in the middle; the same one twice where the number is odd.
        lower, upper = (running < half).sum(axis=1), (running <= half).sum(axis=1)
        some = half[:, 0] > 0
        last = len(time) - 1
        pair = ordered[np.minimum(lower, last)] + ordered[np.minimum(upper, last)]
        medians[begin : begin + step] = np.where(some, pair / 2, np.nan)
    return medians

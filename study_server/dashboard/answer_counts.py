"""The answers, counted by the database: per pair, and from that per shift as in Table 1 of the paper."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from sqlalchemy import case, func, literal_column, select
from sqlalchemy.orm import Session

from study_server.participants.acceptance import accepted
from study_server.stimuli.directions import distance_px
from study_server.storage.models import Pair, Participant, Response, Trial

_Z = 1.959963984540054  # 97.5 % of the standard normal distribution lie below


class Fit(Protocol):
    """A psychometric function fitted to answers, with P(different) at a shift of x pixels."""

    threshold_px: float | None
    false_alarm_rate: float
    lapse_rate: float

    def probability(self, shift_px: Any) -> Any:
        """P(different) at each of the shifts."""


FitPsychometric = Callable[[Sequence[float], Sequence[int], Sequence[int]], Fit | None]
"""(shifts in pixels, answers «different», answers) → the fit, or None where these answers determine none."""


@dataclass(frozen=True)
class PairCount:
    """How often a pair was judged, and how often «same»; `used` counts accepted answers alone."""

    pair: str
    shift_px: int
    distance_px: float
    """How far the window moved; on a diagonal more than the shift."""
    answers: int
    same: int
    used: int
    used_same: int


@dataclass(frozen=True)
class ShiftCount:
    """The answers at one shift; the interval is Wilson's of 95 %, in percent."""

    shift_px: float
    same: int
    different: int
    pairs: int
    sd_mean: float | None
    """Mean over pairs of the standard deviation of the answers to a pair (1 same, 0 different)."""
    sd_sd: float | None

    @property
    def answers(self) -> int:
        return self.same + self.different

    @property
    def different_percent(self) -> float | None:
        return 100 * self.different / self.answers if self.answers else None

    @property
    def different_interval(self) -> tuple[float, float] | None:
        return _percent(wilson(self.different, self.answers)) if self.answers else None


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """Wilson's interval of 95 % of a share (Wilson 1927), which takes the trials as independent.

    >>> [round(x, 4) for x in wilson(140, 150)]
    [0.8816, 0.9634]
    """
    share, spread = successes / trials, _Z**2 / trials
    centre = share + spread / 2
    half = _Z * math.sqrt(share * (1 - share) / trials + spread / (4 * trials))
    # Without rounding errors at the ends: none of ten is at least 0.
    low = 0.0 if successes == 0 else (centre - half) / (1 + spread)
    high = 1.0 if successes == trials else (centre + half) / (1 + spread)
    return low, high


def count_pairs(session: Session, study_id: int) -> list[PairCount]:
    """Every pair of the study with its answers, the least answered (of accepted answers) first."""
    same = case((Response.response == "same", 1), else_=0)
    used = case((accepted(), 1), else_=0)
    # Not the column itself: SQLite would go through its index, in which a pair's trials lie all over the table.
    pair_id = (Trial.pair_id + literal_column("0")).label("pair_id")
    counted = (
        select(
            pair_id, func.count().label("answers"), func.sum(same).label("same"),
            func.sum(used).label("used"), func.sum(same * used).label("used_same"),
        )
        .select_from(Trial)
        .join(Response, Response.trial_id == Trial.id)
        .join(Participant, Participant.id == Trial.participant_id)
        .where(Trial.study_id == study_id)
        .group_by(pair_id)
        .subquery()
    )  # fmt: skip
    counts = [func.coalesce(counted.c[name], 0) for name in ("answers", "same", "used", "used_same")]
    rows = session.execute(
        select(Pair.name, Pair.shift_px, Pair.direction, *counts)
        .outerjoin(counted, counted.c.pair_id == Pair.id)
        .where(Pair.study_id == study_id)
        .order_by(counts[2], counts[0], Pair.name)
    )
    return [
        PairCount(name, shift, distance_px(shift, direction), *map(int, numbers))
        for name, shift, direction, *numbers in rows
    ]


def count_shifts(
    pairs: Iterable[PairCount], *, accepted_only: bool, by: Literal["shift_px", "distance_px"] = "shift_px"
) -> list[ShiftCount]:
    """The answers of each shift, ascending: Table 1 of Ghildyal & Liu 2022; or of each distance."""
    by_shift: dict[float, list[tuple[int, int]]] = {}
    for pair in pairs:
        counts = (pair.used, pair.used_same) if accepted_only else (pair.answers, pair.same)
        by_shift.setdefault(getattr(pair, by), []).append(counts)
    return [_shift(shift, [count for count in counts if count[0]]) for shift, counts in sorted(by_shift.items())]


def _shift(shift_px: float, judged: list[tuple[int, int]]) -> ShiftCount:
    answers, same = sum(n for n, _ in judged), sum(k for _, k in judged)
    deviations = [math.sqrt(k / n * (1 - k / n)) for n, k in judged]
    mean = sum(deviations) / len(deviations) if deviations else None
    sd = math.sqrt(sum((d - mean) ** 2 for d in deviations) / len(deviations)) if mean is not None else None
    return ShiftCount(shift_px, same, answers - same, len(judged), mean, sd)


def _percent(interval: tuple[float, float]) -> tuple[float, float]:
    return 100 * interval[0], 100 * interval[1]


def curve(fit: Fit, largest_px: float, points: int = 181) -> dict[str, list[float]]:
    """The fitted function from 0 to the largest shift: `x` in pixels, `y` in percent."""
    x = [largest_px * i / (points - 1) for i in range(points)]
    return {"x": [round(value, 4) for value in x], "y": [round(100 * float(p), 3) for p in fit.probability(x)]}

"""The answers by shift, as in Table 1 of the paper: what a dashboard shows of a same–different study."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from study_server.tasks.charts import shares
from study_server.tasks.dashboard import Answers, Counted, Fit
from study_server.tasks.shifted_pairs.shifted_pairs import pair_distance_px
from study_server.tasks.wilson import Share


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
    def different_share(self) -> Share:
        return Share(self.different, self.answers)

    @property
    def different_percent(self) -> float | None:
        return self.different_share.percent

    @property
    def different_interval(self) -> tuple[float, float] | None:
        return self.different_share.interval


def count_shifts(
    pairs: Iterable[Counted], *, accepted_only: bool, by: Literal["shift_px", "distance_px"] = "shift_px"
) -> list[ShiftCount]:
    """The answers of each shift, ascending: Table 1 of Ghildyal & Liu 2022; or of each distance."""
    by_shift: dict[float, list[tuple[int, int]]] = {}
    for pair in pairs:
        of = pair.of(accepted_only=accepted_only)
        at = pair.stratum if by == "shift_px" else pair_distance_px(pair.values)
        by_shift.setdefault(at, []).append((sum(of.values()), of.get("same", 0)))
    return [_shift(shift, [count for count in counts if count[0]]) for shift, counts in sorted(by_shift.items())]


def _shift(shift_px: float, judged: list[tuple[int, int]]) -> ShiftCount:
    answers, same = sum(n for n, _ in judged), sum(k for _, k in judged)
    deviations = [math.sqrt(k / n * (1 - k / n)) for n, k in judged]
    mean = sum(deviations) / len(deviations) if deviations else None
    sd = math.sqrt(sum((d - mean) ** 2 for d in deviations) / len(deviations)) if mean is not None else None
    return ShiftCount(shift_px, same, answers - same, len(judged), mean, sd)


def curve(fit: Fit, largest_px: float, points: int = 181) -> dict[str, list[float]]:
    """The fitted function from 0 to the largest shift: `x` in pixels, `y` in percent."""
    x = [largest_px * i / (points - 1) for i in range(points)]
    return {"x": [round(value, 4) for value in x], "y": [round(100 * float(p), 3) for p in fit.probability(x)]}


def table1(answers: Answers) -> dict[str, Any]:
    """What the page of Table 1 shows: the table, and the psychometric function over how far windows moved."""
    pairs, accepted_only = answers.by_stimulus(), answers.accepted_only
    rows = count_shifts(pairs, accepted_only=accepted_only)
    by_distance = count_shifts(pairs, accepted_only=accepted_only, by="distance_px")
    answered, largest = [row for row in by_distance if row.answers], by_distance[-1].shift_px
    fit = None
    if answers.fit is not None and answered:
        fit = answers.fit(
            [row.shift_px for row in answered], [row.different for row in answered], [row.answers for row in answered]
        )
    chart = shares(
        [(row.shift_px, row.different_share) for row in answered],
        x_title="shift, pixels", y_title="called different, %", largest=largest, levels=[(50, "")],
    )  # fmt: skip
    if fit is not None:
        chart |= {"curve": curve(fit, largest), "curveName": "psychometric function", "threshold": fit.threshold_px}
    return {
        "rows": rows,
        "same": sum(row.same for row in rows),
        "answers": sum(row.answers for row in rows),
        "judged_pairs": sum(row.pairs for row in rows),
        "fit": fit,
        "can_fit": answers.fit is not None,
        "charts": {"psychometric": chart},
    }

"""Reaction times. The database counts them in bins of 10 ms, and everything here is read off those counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from study_server.dashboard.sql import rounded_down
from study_server.storage.models import Response, Stimulus, Trial

BIN_MS = 10
LONGEST_MS = 60_000
"""Longer ones are counted as this long."""
_KEYS = LONGEST_MS // BIN_MS + 1
_BAR_MS = 250
_LAST_BAR_MS = 10_000


@dataclass(frozen=True)
class Quantiles:
    """Quartiles of reaction times in ms, to the nearest 10 ms."""

    answers: int
    lower: int | None
    median: int | None
    upper: int | None


@dataclass(frozen=True)
class ReactionTimes:
    """All reaction times of a study."""

    all: Quantiles
    by_response: dict[str, Quantiles]
    by_stratum: dict[int, dict[str, Quantiles]]
    """For each response, and `all`."""
    bars_s: list[float]
    """Where each bar of the histogram begins, s."""
    histogram: dict[str, list[int]]
    """The number of answers in each bar, for each response."""


def reaction_times(session: Session, study_id: int, responses: Sequence[str]) -> ReactionTimes:
    """Of all stored answers, whether they are accepted or not. responses: all that there can be."""
    ms = case((Response.reaction_time_ms >= LONGEST_MS, LONGEST_MS), else_=Response.reaction_time_ms)
    # Stratum, response and bin as one number: the database sorts all answers by it, and one is quicker than three.
    last = len(responses) - 1
    place = case(*((Response.response == response, i) for i, response in enumerate(responses[:last])), else_=last)
    key = ((len(responses) * Stimulus.stratum + place) * _KEYS + rounded_down(session, ms / BIN_MS)).label("bin")
    rows = session.execute(
        select(key, func.count())
        .select_from(Trial)
        .join(Response, Response.trial_id == Trial.id)
        .join(Stimulus, Stimulus.id == Trial.stimulus_id)
        .where(Trial.study_id == study_id)
        .group_by(key)
    )
    counts: dict[tuple[int, str], Counter[int]] = {}
    for number, count in rows:
        of, bin = divmod(number, _KEYS)
        stratum, place_ = divmod(of, len(responses))
        counts.setdefault((stratum, responses[place_]), Counter())[bin] += count
    strata = sorted({stratum for stratum, _ in counts})

    def together(stratum: int | None, response: str | None) -> Counter[int]:
        total: Counter[int] = Counter()
        for (a, b), bins in counts.items():
            if stratum in (None, a) and response in (None, b):
                total.update(bins)
        return total

    return ReactionTimes(
        _quantiles(together(None, None)),
        {response: _quantiles(together(None, response)) for response in responses},
        {
            stratum: {response: _quantiles(together(stratum, response)) for response in responses}
            | {"all": _quantiles(together(stratum, None))}
            for stratum in strata
        },
        [start / 1000 for start in range(0, _LAST_BAR_MS + _BAR_MS, _BAR_MS)],
        {response: _bars(together(None, response)) for response in responses},
    )


def _quantiles(bins: Counter[int]) -> Quantiles:
    total = bins.total()
    if not total:
        return Quantiles(0, None, None, None)
    found, seen, wanted = [], 0, [total * q for q in (0.25, 0.5, 0.75)]
    for number in sorted(bins):
        seen += bins[number]
        while wanted and seen >= wanted[0]:
            found.append(number * BIN_MS + BIN_MS // 2)
            wanted.pop(0)
    return Quantiles(total, *found)


def _bars(bins: Counter[int]) -> list[int]:
    bars = [0] * (_LAST_BAR_MS // _BAR_MS + 1)  # the last holds all that took longer
    for number, count in bins.items():
        bars[min(number * BIN_MS // _BAR_MS, len(bars) - 1)] += count
    return bars

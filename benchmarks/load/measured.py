"""From what was measured to figures: rates, percentiles, ratios within one round, a table."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from benchmarks.load.driver import Outcome


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` of the values do not exceed (nearest rank); nan for none."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else math.nan


@dataclass(frozen=True)
class Round:
    """One round of one subject."""

    per_s: float
    p50_ms: float
    p99_ms: float
    server_cpu_us: float
    """Processor time of the server's processes for one answer; nan where it is not known."""
    client_share: float
    """Of one processor, what the client used: near 1 it is the client that is measured."""
    megabytes_per_s: float


def figure_round(outcome: Outcome, kind: str, server_cpu_s: float) -> Round:
    """A round's figures for the requests of this kind."""
    latencies = outcome.latencies_s.get(kind, [])
    answered, seconds = outcome.acknowledged[kind], outcome.seconds
    return Round(
        per_s=outcome.in_window[kind] / seconds if seconds else math.nan,
        p50_ms=1000 * percentile(latencies, 0.5),
        p99_ms=1000 * percentile(latencies, 0.99),
        server_cpu_us=1e6 * server_cpu_s / answered if answered and server_cpu_s else math.nan,
        client_share=outcome.client_cpu_s / seconds if seconds else math.nan,
        megabytes_per_s=outcome.bytes_received / seconds / 1e6 if seconds else math.nan,
    )


@dataclass
class Measured:
    """All that was measured of one subject."""

    name: str
    kind: str
    participants: int
    rounds: list[Round] = field(default_factory=list)
    thinking: Round | None = None
    """The same with pauses for thought."""
    acknowledged: int = 0
    stored: int | None = None
    errors: Counter[str] = field(default_factory=Counter)
    enrolled: int = 0
    enrolment_s: float = 0.0
    enrolment_p99_ms: float = 0.0
    """Of the slowest kind of request, of those that bring a participant from the consent form to the trials."""

    consents: list[tuple[float, float]] = field(default_factory=list)
    """Of each round, how many who consented at the same moment were taken in a second, and the 99th percentile, ms."""

    @property
    def per_s(self) -> float:
        """Answers per second, median of the rounds."""
        return median(one.per_s for one in self.rounds)

    def add_enrolment(self, outcome: Outcome) -> None:
        """Take in a group that was enrolled."""
        self.errors += outcome.errors
        self.enrolled += sum(result is not None for result in outcome.results)
        self.enrolment_s += outcome.seconds
        slowest_ms = 1000 * max(percentile(values, 0.99) for values in outcome.latencies_s.values())
        self.enrolment_p99_ms = max(self.enrolment_p99_ms, slowest_ms)

    def add_consents(self, outcome: Outcome) -> None:
        """Take in a group that consented at the same moment."""
        self.errors += outcome.errors
        taken_in = sum(result is True for result in outcome.results)
        waited_ms = 1000 * percentile(outcome.latencies_s["consent"], 0.99)
        self.consents.append((taken_in / outcome.seconds, waited_ms))

    def add_answers(self, outcome: Outcome) -> None:
        """Count what a round brought."""
        self.errors += outcome.errors
        self.acknowledged += outcome.acknowledged[self.kind]

    def to_json(self) -> dict[str, Any]:
        """Figures of this subject."""
        noun = {"answer": "answers_per_s", "trial": "trials_per_s", "write": "writes_per_s"}[self.kind]
        figures: dict[str, Any] = {noun: round(self.per_s, 1)}
        for name in ("p50_ms", "p99_ms", "server_cpu_us", "client_share", "megabytes_per_s"):
            figures[name] = _rounded(median(getattr(one, name) for one in self.rounds))
        figures |= {
            "participants": self.participants, "rounds_per_s": [round(one.per_s, 1) for one in self.rounds],
            "acknowledged": self.acknowledged, "stored": self.stored, "errors": dict(self.errors),
        }  # fmt: skip
        if self.enrolled:
            figures["enrolment"] = {
                "participants": self.enrolled,
                "per_s": _rounded(self.enrolled / self.enrolment_s),
                "slowest_request_p99_ms": _rounded(self.enrolment_p99_ms),
            }
        if self.consents:
            per_s, waited_ms = zip(*self.consents, strict=True)
            figures["consents_at_once"] = {
                "per_s": _rounded(median(per_s)), "p99_ms": _rounded(median(waited_ms)),
                "rounds_per_s": [*map(_rounded, per_s)], "rounds_p99_ms": [*map(_rounded, waited_ms)],
            }  # fmt: skip
        if self.thinking is not None:
            figures["with_think_time"] = {
                noun: round(self.thinking.per_s, 1),
                "p50_ms": _rounded(self.thinking.p50_ms),
                "p99_ms": _rounded(self.thinking.p99_ms),
            }
        return figures


def _rounded(value: float) -> float | None:
    """Four digits; None for nan, which JSON does not have."""
    return None if math.isnan(value) else float(f"{value:.4g}")


def ratios(measured: Sequence[Measured]) -> dict[str, float | None]:
    """Our answers per second over those of what we are compared with: of each round, the median."""
    by_name = {one.name: one for one in measured}

    def ratio(one: str, other: str) -> float | None:
        both = zip(by_name[one].rounds, by_name[other].rounds, strict=True)
        return _rounded(median(a.per_s / b.per_s if b.per_s else math.nan for a, b in both))

    found = {}
    for other in ("bare_flask", "otree", "psiturk"):
        if {"sqlite", other} <= by_name.keys():
            found[f"ratio_{other}"] = ratio("sqlite", other)
        if {"postgresql", other} <= by_name.keys():
            found[f"ratio_{other}_postgresql"] = ratio("postgresql", other)
    return found

"""Participants who arrive at random, think, answer, and finish: whole participations, as on a day of recruitment."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.load import participant
from benchmarks.load.driver import drive
from benchmarks.load.measured import percentile
from benchmarks.load.participant import Habits
from benchmarks.load.subjects import OurServer, start
from metric.text_table import align

_SAMPLE_S = 5.0


def poisson_starts(n: int, rate: float, rng: random.Random) -> list[float]:
    """Moments of arrival in seconds, `rate` a second on average, the pauses between them exponential."""
    moments, now = [], 0.0
    for _ in range(n):
        now += rng.expovariate(rate)
        moments.append(now)
    return moments


class _Memory(threading.Thread):
    """Looks at the server's memory now and then."""

    def __init__(self, subject: OurServer, say: Callable[[str], None]) -> None:
        super().__init__(daemon=True)
        self.subject, self.say = subject, say
        self.samples_mib = [subject.server.memory_mib()]
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.wait(_SAMPLE_S):
            self.samples_mib.append(self.subject.server.memory_mib())
            self.say(f"{self.subject.count_stored()} answers stored, server {self.samples_mib[-1]:.0f} MiB")

    def stop(self) -> None:
        self.over.set()
        self.join()
        self.samples_mib.append(self.subject.server.memory_mib())


def let_them_arrive(
    home: Path,
    *,
    database: str,
    participants: int,
    rate: float,
    habits: Habits,
    seed: int,
    say: Callable[[str], None],
) -> tuple[dict[str, Any], str, list[str]]:
    """Figures, the same as text, and what is wrong with them."""
    with ExitStack() as stack:
        [subject] = stack.enter_context(start([database], home, participants=participants, images=habits.images))
        assert isinstance(subject, OurServer)
        memory = _Memory(subject, say)
        memory.start()
        cpu = subject.server.cpu_seconds()
        outcome = drive(
            participant.participations, subject.site, [seed * 10_000_019 + n for n in range(participants)], habits,
            host=subject.server.host, port=subject.server.port,
            starts_s=poisson_starts(participants, rate, random.Random(seed)),
        )  # fmt: skip
        cpu = subject.server.cpu_seconds() - cpu
        memory.stop()
        stored = subject.count_stored()
    finished = sum(result is True for result in outcome.results)
    answers = outcome.acknowledged["answer"]
    figures: dict[str, Any] = {
        "database": database, "participants": participants, "rate_per_s": rate, "think_time_s": habits.think_s,
        "finished": finished, "errors": dict(outcome.errors), "answers": answers, "stored": stored,
        "seconds_of_load": round(outcome.seconds, 1), "answers_per_s": round(answers / outcome.seconds, 1),
        "peak_in_flight": outcome.peak_in_flight, "connections_reopened": outcome.reopened,
        "server_cpu_share": round(cpu / outcome.seconds, 2),
        "client_cpu_share": round(outcome.client_cpu_s / outcome.seconds, 2),
        "server_memory_mib": {
            "before": round(memory.samples_mib[0]), "most": round(max(memory.samples_mib)),
            "after": round(memory.samples_mib[-1]),
        },
        "latency_ms": {
            kind: {
                "requests": len(values), "p50": round(1000 * percentile(values, 0.5), 1),
                "p99": round(1000 * percentile(values, 0.99), 1), "longest": round(1000 * max(values), 1),
            }
            for kind, values in sorted(outcome.latencies_s.items())
        },
    }  # fmt: skip
    wrong = [f"{count} × {error}" for error, count in outcome.errors.items()]
    if finished != participants:
        wrong.append(f"{participants - finished} participants did not finish")
    if stored != answers:
        wrong.append(f"{answers} answers acknowledged, {stored} stored")
    return figures, _to_text(figures), wrong


def _to_text(figures: dict[str, Any]) -> str:
    rows = [("request", "number", "p50 ms", "p99 ms", "longest ms")]
    for kind, one in figures["latency_ms"].items():
        rows.append((kind, str(one["requests"]), f"{one['p50']:.1f}", f"{one['p99']:.1f}", f"{one['longest']:.0f}"))
    memory = figures["server_memory_mib"]
    return "\n".join(
        [
            f"{figures['finished']} of {figures['participants']} participants finished; {figures['rate_per_s']:g} "
            f"arrived a second, thinking {figures['think_time_s']:g} s before each answer; at most "
            f"{figures['peak_in_flight']} at the same time",
            f"{figures['answers']} answers acknowledged, {figures['stored']} stored, in "
            f"{figures['seconds_of_load']} s: {figures['answers_per_s']:.0f} a second; "
            f"{sum(figures['errors'].values())} errors, {figures['connections_reopened']} connections reopened",
            align(rows),
            f"server: {figures['server_cpu_share']:.2f} processors; memory {memory['before']} MiB before, "
            f"{memory['most']} at most, {memory['after']} after. client: {figures['client_cpu_share']:.2f} processors",
        ]
    )

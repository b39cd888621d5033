"""Answers per second of the server, beside what it can be compared with.

    python -m benchmarks.server_speed                 SQLite, PostgreSQL, a bare Flask route; some minutes
    python -m benchmarks.server_speed --quick --json  SQLite and the bare route within a minute
    python -m benchmarks.server_speed --peers         also oTree and psiTurk, installed from the package index
    python -m benchmarks.server_speed --arrivals      10,000 participants come, think, answer, finish

What is measured, and how the two latencies differ: docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.load.arrivals import let_them_arrive
from benchmarks.load.measured import Measured, figure_round, ratios
from benchmarks.load.participant import Habits
from benchmarks.load.postgres import find_binaries
from benchmarks.load.processes import BenchmarkError
from benchmarks.load.subjects import OurServer, Subject, start
from metric.text_table import align

_TITLES = {
    "sqlite": "this server, SQLite", "postgresql": "this server, PostgreSQL", "bare_flask": "bare Flask route",
    "otree": "oTree 6.0.15", "psiturk": "psiTurk 3.3.1",
}  # fmt: skip
_THINKING = ("sqlite", "postgresql")


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def machine() -> dict[str, Any]:
    """What the figures depend on."""
    return {
        "processors": os.cpu_count(),
        "processor": next(
            (
                line.partition(":")[2].strip()
                for line in Path("/proc/cpuinfo").read_text().splitlines()
                if line.startswith("model name")
            ),
            platform.processor(),
        ),
        "load_average": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        **{name: version(name) for name in ("flask", "gunicorn", "sqlalchemy")},
    }


def measure(
    subjects: Sequence[Subject],
    *,
    participants: int,
    rounds: int,
    seconds: float,
    images: bool,
    think_s: float,
    think_seconds: float,
) -> list[Measured]:
    """Each subject in turn, `rounds` times, so that whatever else the machine does hits all alike."""
    no_pause = Habits(images=images)
    measured: list[Measured] = []
    for subject in subjects:
        measured.append(Measured(subject.name, subject.kind, participants))
        enrolment = subject.prepare(participants, no_pause)
        if enrolment is not None:
            measured[-1].add_enrolment(enrolment)

    def one_round(subject: Subject, figures: Measured, habits: Habits, seconds: float) -> Any:
        prepared = subject.prepare(participants, habits)
        if prepared is not None:
            figures.add_enrolment(prepared)
        cpu = subject.server.cpu_seconds()
        outcome = subject.answer(participants, seconds, habits)
        figures.add_answers(outcome)
        return figure_round(outcome, subject.kind, subject.server.cpu_seconds() - cpu)

    for number in range(rounds):
        for subject, figures in zip(subjects, measured, strict=True):
            if isinstance(subject, OurServer):
                figures.add_consents(subject.consent(participants))
            figures.rounds.append(one_round(subject, figures, no_pause, max(seconds, subject.least_seconds)))
            _say(f"round {number + 1}: {_TITLES[subject.name]}: {figures.rounds[-1].per_s:.0f}/s")
    for subject, figures in zip(subjects, measured, strict=True):
        if subject.name in _THINKING and think_s:
            figures.thinking = one_round(subject, figures, Habits(think_s, images), think_seconds)
        figures.stored = subject.count_stored()
    return measured


def to_text(figures: dict[str, Any], measured: Sequence[Measured], options: argparse.Namespace) -> str:
    """The tables, and what their columns mean."""
    rows: list[tuple[str, ...]] = [
        ("no pauses", "per second", "p50 ms", "p99 ms", "server CPU µs", "acknowledged", "stored", "errors")
    ]
    for one in measured:
        f = figures[one.name]
        rows.append(
            (
                _TITLES[one.name],
                f"{one.per_s:.0f} {one.kind}s",
                *(_number(f[name]) for name in ("p50_ms", "p99_ms", "server_cpu_us")),
                str(one.acknowledged),
                "-" if one.stored is None else str(one.stored),
                str(sum(one.errors.values())),
            )
        )
    lines = [
        align(rows),
        f"{options.participants} participants, each on a connection of its own, send the next answer as soon as the "
        f"last is acknowledged (closed loop: latency is about {options.participants} / rate, whatever the server "
        f"does); median of {options.rounds} interleaved rounds.",
    ]
    thinking = [one for one in measured if one.thinking is not None]
    if thinking:
        rows = [(f"think time {options.think_time:g} s", "per second", "p50 ms", "p99 ms")]
        for one in thinking:
            assert one.thinking is not None
            rows.append(
                (
                    _TITLES[one.name],
                    f"{one.thinking.per_s:.0f} answers",
                    f"{one.thinking.p50_ms:.1f}",
                    f"{one.thinking.p99_ms:.1f}",
                )
            )
        lines += [
            "",
            align(rows),
            f"{options.participants} participants at once who think before each answer, as people do (log-normal).",
        ]
    for one in measured:
        if one.enrolled:
            enrolment = figures[one.name]["enrolment"]
            lines.append(
                f"{_TITLES[one.name]}: {one.enrolled} participants brought to their first trial, "
                f"{one.participants} at once: {enrolment['per_s']:.0f} a second; slowest kind of request "
                f"{enrolment['slowest_request_p99_ms']:.0f} ms (p99)"
            )
        if one.consents:
            consents = figures[one.name]["consents_at_once"]
            lines.append(
                f"{_TITLES[one.name]}: {one.participants} who consent at the same moment: {consents['per_s']:.0f} "
                f"taken in a second, p99 {consents['p99_ms']:.0f} ms"
            )
        lines += [f"{_TITLES[one.name]}: {count} × {error}" for error, count in one.errors.items()]
    if options.with_images:
        lines += [f"{_TITLES[one.name]}: {figures[one.name]['megabytes_per_s']} MB/s" for one in measured]
    lines += [f"{name}: {value}" for name, value in figures.items() if name.startswith("ratio_")]
    return "\n".join(lines)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}" if value < 100 else f"{value:.0f}"


def problems(measured: Sequence[Measured]) -> list[str]:
    """What makes the run no good: answers of ours that were refused, lost, or doubled."""
    found = []
    for one in measured:
        if one.name in _THINKING and one.errors:
            found.append(f"{_TITLES[one.name]}: {sum(one.errors.values())} errors")
        if one.stored is not None and one.name in _THINKING and one.stored != one.acknowledged:
            found.append(f"{_TITLES[one.name]}: {one.acknowledged} answers acknowledged, {one.stored} stored")
    return found


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="short rounds, no PostgreSQL: done within a minute")
    parser.add_argument("--participants", type=int, metavar="N", help="at once (200; with --arrivals in all, 10000)")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="interleaved rounds (3)")
    parser.add_argument("--seconds", type=float, metavar="S", help="length of a round at most (5; --quick: 1)")
    parser.add_argument("--think-time", type=float, default=1.0, metavar="S", help="median; 0 leaves that part out (1)")
    parser.add_argument("--with-images", action="store_true", help="fetch both images before each answer")
    parser.add_argument("--only", action="append", choices=[*_TITLES], help="measure this; may be given several times")
    parser.add_argument("--peers", action="store_true", help="install oTree and psiTurk, and measure them too")
    parser.add_argument("--arrivals", action="store_true", help="whole participations, arriving at random")
    parser.add_argument("--rate", type=float, default=20.0, metavar="R", help="with --arrivals: of them a second (20)")
    parser.add_argument("--database", choices=_THINKING, default="sqlite", help="with --arrivals (sqlite)")
    parser.add_argument("--seed", type=int, default=0, help="with --arrivals: of arrivals and think times (0)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    options = parser.parse_args(arguments)
    options.participants = options.participants or (10_000 if options.arrivals else 200)
    options.seconds = options.seconds or (1.0 if options.quick else 5.0)
    return options


def names_to_measure(options: argparse.Namespace) -> list[str]:
    """The subjects that the command line asks for and this machine can start."""
    if options.only:
        return list(options.only)
    names = ["sqlite", "postgresql", "bare_flask", *(["otree", "psiturk"] if options.peers else [])]
    if options.quick:
        names.remove("postgresql")  # its participants' enrolment would take it over the minute
    elif find_binaries() is None:
        _say("PostgreSQL is left out: it is not installed here (Debian: apt install postgresql)")
        names.remove("postgresql")
    return names


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the figures; exit code 1 where answers were refused or lost."""
    options = parse(arguments)
    began = time.perf_counter()
    try:
        with tempfile.TemporaryDirectory(prefix="shift-study-benchmark-") as home:
            if options.arrivals:
                figures, text, wrong = let_them_arrive(
                    Path(home), database=options.database, participants=options.participants, rate=options.rate,
                    habits=Habits(options.think_time, options.with_images), seed=options.seed, say=_say,
                )  # fmt: skip
            else:
                names, n = names_to_measure(options), options.participants
                with start(names, Path(home), participants=n, images=options.with_images) as subjects:
                    measured = measure(
                        subjects, participants=options.participants, rounds=options.rounds, seconds=options.seconds,
                        images=options.with_images, think_s=options.think_time,
                        think_seconds=4.0 if options.quick else 20.0,
                    )  # fmt: skip
                figures = {one.name: one.to_json() for one in measured}
                if not options.with_images:  # nobody else's participants fetch them
                    figures |= ratios(measured)
                text, wrong = to_text(figures, measured, options), problems(measured)
    except BenchmarkError as error:
        raise SystemExit(f"error: {error}") from None
    figures |= {"machine": machine(), "seconds": round(time.perf_counter() - began, 1), "problems": wrong}
    print(json.dumps(figures, indent=2) if options.json else "\n".join([text, *(f"WRONG: {one}" for one in wrong)]))
    if wrong:
        raise SystemExit(1)


if __name__ == "__main__":
    main()

"""How well people find the odd image of three, by shift."""

from __future__ import annotations

import pandas as pd

from analysis.observers.oddity import Oddity, oddity
from analysis.observers.oddity_figure import plot_correct, plot_oddity
from analysis.report.content import Figure, Section, Table, interval, number, percent, sentence
from analysis.trial_counts import TrialCounts


def oddity_section(responses: pd.DataFrame, *, replicates: int, seed: int) -> Section:
    """Share of right answers and d′ by shift, of an odd-one-out study."""
    found = oddity(TrialCounts.of(responses), replicates=replicates, seed=seed)
    table = Table(
        "oddity",
        f"Right answers and d′ by shift; {found.correction} correction of the shares for d′. "
        f"{sentence(found.rows[0].correct.method)}",
        ("Shift (px)", "Answers", "Right", "d′"),
        tuple(
            (f"{row.shift_px:g}", f"{row.answers:,}", percent(row.correct), interval(row.d_prime, 2))
            for row in found.rows
        ),
        found.to_frame(),
        texts=(),
    )
    figures = (
        Figure(
            "oddity_correct",
            "Share of right answers by shift, with 95% intervals; somebody who guesses is right in a third.",
            "; ".join(f"{row.shift_px:g} px: {percent(row.correct)}" for row in found.rows),
            lambda ax: plot_correct(found, ax),
            (6.2, 3.4),
        ),
        Figure(
            "oddity_d_prime",
            "d′ by shift, with 95% intervals.",
            "; ".join(f"{row.shift_px:g} px: {number(row.d_prime.estimate, 2)}" for row in found.rows),
            lambda ax: plot_oddity(found, ax),
            (6.2, 3.4),
        ),
    )
    text = (
        _ends(found),
        "d′ is that of observers who name the image farthest from the two others (differencing). There is no criterion "
        "in it: nobody need decide how large a difference is one.",
        *found.notes,
    )
    return Section("oddity", "d′ by shift", text, (table, *figures), (), {"oddity": found.to_json()})


def _ends(found: Oddity) -> str:
    """What was found at the smallest shift and at the largest."""
    first, last = found.rows[0], found.rows[-1]
    text = (
        f"At a shift of {first.shift_px:g} px the odd image of three was found in {percent(first.correct)} of the "
        f"answers (d′ {interval(first.d_prime, 2)})"
    )
    if last is first:
        return f"{text}."
    return f"{text}, at {last.shift_px:g} px in {percent(last.correct)} (d′ {interval(last.d_prime, 2)})."

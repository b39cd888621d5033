"""How far people agree with each other."""

from __future__ import annotations

import pandas as pd

from analysis.observers.reliability import Reliability, reliability
from analysis.observers.reliability_figure import plot_agreement, plot_alpha_by_shift
from analysis.report.content import Figure, Section, Table, counted, interval, number


def reliability_section(responses: pd.DataFrame, *, replicates: int, seed: int) -> Section:
    """Krippendorff's alpha, split halves, and each participant's agreement with the rest."""
    found = reliability(responses, replicates=replicates, seed=seed)
    halves = ""
    if found.split_half.estimate is not None:
        halves = (
            f" Shares of “same” of random halves of the answers correlate at {interval(found.split_half, 2)}, which "
            f"makes the reliability of all answers together {interval(found.reliability, 2)} (Spearman–Brown)."
        )
    text = [
        f"Krippendorff's α of the answers is {interval(found.alpha, 2)}; within shifts, where it tells what people "
        f"agree on beyond how far the image moved, it is {interval(found.alpha_within_shift, 2)}.{halves}",
        *found.notes,
    ]
    rows = (
        ("Krippendorff's α", found.alpha),
        ("Krippendorff's α within shifts", found.alpha_within_shift),
        ("Split-half correlation", found.split_half),
        ("Reliability (Spearman–Brown)", found.reliability),
        ("Split-half correlation within shifts", found.split_half_within_shift),
        ("Reliability within shifts", found.reliability_within_shift),
    )
    table = Table(
        "reliability",
        f"Reliability of the answers: {found.answers:,} answers to {found.pairs:,} pairs with two or more.",
        ("", "Estimate [95% interval]"),
        tuple((name, interval(estimate, 3)) for name, estimate in rows),
        pd.DataFrame([{"figure": name, **vars(estimate)} for name, estimate in rows]),
    )
    items: list[Table | Figure] = [
        table,
        Figure(
            "alpha",
            f"Krippendorff's α by shift. {found.alpha.method}.",
            "; ".join(f"{row.shift_px} px: {number(row.alpha.estimate, 2)}" for row in found.shifts),
            lambda ax: plot_alpha_by_shift(found, ax),
            (6.2, 3.0),
        ),
    ]
    if found.rows:
        items.append(_agreement(found))
    return Section("reliability", "Reliability", tuple(text), tuple(items), (), {"reliability": found.to_json()})


def _agreement(found: Reliability) -> Figure:
    shares = [row.agreement.estimate for row in found.rows if row.agreement.estimate is not None]
    return Figure(
        "agreement",
        "Each participant's agreement with the rest: the share of other people's answers to the same pair that equal "
        "the participant's own.",
        f"{counted(len(shares), 'participant')}, from {min(shares):.0%} to {max(shares):.0%}." if shares else "None.",
        lambda ax: plot_agreement(found, ax),
        (6.2, 3.2),
    )

"""2AFC scores and rank flips as a part of a report."""

from __future__ import annotations

import pandas as pd

from analysis.report.content import Section, Table, counted, interval, p_value
from analysis.report.scorecard import triplet_set
from analysis.triplets.table import TripletTable


def triplets_section(found: TripletTable, name: str) -> Section:
    """The scores of each metric, its flips at each shift, and what people reach."""
    score = "Accuracy, %" if found.set == "clic" else "2AFC, %"
    human = found.votes == "human"
    voters, others = ("people who prefer", "people") if human else ("votes, which are not people's, for", "voters")
    rows = [
        (
            one.name,
            interval(one.two_afc_interval, 2),
            *(interval(one.rank_flip_rate_interval[shift], 2) for shift in found.shifts_px),
        )
        for one in found.metrics
    ]
    dashes = tuple("—" for _ in found.shifts_px)
    if found.ceiling.votes_each != 1:
        rows.append(("best answers to these votes", interval(found.ceiling.best_answers, 2), *dashes))
    if found.ceiling.majority_of_others is not None:
        rows.append((f"majority of the other {others}", interval(found.ceiling.majority_of_others, 2), *dashes))
    rows.append(("chance", f"{found.chance:.2f}", *dashes))
    number = len(found.categories)
    how = f"; means over {number} categories" if number > 1 else ""
    limits = f"A metric that knew what most {others} prefer would score between the majority of the others and the "
    known = f" {limits}best answers to these votes." if found.ceiling.majority_of_others is not None else ""
    table = Table(
        name,
        f"{score} and rank flips, % of samples, with 95% intervals{how}.",
        ("Metric", score, *(f"Flips at {shift} px" for shift in found.shifts_px)),
        tuple(rows),
        found.to_frame(),
    )
    tables = (table, comparison_table(found, name)) if found.comparisons else (table,)
    return Section(
        name,
        f"Two-alternative choices: {triplet_set(found)}",
        (
            f"{counted(found.samples, 'triplet')} in {', '.join(found.categories)}: the share of {voters} the image "
            "that the metric finds nearer to the reference, half for a tie, and the share of triplets in which a shift "
            f"changes which one that is (Ghildyal & Liu 2022, Eq. 2).{known}",
            *found.notes,
        ),
        tables,
        results={name: found.to_json()},
    )


def comparison_table(found: TripletTable, name: str) -> Table:
    """One row for each two metrics and outcome."""
    return Table(
        f"{name}-comparisons",
        "Differences between metrics on the same samples, in points of percent, with p-values corrected by Holm's "
        "method within each outcome; fewer flips are better.",
        ("Figure", "First", "Second", "Difference", "p (Holm)", "First is"),
        tuple(
            (
                "2AFC" if one.shift_px is None else f"flips at {one.shift_px} px",
                one.first,
                one.second,
                interval(one.difference, 2),
                p_value(one.p_holm),
                one.verdict,
            )
            for one in found.comparisons
        ),
        pd.concat([one.to_frame() for one in found.comparisons], ignore_index=True),
        (0, 1, 2, 5),
    )

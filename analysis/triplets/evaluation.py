"""2AFC scores and rank flips of metrics, their intervals and comparisons, computed from triplet scores."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from analysis.triplets.ceiling import votes_ceiling
from analysis.triplets.comparisons import PairedDifference, compare
from analysis.triplets.draws import DrawnMeans, Floats, draw_means
from analysis.triplets.estimates import method, percent
from analysis.triplets.notes import notes_of, paper_notes_of
from analysis.triplets.outcomes import rank_flips, two_afc
from analysis.triplets.paper import paper_rows, paper_tables
from analysis.triplets.scores import TripletScores
from analysis.triplets.table import CHANCE_PERCENT, CategoryScores, MetricScores, TripletTable


def triplet_table(
    scores: TripletScores, *, replicates: int = 10_000, seed: int = 0, votes_each: int | None = None
) -> TripletTable:
    """Scores, intervals and comparisons of all metrics, from the same draws of references or samples.

    Args:
        replicates: bootstrap draws, at least 100.
        seed: of the draws.
        votes_each: votes on each triplet, for the ceiling; found from the shares where None.

    Raises: `AnalysisError` where there are too few replicates, or a share cannot be of so many votes.

    Source: Ghildyal & Liu 2022, Section 4 and Eq. 2; Zhang et al. 2018, Section 3 (2AFC).
    """
    shifts = scores.shifts
    columns = []
    for metric in scores.metrics:
        columns.append(two_afc(scores.judge, metric.d0, metric.d1))
        columns += [rank_flips(metric.baseline, metric.shifted[shift]) for shift in shifts]
    values = np.column_stack(columns)
    macro, parts = draw_means(values, scores.category, scores.cluster, replicates=replicates, seed=seed)
    width = 1 + len(shifts)
    names = [metric.name for metric in scores.metrics]
    how = method(macro, len(scores.categories), scores.shares_references)
    outcomes: list[tuple[str, int | None, str]] = [("two_afc", None, "accuracy" if scores.set == "clic" else "2AFC")]
    outcomes += [("rank_flip_rate", shift, f"rank flips at {shift} px") for shift in shifts]
    comparisons: list[PairedDifference] = []
    for place, (outcome, shift, called) in enumerate(outcomes):
        places = [width * number + place for number in range(len(names))]
        of_metrics = {name: values[:, column] for name, column in zip(names, places, strict=True)}
        comparisons += compare(outcome, shift, of_metrics, macro, places, scores.cluster, how=how, called=called)
    ceiling = votes_ceiling(scores, votes=votes_each, replicates=replicates, seed=seed)
    tables = paper_tables(scores.set, scores.size_px, scores.size_stated) if scores.votes == "human" else ()
    metrics = tuple(_metric(scores, number, width * number, macro, parts, values, how) for number in range(len(names)))
    return TripletTable(
        set=scores.set,
        votes=scores.votes,
        size_px=scores.size_px,
        size_stated=scores.size_stated,
        samples=len(scores.judge),
        categories={name: part.samples for name, part in zip(scores.categories, parts, strict=True)},
        clusters="references" if scores.shares_references else "samples",
        shifts_px=shifts,
        baseline="crop" if 0 in scores.metrics[0].shifted else "whole",
        replicates=replicates,
        seed=seed,
        metrics=metrics,
        comparisons=tuple(comparisons),
        ceiling=ceiling,
        chance=CHANCE_PERCENT,
        paper=paper_rows(tables),
        paper_notes=paper_notes_of(scores, tables),
        notes=notes_of(scores, ceiling),
    )


def _metric(
    scores: TripletScores,
    number: int,
    start: int,
    macro: DrawnMeans,
    parts: list[DrawnMeans],
    values: Floats,
    how: str,
) -> MetricScores:
    metric = scores.metrics[number]
    columns = {shift: start + 1 + place for place, shift in enumerate(scores.shifts)}
    whole = DrawnMeans.pooled(parts)
    rows = tuple(
        CategoryScores(
            category=category,
            samples=part.samples,
            two_afc=100 * float(part.observed[start]),
            two_afc_interval=percent(part, start, method(part, 1, scores.shares_references)),
            rank_flip_rate={shift: 100 * float(part.observed[column]) for shift, column in columns.items()},
            rank_flip_rate_interval={
                shift: percent(part, column, method(part, 1, scores.shares_references), share=True)
                for shift, column in columns.items()
            },
        )
        for category, part in zip(scores.categories, parts, strict=True)
    )
    flips = {shift: int(values[:, column].sum()) for shift, column in columns.items()}
    return MetricScores(
        name=metric.name,
        two_afc=100 * float(macro.observed[start]),
        two_afc_interval=percent(macro, start, how),
        rank_flip_rate={shift: 100 * float(macro.observed[column]) for shift, column in columns.items()},
        rank_flip_rate_interval={s: percent(macro, column, how, share=True) for s, column in columns.items()},
        rank_flips=flips,
        rank_flips_interval={
            shift: replace(percent(whole, column, how, share=True, scale=len(values)), estimate=float(flips[shift]))
            for shift, column in columns.items()
        },
        ties=int(np.count_nonzero(metric.d0 == metric.d1)),
        rows=rows,
    )

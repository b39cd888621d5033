"""Sentences on what a comparison of metrics lacks, and on what in it may seem odd."""

from __future__ import annotations

import math
from collections.abc import Sequence

from analysis.agreement.judged_pairs import JudgedPairs
from analysis.agreement.metric_agreement import MetricAgreement
from analysis.agreement.metric_comparison import fewest_draws, fewest_permutations
from analysis.agreement.photograph_draws import PhotographDraws

# With fewer ranked pairs intervals of JND mAP are too narrow: "few people" in `benchmarks.interval_coverage`.
FEWEST_PAIRS = 60


def notes(pairs: JudgedPairs, draws: PhotographDraws, families: Sequence[int], permutations: int) -> tuple[str, ...]:
    """What is missing from a comparison; `families`: how many comparisons each has."""
    found = []
    if not draws.enough:
        found.append(f"There is {draws.method()}.")
    if pairs.answer_participant is None:
        answers = len(pairs.answer_pair)
        unknown = pairs.without_participant
        who = "who gave the answers" if unknown == answers else f"who gave {unknown:,} of the {answers:,} answers"
        found.append(
            f"It is not known {who}, so the intervals hold no variance between participants, and are too narrow for a "
            "study with other people."
        )
    if pairs.without_photograph:
        found.append(
            "It is not known of which photograph an image is; each is taken as one of its own, which makes intervals "
            "too narrow if several are of one."
        )
    if draws.enough and len(pairs.names) < FEWEST_PAIRS:
        found.append(
            f"Only {len(pairs.names)} pairs are ranked, so that intervals of JND mAP are too narrow: in simulated "
            "studies with about 40 pairs, 95% intervals held the truth in 86%."
        )
    most = max(families, default=0)
    replicates = draws.counts.shape[1]
    for count, needed, what in (
        (replicates, fewest_draws(most), "draws of the photographs"),
        (permutations, fewest_permutations(most), "exchanges"),
    ):
        if draws.enough and count < needed:
            found.append(
                f"With {count:,} {what} no p-value can be below 0.05 once it is corrected for {most:,} comparisons; "
                f"that takes {needed:,} or more."
            )
    if math.isclose(float(pairs.same_share.min()), 1.0):
        found.append('Every answer was "same": any order of the pairs is as good as any other.')
    return tuple(found)


def unlike_p_values(metrics: Sequence[MetricAgreement]) -> list[str]:
    """Why a p-value below 0.05 stands beside an interval that holds 0."""
    notes = []
    for metric in metrics:
        figures = [
            f"{name} (p = {p:.3f})"
            for name, p, estimate in (
                ("γ", metric.concordance_p, metric.concordance),
                ("lift", metric.shift_lift_p, metric.shift_lift),
            )
            if p is not None and p < 0.05 and estimate.low is not None and estimate.low <= 0
        ]
        if figures:
            notes.append(
                f"{' and '.join(figures)} of {metric.name} would be rare if distances were exchanged among pairs of "
                "the same shift, yet the interval holds 0: the p-value is one-sided and about these pairs and answers, "
                "the interval about studies with other photographs and people."
            )
    return notes

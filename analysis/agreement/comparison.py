"""How well metrics agree with people, beside what chance, the shift alone and people themselves reach."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from analysis.agreement.human_ceiling import HumanCeiling, human_ceiling
from analysis.agreement.image_draws import ImageDraws, Spread
from analysis.agreement.judged_pairs import JudgedPairs
from analysis.agreement.metric_agreement import DrawnMap, MetricAgreement, metric_agreement
from analysis.agreement.metric_comparison import (
    Difference,
    differences,
    fewest_draws,
    fewest_permutations,
    permutation_p_value,
)
from analysis.agreement.participant_variance import participant_variance
from analysis.agreement.precision_recall import Floats
from analysis.agreement.tie_rules import Score, drawn_orders, jnd_map
from analysis.errors import AnalysisError
from analysis.results import Estimate, Result

SHIFT = "pixel shift"

# Random orders: enough for the third digit of their mean.
_ORDERS = 20_000
_ORDERS_ERROR = 5e-5


@dataclass(frozen=True)
class Comparison(Result):
    """JND mAP of metrics and what to hold it against; `rows` are the `metrics`.

    `floor`: what a random order reaches. `shift_baseline`: what the shift itself reaches, taken as a distance.
    `ceilings`: what people reach for people. `oracle`: what the judged shares themselves reach; no ranking has more.
    `comparisons`: each metric with each (family `metrics`) and with the shift (family `baseline`).
    `left_out`: name of a metric → why it could not be scored.
    `notes`: sentences on what is missing.
    """

    n_pairs: int
    n_images: int
    n_answers: int
    n_participants: int | None
    min_responses: int
    replicates: int
    permutations: int
    seed: int
    metrics: tuple[MetricAgreement, ...]
    floor: Estimate
    shift_baseline: Estimate
    ceilings: HumanCeiling
    oracle: Estimate
    comparisons: tuple[Difference, ...]
    left_out: dict[str, str]
    notes: tuple[str, ...]

    @property
    def rows(self) -> tuple[MetricAgreement, ...]:
        """One a metric."""
        return self.metrics


def steps(metrics: int) -> int:
    """How often `compare` reports progress for so many metrics."""
    return 1 + 2 * metrics + metrics * (metrics - 1) // 2


def compare(
    responses: pd.DataFrame,
    distances: Mapping[str, Mapping[str, float]],
    *,
    min_responses: int = 3,
    replicates: int = 10_000,
    permutations: int = 2_000,
    seed: int = 0,
    progress: Callable[[int], object] | None = None,
) -> Comparison:
    """Score metrics against people, and compare them with each other.

    Args:
        responses: a tidy response table; excluded responses are left out.
        distances: metric → pair id → distance; smaller means more alike. May hold more pairs than were judged.
        min_responses: pairs with fewer accepted responses are left out; at least 1.
        replicates: bootstrap draws of the images, the same ones for all metrics; at least 100.
        permutations: exchanges for permutation tests; at least 100.
        seed: of all draws; at least 0.
        progress: called with 1, or with the number of steps passed over, `steps(len(distances))` in all.

    Raises: `AnalysisError` where there are no judged pairs, nobody said "same", or a number is out of range. A metric
        whose distances cannot be used is left out, with a sentence in `left_out`.
    """
    for label, value, least in (
        ("min_responses", min_responses, 1),
        ("replicates", replicates, 100),
        ("permutations", permutations, 100),
        ("seed", seed, 0),
    ):
        if value < least:
            raise AnalysisError(f"{label} is {value}; give {least} or more.")
    advance = progress or (lambda count: None)
    pairs = JudgedPairs.from_responses(responses, min_responses)
    # Each kind of draw has a generator of its own, so that one metric more changes nothing about the others.
    images, splits, orders = (np.random.default_rng([seed, number]) for number in range(3))
    draws = ImageDraws.of(pairs.n_images, replicates, images, participants=pairs.answer_participant is not None)
    usable, left_out = _usable(pairs, distances)
    shift = pairs.shift_px.astype(np.float64)
    baseline = _scored(pairs, shift, draws)
    best = _scored(pairs, 1 - pairs.same_share, draws)
    chance = _chance(pairs, orders), DrawnMap.of(pairs, np.zeros_like(shift), draws)
    floor, shift_map, oracle = (found.estimate(score, pairs, draws) for score, found in (chance, baseline, best))
    ceilings = human_ceiling(pairs, draws, splits)
    advance(1)
    scored, metrics = {SHIFT: baseline}, []
    for name, values in usable.items():
        scored[name] = _scored(pairs, values, draws)
        own = np.random.default_rng([seed, 3])
        metrics.append(metric_agreement(name, values, pairs, draws, *scored[name], own, permutations))
        advance(1)
    every = usable | {SHIFT: shift}
    families = {"metrics": list(combinations(usable, 2)), "baseline": [(name, SHIFT) for name in usable]}
    comparisons: list[Difference] = []
    for family, compared in families.items():
        estimates, spreads, exchanged = [], [], []
        for first, second in compared:
            estimate, spread = _difference(scored[first], scored[second], pairs, draws)
            estimates.append(estimate)
            spreads.append(spread)
            own = np.random.default_rng([seed, 4])
            exchanged.append(permutation_p_value(every[first], every[second], pairs, permutations, own))
            advance(1)
        comparisons += differences(family, compared, estimates, spreads, exchanged, pairs)
    advance(steps(len(distances)) - steps(len(usable)))
    return Comparison(
        n_pairs=len(pairs.names),
        n_images=pairs.n_images,
        n_answers=len(pairs.answer_pair),
        n_participants=None if pairs.answer_participant is None else int(pairs.answer_participant.max()) + 1,
        min_responses=min_responses,
        replicates=replicates,
        permutations=permutations,
        seed=seed,
        metrics=tuple(metrics),
        floor=floor,
        shift_baseline=shift_map,
        ceilings=ceilings,
        oracle=oracle,
        comparisons=tuple(comparisons),
        left_out=left_out,
        notes=_notes(pairs, draws, [len(compared) for compared in families.values()], permutations),
    )


def _chance(pairs: JudgedPairs, generator: np.random.Generator) -> Score:
    """What random orders reach on average."""
    share = pairs.same_share
    areas, _ = drawn_orders(share, [(0, len(share))], generator, _ORDERS_ERROR, _ORDERS)
    return Score(float(areas.mean()), f"mean over {len(areas):,} random orders")


def _scored(pairs: JudgedPairs, distances: Floats, draws: ImageDraws) -> tuple[Score, DrawnMap]:
    return jnd_map(pairs.same_share, distances), DrawnMap.of(pairs, distances, draws)


def _difference(
    first: tuple[Score, DrawnMap], second: tuple[Score, DrawnMap], pairs: JudgedPairs, draws: ImageDraws
) -> tuple[Estimate, Spread | None]:
    drawn, influences = first[1].less(second[1])
    people = float(participant_variance(pairs, influences))
    value = first[0].value - second[0].value
    return draws.estimate(value, drawn, people, limits=(-1.0, 1.0)), draws.spread(drawn, people)


def _usable(
    pairs: JudgedPairs, distances: Mapping[str, Mapping[str, float]]
) -> tuple[dict[str, Floats], dict[str, str]]:
    usable, left_out = {}, {}
    for name, by_pair in distances.items():
        missing = [pair for pair in pairs.names if pair not in by_pair]
        if missing:
            left_out[name] = (
                f"{name} is left out: it has no distance for {len(missing):,} of {len(pairs.names):,} judged pairs, "
                f"such as {missing[0]}; add them."
            )
            continue
        values = np.array([by_pair[pair] for pair in pairs.names], dtype=np.float64)
        bad = np.flatnonzero(~np.isfinite(values))
        if name == SHIFT:
            left_out[name] = f"A metric named {name} is left out, for the baseline has that name; rename it."
        elif len(bad):
            left_out[name] = (
                f"{name} is left out: its distance of {pairs.names[bad[0]]} is {values[bad[0]]}, not a finite number "
                f"({len(bad):,} of {len(values):,} are not); correct it."
            )
        elif len(values) > 1 and np.ptp(values) == 0:
            left_out[name] = (
                f"{name} is left out: its distance is {values[0]:g} for every judged pair, which ranks nothing."
            )
        else:
            usable[name] = values
    return usable, left_out


def _notes(pairs: JudgedPairs, draws: ImageDraws, families: Sequence[int], permutations: int) -> tuple[str, ...]:
    notes = []
    if not draws.enough:
        notes.append(f"There is {draws.method()}.")
    if pairs.answer_participant is None:
        answers = len(pairs.answer_pair)
        unknown = pairs.without_participant
        who = "who gave the answers" if unknown == answers else f"who gave {unknown:,} of the {answers:,} answers"
        notes.append(
            f"It is not known {who}, so the intervals hold no variance between participants, and are too narrow for a "
            "study with other people."
        )
    most = max(families, default=0)
    replicates = draws.counts.shape[1]
    for count, needed, what in (
        (replicates, fewest_draws(most), "draws of the images"),
        (permutations, fewest_permutations(most), "exchanges"),
    ):
        if draws.enough and count < needed:
            notes.append(
                f"With {count:,} {what} no p-value can be below 0.05 once it is corrected for {most:,} comparisons; "
                f"that takes {needed:,} or more."
            )
    if math.isclose(float(pairs.same_share.min()), 1.0):
        notes.append('Every answer was "same": any order of the pairs is as good as any other.')
    return tuple(notes)

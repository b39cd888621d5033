"""How well metrics agree with people, beside what chance, the shift alone and people themselves reach."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from analysis.agreement.comparison_notes import notes, unlike_p_values
from analysis.agreement.concordance import Concordance, flipped_p_value
from analysis.agreement.judged_pairs import JudgedPairs
from analysis.agreement.metric_agreement import DrawnMap, MetricAgreement, concordance_estimate, metric_agreement
from analysis.agreement.metric_comparison import (
    Difference,
    differences,
    permutation_p_value,
)
from analysis.agreement.noise_ceiling import NoiseCeiling, noise_ceiling
from analysis.agreement.participant_variance import participant_variance
from analysis.agreement.photograph_draws import PhotographDraws, Spread
from analysis.agreement.precision_recall import Floats
from analysis.agreement.selection import selection_note
from analysis.agreement.tie_rules import Score, drawn_orders, jnd_map
from analysis.errors import AnalysisError
from analysis.results import Estimate, Result

SHIFT = "pixel shift"

# Within these, metrics count as equivalent if nothing else is asked.
CONCORDANCE_MARGIN = 0.1
MAP_MARGIN = 0.02

# Random orders: enough for the third digit of their mean.
_ORDERS = 20_000
_ORDERS_ERROR = 5e-5


@dataclass(frozen=True)
class Comparison(Result):
    """How metrics agree with people, and what to hold that against; `rows` are the `metrics`.

    `floor`: JND mAP of a random order. `shift_baseline`: that of the shift itself, taken as a distance. `ceiling`: what
    a metric that knew each pair's probability would have against answers with this noise.
    `comparisons`: each metric with each (family `metrics`) and with the shift (family `baseline`), by the primary
    outcome `concordance` and by `jnd_map`.
    `left_out`: name of a metric → why it could not be scored.
    `notes`: sentences on what is missing, or may seem odd.
    """

    n_pairs: int
    n_images: int
    n_photographs: int
    n_answers: int
    n_participants: int | None
    min_responses: int
    replicates: int
    permutations: int
    seed: int
    metrics: tuple[MetricAgreement, ...]
    floor: Estimate
    shift_baseline: Estimate
    ceiling: NoiseCeiling
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
    concordance_margin: float = CONCORDANCE_MARGIN,
    map_margin: float = MAP_MARGIN,
    progress: Callable[[int], object] | None = None,
) -> Comparison:
    """Score metrics against people, and compare them with each other.

    Args:
        responses: a tidy response table; excluded responses are left out.
        distances: metric → pair id → distance; smaller means more alike. May hold more pairs than were judged.
        min_responses: pairs with fewer accepted responses are left out; at least 1.
        replicates: bootstrap draws of the photographs, the same ones for all metrics; at least 100.
        permutations: exchanges for permutation tests; at least 100.
        seed: of all draws; at least 0.
        concordance_margin, map_margin: within which differences of γ, and of JND mAP, count as none; above 0.
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
    for label, margin in (("concordance_margin", concordance_margin), ("map_margin", map_margin)):
        if not 0 < margin < 1:
            raise AnalysisError(f"{label} is {margin:g}; give a number above 0 and below 1.")
    advance = progress or (lambda count: None)
    pairs = JudgedPairs.from_responses(responses, min_responses)
    # Each kind of draw has a generator of its own, so that one metric more changes nothing about the others.
    photographs, answers, orders = (np.random.default_rng([seed, number]) for number in range(3))
    known = pairs.answer_participant is not None
    draws = PhotographDraws.of(pairs.n_photographs, replicates, photographs, participants=known)
    usable, left_out = _usable(pairs, distances)
    shift = pairs.shift_px.astype(np.float64)
    baseline = _scored(pairs, shift, draws)
    chance = _chance(pairs, orders), DrawnMap.of(pairs, np.zeros_like(shift), draws)
    floor, shift_map = (found.estimate(score, pairs, draws) for score, found in (chance, baseline))
    ceiling = noise_ceiling(pairs, draws, *baseline, answers)
    advance(1)
    scored, metrics = {SHIFT: baseline}, []
    concordant = {SHIFT: Concordance.of_the_shift(pairs, draws)}
    for name, values in usable.items():
        scored[name] = _scored(pairs, values, draws)
        concordant[name] = Concordance.of(pairs, values, draws)
        own = np.random.default_rng([seed, 3])
        metrics.append(metric_agreement(name, values, pairs, draws, *scored[name], concordant[name], own, permutations))
        advance(1)
    every = usable | {SHIFT: shift}
    families = {"metrics": list(combinations(usable, 2)), "baseline": [(name, SHIFT) for name in usable]}
    comparisons = [
        one
        for family, compared in families.items()
        for one in _by_concordance(family, compared, concordant, pairs, draws, permutations, seed, concordance_margin)
    ]
    for family, compared in families.items():
        estimates, spreads, exchanged = [], [], []
        for first, second in compared:
            estimate, spread = _difference(scored[first], scored[second], pairs, draws)
            estimates.append(estimate)
            spreads.append(spread)
            own = np.random.default_rng([seed, 4])
            exchanged.append(permutation_p_value(every[first], every[second], pairs, permutations, own))
            advance(1)
        comparisons += differences(
            "jnd_map",
            family,
            compared,
            estimates,
            spreads,
            exchanged,
            margin=map_margin,
            photographs=pairs.n_photographs,
        )
    advance(steps(len(distances)) - steps(len(usable)))
    return Comparison(
        n_pairs=len(pairs.names),
        n_images=pairs.n_images,
        n_photographs=pairs.n_photographs,
        n_answers=len(pairs.answer_pair),
        n_participants=None if pairs.answer_participant is None else int(pairs.answer_participant.max()) + 1,
        min_responses=min_responses,
        replicates=replicates,
        permutations=permutations,
        seed=seed,
        metrics=tuple(metrics),
        floor=floor,
        shift_baseline=shift_map,
        ceiling=ceiling,
        comparisons=tuple(comparisons),
        left_out=left_out,
        notes=(
            *notes(pairs, draws, [len(compared) for compared in families.values()], permutations),
            *unlike_p_values(metrics),
            *([note] if (note := selection_note(responses)) else []),
        ),
    )


def _chance(pairs: JudgedPairs, generator: np.random.Generator) -> Score:
    """What random orders reach on average."""
    share = pairs.same_share
    areas, _ = drawn_orders(share, [(0, len(share))], generator, _ORDERS_ERROR, _ORDERS)
    return Score(float(areas.mean()), f"mean over {len(areas):,} random orders")


def _scored(pairs: JudgedPairs, distances: Floats, draws: PhotographDraws) -> tuple[Score, DrawnMap]:
    return jnd_map(pairs.same_share, distances), DrawnMap.of(pairs, distances, draws)


def _difference(
    first: tuple[Score, DrawnMap], second: tuple[Score, DrawnMap], pairs: JudgedPairs, draws: PhotographDraws
) -> tuple[Estimate, Spread | None]:
    drawn, influences = first[1].less(second[1])
    people = float(participant_variance(pairs, influences))
    value = first[0].value - second[0].value
    return draws.estimate(value, drawn, people, limits=(-1.0, 1.0)), draws.spread(drawn, people)


def _by_concordance(
    family: str,
    compared: list[tuple[str, str]],
    concordant: Mapping[str, Concordance],
    pairs: JudgedPairs,
    draws: PhotographDraws,
    permutations: int,
    seed: int,
    margin: float,
) -> tuple[Difference, ...]:
    estimates, spreads, flipped = [], [], []
    for first, second in compared:
        found = concordant[first].less(concordant[second])
        estimates.append(concordance_estimate(found, pairs, draws))
        told = math.isfinite(found.gamma) and len(found.drawn) > 0
        people = float(participant_variance(pairs, found.influences))
        spreads.append(draws.spread(found.drawn, people) if told else None)
        own = np.random.default_rng([seed, 5])
        flipped.append(flipped_p_value(found.contributions, permutations, own) if math.isfinite(found.gamma) else 1.0)
    return differences(
        "concordance",
        family,
        compared,
        estimates,
        spreads,
        flipped,
        margin=margin,
        photographs=pairs.n_photographs,
    )


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

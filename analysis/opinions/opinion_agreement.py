"""How well metrics agree with mean opinion scores, and which can be told apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from analysis.agreement.metric_comparison import fewest_draws, holm
from analysis.errors import AnalysisError
from analysis.opinions.ceiling import OpinionCeiling, opinion_ceiling
from analysis.opinions.logistic import FEWEST_DISTANCES
from analysis.opinions.metric_draws import OUTCOMES, MetricDraws, Outcome
from analysis.opinions.opinion_table import Floats, Opinions
from analysis.opinions.reference_draws import FISHER, LOGARITHM, ReferenceDraws
from analysis.results import Estimate, Result

NAMES: dict[Outcome, str] = {"srcc": "SRCC", "krcc": "KRCC", "plcc": "PLCC", "rmse": "RMSE"}

REPLICATES = 2_000
_SIGNIFICANT = 0.05


@dataclass(frozen=True)
class OpinionMetric(Result):
    """Agreement of one metric.

    `srcc`: Spearman's ρ, `krcc`: Kendall's τ-b, both above 0 where larger distances go with more difference seen.
    `plcc`: Pearson's correlation of the scores with the curve fitted to them, with the sign of the ranks' direction.
    `rmse`: root of the mean squared deviation from that curve, in the units of the scores. `curve`: its form,
    `logistic`, `monotone logistic` or `line`; `beta`: its five parameters.
    """

    name: str
    srcc: Estimate
    krcc: Estimate
    plcc: Estimate
    rmse: Estimate
    curve: str
    beta: tuple[float, ...]

    def of(self, outcome: Outcome) -> Estimate:
        """One of the four figures."""
        found: Estimate = getattr(self, outcome)
        return found


@dataclass(frozen=True)
class OpinionDifference(Result):
    """A figure of `first` less that of `second`, on the same images and draws.

    `p_value`: two-sided, of the paired bootstrap; `p_holm`: corrected for all comparisons of the same `outcome`; None
    where there is no interval. `verdict`: `better` or `worse`, of `first`, where `p_holm` is below 0.05, else
    `undecided`.
    """

    outcome: Outcome
    first: str
    second: str
    difference: Estimate
    p_value: float | None
    p_holm: float | None
    verdict: str


@dataclass(frozen=True)
class OpinionAgreement(Result):
    """Agreement of metrics with one set of opinions; `rows` are the `metrics`.

    `ceiling`: what the true mean opinions would reach; None where the errors of the scores are not known. `left_out`:
    name of a metric → why it could not be used. `notes`: sentences on what is missing, or may seem odd.
    """

    set: str
    origin: str
    n_images: int
    n_references: int
    higher_is_worse: bool
    replicates: int
    seed: int
    metrics: tuple[OpinionMetric, ...]
    ceiling: OpinionCeiling | None
    comparisons: tuple[OpinionDifference, ...]
    left_out: dict[str, str]
    notes: tuple[str, ...]

    @property
    def rows(self) -> tuple[OpinionMetric, ...]:
        """One a metric."""
        return self.metrics


def agree(
    opinions: Opinions,
    distances: Mapping[str, Mapping[str, float]],
    *,
    replicates: int = REPLICATES,
    seed: int = 0,
    progress: Callable[[int], object] | None = None,
) -> OpinionAgreement:
    """Hold metrics against opinion scores.

    Args:
        opinions: checked.
        distances: metric → key of an image (see `pair_key`) → distance; smaller means more alike. May hold more.
        replicates: bootstrap draws of the references, the same for all; at least 100.
        seed: of all draws.
        progress: called with 1 after each of `len(distances) + 1` steps.

    Raises: `AnalysisError` where `replicates` is too small. A metric whose distances cannot be used is left out, with a
        sentence in `left_out`.

    Source: ITU-T P.1401 for the figures, but that RMSE is divided by N as in papers on images, not by N − 5.
    """
    if replicates < 100:
        raise AnalysisError(f"replicates is {replicates}; give 100 or more.")
    step = progress or (lambda count: None)
    # Each kind of draw has a generator of its own, so that one metric more changes nothing about the others.
    references, errors = (np.random.default_rng([seed, number]) for number in range(2))
    draws = ReferenceDraws.of(opinions.n_references, replicates, references)
    cluster = opinions.cluster
    ceiling = opinion_ceiling(opinions, cluster, draws, errors)
    step(1)
    left_out: dict[str, str] = {}
    scored: dict[str, MetricDraws] = {}
    for name, of_pair in distances.items():
        values = _values(name, of_pair, opinions, left_out)
        if values is not None:
            scored[name] = MetricDraws.of(values, opinions.score, opinions.higher_is_worse, cluster, draws.draws)
        step(1)
    compared = list(combinations(scored, 2))
    return OpinionAgreement(
        set=opinions.name,
        origin=opinions.origin,
        n_images=len(opinions.images),
        n_references=opinions.n_references,
        higher_is_worse=opinions.higher_is_worse,
        replicates=replicates,
        seed=seed,
        metrics=tuple(_metric(name, one, draws) for name, one in scored.items()),
        ceiling=ceiling,
        comparisons=tuple(
            one for outcome in OUTCOMES for one in _differences(outcome, compared, scored, draws) if compared
        ),
        left_out=left_out,
        notes=_notes(opinions, scored, draws, len(compared)),
    )


def _values(name: str, of_pair: Mapping[str, float], opinions: Opinions, left_out: dict[str, str]) -> Floats | None:
    keys = opinions.keys
    missing = [key for key in keys if key not in of_pair]
    if missing:
        left_out[name] = (
            f"{name} is left out: it has no distance for {len(missing):,} of {len(keys):,} images with a score, such "
            f"as {missing[0]}; score them too."
        )
        return None
    values = np.array([of_pair[key] for key in keys], dtype=np.float64)
    bad = np.flatnonzero(~np.isfinite(values))
    if len(bad):
        left_out[name] = (
            f"{name} is left out: its distance of {keys[bad[0]]} is {values[bad[0]]}, not a finite number "
            f"({len(bad):,} of {len(values):,} are not); correct it."
        )
        return None
    if np.ptp(values) == 0:
        left_out[name] = f"{name} is left out: its distance is {values[0]:g} for every image, which ranks nothing."
        return None
    return values


def _metric(name: str, found: MetricDraws, draws: ReferenceDraws) -> OpinionMetric:
    hows = {"srcc": "", "krcc": "τ-b", "plcc": f"after a {found.curve.form}", "rmse": f"from a {found.curve.form}"}
    figures = {
        outcome: draws.estimate(
            found.value[outcome], found.drawn[outcome], LOGARITHM if outcome == "rmse" else FISHER, hows[outcome]
        )
        for outcome in OUTCOMES
    }
    return OpinionMetric(name=name, curve=found.curve.form, beta=found.curve.beta, **figures)


def _differences(
    outcome: Outcome, compared: list[tuple[str, str]], scored: Mapping[str, MetricDraws], draws: ReferenceDraws
) -> list[OpinionDifference]:
    estimates, p_values = [], []
    for first, second in compared:
        value = scored[first].value[outcome] - scored[second].value[outcome]
        drawn = scored[first].drawn[outcome] - scored[second].drawn[outcome]
        estimate, spread = draws.difference(value, drawn)
        estimates.append(estimate)
        p_values.append(None if spread is None else spread.p_value(value))
    known = [p for p in p_values if p is not None]
    corrected = iter(holm(known))
    found = []
    for (first, second), estimate, p_value in zip(compared, estimates, p_values, strict=True):
        p_holm = None if p_value is None else next(corrected)
        verdict = "undecided"
        if p_holm is not None and p_holm < _SIGNIFICANT:
            more = (estimate.estimate or 0.0) > 0
            verdict = "better" if more != (outcome == "rmse") else "worse"
        found.append(OpinionDifference(outcome, first, second, estimate, p_value, p_holm, verdict))
    return found


def _notes(
    opinions: Opinions, scored: Mapping[str, MetricDraws], draws: ReferenceDraws, comparisons: int
) -> tuple[str, ...]:
    notes = []
    if not draws.draws.enough:
        notes.append(f"There is {draws.method}.")
    else:
        notes.append(
            "Intervals are for other references, whose images are judged by as many people; they hold no variance "
            "between panels of people beyond that."
        )
    if opinions.standard_error is None:
        notes.append("There is no ceiling, for the source does not give the standard errors of its scores.")
    for name, one in scored.items():
        if one.curve.form == "line":
            notes.append(
                f"{name} has fewer than {FEWEST_DISTANCES} distinct distances: a straight line is fitted, not a curve."
            )
        elif one.curve.form == "monotone logistic":
            notes.append(
                f"The closest curve of {name} turns on the range of its distances; the closest that does not is taken."
            )
        if one.value["srcc"] < 0:
            notes.append(f"{name} orders the images against people: is it a similarity, or is the score's sign wrong?")
    replicates = draws.draws.counts.shape[1]
    if comparisons and draws.draws.enough and replicates < fewest_draws(comparisons):
        notes.append(
            f"With {replicates:,} draws no p-value can be below 0.05 once it is corrected for {comparisons:,} "
            f"comparisons; that takes {fewest_draws(comparisons):,} or more."
        )
    return tuple(notes)

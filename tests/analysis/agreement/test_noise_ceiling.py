"""The noise ceiling against what true probabilities score, in simulated studies whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import chi2, norm

from analysis.agreement.concordance import Concordance
from analysis.agreement.judged_pairs import JudgedPairs
from analysis.agreement.metric_agreement import DrawnMap
from analysis.agreement.noise_ceiling import NoiseCeiling, noise_ceiling
from analysis.agreement.pair_effects import PairEffects
from analysis.agreement.photograph_draws import PhotographDraws
from analysis.agreement.precision_recall import Floats
from analysis.agreement.tie_rules import jnd_map

IMAGES, SHIFTS, ANSWERS = 60, 5, 4


@pytest.fixture(autouse=True)
def rough(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer simulated sets of answers than for a figure that is printed."""
    monkeypatch.setattr("analysis.agreement.noise_ceiling._SIMULATED", 200_000)


def study(seed: int, different: Floats) -> JudgedPairs:
    """Answers to pairs of every image at every shift, which are called different with these probabilities."""
    number = len(different)
    answer_pair = np.repeat(np.arange(number), ANSWERS)
    same = np.random.default_rng(seed).random(len(answer_pair)) >= different[answer_pair]
    return JudgedPairs(
        names=tuple(map(str, range(number))),
        photograph=np.arange(number) // SHIFTS,
        shift_px=np.arange(number) % float(SHIFTS),
        same=np.bincount(answer_pair, weights=same).astype(np.int64),
        responses=np.full(number, ANSWERS),
        answer_pair=answer_pair,
        answer_same=same,
        answer_participant=None,
        n_images=number // SHIFTS,
    )


def ceiling(pairs: JudgedPairs, replicates: int = 100) -> NoiseCeiling:
    draws = PhotographDraws.of(pairs.n_photographs, replicates, np.random.default_rng(0), participants=False)
    shift = jnd_map(pairs.same_share, np.arange(len(pairs.names)) * 1e-9 + pairs.shift_px)
    return noise_ceiling(pairs, draws, shift, DrawnMap.of(pairs, pairs.shift_px, draws), np.random.default_rng(1))


def with_effects(generator: np.random.Generator, spread: float, images: int = IMAGES) -> Floats:
    """Probabilities by a probit model in which images hide a shift, and none is seen where there is none."""
    visible = generator.normal(0, spread, images)[:, np.newaxis] + np.linspace(-1, 1.5, SHIFTS - 1)
    shifted = 0.05 + 0.9 * norm.cdf(visible)
    return np.column_stack([np.full(images, 0.06), shifted]).ravel()


@pytest.mark.slow
def test_it_is_what_the_true_probabilities_score_on_average() -> None:
    generator = np.random.default_rng(2)
    found, true, none = [], [], PhotographDraws.of(2, 10, generator, participants=False)
    for seed in range(12):
        different = with_effects(generator, 0.6)
        pairs = study(seed, different)
        one = ceiling(pairs, 10)
        figures = one.jnd_map.estimate, one.headroom.estimate, one.concordance.estimate
        found.append(figures)
        score = jnd_map(pairs.same_share, different).value
        shift = jnd_map(pairs.same_share, pairs.shift_px + 1e-9 * np.arange(len(different))).value
        true.append((score, score - shift, Concordance.of(pairs, different, none).gamma))
    bias = np.mean(found, axis=0) - np.mean(true, axis=0)
    assert bias == pytest.approx([0, 0, 0], abs=0.035)
    assert bias[:2] == pytest.approx([0, 0], abs=0.01)
    assert np.mean(true, axis=0)[1] > 0.02
    # Nowhere near what the answers' own shares score against themselves, noise and all.
    themselves = jnd_map(pairs.same_share, 1 - pairs.same_share).value
    assert themselves > np.mean(true, axis=0)[0] + 0.04


def test_without_effects_of_pairs_there_is_next_to_no_headroom() -> None:
    estimates = [
        ceiling(study(seed, np.tile([0.06, 0.3, 0.5, 0.7, 0.9], IMAGES)), 10).headroom.estimate for seed in range(8)
    ]
    assert min(estimates) == 0  # type: ignore[type-var]
    assert np.mean(estimates) < 0.012  # type: ignore[arg-type]


def test_the_parts_add_up_and_have_intervals() -> None:
    pairs = study(5, with_effects(np.random.default_rng(5), 0.8))
    found = ceiling(pairs)
    shift = jnd_map(pairs.same_share, pairs.shift_px + 1e-9 * np.arange(len(pairs.names))).value
    assert found.jnd_map.estimate == pytest.approx(shift + (found.headroom.estimate or 0))
    for estimate in vars(found).values():
        assert estimate.low < estimate.estimate < estimate.high
    assert "the shift's own and the headroom, mean of" in found.jnd_map.method


def test_effects_are_those_of_a_logistic_model() -> None:
    generator = np.random.default_rng(6)
    centre = np.array([-2.5, -0.5, 0.0, 0.8, 2.0])
    scale = np.array([0.0, 0.97, 1.0, 0.94, 0.68])  # none without a shift, and less where most answers are alike
    odds = centre + 0.9 * scale * generator.normal(size=(600, SHIFTS))
    pairs = study(6, expit(odds).ravel())
    fitted = PairEffects.fit(pairs, np.ones((600, 1), dtype=np.float32))
    assert fitted.deviation[0] == pytest.approx(0.9, abs=0.1)
    assert fitted.centre[0] == pytest.approx(centre, abs=0.2)
    assert fitted.scale == pytest.approx(scale, abs=0.04)


def test_the_fit_is_the_maximum_of_the_likelihood_by_other_quadrature() -> None:
    """By Gauss and Hermite; and everything twice as often has the same maximum."""
    different = np.array([0, 1, 0, 2, 1, 3, 4, 2, 4, 1, 3, 4, 4, 3, 4, 4, 2, 4])
    pairs = study(0, np.full(18, 0.5))
    pairs = JudgedPairs(**{**vars(pairs), "same": 4 - different, "shift_px": np.repeat([1.0, 2.0, 3.0], 6)})
    pairs = JudgedPairs(**{**vars(pairs), "photograph": np.arange(18)})
    fitted = PairEffects.fit(pairs, np.stack([np.ones(18), np.full(18, 2)], axis=1).astype(np.float32))
    nodes, weights = np.polynomial.hermite_e.hermegauss(61)

    def likelihood(centre: Floats, deviation: float) -> float:
        p = expit(np.repeat(centre, 6)[:, np.newaxis] + deviation * np.repeat(fitted.scale, 6)[:, np.newaxis] * nodes)
        inside = p ** different[:, np.newaxis] * (1 - p) ** (4 - different)[:, np.newaxis]
        return float(np.sum(np.log(inside @ weights / weights.sum())))

    best = likelihood(fitted.centre[0], float(fitted.deviation[0]))
    for step in (-0.05, 0.05):
        assert likelihood(fitted.centre[0], float(fitted.deviation[0]) + step) < best + 1e-4
        for number in range(3):
            moved = fitted.centre[0] + step * 2 * (np.arange(3) == number)
            assert likelihood(moved, float(fitted.deviation[0])) < best + 1e-4
    assert fitted.deviation[1] == pytest.approx(fitted.deviation[0])
    (low, high), (narrow_low, narrow_high) = fitted.deviation_interval(0), fitted.deviation_interval(1)
    for end in (low, high):
        drop = best - likelihood(fitted.at(0, end).centre[0], end)
        assert drop == pytest.approx(chi2.ppf(0.95, 1) / 2, abs=0.06) or (end == 0 and drop < 1.93)
    assert low <= narrow_low < fitted.deviation[0] < narrow_high < high


def test_where_no_effect_is_found_the_interval_says_what_may_have_been_missed() -> None:
    pairs = study(3, np.tile(np.array([0.06, 0.3, 0.5, 0.6, 0.7]), 12))
    fitted = PairEffects.fit(pairs, np.ones((12, 1), dtype=np.float32))
    found = ceiling(pairs, 40)
    assert fitted.deviation_interval(0)[0] == 0
    assert found.pair_sd.high is not None and found.pair_sd.high >= fitted.deviation_interval(0)[1] > 0.3
    assert found.headroom.low == 0 and found.headroom.high is not None and found.headroom.high > 0.005
    assert found.headroom.method.endswith("and no narrower than by the profile likelihood")

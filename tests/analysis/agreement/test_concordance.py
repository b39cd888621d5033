"""Concordance within shifts: counted pair by pair, against SciPy and statsmodels, and of what knows the shift alone."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kendalltau, permutation_test, wilcoxon

from analysis.agreement.concordance import Concordance, exchanged_p_value, flipped_p_value
from analysis.agreement.judged_pairs import JudgedPairs
from analysis.agreement.participant_variance import participant_variance
from analysis.agreement.photograph_draws import PhotographDraws
from examples import examples


def judged(seed: int, photographs: int = 12, crops: int = 1, shifts: int = 3, answers: int = 3) -> JudgedPairs:
    """Pairs of every crop at every shift, with answers at random."""
    generator = np.random.default_rng(seed)
    number = photographs * crops * shifts
    pair = np.repeat(np.arange(number), answers)
    same = generator.random(len(pair)) < 0.5
    return JudgedPairs(
        names=tuple(map(str, range(number))),
        photograph=np.arange(number) // (crops * shifts),
        shift_px=np.array([0.0, 2.0, 2 * math.sqrt(2)])[np.arange(number) % shifts],
        same=np.bincount(pair, weights=same).astype(np.int64),
        responses=np.bincount(pair),
        answer_pair=pair,
        answer_same=same,
        answer_participant=generator.integers(0, 9, len(pair)),
        n_images=photographs * crops,
    )


def counted(distances: Any, share: Any, shift: Any, weight: Any = None) -> float:
    """γ by going through all two pairs; a pair stands `weight` times for itself."""
    weight = np.ones(len(share)) if weight is None else weight
    alike = otherwise = 0.0
    for i in range(len(share)):
        for j in range(i):
            product = (distances[i] - distances[j]) * (share[i] - share[j])
            if shift[i] == shift[j]:
                alike += weight[i] * weight[j] * (product > 0)
                otherwise += weight[i] * weight[j] * (product < 0)
    return (alike - otherwise) / (alike + otherwise)


def drawn(pairs: JudgedPairs, replicates: int = 200) -> PhotographDraws:
    return PhotographDraws.of(pairs.n_photographs, replicates, np.random.default_rng(5), participants=True)


@settings(deadline=None, max_examples=examples(20))
@given(st.integers(0, 10_000), st.integers(1, 3))
def test_it_is_what_counting_gives(seed: int, crops: int) -> None:
    pairs = judged(seed, crops=crops)
    distances = np.round(np.random.default_rng(seed).random(len(pairs.names)), 1)
    draws = drawn(pairs, 20)
    found = Concordance.of(pairs, distances, draws)
    share = 1 - pairs.same_share
    assert found.gamma == pytest.approx(counted(distances, share, pairs.shift_px))
    assert found.contributions.sum() == pytest.approx(found.gamma)
    for number in (0, 7):
        weight = draws.counts[pairs.photograph, number]
        assert found.drawn[number] == pytest.approx(counted(distances, share, pairs.shift_px, weight))


def test_without_ties_and_with_one_shift_it_is_kendalls() -> None:
    pairs = judged(1, photographs=40, shifts=1, answers=40)
    distances = np.random.default_rng(2).random(40)
    share = 1 - pairs.same_share
    tau_b = kendalltau(distances, share).statistic
    _, sizes = np.unique(share, return_counts=True)
    untied = 1 - np.sum(sizes * (sizes - 1)) / (40 * 39)
    assert Concordance.of(pairs, distances, drawn(pairs)).gamma == pytest.approx(tau_b / math.sqrt(untied))


def test_what_depends_on_the_shift_alone_has_none() -> None:
    pairs = judged(3)
    found = Concordance.of(pairs, np.exp(pairs.shift_px), drawn(pairs))
    assert math.isnan(found.gamma)
    assert exchanged_p_value(pairs.shift_px, pairs, 100, np.random.default_rng(0)) is None
    shift = Concordance.of_the_shift(pairs, drawn(pairs))
    assert (shift.gamma, shift.standard_error) == (0, 0)
    assert len(shift.drawn) == 200


def test_people_who_go_by_the_shift_alone_leave_chance_with_a_mean_of_0() -> None:
    """Where partial correlations have a mean of 0.1 and more."""
    generator = np.random.default_rng(4)
    probability = np.tile([0.06, 0.35, 0.5, 0.65, 0.8, 0.9], 30)
    shift = np.tile(np.arange(6.0), 30)
    gammas, p_values = [], []
    for _ in range(100):
        pairs = judged(0, photographs=30, shifts=1, answers=3)
        same = 4 - generator.binomial(4, probability)
        pairs = JudgedPairs(
            names=tuple(map(str, range(180))),
            photograph=np.arange(180) // 6,
            shift_px=shift,
            same=same,
            responses=np.full(180, 4),
            answer_pair=np.repeat(np.arange(180), 4),
            answer_same=np.zeros(720, dtype=bool),
            answer_participant=None,
            n_images=30,
        )
        distances = np.log(shift + 0.25) + generator.normal(0, 0.5, 180)
        few = PhotographDraws.of(30, 100, generator, participants=False)
        gammas.append(Concordance.of(pairs, distances, few).gamma)
        p_values.append(exchanged_p_value(distances, pairs, 99, generator))
    assert np.mean(gammas) == pytest.approx(0, abs=3 * np.std(gammas) / math.sqrt(100))
    assert np.mean(np.array(p_values) <= 0.1) == pytest.approx(0.1, abs=0.08)


def test_exchanges_agree_with_scipy(monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = judged(6, photographs=14, shifts=1)
    distances = np.round(np.random.default_rng(7).random(14) + 0.5 * (1 - pairs.same_share), 1)
    share = 1 - pairs.same_share

    def statistic(x: Any) -> float:
        return counted(x, share, pairs.shift_px)

    wanted = permutation_test(
        (distances,), statistic, permutation_type="pairings", n_resamples=2_000, alternative="greater", rng=8
    ).pvalue
    monkeypatch.setattr("analysis.agreement.concordance._AT_ONCE", 14 * 100)
    found = exchanged_p_value(distances, pairs, 4_000, np.random.default_rng(9))
    assert found == pytest.approx(wanted, abs=0.035)


def test_flipped_signs_agree_with_scipy() -> None:
    values = np.random.default_rng(10).normal(0.4, 1, 40)
    # The signed-rank test is that of the ranks' signs.
    ranks = np.sign(values) * (np.argsort(np.argsort(np.abs(values))) + 1)
    found = flipped_p_value(ranks.astype(float), 20_000, np.random.default_rng(11))
    assert found == pytest.approx(wilcoxon(values).pvalue, abs=0.01)


def test_the_standard_error_to_first_order_is_that_of_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = judged(12, photographs=200, crops=2)
    distances = np.random.default_rng(13).random(len(pairs.names)) + 0.4 * (1 - pairs.same_share)
    draws = drawn(pairs, 1_000)
    exact = Concordance.of(pairs, distances, draws)
    assert exact.standard_error == pytest.approx(float(np.std(exact.drawn)), rel=0.08)
    monkeypatch.setattr("analysis.agreement.concordance.MOST_PHOTOGRAPHS", 199)
    first_order = Concordance.of(pairs, distances, draws)
    assert np.corrcoef(first_order.drawn, exact.drawn)[0, 1] > 0.99
    assert np.std(first_order.drawn) == pytest.approx(np.std(exact.drawn), rel=0.03)


def test_an_answer_left_out_is_one_that_is_not_there() -> None:
    pairs = judged(14, answers=4)
    distances = np.round(np.random.default_rng(15).random(len(pairs.names)), 1)
    share = 1 - pairs.same_share
    found = Concordance.of(pairs, distances, drawn(pairs)).influences
    falls = []
    for answer in range(8):
        pair = int(pairs.answer_pair[answer])
        without = share.copy()
        without[pair] = (4 * share[pair] - (not pairs.answer_same[answer])) / 3
        falls.append(counted(distances, share, pairs.shift_px) - counted(distances, without, pairs.shift_px))
    by_pair = pd.Series(falls).groupby(pairs.answer_pair[:8])
    assert found[:8] == pytest.approx((pd.Series(falls) - by_pair.transform("mean")).to_numpy())
    assert participant_variance(pairs, found) >= 0


def test_differences_are_of_everything() -> None:
    pairs = judged(16)
    generator = np.random.default_rng(17)
    one, other = (Concordance.of(pairs, generator.random(36), drawn(pairs)) for _ in range(2))
    found = one.less(other)
    assert found.gamma == one.gamma - other.gamma
    assert found.contributions.sum() == pytest.approx(found.gamma)
    assert found.drawn == pytest.approx(one.drawn - other.drawn)

"""Tests of one metric against another: Holm's correction, exchanges, sentences."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm, t
from statsmodels.stats.weightstats import ttost_paired

from analysis.agreement.conclusion import Verdict, sentence
from analysis.agreement.judged_pairs import JudgedPairs
from analysis.agreement.metric_comparison import (
    Difference,
    differences,
    fewest_draws,
    holm,
    permutation_p_value,
)
from analysis.agreement.photograph_draws import PhotographDraws
from analysis.agreement.precision_recall import Floats
from analysis.responses.sources import read_responses
from analysis.results import Estimate
from examples import examples


def judged(images: int) -> JudgedPairs:
    """Pairs of each image at two shifts, of which people told one apart and not the other."""
    pair = np.repeat(np.arange(2 * images), 3)
    return JudgedPairs(
        names=tuple(f"{n // 2}_n-{n % 2}" for n in range(2 * images)),
        photograph=np.arange(2 * images) // 2,
        shift_px=np.arange(2 * images) % 2.0,
        same=3 * (1 - np.arange(2 * images) % 2),
        responses=np.full(2 * images, 3),
        answer_pair=pair,
        answer_same=pair % 2 == 0,
        answer_participant=None,
        n_images=images,
    )


@settings(deadline=None, max_examples=examples(40))
@given(st.lists(st.integers(0, 1000), min_size=1, max_size=10))
def test_holm_agrees_with_statsmodels(thousandths: list[int]) -> None:
    from statsmodels.stats.multitest import multipletests

    p_values = [number / 1000 for number in thousandths]
    with patch("gc.collect"):  # which `multipletests` calls, and which takes longer than all else together
        expected = multipletests(p_values, method="holm")[1]
    assert holm(p_values) == pytest.approx(expected.tolist())


def test_no_comparison_needs_no_correction() -> None:
    assert holm([]) == []


def test_opposite_metrics_are_told_apart_and_equal_ones_are_not() -> None:
    pairs = judged(16)
    generator = np.random.default_rng(1)
    right = pairs.shift_px + 0.5 * generator.random(32)
    assert permutation_p_value(right, -right, pairs, 1_000, generator) <= 0.01
    assert permutation_p_value(right, right, pairs, 1_000, generator) == 1.0
    # Only the ranks are exchanged: units may differ as they like.
    assert permutation_p_value(right, 1e6 + np.exp(right), pairs, 1_000, generator) == 1.0


def test_a_tied_metric_is_exchangeable_with_the_same_one_that_is_not(no_study: Callable[[str], None]) -> None:
    pairs = JudgedPairs.from_responses(read_responses("ghildyal2022", no_study))
    shift = pairs.shift_px
    generator = np.random.default_rng(11)

    def jittered() -> Floats:
        return shift + 1e-6 * generator.random(len(shift))

    one = [permutation_p_value(jittered(), shift, pairs, 200, generator) for _ in range(40)]
    both = [permutation_p_value(jittered(), jittered(), pairs, 200, generator) for _ in range(40)]
    for p_values in (one, both):
        assert np.mean(p_values) > 0.4
        assert np.mean(np.array(p_values) <= 0.2) < 0.35
        assert np.mean(np.array(p_values) <= 0.05) < 0.15
    # Neither is it hidden by the orders of ties where one of them knows more.
    assert permutation_p_value(1 - pairs.same_share, shift, pairs, 200, generator) <= 0.01


def test_the_order_of_metrics_makes_no_difference_to_an_exchange() -> None:
    pairs = judged(16)
    generator = np.random.default_rng(1)
    one, other = pairs.shift_px.astype(float), np.round(pairs.shift_px + generator.random(32), 1)
    assert permutation_p_value(one, other, pairs, 300, np.random.default_rng(2)) == permutation_p_value(
        other, one, pairs, 300, np.random.default_rng(2)
    )


def test_exchanges_in_portions_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = judged(16)
    tied = pairs.shift_px.astype(float)
    untied = tied + np.random.default_rng(1).random(32)
    whole = permutation_p_value(tied, untied, pairs, 300, np.random.default_rng(2))
    monkeypatch.setattr("analysis.agreement.metric_comparison._AT_ONCE", 64 * 7)
    assert permutation_p_value(tied, untied, pairs, 300, np.random.default_rng(2)) == whole


def difference(
    value: float, error: float, count: int = 1, replicates: int = 5_000, margin: float = 0.02, permuted: float = 0.5
) -> Difference:
    """The first of some comparisons, where the bootstrap gives normal deviations."""
    draws = PhotographDraws.of(20, replicates, np.random.default_rng(2), participants=False)
    drawn = value + error * np.random.default_rng(3).normal(size=replicates)
    estimates = [draws.estimate(value, drawn, limits=(-1, 1))] * count
    names = [("a", f"b{number}") for number in range(count)]
    return differences(
        "jnd_map",
        "metrics",
        names,
        estimates,
        [draws.spread(drawn)] * count,
        [permuted] * count,
        margin=margin,
        photographs=20,
    )[0]


def test_a_difference_of_many_errors_is_decided() -> None:
    found = difference(0.08, 0.02)
    assert found.verdict == "better"
    assert found.sentence.startswith("a is better than b0 in JND mAP (+0.080, 95% interval +0.0")
    worse = difference(-0.08, 0.02)
    assert worse.verdict == "worse"
    assert worse.sentence.startswith("a is worse than b0 in JND mAP (−0.080, 95% interval −0.1")
    assert "-" not in worse.sentence


def test_what_is_undecided_says_what_would_have_been_found() -> None:
    found = difference(0.02, 0.02)
    error = 0.02 * math.sqrt(20 / 19)
    assert found.resolvable == pytest.approx((t.ppf(0.975, 19) + norm.ppf(0.8)) * error, rel=0.05)
    # As far as the 90% interval reaches: that of 20 photographs.
    assert found.equivalent_within == pytest.approx(0.02 + 1.645 * t.ppf(0.975, 19) / 1.96 * error, rel=0.05)
    assert found.sentence == (
        "a and b0 cannot be told apart in JND mAP with these data: they are within ±0.056 of each other, and a "
        "difference of 0.061 would be found by four such studies out of five."
    )


def test_equivalence_is_that_of_two_one_sided_tests() -> None:
    generator = np.random.default_rng(8)
    one, other = generator.normal(0.0, 1.0, (2, 60))
    draws = PhotographDraws.of(60, 20_000, generator, participants=False)
    paired = one - other
    drawn = paired @ draws.counts / 60
    spread = draws.spread(drawn)
    assert spread is not None
    for margin in (0.2, 0.4):
        wanted = ttost_paired(one, other, -margin, margin)[0]
        assert spread.equivalence_p(float(paired.mean()), margin) == pytest.approx(wanted, abs=0.01)
    within = spread.within(float(paired.mean()))
    assert ttost_paired(one, other, -within, within)[0] == pytest.approx(0.05, abs=0.01)


def test_metrics_within_the_margin_are_equivalent() -> None:
    found = difference(0.001, 0.005)
    assert (found.verdict, found.margin) == ("equivalent", 0.02)
    assert (found.equivalence_p or 1) < 0.01
    assert found.sentence == (
        "a and b0 are equivalent in JND mAP: within ±0.01 of each other, and ±0.02 counts as none."
    )
    assert difference(0.001, 0.005, margin=0.005).verdict == "undecided"
    # Equivalence too is corrected for the number of comparisons.
    alone, among = difference(0.001, 0.009), difference(0.001, 0.009, count=45)
    assert (alone.verdict, among.verdict) == ("equivalent", "undecided")
    assert among.sentence.endswith("Alone, less than ±0.02 would count as none, but not among so many comparisons.")
    # What is there but small is there.
    assert difference(0.01, 0.003).verdict == "better"


def test_a_permutation_test_that_says_otherwise_has_a_word() -> None:
    assert "only of these answers" in difference(0.03, 0.02, permuted=0.015).sentence
    assert "permutation" not in difference(0.03, 0.02).sentence


def test_what_is_compared_with_the_shift_has_words_of_its_own() -> None:
    def said(value: float, low: float, high: float, found: Verdict) -> str:
        estimate = Estimate(value, low, high, "")
        figures: dict[str, Any] = {"margin": 0.1, "within": 0.2, "resolvable": 0.3, "permutation_p": 0.5}
        return sentence("m", None, "concordance", found, estimate, **figures)

    assert said(0.3, 0.1, 0.5, "better") == (
        "m orders pairs of the same shift as people do, beyond chance (γ +0.300, 95% interval +0.100 to +0.500)."
    )
    assert said(-0.3, -0.5, -0.1, "worse").startswith("m orders pairs of the same shift against people, beyond chance")
    assert said(0.01, -0.05, 0.07, "equivalent") == (
        "m knows next to nothing beyond the shift: its γ is within ±0.2 of 0, and ±0.1 counts as none."
    )
    assert said(0.1, -0.1, 0.3, "undecided") == (
        "Whether m knows anything beyond the shift cannot be told with these data: γ is within ±0.2 of 0, and one of "
        "0.3 would be found by four such studies out of five."
    )


def test_several_comparisons_are_corrected() -> None:
    alone, among = difference(0.06, 0.02), difference(0.06, 0.02, count=45)
    assert alone.verdict == "better"
    assert among.verdict == "undecided"
    assert among.p_value == alone.p_value
    assert among.p_holm == pytest.approx(45 * (alone.p_value or 0))
    assert "not among so many" in among.sentence


def test_too_few_draws_for_so_many_comparisons_are_said() -> None:
    among = difference(0.5, 0.02, count=45, replicates=500)
    assert among.p_value == pytest.approx(2 / 501)
    assert among.verdict == "undecided"
    assert among.sentence == (
        "a and b0 could not be told apart with any data: for 45 comparisons, 500 draws are too few; take 1,800 or more."
    )
    assert difference(0.5, 0.02, count=45, replicates=fewest_draws(45) - 10).verdict == "undecided"
    assert difference(0.5, 0.02, count=45, replicates=fewest_draws(45)).verdict == "better"


def test_the_p_value_is_below_5_percent_where_the_interval_leaves_out_zero() -> None:
    for value in np.linspace(0.02, 0.06, 9):
        found = difference(float(value), 0.02)
        assert (found.p_value or 0) < 0.05 or (found.difference.low or 0) <= 0
        assert (found.p_value or 0) > 0.045 or (found.difference.low or 0) > 0


def test_without_an_interval_nothing_is_decided() -> None:
    estimate = Estimate(0.3, None, None, "no interval: 3 photographs are fewer than the 10 that one needs")
    found = differences("jnd_map", "metrics", [("a", "b")], [estimate], [None], [0.01], margin=0.02, photographs=3)[0]
    assert (found.verdict, found.p_value, found.p_holm, found.resolvable) == ("undecided", None, None, None)
    assert (found.equivalence_p, found.equivalent_within) == (None, None)
    assert found.sentence.endswith("; there is no interval: 3 photographs are fewer than the 10 that one needs.")


def test_no_sentence_names_a_difference_that_there_cannot_be() -> None:
    difference = Estimate(0.1, -0.8, 1.0, "")
    for second, most in ((None, 1.0), ("ssim", 2.0)):
        found = [
            sentence(
                "lpips", second, "concordance", "undecided", difference, margin=0.1, within=2.4, resolvable=resolvable,
                permutation_p=0.5,
            )
            for resolvable in (most - 0.1, most + 0.1)
        ]  # fmt: skip
        assert f"within ±{most:g} of" in found[0]
        assert f"{most - 0.1:g} would be found by four such studies out of five" in found[0]
        assert "no difference that there can be would be found by four" in found[1]

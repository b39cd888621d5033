"""The paper's validation test, and the sensitivity that a study may ask for."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.stats import norm

from study_server.tasks.same_different.validation import CatchTrials, passes_validation, reaches_dprime

answers = st.lists(st.tuples(st.sampled_from([0, 1, 8, 9]), st.sampled_from(["same", "different"])), max_size=30)


@pytest.mark.parametrize(
    ("wrong", "of", "passes"),
    [
        (0, 0, True), (0, 1, True), (1, 1, False), (1, 2, True), (2, 2, False), (2, 3, True), (3, 3, False),
        (4, 6, True), (5, 6, False), (5, 7, False), (666, 999, True), (667, 999, False),
    ],
)  # fmt: skip
@pytest.mark.parametrize(("shift", "mistake"), [(0, "different"), (9, "same")])
def test_exactly_two_thirds_of_mistakes_pass_and_one_more_fails(
    wrong: int, of: int, passes: bool, shift: int, mistake: str
) -> None:
    right = {"same": "different", "different": "same"}[mistake]
    given_answers = [(shift, mistake)] * wrong + [(shift, right)] * (of - wrong)
    assert passes_validation(CatchTrials.of(given_answers, 9)) is passes
    assert passes_validation(CatchTrials.of([(0, "same"), (9, "different"), *given_answers[: 3 * of]], 9)) is (
        Fraction(wrong, of + 1) <= Fraction(2, 3)
    )


def test_pairs_of_other_shifts_do_not_matter() -> None:
    assert passes_validation(CatchTrials.of([], 9))
    assert passes_validation(CatchTrials.of([(shift, "same") for shift in range(9)], 9))
    assert passes_validation(CatchTrials.of([(shift, "different") for shift in range(1, 10)], 9))
    assert not passes_validation(CatchTrials.of([(3, "same")], 3))


@given(answers)
def test_validation_is_the_papers(given_answers: list[tuple[int, str]]) -> None:
    counts = Counter(given_answers)
    fails = any(
        Fraction(counts[shift, wrong], counts[shift, "same"] + counts[shift, "different"]) > Fraction(2, 3)
        for shift, wrong in ((0, "different"), (9, "same"))
        if counts[shift, "same"] + counts[shift, "different"]
    )
    assert passes_validation(CatchTrials.of(given_answers, 9)) is not fails


def dprime_of(false_alarms: float, hits: float) -> float:
    """d′ of the differencing model: hits = Φ((d′ - c)/√2) + Φ((-d′ - c)/√2), and so false alarms where d′ is 0."""
    criterion = -math.sqrt(2) * norm.ppf(false_alarms / 2)

    def excess(d: float) -> float:
        return float(norm.cdf((d - criterion) / math.sqrt(2)) + norm.cdf((-d - criterion) / math.sqrt(2))) - hits

    return brentq(excess, 0, 20) if excess(0) < 0 else 0.0


@pytest.mark.parametrize(("n", "m"), [(1, 1), (5, 5), (3, 8)])
def test_sensitivity_is_that_of_the_differencing_model(n: int, m: int) -> None:
    for wrong, missed in itertools.product(range(n + 1), range(m + 1)):
        d = dprime_of((wrong + 0.5) / (n + 1), (m - missed + 0.5) / (m + 1))
        for least in (0.2, 1.0, 1.7, 2.5):
            assert abs(d - least) > 1e-6
            assert reaches_dprime(CatchTrials(n, wrong, m, missed), least) is (d > least)
    assert reaches_dprime(CatchTrials(0, 0, m, m), 2.0) and reaches_dprime(CatchTrials(n, n, 0, 0), 2.0)


@given(st.integers(1, 12), st.integers(1, 12), st.data(), st.floats(0.1, 4))
def test_fewer_mistakes_never_lower_sensitivity(n: int, m: int, data: st.DataObject, least: float) -> None:
    wrong, missed = data.draw(st.integers(1, n)), data.draw(st.integers(1, m))
    if reaches_dprime(CatchTrials(n, wrong, m, missed), least):
        assert reaches_dprime(CatchTrials(n, wrong - 1, m, missed), least)
        assert reaches_dprime(CatchTrials(n, wrong, m, missed - 1), least)

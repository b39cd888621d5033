"""d′ of odd-one-out: published figures, two other forms of the same integral, and observers made by the model."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import ncf, norm

from analysis.errors import AnalysisError
from analysis.exclusions.marking import mark
from analysis.figure_style import draw
from analysis.observers.oddity import Oddity, correct_oddity, d_prime_oddity, oddity
from analysis.observers.oddity_figure import plot_correct, plot_oddity
from analysis.responses.tidy_table import from_rows
from analysis.trial_counts import TrialCounts

OddRows = Callable[[Iterable[tuple[str, int, bool]]], list[dict[str, Any]]]


def test_the_triangle_protocol_of_sensr() -> None:
    """psyfun and psyinv of sensR 1.5.3 (R 4.4.0), to the four decimals that it was asked for."""
    shares = correct_oddity([0, 0.5, 1, 1.5, 2, 2.5, 3])
    assert shares == pytest.approx([0.3333, 0.3558, 0.418, 0.5065, 0.6048, 0.6993, 0.7814], abs=5e-5)
    found = d_prime_oddity([0.3833, 0.4833, 0.5833, 0.6833, 0.7833, 0.8833])
    # The shares themselves were rounded.
    assert found == pytest.approx([0.7551, 1.3779, 1.8912, 2.4114, 3.0129, 3.8408], abs=5e-4)
    assert d_prime_oddity([0.8, 0.6, 0.4, 2 / 3]) == pytest.approx([3.1286, 1.9756, 0.8791, 2.3214], abs=5e-5)


@pytest.mark.parametrize("d_prime", [0.01, 0.3, 1.0, 2.5, 6.0])
def test_the_closed_form_is_the_integral_and_a_noncentral_f_distribution(d_prime: float) -> None:
    def density(z: float) -> float:
        away = d_prime * math.sqrt(2 / 3)
        return float(2 * (norm.cdf(-z * math.sqrt(3) + away) + norm.cdf(-z * math.sqrt(3) - away)) * norm.pdf(z))

    assert float(correct_oddity(d_prime)) == pytest.approx(quad(density, 0, math.inf)[0], abs=1e-10)
    assert float(correct_oddity(d_prime)) == pytest.approx(ncf.sf(3, 1, 1, 2 * d_prime**2 / 3), abs=1e-10)


@pytest.mark.parametrize("d_prime", [0.8, 2.2])
def test_observers_who_name_the_image_farthest_from_the_others(d_prime: float) -> None:
    generator = np.random.default_rng(4)
    sensations = generator.standard_normal((400_000, 3))
    sensations[:, 2] += d_prime
    a, b, c = sensations.T
    # The nearest two are taken for the same image; left over is the odd one.
    right = np.argmin([abs(b - c), abs(a - c), abs(a - b)], axis=0) == 2
    assert float(d_prime_oddity(right.mean())) == pytest.approx(d_prime, abs=0.03)


@given(st.floats(0.1, 7))
def test_d_prime_and_the_share_of_right_answers_are_each_others_inverse(d_prime: float) -> None:
    assert float(d_prime_oddity(correct_oddity(d_prime))) == pytest.approx(d_prime, abs=1e-5)


def test_edges() -> None:
    assert d_prime_oddity([0.0, 0.2, 1 / 3]).tolist() == [0, 0, 0]
    assert d_prime_oddity(1.0) == math.inf
    assert np.isnan(d_prime_oddity(math.nan))
    with pytest.raises(AnalysisError, match="number from 0 to 1"):
        d_prime_oddity(1.2)


def bare(right: list[int], of: int = 30) -> TrialCounts:
    shift = np.arange(1, len(right) + 1, dtype=float)
    return TrialCounts(shift, np.array(right, float), np.full(len(right), float(of)), None, None)


def test_the_correction_leaves_guessing_as_it_is_and_makes_certainty_finite() -> None:
    found = oddity(bare([10, 20, 30]))
    assert [row.used for row in found.rows] == pytest.approx([1 / 3, (20 + 1 / 3) / 31, (30 + 1 / 3) / 31])
    guess, some, all_right = (row.d_prime for row in found.rows)
    assert guess.estimate == 0
    assert guess.low == 0
    assert some.estimate == pytest.approx(float(d_prime_oddity((20 + 1 / 3) / 31)))
    assert all_right.estimate is not None
    assert all_right.low is not None
    assert all_right.high is not None
    assert all_right.high >= all_right.estimate > all_right.low > 1
    assert "At a shift of 1 px no more than a third of the answers were right" in found.notes[0]
    assert "At a shift of 3 px every answer was right" in found.notes[1]


def test_a_share_of_one_is_infinite_without_a_correction_and_says_so() -> None:
    found = oddity(bare([20, 30]), correction="none")
    assert found.rows[0].d_prime.estimate == pytest.approx(2.3214, abs=5e-5)
    assert found.rows[1].d_prime.estimate is None
    assert "correct the counts log-linearly" in found.rows[1].d_prime.method
    assert found.notes == ()


def study(make_odd_rows: OddRows, people: int, d_primes: dict[int, float], seed: int) -> TrialCounts:
    """Counts of people who answer each shift 20 times; one of them at random where they do not find it."""
    generator = np.random.default_rng(seed)
    answers = [
        (f"p{person}", shift, bool(generator.random() < correct_oddity(d_prime)))
        for person in range(people)
        for shift, d_prime in d_primes.items()
        for _ in range(20)
    ]
    return TrialCounts.of(mark(from_rows(make_odd_rows(answers)), ()))


def test_a_study_counts_right_answers_and_the_intervals_hold_the_truth(make_odd_rows: OddRows) -> None:
    truth = {1: 0.5, 3: 1.5, 9: 3.0}
    found = oddity(study(make_odd_rows, 30, truth, seed=1), replicates=400)
    assert (found.answers, found.participants) == (30 * 60, 30)
    for row, d_prime in zip(found.rows, truth.values(), strict=True):
        assert row.answers == 600
        assert row.correct.estimate == pytest.approx(float(correct_oddity(d_prime)), abs=0.06)
        assert row.d_prime.low is not None
        assert row.d_prime.high is not None
        assert row.d_prime.low < d_prime < row.d_prime.high
        assert row.d_prime.high - row.d_prime.low < 1.2


def test_people_who_differ_make_intervals_wider(make_odd_rows: OddRows) -> None:
    def width(shares: list[int]) -> float:
        generator = np.random.default_rng(2)
        answers = [
            (f"p{person}", 3, bool(place < right))
            for person, right in enumerate(shares)
            for place in generator.permutation(20)
        ]
        (row,) = oddity(TrialCounts.of(mark(from_rows(make_odd_rows(answers)), ())), replicates=400).rows
        assert row.correct.low is not None
        assert row.correct.high is not None
        return row.correct.high - row.correct.low

    assert width([4, 20] * 10) > 1.5 * width([11, 13] * 10)


def test_the_result_survives_json_and_is_drawn() -> None:
    found = oddity(bare([12, 20, 28]), replicates=200)
    assert Oddity.from_json(json.loads(json.dumps(found.to_json()))) == found
    assert found.to_frame()["d_prime"].is_monotonic_increasing
    (axes,) = draw(lambda ax: plot_oddity(found, ax)).axes
    assert axes.get_ylabel() == "d′"
    (axes,) = draw(lambda ax: plot_correct(found, ax)).axes
    assert [line.get_ydata()[0] for line in axes.get_lines() if line.get_label() == "guessing"] == [1 / 3]  # type: ignore[index]

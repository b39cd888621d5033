"""Equal distances, by hand: two tied pairs, the order among shares, what is drawn where no exact mean can be had."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest

from analysis.agreement import tie_expectation, tie_rules
from analysis.agreement.jnd import Judgments
from analysis.agreement.precision_recall import interpolated_area
from analysis.agreement.tie_expectation import expected_area
from analysis.agreement.tie_rules import Score, drawn_orders, jnd_map
from analysis.errors import AnalysisError

EXACT = "exact mean over all orders of tied pairs"


def score(share: list[float], distance: list[float], ties: Any = "expected") -> Score:
    return jnd_map(np.array(share), np.array(distance), ties)


def mean_over_orders(share: list[float], groups: list[tuple[int, int]]) -> float:
    """The mean area over all orders within the groups, one after another."""
    within = [itertools.permutations(range(start, end)) for start, end in groups]
    areas = [
        float(interpolated_area(np.array([share[place] for part in order for place in part])))
        for order in itertools.product(*map(list, within))
    ]
    return math.fsum(areas) / len(areas)


def test_two_tied_pairs_come_in_either_order() -> None:
    # First 1 then 0: an area of 1. First 0 then 1: of 1/2.
    assert score([1, 0], [5, 5]) == Score(pytest.approx(0.75), EXACT)
    assert score([0, 1], [5, 5]) == Score(pytest.approx(0.75), EXACT)
    assert score([1, 0], [5, 5], "block") == Score(0.5, "tied pairs as one step")
    # The order of so few is that of the arguments.
    assert score([1, 0], [5, 5], "paper") == Score(1.0, "order of NumPy 1.24's argsort")
    assert score([0, 1], [5, 5], "paper") == Score(0.5, "order of NumPy 1.24's argsort")


def test_ties_of_pairs_with_one_share_do_not_matter() -> None:
    assert score([0.5, 0.5, 1], [1, 1, 2]) == Score(
        float(interpolated_area(np.array([0.5, 0.5, 1]))), "no tie that matters"
    )
    assert score([0.5, 0.5, 1], [1, 2, 3]).method == "no tie that matters"
    assert score([0.5, 0.25, 1], [1, 1, 2]).method == EXACT


def test_the_nearest_pair_comes_first() -> None:
    assert score([0, 1], [2, 1]).value == 1
    assert score([0, 1], [1, 2]).value == 0.5


@pytest.mark.parametrize(
    ("share", "groups"),
    [
        ([0.0, 1.0], [(0, 2)]),
        ([0.2, 0.6, 1.0], [(0, 3)]),
        ([0.0, 0.0, 1.0, 1.0], [(0, 4)]),
        ([1.0, 0.0, 0.5, 0.5, 0.25, 1.0], [(0, 1), (1, 4), (4, 6)]),
        ([0.5, 0.25, 0.75, 1.0, 1.0, 0.0], [(0, 2), (2, 3), (3, 6)]),
        ([0.0, 0.0, 0.1, 0.9, 0.3, 0.3, 0.6], [(0, 2), (2, 4), (4, 7)]),
        ([0.3, 0.3, 0.3, 0.0, 0.7, 0.7, 0.7], [(0, 4), (4, 7)]),
    ],
)
def test_the_expected_area_is_the_mean_over_all_orders(share: list[float], groups: list[tuple[int, int]]) -> None:
    assert expected_area(np.array(share), groups) == pytest.approx(mean_over_orders(share, groups), abs=1e-12)


def test_large_groups_of_few_shares_are_exact() -> None:
    """Of 12 tied pairs, 3 called the same by all: over the C(12, 3) places that these may have."""
    areas = []
    for places in itertools.combinations(range(12), 3):
        ranked = np.zeros(12)
        ranked[list(places)] = 1
        areas.append(float(interpolated_area(ranked)))
    assert expected_area(np.array([0.0] * 9 + [1.0] * 3), [(0, 12)]) == pytest.approx(math.fsum(areas) / 220, abs=1e-12)


def test_what_would_take_too_long_is_given_up_before_it_is_begun_or_on_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    many = np.linspace(0, 1, 40)  # 2⁴⁰ states
    assert expected_area(many, [(0, 40)]) is None
    few, groups = np.array([0.1, 0.4, 0.7, 1.0]), [(0, 4)]  # 2⁴ states: at least 2.5 · 16 · √16 = 160 steps
    twice = np.tile([0.1, 0.3, 0.5, 0.7, 0.9], 2)  # the first group finds many heights of the envelope behind it
    for ranked, runs, steps in ((few, groups, 160), (twice, [(0, 5), (5, 10)], 997)):
        exact = expected_area(ranked, runs)
        monkeypatch.setattr(tie_expectation, "_MOST_STEPS", steps)
        assert expected_area(ranked, runs) == exact
        monkeypatch.setattr(tie_expectation, "_MOST_STEPS", steps - 1)
        assert expected_area(ranked, runs) is None
        monkeypatch.undo()
    # Ties that do not matter take nothing.
    monkeypatch.setattr(tie_expectation, "_MOST_STEPS", 0)
    assert expected_area(np.full(9, 0.5), [(0, 4), (4, 9)]) == pytest.approx(0.5)


def test_where_no_exact_mean_can_be_had_orders_of_two_are_drawn_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tie_expectation, "_MOST_STEPS", 0)
    drawn = score([1, 0], [5, 5])
    assert drawn.method == f"mean over {100_000:,} random orders of tied pairs"
    assert drawn.value == pytest.approx(0.75, abs=5 * drawn.standard_error)
    assert drawn.standard_error == pytest.approx(0.25 / math.sqrt(100_000), rel=0.01)
    assert score([1, 0], [5, 5]) == drawn
    assert score([1, 0, 1, 0], [1, 1, 2, 2]).value == pytest.approx(
        mean_over_orders([1, 0, 1, 0], [(0, 2), (2, 4)]), abs=5e-3
    )


def test_orders_are_drawn_until_their_mean_is_known_well_enough() -> None:
    ranked, generator = np.array([0.0, 1.0, 0.5]), np.random.default_rng(1)
    areas, error = drawn_orders(ranked, [(0, 3)], generator, standard_error=1.0, most=50_000)
    assert len(areas) == 4_000
    assert error == pytest.approx(areas.std(ddof=1) / math.sqrt(4_000))
    assert set(areas.round(6)) == {
        round(float(interpolated_area(np.array(order))), 6) for order in itertools.permutations([0.0, 1.0, 0.5])
    }
    again = drawn_orders(ranked, [(0, 3)], np.random.default_rng(1), standard_error=error, most=50_000)
    assert (len(again[0]), again[1]) == (4_000, error)  # as well as it was wanted
    areas, wanted = drawn_orders(ranked, [(0, 3)], generator, standard_error=error / 2, most=50_000)
    assert wanted <= error / 2
    assert 12_000 <= len(areas) <= 20_000
    areas, _ = drawn_orders(ranked, [(0, 3)], generator, standard_error=0.0, most=8_000)
    assert len(areas) == 8_000
    assert np.mean(areas) == pytest.approx(mean_over_orders([0.0, 1.0, 0.5], [(0, 3)]), abs=0.01)


def test_only_tied_pairs_change_places() -> None:
    areas, error = drawn_orders(np.array([1.0, 0.0, 0.5]), [], np.random.default_rng(1), standard_error=1e-9, most=10)
    assert error < 1e-9
    assert set(areas) == {float(interpolated_area(np.array([1.0, 0.0, 0.5])))}


def test_many_pairs_are_drawn_in_small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tie_rules, "_AT_ONCE", 30)
    areas, _ = drawn_orders(np.array([0.0, 1.0, 0.5]), [(0, 3)], np.random.default_rng(1), 1.0, 10_000)
    assert len(areas) == 100  # ten at once, and no fewer than a hundred
    monkeypatch.setattr(tie_rules, "_AT_ONCE", 2)
    areas, error = drawn_orders(np.array([0.0, 1.0, 0.5]), [(0, 3)], np.random.default_rng(1), 1.0, 1)
    assert (len(areas), error) == (1, math.inf)  # one says nothing of its error
    areas, error = drawn_orders(np.array([0.0, 1.0, 0.5]), [(0, 3)], np.random.default_rng(1), 1.0, 2)
    assert len(areas) == 2
    assert error == pytest.approx(areas.std(ddof=1) / math.sqrt(2))


def test_every_pair_of_a_tie_is_counted() -> None:
    judgments = Judgments([*"abcdef"], same=[3, 0, 1, 2, 3, 0], responses=[3, 3, 3, 3, 3, 2])
    distances = dict(zip("abcdef", [1.0, 1.0, 2.0, 3.0, 3.0, 3.0], strict=True))
    found = judgments.jnd_map(distances)
    assert (found.n_pairs, found.tied_pairs, found.method, found.ties) == (5, 4, EXACT, "expected")
    shares = [1.0, 0.0, 1 / 3, 2 / 3, 1.0]
    assert found.jnd_map == pytest.approx(mean_over_orders(shares, [(0, 2), (2, 3), (3, 5)]), abs=1e-12)
    assert judgments.jnd_map(distances, min_responses=2).tied_pairs == 5
    assert judgments.jnd_map(dict(zip("abcdef", range(6), strict=True))).tied_pairs == 0
    assert found.to_json()["tied_pairs"] == 4


def test_too_few_answers_and_wrong_distances_are_said() -> None:
    judgments = Judgments(["a", "b", "c"], same=[3, 1, 0], responses=[3, 3, 2])
    refused: list[tuple[dict[str, float], int, str]] = [
        ({}, 4, "None of the 3 pairs has 4 accepted responses; the most that one has is 3. Gather more, or lower "
         "--min-responses."),
        ({"z": 1.0}, 3, "The distances name none of the 2 judged pairs, such as a; give the distances of the study's "
         "own pairs."),
        ({"a": 1.0}, 3, "The distance of pair b is missing (1 of 2 judged pairs lack one); add it."),
        ({"a": 1.0, "b": math.inf}, 3, "The distance of pair b is inf, not a finite number; correct it."),
    ]  # fmt: skip
    for distances, fewest, says in refused:
        with pytest.raises(AnalysisError) as caught:
            judgments.jnd_map(distances, min_responses=fewest)
        assert str(caught.value) == says
    with pytest.raises(AnalysisError, match=r"None of the 0 pairs has 1 .* one has is 0\."):
        Judgments([], [], []).jnd_map({}, min_responses=1)
    with pytest.raises(AnalysisError, match=r"^Nobody called any of the pairs the same, so there is no recall to"):
        Judgments(["a"], same=[0], responses=[3]).jnd_map({"a": 1.0})

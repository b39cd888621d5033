"""JND mAP against published figures, scikit-learn and brute force."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.agreement.distances import read_distances
from analysis.agreement.jnd import Judgments
from analysis.agreement.precision_recall import interpolated_area
from analysis.agreement.tie_rules import Ties, jnd_map
from analysis.errors import AnalysisError
from analysis.responses.sources import read_responses
from analysis.responses.tidy_table import from_rows
from examples import examples

Row = Callable[..., dict[str, Any]]

RULES: list[Ties] = ["expected", "block", "paper"]
SHARES = [0.0, 0.25, 1 / 3, 0.5, 2 / 3, 0.75, 1.0]


@pytest.fixture(scope="module")
def published(no_study: Callable[[str], None]) -> Judgments:
    return Judgments.from_responses(read_responses("ghildyal2022", no_study))


@pytest.fixture(scope="module")
def pim1(pim1_distances: Path) -> dict[str, float]:
    return read_distances(pim1_distances)


def test_pim1_by_the_papers_order_is_what_the_paper_prints(published: Judgments, pim1: dict[str, float]) -> None:
    result = published.jnd_map(pim1, ties="paper")
    assert result.jnd_map == pytest.approx(0.7725041, abs=5e-8)
    assert f"{result.jnd_map:.3f}" == "0.773"  # Table 8
    assert (result.n_pairs, result.ties, result.tied_pairs, result.min_responses) == (301, "paper", 32, 3)


def test_pim1_with_ties_as_one_block(published: Judgments, pim1: dict[str, float]) -> None:
    result = published.jnd_map(pim1, ties="block")
    assert result.jnd_map == pytest.approx(0.7708851, abs=5e-8)
    assert result.standard_error == 0


def test_pim1_expected_over_all_orders(
    published: Judgments, pim1: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    exact = published.jnd_map(pim1)
    assert exact.jnd_map == pytest.approx(0.7745365, abs=5e-8)
    assert (exact.ties, exact.standard_error) == ("expected", 0)
    monkeypatch.setattr("analysis.agreement.tie_expectation._MOST_STEPS", 0)
    drawn = published.jnd_map(pim1)
    assert 0 < drawn.standard_error <= 2e-5
    assert abs(drawn.jnd_map - exact.jnd_map) < 4 * drawn.standard_error
    assert drawn.method == "mean over 16,000 random orders of tied pairs"
    assert published.jnd_map(pim1) == drawn


def test_pim1_at_best(published: Judgments, pim1: dict[str, float]) -> None:
    share = np.array(published.same) / np.array(published.responses)
    distance = np.array([pim1[pair] for pair in published.pairs])
    assert interpolated_area(share[np.lexsort((-share, distance))]) == pytest.approx(0.7848688, abs=5e-8)


def envelope_of_scikit_learn(labels: list[int], distances: list[float]) -> float:
    from sklearn.metrics import precision_recall_curve

    precision, recall, _ = precision_recall_curve(labels, [-distance for distance in distances])
    best_from_here = np.maximum.accumulate(precision)  # recall descends
    return float(np.sum((recall[:-1] - recall[1:]) * best_from_here[:-1]))


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1), st.floats(-1e6, 1e6)), min_size=1, unique_by=lambda pair: pair[1]))
def test_hard_labels_without_ties_agree_with_scikit_learn(pairs: list[tuple[int, float]]) -> None:
    labels, distances = [label for label, _ in pairs], [distance for _, distance in pairs]
    if not any(labels):
        return
    wanted = envelope_of_scikit_learn(labels, distances)
    for ties in RULES:
        score = jnd_map(np.array(labels, dtype=float), np.array(distances), ties)
        assert score.value == pytest.approx(wanted, abs=1e-12)
        assert score.standard_error == 0


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 5)), min_size=1))
def test_a_block_of_hard_labels_agrees_with_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    labels, distances = [label for label, _ in pairs], [float(distance) for _, distance in pairs]
    if any(labels):
        score = jnd_map(np.array(labels, dtype=float), np.array(distances), "block")
        assert score.value == pytest.approx(envelope_of_scikit_learn(labels, distances), abs=1e-12)


def tied_pairs(most: int, distances: int) -> st.SearchStrategy[list[tuple[float, int]]]:
    pairs = st.tuples(st.sampled_from(SHARES), st.integers(0, distances))
    return st.lists(pairs, min_size=1, max_size=most).filter(lambda found: any(share for share, _ in found))


def arrays(pairs: list[tuple[float, int]]) -> tuple[Any, Any]:
    return np.array([share for share, _ in pairs]), np.array([float(distance) for _, distance in pairs])


@settings(deadline=None)
@given(tied_pairs(most=7, distances=2))
def test_expected_is_the_mean_over_all_permutations(pairs: list[tuple[float, int]]) -> None:
    share, distance = arrays(pairs)
    areas = [
        float(interpolated_area(share[list(order)]))
        for order in itertools.permutations(range(len(pairs)))
        if all(distance[a] <= distance[b] for a, b in itertools.pairwise(order))
    ]
    score = jnd_map(share, distance)
    assert score.value == pytest.approx(math.fsum(areas) / len(areas), abs=1e-12)
    assert score.standard_error == 0
    for ties in ("block", "paper"):
        assert jnd_map(share, distance, ties).value <= max(areas) + 1e-12  # type: ignore[arg-type]
    assert jnd_map(share, distance, "block").value <= min(areas) + 1e-12


@settings(deadline=None, max_examples=examples(25))
@given(tied_pairs(most=40, distances=4))
def test_every_rule_lies_between_the_worst_and_the_best_order(pairs: list[tuple[float, int]]) -> None:
    share, distance = arrays(pairs)
    worst = float(interpolated_area(share[np.lexsort((share, distance))]))
    best = float(interpolated_area(share[np.lexsort((-share, distance))]))
    block, paper = (jnd_map(share, distance, ties).value for ties in ("block", "paper"))  # type: ignore[arg-type]
    expected = jnd_map(share, distance).value
    assert 0 < block <= worst + 1e-12
    assert worst - 1e-12 <= expected <= best + 1e-12
    assert worst - 1e-12 <= paper <= best + 1e-12
    assert best <= 1 + 1e-12


@settings(deadline=None, max_examples=examples(25))
@given(tied_pairs(most=40, distances=4), st.randoms(use_true_random=False))
def test_neither_the_order_of_pairs_nor_the_scale_of_distances_matters(
    pairs: list[tuple[float, int]], shuffler: random.Random
) -> None:
    shuffled = pairs.copy()
    shuffler.shuffle(shuffled)
    for ties in ("expected", "block"):
        score = jnd_map(*arrays(pairs), ties)  # type: ignore[arg-type]
        assert jnd_map(*arrays(shuffled), ties) == score  # type: ignore[arg-type]
        share, distance = arrays(pairs)
        assert jnd_map(share, np.exp(3 * distance) - 7, ties) == score  # type: ignore[arg-type]
    share, distance = arrays(pairs)
    assert jnd_map(share, np.exp(distance), "paper") == jnd_map(share, distance, "paper")


def test_random_orders_do_not_depend_on_the_order_of_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analysis.agreement.tie_expectation._MOST_STEPS", 0)
    share, distance = np.array([1.0, 0.0, 0.5, 0.25, 0.75, 0.2, 0.6]), np.array([0.0, 0, 0, 0, 1, 1, 1])
    drawn = jnd_map(share, distance)
    assert drawn.standard_error > 0
    assert jnd_map(share[::-1], distance[::-1]) == drawn


def test_a_metric_that_ties_everything_is_scored_in_seconds(published: Judgments) -> None:
    result = published.jnd_map(dict.fromkeys(published.pairs, 0.0))
    assert result.tied_pairs == 301
    assert result.jnd_map == pytest.approx(0.4286, abs=2e-4)
    assert 0 < result.standard_error < 5e-5
    # As one block, precision is the share of "same" answers at every recall: the mean share over pairs.
    share = np.array(published.same) / np.array(published.responses)
    block = published.jnd_map(dict.fromkeys(published.pairs, 0.0), ties="block")
    assert block.jnd_map == pytest.approx(share.mean())


def test_extreme_distances_are_ranked_without_overflow() -> None:
    score = jnd_map(np.array([1.0, 0.0, 1.0]), np.array([-1.7e308, 1.7e308, 5e-324]))
    assert score.value == 1.0


def test_no_pair_called_the_same_is_said() -> None:
    with pytest.raises(AnalysisError, match="no recall"):
        jnd_map(np.zeros(3), np.arange(3.0))


def judged(make_row: Row, answers: dict[str, str], **values: Any) -> Judgments:
    """Judgments of pairs whose answers are spelt with s and d."""
    listed = [(pair, answer) for pair, given_answers in answers.items() for answer in given_answers]
    rows = [
        make_row(
            trial=trial,
            pair=f"{pair}_n-3",
            image=pair,
            response={"s": "same", "d": "different"}[answer],
            **values,
        )
        for trial, (pair, answer) in enumerate(listed, start=1)
    ]
    return Judgments.from_responses(from_rows(rows))


def test_judgments_keep_the_order_of_first_appearance(make_row: Row) -> None:
    judgments = judged(make_row, {"b": "sd", "a": "sss", "c": "d"})
    assert judgments == Judgments(["b_n-3", "a_n-3", "c_n-3"], same=[1, 3, 0], responses=[2, 3, 1])


def test_excluded_responses_do_not_count(make_row: Row) -> None:
    rows = [make_row(trial=trial, response="different") for trial in (1, 2, 3)]
    rows[1] |= {"excluded": True, "exclusion_reason": "validation", "response": "same"}
    assert Judgments.from_responses(from_rows(rows)) == Judgments(["00007_n-3"], same=[0], responses=[2])


def test_pairs_with_too_few_responses_are_left_out(make_row: Row) -> None:
    judgments = judged(make_row, {"a": "ssd", "b": "ss", "c": "d"})
    distances = {"a_n-3": 1.0, "b_n-3": 2.0, "c_n-3": 0.5}
    assert judgments.jnd_map({"a_n-3": 1.0}).n_pairs == 1
    assert judgments.jnd_map(distances, min_responses=2).n_pairs == 2
    assert judgments.jnd_map(distances, min_responses=1).n_pairs == 3
    with pytest.raises(AnalysisError, match=r"None of the 3 pairs has 4 .* the most that one has is 3"):
        judgments.jnd_map(distances, min_responses=4)


def test_distances_that_do_not_fit_the_judgments_are_refused(make_row: Row) -> None:
    judgments = judged(make_row, {"a": "ssd", "b": "sss", "c": "sdd"})
    with pytest.raises(AnalysisError, match=r"pair b_n-3 is missing \(2 of 3 judged pairs"):
        judgments.jnd_map({"a_n-3": 1.0, "zebra_n-3": 2.0})
    with pytest.raises(AnalysisError, match="none of the 3 judged pairs, such as a_n-3"):
        judgments.jnd_map({"zebra_n-3": 2.0})
    with pytest.raises(AnalysisError, match="pair c_n-3 is nan"):
        judgments.jnd_map({"a_n-3": 1.0, "b_n-3": 2.0, "c_n-3": math.nan})


def test_a_result_has_a_json_form(published: Judgments, pim1: dict[str, float]) -> None:
    assert published.jnd_map(pim1, ties="block").to_json() == {
        "jnd_map": pytest.approx(0.7708851, abs=5e-8),
        "n_pairs": 301,
        "ties": "block",
        "min_responses": 3,
        "tied_pairs": 32,
        "method": "tied pairs as one step",
        "standard_error": 0.0,
    }


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "the column pair is missing"),
        (b"pair,value\n", "the column distance is missing"),
        (b"pair,distance\na,1\nb,far\n", "line 3: the distance of b is 'far', not a finite number"),
        (b"pair,distance\na,nan\n", "line 2: the distance of a is 'nan'"),
        (b"pair,distance\na,-inf\n", "line 2: the distance of a is '-inf'"),
        (b"pair,distance\na,\n", "line 2: the distance of a is ''"),
        (b"pair,distance\na\n", "line 2: the distance of a is ''"),
        (b"pair,distance\na,1\nb,2\na,1\n", "line 4: the pair a was already given"),
        (b"\xff\xfe", "not UTF-8"),
        (b'pair,distance\n"a"b,1\n', "is not CSV"),
    ],
)
def test_a_bad_file_of_distances_is_refused(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "distances.csv"
    path.write_bytes(content)
    with pytest.raises(AnalysisError, match=says) as caught:
        read_distances(path)
    assert str(path) in str(caught.value)


def test_a_file_of_distances_may_hold_other_columns(tmp_path: Path) -> None:
    path = tmp_path / "distances.csv"
    path.write_text("metric,distance,pair\nssim,1e-3,a\n")
    assert read_distances(path) == {"a": 0.001}
    with pytest.raises(AnalysisError, match="cannot be read: No such file"):
        read_distances(tmp_path / "nothing.csv")

"""Drawn means beside a plain bootstrap, closed forms, and themselves in another order."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from analysis.errors import AnalysisError
from analysis.triplets.draws import draw_means

Floats = NDArray[np.float64]
COUNTS = (40, 90, 300)


@pytest.fixture(scope="module")
def values() -> Floats:
    """A column of few distinct values, one of many, a rare yes, and a constant."""
    generator = np.random.default_rng(5)
    total = sum(COUNTS)
    columns = [generator.binomial(5, 0.7, total) / 5, generator.normal(size=total), generator.random(total) < 0.04]
    return np.column_stack([*columns, np.full(total, 0.25)]).astype(np.float64)


def categories() -> NDArray[np.int64]:
    return np.repeat(np.arange(len(COUNTS)), COUNTS)


def test_means_are_those_of_the_categories_and_of_these(values: Floats) -> None:
    macro, parts = draw_means(values, categories(), np.arange(len(values)), replicates=100, seed=1)
    means = [values[categories() == number].mean(axis=0) for number in range(3)]
    assert [part.observed for part in parts] == [pytest.approx(mean) for mean in means]
    assert macro.observed == pytest.approx(np.mean(means, axis=0))
    assert macro.determined.tolist() == [True, True, True, False]
    assert [part.samples for part in parts] == list(COUNTS)


def test_they_scatter_as_closed_forms_say(values: Floats) -> None:
    macro, parts = draw_means(values, categories(), np.arange(len(values)), replicates=20_000, seed=1)
    errors = [values[categories() == n].std(axis=0, ddof=1) / np.sqrt(count) for n, count in enumerate(COUNTS)]
    for part, error in zip(parts, errors, strict=True):
        assert part.drawn.std(axis=0) == pytest.approx(error, rel=0.05)
        assert part.drawn.mean(axis=0) == pytest.approx(part.observed, abs=0.05 * error.max())
    together = np.sqrt(np.square(errors).sum(axis=0)) / len(COUNTS)
    assert macro.drawn.std(axis=0) == pytest.approx(together, rel=0.02)


def test_ten_make_an_interval_as_wide_as_students() -> None:
    values = np.random.default_rng(8).normal(size=(20, 1))
    macro, parts = draw_means(values, np.repeat([0, 1], 10), np.arange(20), replicates=20_000, seed=1)
    halves = values.reshape(2, 10)
    errors = halves.std(axis=1, ddof=1) / np.sqrt(10)
    for part, error in zip(parts, errors, strict=True):
        assert part.drawn.std() == pytest.approx(error * stats.t(9).ppf(0.975) / stats.norm.ppf(0.975), rel=0.02)
    together = np.sqrt(np.square(errors).sum()) / 2
    assert macro.drawn.std() == pytest.approx(together * stats.t(18).ppf(0.975) / stats.norm.ppf(0.975), rel=0.02)


def test_two_columns_vary_together_as_rows_do(values: Floats) -> None:
    macro, _ = draw_means(values[:300], np.zeros(300, int), np.arange(300), replicates=20_000, seed=1)
    assert np.corrcoef(macro.drawn[:, :3].T) == pytest.approx(np.corrcoef(values[:300, :3].T), abs=0.03)


def test_quantiles_are_those_of_rows_that_are_drawn(values: Floats) -> None:
    rows = values[:40]
    _, (part,) = draw_means(rows, np.zeros(40, int), np.arange(40), replicates=20_000, seed=1)
    generator = np.random.default_rng(2)
    plain = np.array([rows[generator.integers(0, 40, 40)].mean(axis=0) for _ in range(20_000)])
    # As of 40 clusters: the factor of n − 1, and Student's quantile over the normal one.
    stretched = rows.mean(axis=0) + (plain - rows.mean(axis=0)) * np.sqrt(40 / 39) * 2.0227 / 1.96
    for column in range(3):
        levels = (0.025, 0.25, 0.75, 0.975)
        ours, theirs = np.quantile(part.drawn[:, column], levels), np.quantile(stretched[:, column], levels)
        assert ours == pytest.approx(theirs, abs=0.15 * stretched[:, column].std())


def test_neither_the_order_of_samples_nor_how_they_are_numbered_matters(values: Floats) -> None:
    category, cluster = categories(), np.arange(len(values)) // 2 * 2
    order = np.random.default_rng(3).permutation(len(values))
    first, _ = draw_means(values, category, cluster, replicates=200, seed=4)
    other, _ = draw_means(values[order], category[order], 10_000 - cluster[order], replicates=200, seed=4)
    assert other.drawn == pytest.approx(first.drawn, abs=1e-12)


def test_what_comes_twice_from_one_reference_says_no_more_than_once(values: Floats) -> None:
    once, _ = draw_means(values, categories(), np.arange(len(values)), replicates=4_000, seed=1)
    clusters = np.tile(np.arange(len(values)), 2)
    twice, _ = draw_means(np.tile(values, (2, 1)), np.tile(categories(), 2), clusters, replicates=4_000, seed=1)
    alone, _ = draw_means(
        np.tile(values, (2, 1)), np.tile(categories(), 2), np.arange(2 * len(values)), replicates=4_000, seed=1
    )
    assert twice.drawn.std(axis=0) == pytest.approx(once.drawn.std(axis=0), rel=0.1)
    assert alone.drawn.std(axis=0)[:3] == pytest.approx(once.drawn.std(axis=0)[:3] / np.sqrt(2), rel=0.1)
    assert (once.clusters, twice.clusters, twice.samples) == (430, 430, 860)


def test_references_with_more_triplets_weigh_more() -> None:
    values = np.array([[1.0], [1.0], [1.0], *[[0.0]] * 12])
    cluster = np.array([0, 0, 0, *range(1, 13)])
    macro, _ = draw_means(values, np.zeros(15, int), cluster, replicates=4_000, seed=1)
    generator = np.random.default_rng(2)
    sums, sizes = np.array([3.0, *[0.0] * 12]), np.array([3.0, *[1.0] * 12])
    picked = generator.integers(0, 13, (4_000, 13))
    plain = sums[picked].sum(axis=1) / sizes[picked].sum(axis=1)
    stretch = np.sqrt(13 / 12) * 2.1788 / 1.96
    assert macro.observed == pytest.approx(0.2)
    assert macro.drawn.std() == pytest.approx(plain.std() * stretch, rel=0.05)


def test_too_few_to_draw_from_are_said_to_be() -> None:
    def drawn(*counts: int) -> list[bool]:
        values = np.random.default_rng(1).random((sum(counts), 1))
        category = np.repeat(np.arange(len(counts)), counts)
        macro, parts = draw_means(values, category, np.arange(len(values)), replicates=100, seed=0)
        return [macro.enough, *(part.enough for part in parts)]

    assert drawn(9, 40) == [True, False, True]
    assert drawn(1, 40) == [False, False, True]
    assert drawn(5, 5) == [False, False, False]
    with pytest.raises(AnalysisError, match="replicates is 5"):
        draw_means(np.ones((2, 1)), np.zeros(2, int), np.arange(2), replicates=5, seed=0)

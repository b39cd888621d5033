"""Rank correlations against SciPy, in the pairs as they are and in draws of images."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kendalltau, spearmanr

from analysis.agreement.rank_correlation import correlations, without_an_answer
from examples import examples

NAMES = ("spearman", "kendall")


def example(seed: int, size: int = 40) -> tuple[Any, ...]:
    generator = np.random.default_rng(seed)
    shift = generator.integers(0, 5, size).astype(float)
    share = np.round(np.clip(shift / 6 + generator.normal(0, 0.2, size), 0, 1) * 3) / 3
    distances = np.round(shift + generator.normal(0, 1, size), 1)
    return distances, share, np.arange(size) % 8


@settings(deadline=None, max_examples=examples(30))
@given(st.integers(0, 10_000))
def test_the_pairs_as_they_are_agree_with_scipy(seed: int) -> None:
    distances, share, cluster = example(seed)
    found = correlations(distances, share, cluster, np.ones((8, 1), dtype=np.float32))
    assert found.spearman[0] == pytest.approx(spearmanr(distances, share)[0])
    assert found.kendall[0] == pytest.approx(kendalltau(distances, share)[0])


def test_draws_agree_with_scipy_on_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analysis.agreement.rank_correlation._DRAWS_AT_ONCE", 4)
    monkeypatch.setattr("analysis.agreement.rank_correlation._ROWS_AT_ONCE", 7)
    distances, share, cluster = example(1)
    counts = np.random.default_rng(2).multinomial(8, np.full(8, 1 / 8), size=10).T.astype(np.float32)
    found = correlations(distances, share, cluster, counts)
    for number in range(10):
        copies = np.repeat(np.arange(40), counts[cluster, number].astype(int))
        x, y = distances[copies], share[copies]
        assert found.spearman[number] == pytest.approx(spearmanr(x, y)[0])
        assert found.kendall[number] == pytest.approx(kendalltau(x, y)[0])


def test_with_many_images_kendalls_correlation_is_drawn_to_first_order(monkeypatch: pytest.MonkeyPatch) -> None:
    distances, share, _ = example(6, size=600)
    cluster = np.arange(600) // 3
    counts = np.random.default_rng(7).multinomial(200, np.full(200, 1 / 200), size=500).T.astype(np.float32)
    exact = correlations(distances, share, cluster, counts)
    as_they_are = correlations(distances, share, cluster, np.ones((200, 1), dtype=np.float32))
    monkeypatch.setattr("analysis.agreement.rank_correlation.MOST_PHOTOGRAPHS", 199)
    monkeypatch.setattr("analysis.agreement.rank_correlation._AT_ONCE", 600 * 64)
    first_order = correlations(distances, share, cluster, counts)
    here = correlations(distances, share, cluster, np.ones((200, 1), dtype=np.float32))
    for name in NAMES:
        assert getattr(here, name) == pytest.approx(getattr(as_they_are, name))
        found, wanted = getattr(first_order, name), getattr(exact, name)
        assert np.std(found) == pytest.approx(np.std(wanted), rel=0.03)
        assert np.corrcoef(found, wanted)[0, 1] > 0.99
    assert first_order.spearman == pytest.approx(exact.spearman)


def test_one_share_replaced_is_the_correlation_with_it_replaced() -> None:
    distances, share, cluster = example(3)
    replaced = np.round(np.random.default_rng(4).random(40) * 3) / 3
    found = without_an_answer(distances, share, replaced)
    for index in range(0, 40, 3):
        moved = share.copy()
        moved[index] = replaced[index]
        wanted = correlations(distances, moved, cluster, np.ones((8, 1), dtype=np.float32))
        for name in NAMES:
            assert getattr(found, name)[index] == pytest.approx(getattr(wanted, name)[0])


def test_a_constant_has_no_correlation() -> None:
    _, share, cluster = example(5)
    constant = correlations(np.zeros(40), share, cluster, np.ones((8, 1), dtype=np.float32))
    assert np.isnan([getattr(constant, name)[0] for name in NAMES]).all()

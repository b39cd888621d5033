"""The fast bootstrap of JND mAP against a plain loop, and derivatives against differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.agreement.answer_auroc import auroc_gradient, drawn_auroc
from analysis.agreement.drawn_areas import Ranking, drawn_areas
from analysis.agreement.judged_pairs import JudgedPairs
from analysis.agreement.participant_variance import answer_influences, area_gradient, participant_variance
from analysis.agreement.photograph_draws import PhotographDraws
from analysis.agreement.precision_recall import interpolated_area
from examples import examples

SHARES = np.array([0.0, 0.25, 1 / 3, 0.5, 2 / 3, 0.75, 1.0])


def judged(generator: np.random.Generator, images: int = 12, shifts: int = 4, answers: int = 3) -> JudgedPairs:
    """Pairs of each image at each shift, with answers of people who each see every image once."""
    number = images * shifts
    pair = np.repeat(np.arange(number), answers)
    same = (
        generator.random(len(pair))
        < np.repeat(np.linspace(0.9, 0.1, shifts), answers)[np.newaxis].repeat(images, axis=0).ravel()
    )
    return JudgedPairs(
        names=tuple(f"{n // shifts}_n-{n % shifts}" for n in range(number)),
        photograph=np.arange(number) // shifts,
        shift_px=np.arange(number) % float(shifts),
        same=np.bincount(pair, weights=same).astype(np.int64),
        responses=np.bincount(pair),
        answer_pair=pair,
        answer_same=same,
        answer_participant=generator.integers(0, 9, len(pair)),
        n_images=images,
    )


def plain_area(pairs: JudgedPairs, distances: Any, counts: Any) -> float:
    """JND mAP of one draw: images put together, copies of a pair as one step."""
    found = seen = 0.0
    gains, precision = [], []
    for index in np.argsort(distances):
        times = counts[pairs.photograph[index]]
        if times == 0:
            continue
        gains.append(times * pairs.same_share[index])
        found += gains[-1]
        seen += times
        precision.append(found / seen)
    return sum(gain * max(precision[rank:]) for rank, gain in enumerate(gains)) / found


def test_draws_equal_a_plain_loop_given_the_same_draws() -> None:
    generator = np.random.default_rng(1)
    pairs = judged(generator)
    distances = generator.random(len(pairs.names))
    draws = PhotographDraws.of(pairs.n_photographs, 50, generator, participants=True)
    fast = drawn_areas(Ranking.of(distances), pairs.same_share, pairs.photograph, draws.counts)
    plain = [plain_area(pairs, distances, draws.counts[:, number]) for number in range(50)]
    assert fast == pytest.approx(plain, abs=2e-6)


def test_long_and_short_rows_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(2)
    pairs = judged(generator)
    ranking = Ranking.of(np.round(generator.random(len(pairs.names)), 1))
    draws = PhotographDraws.of(pairs.n_photographs, 70, generator, participants=True)
    whole = drawn_areas(ranking, pairs.same_share, pairs.photograph, draws.counts, mixed=pairs.stratum)
    monkeypatch.setattr("analysis.agreement.drawn_areas._AT_ONCE", 20 * len(pairs.names))
    parts = drawn_areas(ranking, pairs.same_share, pairs.photograph, draws.counts, mixed=pairs.stratum)
    assert parts == pytest.approx(whole, abs=1e-6)


def test_each_draw_has_as_many_images_as_there_are() -> None:
    draws = PhotographDraws.of(50, 2_000, np.random.default_rng(0), participants=False)
    assert (draws.counts.sum(axis=0) == 50).all()
    assert draws.counts.mean(axis=1) == pytest.approx(np.ones(50), abs=0.15)
    assert draws.counts.var() == pytest.approx(49 / 50, abs=0.05)


ranked_pairs = st.lists(
    st.tuples(st.sampled_from(range(len(SHARES))), st.integers(0, 6)), min_size=2, max_size=30
).filter(lambda pairs: any(share for share, _ in pairs))


@settings(deadline=None, max_examples=examples(60))
@given(ranked_pairs)
def test_every_image_drawn_once_is_the_area_with_ties_spread(found: list[tuple[int, int]]) -> None:
    share = SHARES[[share for share, _ in found]]
    ranking = Ranking.of(np.array([float(distance) for _, distance in found]))
    cluster = np.arange(len(found))
    ones = np.ones((len(found), 1), dtype=np.float32)
    area = float(interpolated_area(ranking.spread(share)))
    assert drawn_areas(ranking, share, cluster, ones)[0] == pytest.approx(area, abs=1e-5)
    # Exchanged with everything, a pair has the mean of all: precision is that at every recall.
    everything = np.zeros(len(found), dtype=np.int64)
    mixed = drawn_areas(ranking, share, cluster, ones, mixed=everything)
    assert mixed[0] == pytest.approx(share.mean(), abs=1e-5)


@settings(deadline=None, max_examples=examples(60))
@given(ranked_pairs, st.randoms(use_true_random=False))
def test_order_of_pairs_and_scale_of_distances_make_no_difference(found: list[tuple[int, int]], shuffler: Any) -> None:
    shuffled = found.copy()
    shuffler.shuffle(shuffled)
    areas = []
    for pairs, stretch in ((found, lambda d: d), (shuffled, lambda d: d), (found, lambda d: np.exp(d) - 3)):
        ranking = Ranking.of(stretch(np.array([float(distance) for _, distance in pairs])))
        areas.append(float(interpolated_area(ranking.spread(SHARES[[share for share, _ in pairs]]))))
    assert areas == pytest.approx([areas[0]] * 3, abs=1e-12)


def test_the_derivative_of_the_area_is_the_limit_of_differences() -> None:
    generator = np.random.default_rng(3)
    pairs = judged(generator)
    share = np.clip(pairs.same_share + generator.normal(0, 0.01, len(pairs.names)), 0.02, 0.98)
    for distances in (generator.random(len(share)), np.round(4 * generator.random(len(share)))):
        ranking = Ranking.of(distances)
        for mixed in (None, pairs.stratum):
            gradient = area_gradient(ranking, share, mixed)
            for index in range(0, len(share), 7):
                ends = []
                for step in (1e-6, -1e-6):
                    moved = share.copy()
                    moved[index] += step
                    if mixed is not None:
                        means = np.bincount(mixed, weights=moved) / np.bincount(mixed)
                        moved = means[mixed]
                    ends.append(float(interpolated_area(ranking.spread(moved))))
                assert gradient[index] == pytest.approx((ends[0] - ends[1]) / 2e-6, abs=1e-5)


def test_the_variance_of_participants_is_that_of_products_over_different_images() -> None:
    pairs = judged(np.random.default_rng(4))
    influences = np.random.default_rng(5).normal(0, 1, len(pairs.answer_pair))
    image = pairs.photograph[pairs.answer_pair]
    assert pairs.answer_participant is not None
    wanted = sum(
        first * second
        for i, first in enumerate(influences)
        for j, second in enumerate(influences)
        if pairs.answer_participant[i] == pairs.answer_participant[j] and image[i] != image[j]
    )
    assert float(participant_variance(pairs, influences)) == pytest.approx(max(wanted, 0.0))
    assert float(participant_variance(pairs, np.ones(len(influences)))) > 0


def test_an_answer_is_held_against_the_others_to_its_pair() -> None:
    pairs = judged(np.random.default_rng(6))
    gradient = np.arange(float(len(pairs.names)))
    influences = answer_influences(pairs, gradient)
    for answer in range(0, len(pairs.answer_pair), 5):
        pair = pairs.answer_pair[answer]
        others = np.delete(pairs.answer_same, answer)[np.delete(pairs.answer_pair, answer) == pair]
        wanted = gradient[pair] * (float(pairs.answer_same[answer]) - others.mean()) / 3
        assert influences[answer] == pytest.approx(wanted)


def test_auroc_of_answers_agrees_with_scikit_learn_also_in_draws() -> None:
    from sklearn.metrics import roc_auc_score

    generator = np.random.default_rng(7)
    pairs = judged(generator)
    draws = PhotographDraws.of(pairs.n_photographs, 20, generator, participants=True)
    for distances in (generator.random(len(pairs.names)), pairs.shift_px.astype(float)):
        ranking = Ranking.of(distances)
        found = drawn_auroc(ranking, pairs, draws.counts)
        for number in range(20):
            wanted = roc_auc_score(
                ~pairs.answer_same,
                distances[pairs.answer_pair],
                sample_weight=draws.counts[pairs.photograph[pairs.answer_pair], number],
            )
            assert found[number] == pytest.approx(wanted)


def test_draws_of_auroc_in_portions_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = judged(np.random.default_rng(7))
    draws = PhotographDraws.of(pairs.n_photographs, 20, np.random.default_rng(8), participants=True)
    ranking = Ranking.of(pairs.shift_px.astype(float))
    whole = drawn_auroc(ranking, pairs, draws.counts)
    monkeypatch.setattr("analysis.agreement.answer_auroc._AT_ONCE", 3 * len(pairs.names))
    assert drawn_auroc(ranking, pairs, draws.counts) == pytest.approx(whole)


def test_the_derivative_of_auroc_is_what_another_answer_does() -> None:
    import dataclasses

    pairs = judged(np.random.default_rng(8))
    ranking = Ranking.of(pairs.shift_px.astype(float))
    ones = np.ones((pairs.n_photographs, 1), dtype=np.float32)
    gradient = auroc_gradient(ranking, pairs)
    for index in range(0, len(pairs.names), 7):
        same = pairs.same.astype(np.float64)
        same[index] += 1e-5 * pairs.responses[index]
        moved = dataclasses.replace(pairs, same=same)  # type: ignore[arg-type]
        change = (drawn_auroc(ranking, moved, ones) - drawn_auroc(ranking, pairs, ones))[0] / 1e-5
        assert gradient[index] == pytest.approx(change, rel=1e-3, abs=1e-6)

"""Assignment: exact balance, stratification, and the same slots from the same seed everywhere."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from study_server.tasks.assignment import Design, balanced, paper

PAPER = Design(n_images=50, counts=(5,) * 10, seed=1)

designs = st.builds(
    lambda counts, more, seed: Design(sum(counts) + more, tuple(counts), seed),
    st.lists(st.integers(1, 4), min_size=1, max_size=6), st.integers(0, 9), st.integers(0, 2**31),
)  # fmt: skip


def test_thirty_participants_give_every_pair_exactly_three_answers() -> None:
    counts = Counter(cell for slot in range(30) for cell in balanced(PAPER, slot))
    assert len(counts) == 500
    assert set(counts.values()) == {3}


@pytest.mark.parametrize("participants", range(1, 31))
def test_no_pair_is_ever_more_than_one_answer_ahead(participants: int) -> None:
    counts = Counter(cell for slot in range(participants) for cell in balanced(PAPER, slot))
    least = min(counts.values()) if len(counts) == 500 else 0
    assert max(counts.values()) - least <= 1


@settings(max_examples=60)
@given(designs, st.integers(0, 50))
def test_balanced_shows_each_image_once_and_as_many_of_each_shift(design: Design, slot: int) -> None:
    cells = balanced(design, slot)
    images, shifts = zip(*cells, strict=True)
    assert len(set(images)) == len(images) == design.n_trials
    assert all(0 <= image < design.n_images for image in images)
    assert Counter(shifts) == dict(enumerate(design.counts))


@settings(max_examples=60)
@given(designs)
def test_balanced_is_exact_after_every_round(design: Design) -> None:
    counts: Counter[tuple[int, int]] = Counter()
    for number in range(2):
        for place in range(design.round_slots):
            counts.update(balanced(design, number * design.round_slots + place))
        assert len(counts) == design.n_images * len(design.counts)
        assert {
            shift: {counts[image, shift] for image in range(design.n_images)} for shift in range(len(design.counts))
        } == {
            shift: {(number + 1) * design.round_slots * count // design.n_images}
            for shift, count in enumerate(design.counts)
        }


@settings(max_examples=60)
@given(st.integers(1, 8), st.integers(1, 5), st.integers(0, 20), st.integers(0, 2**31), st.integers(0, 1000))
def test_paper_draws_different_images_within_each_shift(
    n_shifts: int, per_shift: int, more: int, seed: int, slot: int
) -> None:
    cells = paper(Design(per_shift + more, (per_shift,) * n_shifts, seed), slot)
    assert len(set(cells)) == len(cells)
    assert Counter(shift for _, shift in cells) == dict.fromkeys(range(n_shifts), per_shift)


@pytest.mark.parametrize("strategy", [balanced, paper])
def test_same_seed_same_slots_another_seed_others(strategy) -> None:  # type: ignore[no-untyped-def]
    other = Design(50, (5,) * 10, seed=2)
    assert [strategy(PAPER, slot) for slot in range(12)] == [strategy(PAPER, slot) for slot in range(12)]
    assert strategy(PAPER, 3) != strategy(other, 3)
    assert strategy(PAPER, 3) != strategy(PAPER, 13)


def test_paper_draws_uniformly() -> None:
    counts = Counter(cell for slot in range(2000) for cell in paper(PAPER, slot))
    observed = [counts[image, shift] for image in range(50) for shift in range(10)]
    assert chisquare(observed).pvalue > 1e-3


def test_the_paper_strategy_leaves_pairs_short_as_the_paper_found() -> None:
    # Section 6: 301 of 500 pairs had at least three answers after 30 participants.
    counts = Counter(cell for slot in range(30) for cell in paper(PAPER, slot))
    assert 260 <= sum(count >= 3 for count in counts.values()) <= 330


def test_balanced_refuses_more_trials_than_images() -> None:
    with pytest.raises(ValueError) as caught:
        balanced(Design(50, (3,) * 17, 0), 0)
    assert str(caught.value) == "51 trials with a different image each need more than 50 images"
    assert len(balanced(Design(51, (3,) * 17, 0), 0)) == 51


def test_a_round_that_is_not_balanced_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """It cannot happen; whoever changes how slots are planned hears it where it does."""
    monkeypatch.setattr("scipy.optimize.linear_sum_assignment", lambda cost: (np.arange(2), np.arange(2)))
    with pytest.raises(RuntimeError) as caught:
        balanced(Design(4, (1, 1), 123_456), 0)
    assert str(caught.value) == "the round is not balanced; please report this with the study's settings"


@pytest.mark.parametrize(
    "design",
    [Design(50, (3,) * 10, 1), Design(20, (3,) * 4, 5), Design(13, (2,) * 3, 2), Design(100, (5, 15, 25, 5), 3)],
    ids=lambda design: str(design.n_images),
)
def test_within_a_long_round_no_pair_is_three_answers_ahead(design: Design) -> None:
    """A study that ends within a round has its answers spread too: pairs that were used least come first."""
    assert design.round_slots > 10
    counts = np.zeros((design.n_images, len(design.counts)), dtype=int)
    for slot in range(design.round_slots):
        for cell in balanced(design, slot):
            counts[cell] += 1
        assert np.all(np.ptp(counts, axis=0) <= 2)
    assert np.all(counts == np.array(design.counts) * design.round_slots // design.n_images)


@given(designs, st.integers(0, 40), st.integers(1, 70))
def test_what_is_planned_ahead_are_the_rounds_of_all_slots_and_no_others(design: Design, first: int, more: int) -> None:
    planned = [slot // design.round_slots for slot in design.rounds_of(range(first, first + more))]
    assert planned == sorted({slot // design.round_slots for slot in range(first, first + more)})


def test_a_study_that_goes_on_has_the_slots_with_which_it_began() -> None:
    """Also with a later version of this program, of Python or of SciPy: slots are computed anew when they are given."""
    small = Design(n_images=6, counts=(2, 2, 2), seed=7)
    assert small.round_slots == 3
    assert [balanced(small, slot) for slot in range(4)] == [
        [(0, 2), (1, 1), (2, 1), (3, 0), (4, 2), (5, 0)],
        [(0, 0), (1, 2), (2, 0), (3, 2), (4, 1), (5, 1)],
        [(0, 1), (1, 0), (2, 2), (3, 1), (4, 0), (5, 2)],
        [(0, 1), (1, 2), (2, 0), (3, 1), (4, 0), (5, 2)],
    ]
    assert [paper(small, slot) for slot in range(2)] == [
        [(3, 0), (4, 0), (5, 1), (1, 1), (3, 2), (1, 2)],
        [(5, 0), (4, 0), (2, 1), (4, 1), (4, 2), (3, 2)],
    ]
    # Of the paper's design, by their sums.
    assert [_sum(balanced(PAPER, slot)) for slot in (0, 1, 9, 10, 29)] == [255915, 245232, 263868, 219233, 237914]
    assert [_sum(paper(PAPER, slot)) for slot in (0, 1, 29)] == [244622, 217718, 252403]


def _sum(cells: list[tuple[int, int]]) -> int:
    """Another one for other cells."""
    return sum((place + 1) * (image + 1) * (shift + 1) for place, (image, shift) in enumerate(cells))

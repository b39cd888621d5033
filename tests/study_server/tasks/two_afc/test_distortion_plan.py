"""Which distortions triplets get: balanced over kinds and strengths, and never one twice in a triplet."""

from __future__ import annotations

import random
from collections import Counter
from itertools import islice, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from study_server.errors import StudyError
from study_server.tasks.two_afc.distortion_plan import KINDS, STRENGTHS, UNDISTORTED, Distortion, pairs_in_turn


@given(seed=st.integers(0, 2**32), count=st.integers(1, 60))
def test_each_kind_is_as_often_the_first_and_the_second_as_any_other(seed: int, count: int) -> None:
    pairs = list(islice(pairs_in_turn(random.Random(seed)), count))
    assert all(first != second for first, second in pairs)
    for place in (0, 1):
        counts = Counter(pair[place].kind for pair in pairs)
        assert max(counts.values()) - min(counts.get(kind, 0) for kind in KINDS) <= 1


@given(seed=st.integers(0, 2**32))
def test_twenty_four_triplets_have_each_kind_at_each_strength(seed: int) -> None:
    pairs = list(islice(pairs_in_turn(random.Random(seed)), 48))
    for part, place in product((pairs[:24], pairs[24:]), (0, 1)):
        found = Counter((pair[place].kind, pair[place].strength) for pair in part)
        assert found == dict.fromkeys(product(KINDS, STRENGTHS), 1)


def test_the_kinds_meet_in_any_combination_and_one_meets_itself_at_another_strength() -> None:
    pairs = list(islice(pairs_in_turn(random.Random(1)), 2000))
    assert {(first.kind, second.kind) for first, second in pairs} == set(product(KINDS, KINDS))


@pytest.mark.parametrize("distortion", [UNDISTORTED, *(Distortion(*d) for d in product(KINDS, (*STRENGTHS, 1.0)))])
def test_what_is_written_is_read(distortion: Distortion) -> None:
    assert Distortion.parse(str(distortion)) == distortion


@pytest.mark.parametrize("text", ["", "blur", "blur 2", "blur 1.5", "none 1", "melt 0.5", "blur -0.5", "Blur 0.5"])
def test_what_cannot_be_made_again_is_refused(text: str) -> None:
    with pytest.raises(StudyError, match=f"distortion '{text}' is none that can be made again: none, or one of blur"):
        Distortion.parse(text)

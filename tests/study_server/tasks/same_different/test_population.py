"""Simulated observers who differ, and photographs that do, beside those that `power` draws."""

from __future__ import annotations

import random
from hashlib import sha256
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from analysis.planning.simulated_study import Design, Population, simulate
from study_server.errors import StudyError
from study_server.tasks import task
from study_server.tasks.same_different.observer import TABLE_1_SAME, Observer
from study_server.tasks.task import DifferingObserver, one_of

PHOTOGRAPHS = [sha256(str(number).encode()).hexdigest() for number in range(400)]
SHIFT = 3
MANY = 60


def row(photograph: str, shift_px: int = SHIFT) -> Any:
    return SimpleNamespace(stratum=shift_px, source_sha256=photograph)


def differ(observer: Observer, photograph: str, rng: random.Random, trials: int, shift_px: int = SHIFT) -> int:
    """How often somebody calls a pair of a photograph different."""
    shown = ("reference", "shifted")
    answers = [observer.respond(row(photograph, shift_px), shown, rng)[0] for _ in range(trials)]
    return answers.count("different")


def spread(counts: list[int], trials: int) -> float:
    """Standard deviation of the shares, less what independent answers of one share have."""
    share = np.array(counts) / trials
    return float(share.var(ddof=1) - np.mean(share * (1 - share)) / (trials - 1))


def test_over_people_and_photographs_they_answer_as_table_1() -> None:
    observers, rng = Observer(), random.Random(5)
    for shift, same in enumerate(TABLE_1_SAME):
        people = [observers.drawn(random.Random(f"{shift}/{number}")) for number in range(3000)]
        different = sum(differ(one, sha256(rng.randbytes(8)).hexdigest(), rng, 1, shift) for one in people)
        assert different / 3000 == pytest.approx(1 - same / 150, abs=0.035)


@pytest.mark.parametrize(("participant_sd", "image_sd"), [(0.4, 0.4), (0.7, 0.0), (0.0, 0.7), (0.0, 0.0)])
def test_people_and_photographs_differ_as_much_as_in_the_studies_that_power_simulates(
    participant_sd: float, image_sd: float
) -> None:
    observers, rng = Observer().differing(participant_sd=participant_sd, image_sd=image_sd), random.Random(1)
    people = [observers.drawn(random.Random(f"one/{number}")) for number in range(400)]
    by_person = [sum(differ(one, photograph, rng, 1) for photograph in rng.sample(PHOTOGRAPHS, MANY)) for one in people]
    by_photograph = [
        sum(differ(one, photograph, rng, 1) for one in rng.sample(people, MANY)) for photograph in PHOTOGRAPHS
    ]
    # All images at each of two shifts of 3 and 4 px, so that half of the answers are at 3 px.
    theirs = simulate(
        Design(participants=400, images=400, per_shift=MANY, shifts=(SHIFT, SHIFT + 1)),
        Population(participant_sd=participant_sd, image_sd=image_sd, rate_spread=0.7 if participant_sd else 0.0),
        np.random.default_rng(1),
    )
    at = theirs.shift_px == SHIFT
    for ours, groups in ((by_person, theirs.participant[at]), (by_photograph, theirs.image[at])):
        hits, totals = np.bincount(groups, theirs.different[at]), np.bincount(groups)
        other = spread([round(hit * MANY / total) for hit, total in zip(hits, totals, strict=True)], MANY)
        assert spread(ours, MANY) == pytest.approx(other, rel=0.3, abs=0.002)


def test_a_photograph_is_as_hard_in_each_of_its_crops_and_for_whoever_looks() -> None:
    observers = Observer().differing(participant_sd=0.0, image_sd=0.8)
    one, other = (observers.drawn(random.Random(seed)) for seed in (1, 2))
    first = [differ(one, photograph, random.Random(7), 200) for photograph in PHOTOGRAPHS[:20]]
    assert [differ(other, photograph, random.Random(7), 200) for photograph in PHOTOGRAPHS[:20]] == first
    assert max(first) - min(first) > 60


@pytest.mark.parametrize("name", ["same-different", "odd-one-out"])
def test_who_takes_part_is_drawn_once_and_alike_for_a_seed(name: str) -> None:
    observers = task(name).observer()
    assert isinstance(observers, DifferingObserver)
    assert one_of(observers, random.Random(3)) == one_of(observers, random.Random(3))
    assert one_of(observers, random.Random(3)) != one_of(observers, random.Random(4))
    with pytest.raises(StudyError, match=r"leave nothing of the whole spread of 0\.9175"):
        observers.differing(participant_sd=0.8, image_sd=0.5)

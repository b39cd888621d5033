"""Whose answers pass the validation test of a two-alternative study."""

import random
from dataclasses import dataclass, replace

import pytest
from scipy.stats import binom

from study_server.tasks.task import Answered
from study_server.tasks.two_afc.assigning import FIRST_LEFT, FIRST_RIGHT
from study_server.tasks.two_afc.chances import chances
from study_server.tasks.two_afc.settings import TwoAfcAcceptance, TwoAfcSettings
from study_server.tasks.two_afc.task import TASK
from study_server.tasks.two_afc.validation import Checks, failed_rules, passes_validation, preferred


@dataclass(frozen=True)
class Row:
    name: str
    catch_answer: str = ""


def answered(name: str, prefers: str, *, catch: str = "", repetition: int = 1, swapped: bool = False) -> Answered:
    shown = FIRST_RIGHT if swapped else FIRST_LEFT
    return Answered(Row(name, catch), shown, repetition, "left" if shown[0] == prefers else "right")


def test_the_image_at_the_side_of_the_answer_is_preferred() -> None:
    assert [preferred(FIRST_LEFT, side) for side in ("left", "right")] == ["first", "second"]
    assert [preferred(FIRST_RIGHT, side) for side in ("left", "right")] == ["second", "first"]


def test_catch_trials_and_retests_are_counted_by_the_image_that_was_preferred() -> None:
    answers = [
        answered("a", "first", catch="first"),
        answered("b", "first", catch="second", swapped=True),
        answered("c", "second"),
        answered("c", "second", repetition=2, swapped=True),
        answered("d", "second"),
        answered("d", "first", repetition=2),
        answered("e", "first"),
    ]
    assert Checks.of(answers) == Checks(catches=2, wrong=1, retests=2, alike=1)


@pytest.mark.parametrize(
    ("checks", "passes"),
    [
        (Checks(3, 1), True),
        (Checks(3, 2), False),
        (Checks(4, 1), True),
        (Checks(4, 2), False),
        (Checks(0, 0), True),
        (Checks(1, 1), False),
        (Checks(0, 0, 8, 0), True),
    ],
)
def test_who_passes(checks: Checks, passes: bool) -> None:
    assert passes_validation(checks) is passes


@pytest.mark.parametrize(
    ("retests", "alike", "least", "fails"),
    [(8, 4, 0.5, True), (8, 5, 0.5, False), (7, 0, 0.5, False), (8, 0, 0.0, False), (10, 6, 0.6, True)],
)
def test_who_answers_otherwise_when_asked_again_fails_where_the_study_says_so(
    retests: int, alike: int, least: float, fails: bool
) -> None:
    rules = TwoAfcAcceptance(least_retest_agreement=least)
    assert failed_rules(Checks(0, 0, retests, alike), rules) == (["retest_agreement"] if fails else [])


def test_the_study_s_own_rule_is_named_beside_the_test() -> None:
    answers = [answered(f"{n}", "first", catch="second" if n == 0 else "first") for n in range(4)]
    settings = TwoAfcSettings()
    strict = replace(settings, acceptance=TwoAfcAcceptance(most_catch_errors=0))
    assert TASK.judge(answers, settings).failed_rules == ()
    assert TASK.judge(answers, strict).failed_rules == ("catch_errors",)
    assert TASK.judge(answers, strict).passed


@pytest.mark.parametrize(
    ("catches", "most", "retests", "least"),
    [(4, -1, 8, 0.0), (4, 0, 8, 0.5), (0, -1, 12, 0.5), (6, 1, 7, 0.5), (6, 4, 0, 0.9)],
)
def test_chances_of_who_guesses_are_those_of_binomials(catches: int, most: int, retests: int, least: float) -> None:
    allowed = catches // 3 if most < 0 else min(most, catches // 3)
    agree = binom.sf(least * retests, retests, 0.5) if retests >= 8 and least else 1.0
    rules = TwoAfcAcceptance(most_catch_errors=most, least_retest_agreement=least)
    assert chances(catches, retests, rules).guessing == pytest.approx(binom.cdf(allowed, catches, 0.5) * agree)


def test_a_simulated_observer_prefers_the_same_image_on_either_side_and_in_every_version() -> None:
    @dataclass(frozen=True)
    class Triplet(Row):
        group: str = "00001"
        source_sha256: str = "ab"
        share_second: float | None = None
        distortion_first: str = ""
        distortion_second: str = ""

    observer, rng = TASK.observer(), random.Random(1)
    for row in (Triplet("n-0", share_second=0.9), Triplet("n-1", share_second=0.9)):
        for shown in (FIRST_LEFT, FIRST_RIGHT):
            sides = [observer.respond(row, shown, rng)[0] for _ in range(2000)]
            share = sum(preferred(shown, side) == "second" for side in sides) / 2000
            assert share == pytest.approx(0.9, abs=0.03)
    catch = Triplet("c", catch_answer="first")
    sides = [observer.respond(catch, FIRST_RIGHT, rng)[0] for _ in range(1000)]
    assert sides.count("right") > 950
    biased = TASK.observer(side_bias=1.0)
    assert {biased.respond(catch, FIRST_RIGHT, rng)[0] for _ in range(50)} == {"left"}
    assert TASK.observer().p_second(Triplet("n-0")) == TASK.observer().p_second(Triplet("n-1"))


def test_a_simulated_observer_prefers_what_is_distorted_less_and_minds_some_kinds_more() -> None:
    @dataclass(frozen=True)
    class Triplet(Row):
        distortion_first: str = ""
        distortion_second: str = ""
        group: str = "00001"
        source_sha256: str = "ab"
        share_second: float | None = None

    def share(first: str, second: str) -> float:
        """Mean probability over many triplets that the second image is preferred."""
        of = (Triplet("n-0", distortion_first=first, distortion_second=second, group=f"{n:05d}") for n in range(200))
        return sum(map(TASK.observer().p_second, of)) / 200

    assert share("blur 0.75", "blur 0.15") > 0.95
    assert share("blur 0.15", "blur 0.75") < 0.05
    assert share("blur 0.3", "none") > 0.9
    assert 0.35 < share("blur 0.3", "blur 0.3") < 0.65
    assert share("noise 0.75", "colour-cast 0.75") < 0.05
    assert 0.35 < share("blur 0.75", "kind that somebody else made") < 0.65

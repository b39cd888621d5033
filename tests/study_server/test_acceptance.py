"""Whose answers count: the paper's validation test, and what else keeps answers from being used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from participation import Participation, make_tiny_study
from study_server.folder.study_folder import StudyFolder
from study_server.participants.acceptance import (
    CatchTrials,
    accepted,
    accepted_answers_per_pair,
    not_used_because,
    passes_validation,
)
from study_server.storage.models import Pair, Participant, Trial

answers = st.lists(st.tuples(st.sampled_from([0, 1, 8, 9]), st.sampled_from(["same", "different"])), max_size=30)


@pytest.mark.parametrize(
    ("wrong", "of", "passes"),
    [
        (0, 0, True), (0, 1, True), (1, 1, False), (1, 2, True), (2, 2, False), (2, 3, True), (3, 3, False),
        (4, 6, True), (5, 6, False), (5, 7, False), (666, 999, True), (667, 999, False),
    ],
)  # fmt: skip
@pytest.mark.parametrize(("shift", "mistake"), [(0, "different"), (9, "same")])
def test_exactly_two_thirds_of_mistakes_pass_and_one_more_fails(
    wrong: int, of: int, passes: bool, shift: int, mistake: str
) -> None:
    right = {"same": "different", "different": "same"}[mistake]
    given_answers = [(shift, mistake)] * wrong + [(shift, right)] * (of - wrong)
    assert passes_validation(CatchTrials.of(given_answers, 9)) is passes
    assert passes_validation(CatchTrials.of([(0, "same"), (9, "different"), *given_answers[: 3 * of]], 9)) is (
        Fraction(wrong, of + 1) <= Fraction(2, 3)
    )


def test_pairs_of_other_shifts_do_not_matter() -> None:
    assert passes_validation(CatchTrials.of([], 9))
    assert passes_validation(CatchTrials.of([(shift, "same") for shift in range(9)], 9))
    assert passes_validation(CatchTrials.of([(shift, "different") for shift in range(1, 10)], 9))
    assert not passes_validation(CatchTrials.of([(3, "same")], 3))


@given(answers)
def test_validation_is_the_papers(given_answers: list[tuple[int, str]]) -> None:
    counts = Counter(given_answers)
    fails = any(
        Fraction(counts[shift, wrong], counts[shift, "same"] + counts[shift, "different"]) > Fraction(2, 3)
        for shift, wrong in ((0, "different"), (9, "same"))
        if counts[shift, "same"] + counts[shift, "different"]
    )
    assert passes_validation(CatchTrials.of(given_answers, 9)) is not fails


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study where some have answered everything, and in all ways that there are."""
    return make_tiny_study(tmp_path_factory.mktemp("made") / "study").path


@pytest.fixture(scope="module")
def people(made: Path) -> Iterator[Participation]:
    study = Participation(StudyFolder(made))
    yield study
    study.database.close()


@pytest.fixture(scope="module")
def tokens(people: Participation) -> dict[str, str]:
    """Participants by what is the matter with them."""
    found = {name: people.begin() for name in ("used", "failed", "excluded", "both", "unfinished", "new")}
    for name in ("used", "excluded"):
        people.answer_all(found[name])
    for name in ("failed", "both"):
        people.answer_all(found[name], wrongly=True)
    for trial in people.trials(found["unfinished"])[:3]:
        people.record(found["unfinished"], trial, response="different")
    for name in ("excluded", "both"):
        people.change(found[name], excluded_reason="by the researcher")
    return found


def test_who_has_answered_everything_is_judged_by_the_answers_that_were_given(
    people: Participation, tokens: dict[str, str]
) -> None:
    assert people.person(tokens["used"]).passed is True
    assert people.person(tokens["failed"]).passed is False
    assert people.person(tokens["unfinished"]).passed is None


def test_answers_count_of_who_finished_passed_and_is_not_excluded(
    people: Participation, tokens: dict[str, str]
) -> None:
    with people.database.reading() as session:
        assert session.scalars(select(Participant.token).where(accepted())).all() == [tokens["used"]]
        counts = accepted_answers_per_pair(session, people.study.id)
        own = set(session.scalars(select(Trial.pair_id).join(Participant).where(Participant.token == tokens["used"])))
        everywhere = set(session.scalars(select(Pair.id)))
        assert accepted_answers_per_pair(session, people.study.id + 1) == {}
    assert len(everywhere) == 16
    assert counts == {pair: int(pair in own) for pair in everywhere}


def test_nobody_is_accepted_before_the_last_answer(people: Participation) -> None:
    for stage in ("instructions", "calibration", "practice", "trials"):
        people.change(token := people.arrive(), stage=stage, passed=True)
        with people.database.reading() as session:
            assert token not in session.scalars(select(Participant.token).where(accepted())).all()


def test_why_answers_are_not_used_is_named(people: Participation, tokens: dict[str, str]) -> None:
    assert {name: not_used_because(people.person(token)) for name, token in tokens.items()} == {
        "used": "",
        "failed": "validation",
        "excluded": "excluded_by_researcher",
        "both": "validation;excluded_by_researcher",
        "unfinished": "unfinished",
        "new": "unfinished",
    }


@pytest.mark.parametrize(("answered", "because"), [(0, "withdrawn"), (2, "unfinished")])
def test_who_withdrew_has_withdrawn_once_the_answers_are_gone(answered: int, because: str) -> None:
    withdrawn = Participant(stage="trials", answered=answered, withdrawn_at=datetime.now(UTC))
    assert not_used_because(withdrawn) == because
    withdrawn.withdrawn_at = None
    assert not_used_because(withdrawn) == "unfinished"

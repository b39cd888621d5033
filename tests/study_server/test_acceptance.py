"""Whose answers count, and what keeps answers from being used."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import select

from participation import Participation, make_tiny_study
from study_server.folder.study_folder import StudyFolder
from study_server.participants.acceptance import accepted, accepted_answers_per_stimulus, not_used_because
from study_server.storage.models import Participant, Stimulus, Trial


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
        counts = accepted_answers_per_stimulus(session, people.study)
        own = set(
            session.scalars(select(Trial.stimulus_id).join(Participant).where(Participant.token == tokens["used"]))
        )
        everywhere = set(session.scalars(select(Stimulus.id)))
        another = SimpleNamespace(id=people.study.id + 1, judged=people.study.judged)
        assert accepted_answers_per_stimulus(session, another) == {}  # type: ignore[arg-type]
    assert len(everywhere) == 16
    assert counts == {stimulus: int(stimulus in own) for stimulus in everywhere}


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

"""Which slot the next participant gets, who keeps theirs, and how many slots a study has."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import ceil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import event, not_, select
from sqlalchemy.dialects import postgresql

from participation import Participation, make_tiny_study
from recruiting import changed
from study_server.errors import Conflict
from study_server.folder.study_folder import StudyFolder
from study_server.participants import slots
from study_server.participants.completion import answer_questions
from study_server.participants.measurements import Screen, begin_visit
from study_server.participants.progress import leave
from study_server.storage.models import Participant, Study
from study_server.tasks import task
from study_server.tasks.assignment import Design, balanced
from study_server.tasks.same_different.settings import SameDifferentSettings

Open = Callable[..., Participation]
SCREEN = Screen(
    screen_width=1920, screen_height=1080, device_pixel_ratio=1.0, color_depth=24, touch_points=0, language="en"
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_study(tmp_path_factory.mktemp("made") / "study").path


@pytest.fixture
def opened(made: Path, tmp_path: Path) -> Iterator[Open]:
    """opened(recruitment={…}, …): a study of four slots a round with such settings, in its own database or another."""
    running: list[Participation] = []

    def open_study(database: str = "", **sections: dict[str, Any]) -> Participation:
        copy = Path(shutil.copytree(made, tmp_path / f"study-{len(running)}"))
        running.append(Participation(changed(StudyFolder(copy, database), **sections)))
        return running[-1]

    yield open_study
    for study in running:
        study.database.close()


def test_new_slots_are_given_in_order(opened: Open) -> None:
    people = opened()
    for _ in range(6):
        people.arrive()
    assert people.held_slots() == [0, 1, 2, 3, 4, 5]
    assert people.free_slots() == []


def test_the_lowest_slot_that_was_given_back_is_given_first_and_to_one(opened: Open) -> None:
    people = opened()
    tokens = [people.arrive() for _ in range(4)]
    for token in (tokens[3], tokens[1], tokens[2]):
        people.stay_away(token)
    people.arrive()
    assert people.held_slots() == [0, None, None, None, 1]
    assert people.free_slots() == [2, 3]
    people.arrive()
    people.arrive()
    people.arrive()
    assert people.held_slots() == [0, None, None, None, 1, 2, 3, 4]
    assert people.free_slots() == []


def test_who_has_answered_everything_keeps_the_slot_however_long_ago(opened: Open) -> None:
    people = opened()
    tokens = [people.begin(), people.begin()]
    for token in tokens:
        people.answer_all(token)
    answer_questions(people.study, tokens[1], {})
    assert [people.person(token).stage for token in tokens] == ["questions", "finished"]
    for token in tokens:
        people.stay_away(token, minutes=1_000_000)
    people.arrive()
    assert people.held_slots() == [0, 1, 2]
    assert people.noted("slot_released") == []


@pytest.mark.parametrize(("away", "keeps"), [(59.9, True), (60.1, False)])
def test_a_slot_is_kept_as_long_as_the_study_waits(opened: Open, away: float, keeps: bool) -> None:
    people = opened(trials={"slot_timeout_minutes": 60.0})
    gone = [people.begin(), people.begin()]
    for token in gone:
        people.record(token, people.trials(token)[0])
        people.stay_away(token, minutes=away)
    people.arrive()
    assert people.held_slots() == ([0, 1, 2] if keeps else [None, None, 0])
    assert people.noted("slot_released") == (
        [] if keeps else [(n + 1, "server", f"slot {n}, timed_out") for n in (0, 1)]
    )
    assert people.person(gone[0]).released_reason == (None if keeps else "timed_out")


@pytest.mark.parametrize(("away", "keeps"), [(9.9, True), (10.1, False)])
def test_who_has_not_begun_is_waited_for_less_long_and_loading_pages_does_not_help(
    opened: Open, away: float, keeps: bool
) -> None:
    people = opened()
    for token in (people.arrive(), people.begin()):
        people.stay_away(token, minutes=away)
        begin_visit(people.study, token, SCREEN)
        leave(people.study, token, "instructions")
    people.arrive()
    assert people.held_slots() == ([0, 1, 2] if keeps else [None, None, 0])


def test_a_slot_is_given_back_after_the_last_moment_of_waiting(opened: Open) -> None:
    people = opened(trials={"slot_timeout_minutes": 60.0})
    people.record(token := people.begin(), people.trials(token)[0])
    answered_at = people.person(token).last_answer_at
    assert answered_at is not None
    last_moment = answered_at + timedelta(minutes=60)
    for now, slot in ((last_moment, 0), (last_moment + timedelta(microseconds=1), None)):
        with people.database.writing() as session:
            slots.release_timed_out(session, people.study, now)
        assert people.person(token).slot == slot


def test_who_is_gone_is_gone_for_the_dashboard_too(opened: Open) -> None:
    people = opened(trials={"slot_timeout_minutes": 60.0})
    arrived, under_way, done = people.arrive(), people.begin(), people.begin()
    people.record(under_way, people.trials(under_way)[0])
    people.answer_all(done)
    last_answer = people.person(under_way).last_answer_at
    assert last_answer is not None
    waits = [(arrived, people.person(arrived).consented_at, 10), (under_way, last_answer, 60)]
    for token, since, minutes in waits:
        last_moment = since + timedelta(minutes=minutes)
        for now, gone in ((last_moment, False), (last_moment + timedelta(microseconds=1), True)):
            assert slots.is_gone(people.study, people.person(token), now) is gone
            with people.database.reading() as session:
                found = session.scalars(select(Participant.token).where(slots.gone(people.study, now))).all()
                others = session.scalars(select(Participant.token).where(not_(slots.gone(people.study, now)))).all()
            assert (token in found, token in others) == (gone, not gone)
            assert done not in found
    assert not slots.is_gone(people.study, people.person(done), datetime.now(UTC) + timedelta(days=9))
    impatient = opened(trials={"slot_timeout_minutes": 5.0})  # and then waits no longer for a beginning
    newcomer = impatient.person(impatient.arrive())
    assert slots.is_gone(impatient.study, newcomer, newcomer.consented_at + timedelta(minutes=5, seconds=1))


def test_a_slot_that_somebody_has_given_back_is_given_back_once(opened: Open) -> None:
    people = opened()
    people.stay_away(gone := people.arrive())
    for _ in range(2):
        with people.database.writing() as session:
            people.study.locked(session)
            participant = people.study.get(session, gone, hold=True)
            slots.release(session, people.study, participant, "returned", "platform")
            assert participant.slot is None
    assert people.free_slots() == [0]
    assert people.noted("slot_released") == [(1, "platform", "slot 0, returned")]
    assert people.person(gone).released_reason == "returned"


@pytest.mark.parametrize("recruitment", [{"replace_failed": True}, {"answers_per_pair": 2}])
@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"passed": False}, "failed"),
        ({"excluded_reason": "by the researcher"}, "excluded"),
        ({"passed": False, "excluded_reason": "by the researcher"}, "excluded"),
        ({"passed": True}, None),
        ({}, None),
    ],
)
def test_whose_answers_do_not_count_is_replaced_by_the_next(
    opened: Open, recruitment: dict[str, Any], values: dict[str, Any], reason: str | None
) -> None:
    people = opened(recruitment=recruitment)
    people.change(first := people.arrive(), **values) if values else (first := people.arrive())
    people.arrive()
    assert people.held_slots() == ([0, 1] if reason is None else [None, 0])
    assert people.person(first).released_reason == reason
    assert people.noted("slot_released") == ([] if reason is None else [(1, "server", f"slot 0, {reason}")])


def test_nobody_is_replaced_where_the_study_does_not_say_so(opened: Open) -> None:
    people = opened()
    people.change(people.arrive(), passed=False, excluded_reason="by the researcher")
    people.arrive()
    assert people.held_slots() == [0, 1]


def test_a_study_gives_and_takes_none_of_another_s_slots_in_the_same_database(opened: Open, tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path / 'shared.db'}"
    here = opened(database, study={"name": "here"}, recruitment={"replace_failed": True})
    there = opened(database, study={"name": "there"}, recruitment={"replace_failed": True})
    failed, away, returned = (here.arrive() for _ in range(3))
    with here.database.writing() as session:
        slots.release(session, here.study, here.study.get(session, returned, hold=True), "returned")
    here.stay_away(away)
    here.change(failed, passed=False)
    tokens = [there.arrive() for _ in range(3)]
    assert there.held_slots() == [0, 1, 2]
    there.stay_away(tokens[2])
    there.arrive()
    assert there.held_slots() == [0, 1, None, 2]
    assert [here.person(token).slot for token in (failed, away, returned)] == [0, 1, None]
    assert here.free_slots() == [2]


def test_a_study_has_as_many_places_as_its_target_takes(opened: Open) -> None:
    people = opened(recruitment={"answers_per_pair": 2})
    for _ in range(8):
        people.arrive()
    with pytest.raises(Conflict, match="All places of this study are taken"):
        people.arrive()
    assert people.held_slots() == list(range(8))


def places(count: int, max_shift: int, per_shift: int, wanted: int, strategy: str = "balanced") -> int | None:
    """How many slots a study of such settings has."""
    settings = SameDifferentSettings()
    settings = replace(
        settings,
        stimuli=replace(settings.stimuli, count=count, max_shift=max_shift),
        trials=replace(settings.trials, per_shift=per_shift, strategy=strategy),
        recruitment=replace(settings.recruitment, answers_per_pair=wanted),
    )
    return slots.places(SimpleNamespace(settings=settings, task=task("same-different")))  # type: ignore[arg-type]


@settings(max_examples=15)
@given(st.integers(1, 4), st.integers(1, 4), st.integers(0, 8), st.integers(1, 7))
def test_the_places_give_every_pair_what_is_wanted_and_a_round_less_would_not(
    max_shift: int, per_shift: int, more: int, wanted: int
) -> None:
    design = Design((max_shift + 1) * per_shift + more, (per_shift,) * (max_shift + 1), 0)
    found = places(design.n_images, max_shift, per_shift, wanted)
    assert found is not None
    assert found % design.round_slots == 0
    for given_slots, enough in ((found, True), (found - design.round_slots, False)):
        counts = Counter(cell for slot in range(given_slots) for cell in balanced(design, slot))
        fewest = min(counts.values()) if len(counts) == design.n_images * len(design.counts) else 0
        assert (fewest >= wanted) is enough


@pytest.mark.parametrize(("wanted", "rounds"), [(1, 1), (2, 1), (3, 2), (4, 2), (5, 3)])
def test_places_are_rounded_up_to_a_round(wanted: int, rounds: int) -> None:
    # 30 images, 4 of them at each shift: a round of 15 slots gives each pair two answers.
    assert places(30, 4, 4, wanted) == 15 * rounds == 15 * ceil(wanted / 2)


def test_there_is_no_number_of_places_without_a_target_or_under_the_random_strategy() -> None:
    assert places(30, 4, 4, 0) is None
    assert places(30, 4, 4, 3, strategy="paper") is None


def test_a_study_without_a_target_always_has_a_place(opened: Open) -> None:
    people = opened()
    with people.database.writing() as session:
        session.get_one(Study, people.study.id).next_slot = 10**6
    assert people.person(people.arrive()).slot == 10**6


def test_whoever_is_here_at_the_moment_is_passed_over(opened: Open) -> None:
    """PostgreSQL is told to leave out rows that are held; SQLite, where one writes at a time, has no such words."""
    people = opened(recruitment={"replace_failed": True})
    asked: list[str] = []
    with people.database.writing() as session:
        event.listen(session, "do_orm_execute", lambda state: asked.append(_for_postgresql(state.statement)))
        slots.Slots(session, people.study, people.study.locked(session), datetime.now(UTC)).take()
    participants = [statement for statement in asked if "FROM participant" in statement]
    assert len(participants) == 2
    assert all(statement.endswith("FOR NO KEY UPDATE SKIP LOCKED") for statement in participants)


def _for_postgresql(statement: Any) -> str:
    return str(statement.compile(dialect=postgresql.dialect()))

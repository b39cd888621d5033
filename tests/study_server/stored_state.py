"""Whether what a study's database holds agrees with itself."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import func, select

from study_server.participants.running_study import RunningStudy
from study_server.storage.models import (
    ANSWERED_ALL,
    FreeSlot,
    Participant,
    Response,
    Stimulus,
    StimulusGroup,
    Study,
    Trial,
)


def assert_consistent(study: RunningStudy) -> None:
    """Counters are what they count, slots are held once or free, trials are those of slot and number."""
    with study.database.reading() as session:
        row = session.get_one(Study, study.id)
        participants = session.scalars(select(Participant).order_by(Participant.number)).all()
        free = list(session.scalars(select(FreeSlot.slot)))
        answers = dict(
            session.execute(
                select(Trial.participant_id, func.count()).join(Response).group_by(Trial.participant_id)
            ).all()
        )
        trials: dict[int, list[tuple[str | int, ...]]] = {}
        for participant_id, *shown in session.execute(
            select(Trial.participant_id, StimulusGroup.name, Stimulus.stratum, Trial.repetition, Trial.arrangement)
            .join(Stimulus, Stimulus.id == Trial.stimulus_id)
            .join(StimulusGroup, StimulusGroup.id == Stimulus.group_id)
            .order_by(Trial.participant_id, Trial.position)
        ):
            trials.setdefault(participant_id, []).append(tuple(shown))
    held = [p.slot for p in participants if p.slot is not None]
    assert sorted([*held, *free]) == list(range(row.next_slot))
    assert [p.number for p in participants] == list(range(1, len(participants) + 1))
    for participant in participants:
        assert participant.answered == answers.get(participant.id, 0)
        assert (participant.answered == study.n_trials) == (participant.stage in ANSWERED_ALL)
        given = trials.get(participant.id)
        if given is None:
            assert participant.answered == 0
            continue
        assert len(given) == study.n_trials
        slot = participant.given_back if participant.slot is None else participant.slot
        if slot is not None:
            planned = study.task.plan_trials(study.settings, slot, participant.number)
            assert given == [(study.groups[t.group], t.stratum, t.repetition, " ".join(t.arrangement)) for t in planned]


def spread_of_pairs(study: RunningStudy) -> int:
    """By how much the pair that is planned most often exceeds the one that is planned least, among held slots."""
    with study.database.reading() as session:
        slots = session.scalars(select(Participant.slot).where(Participant.slot.is_not(None))).all()
    counts = Counter(
        (trial.group, trial.stratum)
        for slot in slots
        for trial in study.task.plan_trials(study.settings, slot, arrival=0)
    )
    n_pairs = len(study.groups) * len(study.task.strata(study.settings))
    return max(counts.values()) - (min(counts.values()) if len(counts) == n_pairs else 0)

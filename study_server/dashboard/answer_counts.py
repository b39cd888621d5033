"""The answers to each stimulus, counted by the database, and all of them one by one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from sqlalchemy import case, func, literal_column, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from study_server.export.responses import stimulus_values
from study_server.participants.acceptance import accepted
from study_server.participants.running_study import RunningStudy
from study_server.storage.models import Participant, Response, Stimulus, StimulusGroup, Trial
from study_server.tasks.dashboard import Counted, FitPsychometric, Given

_AT_ONCE = 10_000  # rows that are held in memory

_Numbers = dict[Any, dict[str, int]]
"""What is counted (the stimulus's id, and its arrangement where they are told apart) → answer → how often."""


def count_stimuli(session: Session, study: RunningStudy) -> list[Counted]:
    """Every stimulus that participants judge with its answers, the least answered (of accepted answers) first."""
    all_, used = _count(session, study)
    counted = [
        replace(stimulus, all=all_.get((id,), {}), used=used.get((id,), {}))
        for id, stimulus in _stimuli(session, study).items()
    ]
    return sorted(counted, key=lambda each: (each.n_used, each.n_all, each.stimulus))


def count_arrangements(session: Session, study: RunningStudy) -> list[Counted]:
    """Every stimulus in each arrangement that has an answer."""
    all_, used = _count(session, study, Trial.arrangement)
    stimuli = _stimuli(session, study)
    return [
        replace(stimuli[id], all=numbers, used=used[id, arrangement], arrangement=tuple(arrangement.split()))
        for (id, arrangement), numbers in all_.items()
    ]


def _count(session: Session, study: RunningStudy, *told_apart: InstrumentedAttribute[str]) -> tuple[_Numbers, _Numbers]:
    """All answers and accepted ones, without those to what a participant is asked a second time."""
    # Not the column itself: SQLite would go through its index, in which a stimulus's trials lie all over the table.
    stimulus_id = (Trial.stimulus_id + literal_column("0")).label("stimulus_id")
    of = (stimulus_id, *told_apart)
    rows = session.execute(
        select(*of, Response.response, func.count(), func.sum(case((accepted(), 1), else_=0)))
        .select_from(Trial)
        .join(Response, Response.trial_id == Trial.id)
        .join(Participant, Participant.id == Trial.participant_id)
        .where(Trial.study_id == study.id, Trial.repetition == 1)
        .group_by(*of, Response.response)
    )
    all_: _Numbers = {}
    used: _Numbers = {}
    for *key, response, answers, accepted_ in rows:
        all_.setdefault((*key,), {})[response] = answers
        used.setdefault((*key,), {})[response] = int(accepted_)
    return all_, used


def _stimuli(session: Session, study: RunningStudy) -> dict[int, Counted]:
    """Stimulus's id → the stimulus, without its answers, of those that participants judge."""
    values = stimulus_values(session, study.id, study.task)
    rows = session.execute(
        select(Stimulus.id, Stimulus.name, StimulusGroup.name, Stimulus.stratum)
        .join(StimulusGroup, StimulusGroup.id == Stimulus.group_id)
        .where(Stimulus.study_id == study.id)
    )
    return {
        id: Counted(name, group, stratum, values.get(id, {}), {}, {})
        for id, name, group, stratum in rows
        if name in study.judged
    }


def list_answers(session: Session, study: RunningStudy) -> Iterator[Given]:
    """Every answer, those of a participant together, in the order of the trials."""
    stimuli = _stimuli(session, study)
    used = set(session.scalars(select(Participant.id).where(Participant.study_id == study.id, accepted())))
    roles = cache(lambda arrangement: tuple(arrangement.split()))
    query = (
        select(Trial.participant_id, Trial.stimulus_id, Trial.arrangement, Trial.repetition, Response.response)
        .join(Response, Response.trial_id == Trial.id)
        .where(Trial.study_id == study.id)
        .order_by(Trial.participant_id, Trial.position)
    )
    # By the connection: the session would make a second list of each batch.
    for rows in session.connection().execute(query, execution_options={"yield_per": _AT_ONCE}).partitions():
        for person, stimulus, arrangement, repetition, response in rows:
            yield Given(person, stimuli[stimulus], roles(arrangement), repetition, response, person in used)


@dataclass(frozen=True)
class StudyAnswers:
    """The answers of a study as its task's pages of results ask for them."""

    session: Session
    study: RunningStudy
    accepted_only: bool
    fit: FitPsychometric | None

    @property
    def settings(self) -> Any:
        return self.study.settings

    def by_stimulus(self) -> list[Counted]:
        return count_stimuli(self.session, self.study)

    def by_arrangement(self) -> list[Counted]:
        return count_arrangements(self.session, self.study)

    def one_by_one(self) -> Iterator[Given]:
        return list_answers(self.session, self.study)

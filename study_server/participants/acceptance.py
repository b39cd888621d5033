"""Whose answers count: who has answered everything, passes the study's rules, and is not excluded.

Paying and using are two decisions: who has finished is paid, and only whose answers are accepted is used.
"""

from __future__ import annotations

import statistics
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, literal_column, or_, select
from sqlalchemy.orm import Session

from study_server.participants.running_study import RunningStudy
from study_server.storage.models import ANSWERED_ALL, Participant, Response, Stimulus, Trial, Visit
from study_server.tasks.task import Answered


def is_hurried(
    reaction_times_ms: list[float], seen_by_server: tuple[datetime, datetime] | None, fastest_ms: float
) -> bool:
    """Whether nobody can have judged trials so fast.

    Either half of the reaction times that the browser reported are below `fastest_ms`; or what the server itself saw,
    from when it had sent the images of the first trial to the last answer, leaves less than that for each trial.
    """
    if not reaction_times_ms:
        return False
    if statistics.median(reaction_times_ms) < fastest_ms:
        return True
    if seen_by_server is None:
        return False
    begin, end = seen_by_server
    return (end - begin).total_seconds() * 1000 < fastest_ms * len(reaction_times_ms)


def judge(session: Session, study: RunningStudy, participant: Participant) -> None:
    """Note of a participant who has answered everything whether the answers pass the rules."""
    rows = session.execute(
        select(
            Stimulus.name, Trial.arrangement, Trial.repetition, Response.response, Response.reaction_time_ms,
            Response.images_sent_at, Response.answered_at,
        )
        .join(Trial, Trial.stimulus_id == Stimulus.id)
        .join(Response, Response.trial_id == Trial.id)
        .where(Trial.participant_id == participant.id)
        .order_by(Trial.position)
    ).all()  # fmt: skip
    answers = [
        Answered(study.folder.row(row.name), tuple(row.arrangement.split()), row.repetition, row.response)
        for row in rows
    ]
    verdict = study.task.judge(answers, study.settings)
    participant.passed, failed_ = verdict.passed, [*verdict.failed_rules]
    begins = [row.images_sent_at for row in rows]
    if None in begins:  # others sent images, or a server that did not say when
        first = session.scalar(select(func.min(Visit.began_at)).where(Visit.participant_id == participant.id))
        begins = [] if first is None else [first]
    # A simulated observer says how long it would have taken, and does not wait for so long.
    is_seen = bool(begins) and not participant.simulated
    seen = (min(begins), max(row.answered_at for row in rows)) if is_seen else None
    fastest = study.settings.acceptance.fastest_ms
    if is_hurried([row.reaction_time_ms for row in rows], seen, fastest):
        failed_.append("hurried")
    participant.failed_rules = ";".join(failed_)


def passed_all() -> ColumnElement[bool]:
    """Condition on Participant who has answered everything: the answers pass the paper's rule and the study's own."""
    return and_(Participant.passed.is_(True), Participant.failed_rules == "")


def failed() -> ColumnElement[bool]:
    """Condition on Participant: the answers fail a rule."""
    return or_(Participant.passed.is_(False), Participant.failed_rules != "")


def accepted() -> ColumnElement[bool]:
    """Condition on Participant: their answers count."""
    return and_(Participant.stage.in_(ANSWERED_ALL), passed_all(), Participant.excluded_reason.is_(None))


def has_passed(participant: Participant) -> bool:
    """As `passed_all`, of a participant."""
    return bool(participant.passed) and participant.failed_rules == ""


def accepted_answers_per_stimulus(session: Session, study: RunningStudy) -> dict[int, int]:
    """Stimulus's id → number of accepted answers, for every stimulus that participants of the study judge.

    Of a participant who is asked twice about one, the first answer counts: each is of another participant.
    """
    # Not the column itself: SQLite would go through its index, in which a stimulus's trials lie all over the table.
    stimulus_id = (Trial.stimulus_id + literal_column("0")).label("stimulus_id")
    counted = (
        select(stimulus_id, func.count(Response.trial_id).label("answers"))
        .join(Response, Response.trial_id == Trial.id)
        .join(Participant, Participant.id == Trial.participant_id)
        .where(Trial.study_id == study.id, Trial.repetition == 1, accepted())
        .group_by(stimulus_id)
        .subquery()
    )
    rows = session.execute(
        select(Stimulus.id, Stimulus.name, func.coalesce(counted.c.answers, 0))
        .outerjoin(counted, counted.c.stimulus_id == Stimulus.id)
        .where(Stimulus.study_id == study.id)
    )
    return {stimulus_id: answers for stimulus_id, name, answers in rows if name in study.judged}


def has_fewer_than(session: Session, stimulus_id: int, enough: int) -> bool:
    """Whether a stimulus has fewer accepted answers, of which no more are counted than it takes to tell."""
    some = (
        select(Trial.id)
        .join(Response, Response.trial_id == Trial.id)
        .join(Participant, Participant.id == Trial.participant_id)
        .where(Trial.stimulus_id == stimulus_id, Trial.repetition == 1, accepted())
        .limit(enough)
        .subquery()
    )
    return (session.scalar(select(func.count()).select_from(some)) or 0) < enough


def not_used_because(participant: Participant) -> str:
    """Why a participant's answers are not used: names of rules joined by `;`, empty where they are used."""
    if participant.withdrawn_at is not None and not participant.answered:
        return "withdrawn"
    reasons = []
    if participant.stage not in ANSWERED_ALL:
        reasons.append("unfinished")
    if participant.passed is False:
        reasons.append("validation")
    if participant.failed_rules:
        reasons.append(participant.failed_rules)
    if participant.excluded_reason is not None:
        reasons.append("excluded_by_researcher")
    return ";".join(reasons)

"""Whose answers count: who has answered everything, passes the validation test, and is not excluded.

Paying and using are two decisions: who has finished is paid, and only whose answers are accepted is used.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, func, literal_column, select
from sqlalchemy.orm import Session

from study_server.storage.models import ANSWERED_ALL, Pair, Participant, Response, Trial


def passes_validation(answers: list[tuple[int, str]], max_shift: int) -> bool:
    """The paper's validation test (Ghildyal & Liu 2022, Section 3) of one participant's (shift_px, response).

    A participant fails who called more than two thirds of their 0-pixel pairs different, or more than two thirds of
    their pairs with the largest shift the same. The rule `validation` of the analysis is the same.
    """
    zero = [response for shift, response in answers if shift == 0]
    largest = [response for shift, response in answers if shift == max_shift]
    # In whole numbers: as a float, two of three could come out on either side of two thirds.
    return 3 * zero.count("different") <= 2 * len(zero) and 3 * largest.count("same") <= 2 * len(largest)


def answers_of(session: Session, participant: Participant) -> list[tuple[int, str]]:
    """(shift_px, response) of every answer of a participant."""
    rows = session.execute(
        select(Pair.shift_px, Response.response)
        .join(Trial, Trial.pair_id == Pair.id)
        .join(Response, Response.trial_id == Trial.id)
        .where(Trial.participant_id == participant.id)
    )
    return [(shift, response) for shift, response in rows]


def accepted() -> ColumnElement[bool]:
    """Condition on Participant: their answers count."""
    return and_(
        Participant.stage.in_(ANSWERED_ALL),
        Participant.passed.is_(True),
        Participant.excluded_reason.is_(None),
    )


def accepted_answers_per_pair(session: Session, study_id: int) -> dict[int, int]:
    """Pair's id → number of accepted answers, for every pair of the study."""
    # Not the column itself: SQLite would go through its index, in which a pair's trials lie all over the table.
    pair_id = (Trial.pair_id + literal_column("0")).label("pair_id")
    counted = (
        select(pair_id, func.count(Response.trial_id).label("answers"))
        .join(Response, Response.trial_id == Trial.id)
        .join(Participant, Participant.id == Trial.participant_id)
        .where(Trial.study_id == study_id, accepted())
        .group_by(pair_id)
        .subquery()
    )
    rows = session.execute(
        select(Pair.id, func.coalesce(counted.c.answers, 0))
        .outerjoin(counted, counted.c.pair_id == Pair.id)
        .where(Pair.study_id == study_id)
    )
    return {pair_id: answers for pair_id, answers in rows}  # noqa: C416 - a result has keys(), so dict() misreads it


def not_used_because(participant: Participant) -> str:
    """Why a participant's answers are not used: names of rules joined by `;`, empty where they are used."""
    if participant.withdrawn_at is not None and not participant.answered:
        return "withdrawn"
    reasons = []
    if participant.stage not in ANSWERED_ALL:
        reasons.append("unfinished")
    if participant.passed is False:
        reasons.append("validation")
    if participant.excluded_reason is not None:
        reasons.append("excluded_by_researcher")
    return ";".join(reasons)

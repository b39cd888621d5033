"""Whose answers count: who has answered everything, passes the study's rules, and is not excluded.

Paying and using are two decisions: who has finished is paid, and only whose answers are accepted is used.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, literal_column, or_, select
from sqlalchemy.orm import Session

from study_server.folder.settings import AcceptanceSettings
from study_server.storage.models import ANSWERED_ALL, Pair, Participant, Response, Trial, Visit

_NORMAL = statistics.NormalDist()


@dataclass(frozen=True)
class CatchTrials:
    """Numbers of a participant's pairs of which everybody sees what they are, and how many were answered wrong.

    zero: pairs without a shift, which are wrong where they are called different; largest: pairs of the largest shift,
    which are wrong where they are called the same.
    """

    zero: int
    zero_wrong: int
    largest: int
    largest_wrong: int

    @classmethod
    def of(cls, answers: Iterable[tuple[int, str]], max_shift: int) -> CatchTrials:
        """Among all of a participant's (shift_px, response)."""
        given = list(answers)
        zero = [response for shift, response in given if shift == 0]
        largest = [response for shift, response in given if shift == max_shift]
        return cls(len(zero), zero.count("different"), len(largest), largest.count("same"))


def passes_validation(catch: CatchTrials) -> bool:
    """The paper's validation test (Ghildyal & Liu 2022, Section 3).

    A participant fails who called more than two thirds of their 0-pixel pairs different, or more than two thirds of
    their pairs with the largest shift the same. The rule `validation` of the analysis is the same.
    """
    # In whole numbers: as a float, two of three could come out on either side of two thirds.
    return 3 * catch.zero_wrong <= 2 * catch.zero and 3 * catch.largest_wrong <= 2 * catch.largest


def failed_catch_rules(catch: CatchTrials, rules: AcceptanceSettings) -> list[str]:
    """Names of the study's rules beside the paper's that these answers to catch trials fail."""
    failed_ = []
    if 0 <= rules.most_catch_errors < catch.zero_wrong + catch.largest_wrong:
        failed_.append("catch_errors")
    if rules.least_catch_dprime > 0 and not reaches_dprime(catch, rules.least_catch_dprime):
        failed_.append("catch_sensitivity")
    return failed_


def reaches_dprime(catch: CatchTrials, least: float) -> bool:
    """Whether d′ between pairs without a shift and those of the largest is `least` or more; True where one is lacking.

    That of the differencing model, after a half was added to each number of answers and one to each number of trials.
    The rule `catch_dprime` of the analysis is the same.

    Source: Macmillan & Creelman 2005, "Detection Theory", Chapter 9; the correction: Hautus 1995.
    """
    if not catch.zero or not catch.largest:
        return True
    false_alarms = (catch.zero_wrong + 0.5) / (catch.zero + 1)
    hits = (catch.largest - catch.largest_wrong + 0.5) / (catch.largest + 1)
    criterion = -math.sqrt(2) * _NORMAL.inv_cdf(false_alarms / 2)
    # d′ grows with the share of hits.
    return hits >= sum(_NORMAL.cdf((sign * least - criterion) / math.sqrt(2)) for sign in (1, -1))


def is_hurried(
    reaction_times_ms: list[float], seen_by_server: tuple[datetime, datetime] | None, fastest_ms: float
) -> bool:
    """Whether nobody can have judged pairs so fast.

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


def judge(session: Session, participant: Participant, rules: AcceptanceSettings, max_shift: int) -> None:
    """Note of a participant who has answered everything whether the answers pass the rules."""
    rows = session.execute(
        select(
            Pair.shift_px, Response.response, Response.reaction_time_ms, Response.images_sent_at, Response.answered_at
        )
        .join(Trial, Trial.pair_id == Pair.id)
        .join(Response, Response.trial_id == Trial.id)
        .where(Trial.participant_id == participant.id)
    ).all()
    catch = CatchTrials.of(((row.shift_px, row.response) for row in rows), max_shift)
    participant.passed = passes_validation(catch)
    failed_ = failed_catch_rules(catch, rules)
    begins = [row.images_sent_at for row in rows]
    if None in begins:  # others sent images, or a server that did not say when
        first = session.scalar(select(func.min(Visit.began_at)).where(Visit.participant_id == participant.id))
        begins = [] if first is None else [first]
    # A simulated observer says how long it would have taken, and does not wait for so long.
    is_seen = bool(begins) and not participant.simulated
    seen = (min(begins), max(row.answered_at for row in rows)) if is_seen else None
    if is_hurried([row.reaction_time_ms for row in rows], seen, rules.fastest_ms):
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
    if participant.failed_rules:
        reasons.append(participant.failed_rules)
    if participant.excluded_reason is not None:
        reasons.append("excluded_by_researcher")
    return ";".join(reasons)

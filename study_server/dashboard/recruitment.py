"""How many have come, how far they are, and when: counted by the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, not_, select
from sqlalchemy.orm import Session

from study_server.dashboard.sql import Step, begin_of
from study_server.participants import slots
from study_server.participants.acceptance import accepted, failed, passed_all
from study_server.participants.running_study import RunningStudy
from study_server.storage.models import ANSWERED_ALL, Participant

STATES = {
    "under_way": "under way",
    "gone": "gone",
    "finished": "finished",
    "excluded": "excluded",
    "withdrawn": "withdrawn",
}
"""Where participants are: each is in exactly one of these."""


def state_conditions(study: RunningStudy, now: datetime) -> dict[str, ColumnElement[bool]]:
    """Condition on Participant for each of STATES; «gone» has not answered for as long as the study waits."""
    gone = slots.gone(study, now)
    withdrawn = Participant.withdrawn_at.is_not(None)
    excluded = and_(not_(withdrawn), Participant.excluded_reason.is_not(None))
    staying = and_(not_(withdrawn), Participant.excluded_reason.is_(None))
    finished = Participant.stage.in_(ANSWERED_ALL)
    return {
        "under_way": and_(staying, not_(finished), not_(gone)),
        "gone": and_(staying, gone),
        "finished": and_(staying, finished),
        "excluded": excluded,
        "withdrawn": withdrawn,
    }


def state_of(study: RunningStudy, participant: Participant, now: datetime) -> str:
    """The participant's state, as `state_conditions` has it."""
    if participant.withdrawn_at is not None:
        return "withdrawn"
    if participant.excluded_reason is not None:
        return "excluded"
    if participant.stage in ANSWERED_ALL:
        return "finished"
    return "gone" if slots.is_gone(study, participant, now) else "under_way"


@dataclass(frozen=True)
class Recruitment:
    """Numbers of participants."""

    started: int
    under_way: int
    gone: int
    finished: int
    excluded: int
    withdrawn: int
    passed: int
    failed: int
    accepted: int
    simulated: int
    answers: int


def recruitment(session: Session, study: RunningStudy, now: datetime) -> Recruitment:
    """How many have come and what has become of them."""

    def number(condition: ColumnElement[bool]) -> ColumnElement[int]:
        return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)

    counts: list[ColumnElement[int]] = [func.count()]
    counts += [number(condition) for condition in state_conditions(study, now).values()]
    counts += [number(passed_all()), number(failed())]
    counts += [
        number(accepted()), number(Participant.simulated.is_(True)), func.coalesce(func.sum(Participant.answered), 0)
    ]  # fmt: skip
    row = session.execute(select(*counts).where(Participant.study_id == study.id)).one()
    return Recruitment(*map(int, row))


def simulated(session: Session, study: RunningStudy) -> int:
    """How many of the participants are simulated observers."""
    return session.scalar(
        select(func.count()).where(Participant.study_id == study.id, Participant.simulated.is_(True))
    ) or 0  # fmt: skip


def over_time(session: Session, study: RunningStudy, now: datetime) -> dict[str, Any]:
    """How many have started, and how many finished, by the end of each minute, hour or day in which somebody did.

    `x` are moments in UTC (`%Y-%m-%d %H:%M`), `started` and `finished` the numbers up to then.
    """
    span = select(func.min(Participant.consented_at), func.max(Participant.last_seen_at))
    first, last = session.execute(span.where(Participant.study_id == study.id)).one()
    if first is None:
        return {"x": [], "started": [], "finished": []}
    step = _step(last - first)
    counts = {}
    for name, column in (("started", Participant.consented_at), ("finished", Participant.finished_at)):
        begin = begin_of(session, column, step)
        rows = session.execute(
            select(begin, func.count())
            .where(Participant.study_id == study.id, column.is_not(None))
            .group_by(begin)
        )  # fmt: skip
        counts[name] = {str(moment): int(number) for moment, number in rows}
    begun = sorted(counts["started"].keys() | counts["finished"].keys())
    ends = [_end(moment, step) for moment in begun]
    ends[-1] = min(ends[-1], now.strftime(_FORMAT))  # what is not over yet ends now
    return {"x": [_text(first), *ends]} | {
        name: [0, *_summed([by_moment.get(moment, 0) for moment in begun])] for name, by_moment in counts.items()
    }


_FORMAT = "%Y-%m-%d %H:%M"
_STEPS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1)}


def _step(span: timedelta) -> Step:
    if span < timedelta(hours=5):
        return "minute"
    return "hour" if span < timedelta(days=21) else "day"


def _end(moment: str, step: Step) -> str:
    return (datetime.strptime(moment, _FORMAT) + _STEPS[step]).strftime(_FORMAT)


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime(_FORMAT)


def _summed(numbers: Sequence[int]) -> list[int]:
    total, sums = 0, []
    for number in numbers:
        total += number
        sums.append(total)
    return sums

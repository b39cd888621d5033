"""Answers are stored: each once, durably, before it is acknowledged; many at a time where many come at a time."""

from __future__ import annotations

import re
import secrets
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any

from flask_babel import lazy_gettext as _  # in the words of who asked, which is not always who stores it
from sqlalchemy import Connection, Row, bindparam, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from study_server.errors import Conflict, NotFound, NotYours, StudyError
from study_server.participants.completion import complete_trials
from study_server.participants.progress import Progress, image_names
from study_server.participants.receipts import all_sent_at
from study_server.participants.recorded import Recorded
from study_server.participants.running_study import RunningStudy
from study_server.storage.bulk_insert import insert_any
from study_server.storage.group_commit import GroupCommit, Waiting
from study_server.storage.models import ANSWERED_ALL, Participant, Response, Trial, Visit
from study_server.tasks.task import Task

_MOST_AT_ONCE = 200
_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,32}")

# Tables, not mapped classes: these statements run with every answer, and need no objects.
_PARTICIPANT, _RESPONSE, _TRIAL, _VISIT = (
    Participant.__table__, Response.__table__, Trial.__table__, Visit.__table__,
)  # fmt: skip
_FIND = (
    select(
        _TRIAL.c.token, _TRIAL.c.id.label("trial_id"), _RESPONSE.c.idempotency_key, _PARTICIPANT.c.id,
        _PARTICIPANT.c.token.label("owner"), _PARTICIPANT.c.stage, _PARTICIPANT.c.answered, _PARTICIPANT.c.visits,
        _PARTICIPANT.c.withdrawn_at, _TRIAL.c.images_token,
        _RESPONSE.c.response, _RESPONSE.c.reaction_time_ms,
    )
    .select_from(_TRIAL.join(_PARTICIPANT, _PARTICIPANT.c.id == _TRIAL.c.participant_id).outerjoin(_RESPONSE))
    .where(_TRIAL.c.token.in_(bindparam("tokens", expanding=True)), _TRIAL.c.study_id == bindparam("study"))
    # Who answers is held until the commit, so that a repetition of the request at another server waits. In one order
    # everywhere, so that two servers do not wait for each other.
    .order_by(_PARTICIPANT.c.id)
    .with_for_update(of=_PARTICIPANT, key_share=True)
)  # fmt: skip
_RECORDED = tuple(Recorded.model_fields)
_values_of = attrgetter(*_RECORDED)
# Of all who have so many new ones, in one statement.
_COUNT = (
    update(_PARTICIPANT)  # type: ignore[arg-type]
    .where(_PARTICIPANT.c.id.in_(bindparam("participants", expanding=True)))
    .values(
        answered=_PARTICIPANT.c.answered + bindparam("new"), last_seen_at=bindparam("now"),
        last_answer_at=bindparam("now"),
    )
)  # fmt: skip


_Row = Row[*tuple[Any, ...]]


@dataclass(eq=False)
class _Answer(Waiting[Progress]):
    """An answer on its way."""

    token: str | None
    trial: str
    key: str
    recorded: Recorded
    receipts: Mapping[str, str | None]


def refuse_other_answers(task: Task[Any], response: str) -> None:
    """Raise StudyError where a response is none of the task's answers."""
    if response not in task.answers:
        raise StudyError(f"response is {response!r}; the answers are {', '.join(task.answers)}")


class Answers:
    """Where the requests of this process bring their answers."""

    def __init__(self, study: RunningStudy) -> None:
        self.study = study
        self._commits = GroupCommit[Connection, _Answer, Progress](
            study.database.waiting, lambda: study.database.writing_rows(), self._store, most_at_once=_MOST_AT_ONCE,
            refusal=_refusal,
        )  # fmt: skip

    def record(
        self, token: str | None, trial: str, key: str, recorded: Recorded,
        receipts: Mapping[str, str | None] | None = None,
    ) -> Progress:  # fmt: skip
        """Store the answer to a trial, once. It is committed when this returns.

        `receipts`: place → what came with the image there; where this server sends them, all are needed. The same
        answer with the same idempotency key again changes nothing and is no error. Raises StudyError for what is no
        answer of the task, NotFound, NotYours, or Conflict where the trial has another answer already, its images have
        not been asked for, or the participant is not at the trials yet or has withdrawn.
        """
        return self._commits.settle(self._answer(token, trial, key, recorded, receipts))

    def bring(
        self, token: str | None, trial: str, key: str, recorded: Recorded,
        receipts: Mapping[str, str | None] | None, then: Callable[[Callable[[], Progress]], None],
    ) -> None:  # fmt: skip
        """As `record`, but no thread waits: once it is committed or refused, some thread calls `then`.

        What `then` gets returns or raises what `record` would have. It must not take long, nor raise anything.
        """
        try:
            answer = self._answer(token, trial, key, recorded, receipts)
        except StudyError as error:
            refused = Waiting[Progress]()
            refused.error = error
            then(refused.outcome)
        else:
            self._commits.bring(answer, then)

    def _answer(
        self, token: str | None, trial: str, key: str, recorded: Recorded, receipts: Mapping[str, str | None] | None
    ) -> _Answer:
        if not _TOKEN.fullmatch(trial):
            raise NotFound("there is no such trial")
        refuse_other_answers(self.study.task, recorded.response)
        return _Answer(token, trial, key, recorded, receipts or {})

    def _store(self, connection: Connection, answers: list[_Answer]) -> list[tuple[_Answer, Progress]]:
        """Add the answers to this transaction; what to acknowledge each with once it is committed."""
        tokens = [answer.trial for answer in answers]
        rows = {row.token: row for row in connection.execute(_FIND, {"tokens": tokens, "study": self.study.id})}
        batch = _Batch()
        for answer in answers:
            row = rows.get(answer.trial)
            answer.error = _objection(answer, row, batch)
            if answer.error is None and row is not None and batch.is_new(row):
                images_sent_at = self._images_sent_at(answer, row)
                if images_sent_at is None and self._needs_receipts(connection, answer, row):
                    answer.error = Conflict(_unseen())
                else:
                    batch.add(answer, row, images_sent_at)
        if batch.new:
            insert_any(connection, _RESPONSE, batch.new)
            for new, participants in batch.participants_by_new().items():
                connection.execute(_COUNT, {"participants": participants, "new": new, "now": batch.now})
        stages = self._finish(connection, batch.counts)
        return [
            (answer, _progress(answer, rows[answer.trial], batch, stages, self.study.n_trials))
            for answer in answers
            if answer.error is None
        ]

    def _images_sent_at(self, answer: _Answer, row: _Row) -> datetime | None:
        places = self.study.task.places
        names = image_names(places, row.images_token).values()
        return all_sent_at(self.study.secret_key, names, map(answer.receipts.get, places))

    def _needs_receipts(self, connection: Connection, answer: _Answer, row: _Row) -> bool:
        """Whether an answer is refused that comes without receipts.

        Not where others send the images; nor where they, or a server that gave no receipts yet, did so when the page
        was loaded on which it was given.
        """
        if self.study.published is not None:
            return False
        visits = select(_VISIT.c.sends_images).where(
            _VISIT.c.participant_id == row.id, _VISIT.c.number == answer.recorded.visit
        )
        of_visit = connection.execute(visits).one_or_none()
        return of_visit is None or bool(of_visit.sends_images)

    def _finish(self, connection: Connection, counts: dict[int, int]) -> dict[int, str]:
        """Participant's id → new stage, of those who have answered everything now."""
        stages = {}
        for id, count in counts.items():
            if count == self.study.n_trials:
                with Session(connection) as session, session.begin():  # inside the connection's transaction
                    participant = session.get_one(Participant, id)
                    complete_trials(session, self.study, participant)
                    stages[id] = participant.stage
        return stages


@dataclass
class _Batch:
    """What one transaction stores: new rows, and how many answers their participants have then."""

    answers: dict[int, _Answer] = field(default_factory=dict)
    counts: dict[int, int] = field(default_factory=dict)
    new: list[dict[str, Any]] = field(default_factory=list)
    new_of: Counter[int] = field(default_factory=Counter)
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def is_new(self, row: _Row) -> bool:
        """Whether the trial has no answer yet; else the request was repeated."""
        return row.idempotency_key is None and row.trial_id not in self.answers

    def stored(self, row: _Row) -> tuple[str, str, float] | None:
        """Key, response and reaction time of the trial's answer, as it is or will be stored; None without one."""
        if (answer := self.answers.get(row.trial_id)) is not None:
            return answer.key, answer.recorded.response, answer.recorded.reaction_time_ms
        if row.idempotency_key is None:
            return None
        return row.idempotency_key, row.response, row.reaction_time_ms

    def participants_by_new(self) -> dict[int, list[int]]:
        """How many new answers → who has so many."""
        found: dict[int, list[int]] = {}
        for id, new in self.new_of.items():
            found.setdefault(new, []).append(id)
        return found

    def add(self, answer: _Answer, row: _Row, images_sent_at: datetime | None) -> None:
        self.answers[row.trial_id] = answer
        self.new_of[row.id] += 1
        self.counts[row.id] = row.answered + self.new_of[row.id]
        self.new.append(
            dict(zip(_RECORDED, _values_of(answer.recorded), strict=True))
            | {
                "trial_id": row.trial_id,
                "idempotency_key": answer.key,
                "answered_at": self.now,
                "images_sent_at": images_sent_at,
            }
        )


def _progress(answer: _Answer, row: _Row, batch: _Batch, stages: dict[int, str], total: int) -> Progress:
    visit = answer.recorded.visit
    return Progress(
        stages.get(row.id, row.stage),
        batch.counts.get(row.id, row.answered),
        total,
        superseded=visit is not None and row.visits > visit,
    )


def _refusal(error: Exception) -> Exception:
    if isinstance(error, IntegrityError):
        return Conflict("this idempotency key has been used for another trial")
    return error


def _objection(answer: _Answer, row: _Row | None, batch: _Batch) -> Exception | None:
    """Why an answer cannot be stored."""
    if row is None:
        return NotFound("there is no such trial")
    if answer.token is None or not secrets.compare_digest(row.owner.encode(), answer.token.encode()):
        return NotYours("This trial belongs to somebody else.")
    stored = batch.stored(row)
    if stored == (answer.key, answer.recorded.response, answer.recorded.reaction_time_ms):
        return None
    if stored is not None:
        return Conflict(
            "this idempotency key came with another answer"
            if stored[0] == answer.key
            else "this trial has been answered already"
        )
    if row.withdrawn_at is not None:
        return Conflict("the participant has withdrawn")
    if row.stage != "trials":
        where = "has answered every trial" if row.stage in ANSWERED_ALL else f"is at {row.stage}, not at the trials"
        return Conflict(f"the participant {where}")
    return None


def _unseen() -> str:
    said: str = _("The pictures of this trial have not been asked for here. Please reload the page.")
    return said

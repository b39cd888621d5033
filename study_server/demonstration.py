"""A study filled with simulated observers at once, without a server: to look round, and to measure the dashboard with.

Unlike `simulate`, which takes a study through its web pages, this writes the rows themselves. They are what some days
with a class would leave: different screens, people who break off and come back, some who press any key.
"""

from __future__ import annotations

import heapq
import random
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Table, func, insert, select
from sqlalchemy.orm import Session

from study_server.dashboard import actions, people
from study_server.errors import StudyError
from study_server.folder.study_folder import StudyFolder
from study_server.participants.enrolment import readable_code
from study_server.participants.running_study import RunningStudy
from study_server.participants.withdrawal import withdraw
from study_server.progress_bar import progress
from study_server.storage.database import Database
from study_server.storage.models import (
    Event,
    FreeSlot,
    Participant,
    QuestionAnswer,
    Response,
    Study,
    Trial,
    Visit,
)
from study_server.tasks.task import Answered, one_of

DAYS = 5
"""Over how many days before the end the observers arrive."""

_AT_ONCE = 500  # participants whose rows are held in memory

# width, height and device pixel ratio of a screen, its refresh rate, how common it is
_SCREENS = (
    (1920, 1080, 1.0, 60.0, 40), (2560, 1440, 1.0, 144.0, 10), (1536, 864, 1.25, 60.0, 16), (1440, 900, 2.0, 60.0, 16),
    (1728, 1117, 2.0, 120.0, 10), (1280, 720, 1.5, 60.0, 8),
)  # fmt: skip

# At which hours (UTC) people take part, and how likely.
_HOURS = (0, 0, 0, 0, 0, 0, 1, 3, 6, 9, 10, 9, 7, 8, 9, 9, 8, 7, 5, 4, 4, 3, 1, 1)

_Fate = Literal["finishes", "careless", "gives_up", "under_way"]


def fill(folder: StudyFolder, participants: int, seed: int = 0, now: datetime | None = None) -> int:
    """Fill a study that nobody has taken with simulated observers, the last of whom are there `now`; stored answers.

    Of 50 and more, one is excluded and one withdraws. Raises StudyError where the study has participants.
    """
    database = Database(folder.database_url, group=folder.settings.server.group)
    study = RunningStudy(folder, database)
    crowd = _Crowd(study, seed, now or datetime.now(UTC))
    try:
        with database.writing() as session:
            row = study.locked(session)
            if session.scalar(select(Participant.id).where(Participant.study_id == study.id).limit(1)) is not None:
                raise StudyError(f"{folder.path} has participants already: fill a new study folder")
            crowd.take_part(session, row, participants)
        if participants >= 50:
            actions.exclude(study, "s0030", "said that the screen flickered")
            with database.reading() as session:
                leaver = people.find(session, study, "s0020")
            withdraw(study, leaver, "participant")
        with database.reading() as session:
            stored = select(func.sum(Participant.answered)).where(Participant.study_id == study.id)
            return session.scalar(stored) or 0
    finally:
        database.close()


def is_filled(folder: StudyFolder) -> bool:
    """Whether simulated observers have taken the study."""
    if not folder.has_database:
        return False
    database = Database(folder.database_url, group=folder.settings.server.group)
    try:
        with database.reading() as session:
            simulated = select(Participant.id).join(Study, Study.id == Participant.study_id)
            simulated = simulated.where(Study.name == folder.settings.study.name, Participant.simulated.is_(True))
            return session.scalar(simulated.limit(1)) is not None
    finally:
        database.close()


@dataclass
class _Rows:
    """Rows of the tables, in an order in which each refers to earlier ones alone."""

    participants: list[dict[str, Any]] = field(default_factory=list)
    trials: list[dict[str, Any]] = field(default_factory=list)
    responses: list[dict[str, Any]] = field(default_factory=list)
    visits: list[dict[str, Any]] = field(default_factory=list)
    question_answers: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)

    def insert(self, session: Session) -> None:
        models = (Participant, Trial, Response, Visit, QuestionAnswer, Event)
        for model, rows in zip(models, vars(self).values(), strict=True):
            table = model.__table__
            assert isinstance(table, Table)
            if rows:
                session.execute(insert(table), rows)


class _Crowd:
    def __init__(self, study: RunningStudy, seed: int, now: datetime) -> None:
        self.study, self.settings, self.now = study, study.settings, now
        self.rng = random.Random(f"{seed}/demonstration")
        self.people = random.Random(f"{seed}/demonstration/people")  # what they do does not depend on who they are
        self.timeout = timedelta(minutes=self.settings.trials.slot_timeout_minutes)
        self.given_up: list[tuple[datetime, int]] = []  # when a slot's holder is given up, and the slot
        self.free: list[int] = []
        self.next_slot = 0

    def take_part(self, session: Session, row: Study, count: int) -> None:
        ids = self.study.stimulus_ids(session)
        self.stimulus_ids = {(self.study.groups.index(group), stratum): id for (group, stratum), id in ids.items()}
        self.rows = {(self.study.groups.index(row.group), row.stratum): row for row in self.study.folder.rows}
        self.first_participant = 1 + (session.scalar(select(Participant.id).order_by(Participant.id.desc())) or 0)
        self.first_trial = 1 + (session.scalar(select(Trial.id).order_by(Trial.id.desc())) or 0)
        rows = _Rows()
        for number, arrival in enumerate(progress(self._arrivals(count), "filling", unit="observer", total=count), 1):
            self._add(rows, number, arrival, last=number > count - min(3, count // 10))
            if number % _AT_ONCE == 0:
                rows.insert(session)
                rows = _Rows()
            row.frozen_at = row.frozen_at or arrival
        rows.insert(session)
        self._free_slots(self.now)
        row.next_slot = self.next_slot
        session.add_all(FreeSlot(study_id=self.study.id, slot=slot) for slot in self.free)
        _raise_sequences(session)

    def _arrivals(self, count: int) -> Iterator[datetime]:
        midnight = self.now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=DAYS - 1)
        # Whoever is under way at the end has come within the time that this takes.
        late = min(3, count // 10)
        moments: list[datetime] = []
        while len(moments) < count - late:
            hour = self.rng.choices(range(24), _HOURS)[0]
            moment = midnight + timedelta(days=self.rng.randrange(DAYS), hours=hour, seconds=self.rng.random() * 3600)
            if moment < self.now - timedelta(minutes=30):
                moments.append(moment)
        moments += [self.now - timedelta(seconds=60 + 60 * self.rng.random()) for _ in range(late)]
        return iter(sorted(moments))

    def _add(self, rows: _Rows, number: int, arrival: datetime, last: bool) -> None:
        rng, settings = self.rng, self.settings
        id = self.first_participant + number - 1
        slot = self._take_slot(arrival)
        fate: _Fate = rng.choices(("finishes", "careless", "gives_up"), (89, 5, 6))[0]
        if last:
            fate = "under_way"
        task = self.study.task
        planned = task.plan_trials(settings, slot, number)
        count = len(planned) if fate in ("finishes", "careless") else rng.randrange(len(planned))
        width, height, ratio, rate, _ = rng.choices(_SCREENS, [screen[-1] for screen in _SCREENS])[0]
        lapse_rate = 1.0 if fate == "careless" else rng.choice((0.0, 0.0, 0.05))
        observer = one_of(task.observer(lapse_rate=lapse_rate), self.people)
        pace = rng.lognormvariate(-0.8 if fate == "careless" else 0, 0.3)
        moment = arrival + timedelta(seconds=rng.uniform(20, 50))
        returns_at = rng.randrange(1, len(planned)) if len(planned) > 1 and rng.random() < 0.06 else None
        visit = 1
        answers: list[Answered] = []
        rows.visits.append(self._visit(id, visit, moment, (width, height, ratio, rate)))
        for position, trial in enumerate(planned, start=1):
            trial_id = self.first_trial
            self.first_trial += 1
            rows.trials.append(
                {
                    "id": trial_id, "study_id": self.study.id, "participant_id": id, "position": position,
                    "stimulus_id": self.stimulus_ids[trial.group, trial.stratum], "repetition": trial.repetition,
                    "arrangement": " ".join(trial.arrangement), "token": secrets.token_urlsafe(16),
                    "images_token": secrets.token_urlsafe(16),
                }
            )  # fmt: skip
            if position > count:
                continue
            if position == returns_at:
                visit += 1
                moment += timedelta(minutes=rng.uniform(1, 15))
                rows.visits.append(self._visit(id, visit, moment, (width, height, ratio, rate)))
                rows.events.append(self._event(id, "resumed", "participant", moment, f"visit {visit}"))
            shown = self.rows[trial.group, trial.stratum]
            response, reaction_time_ms = observer.respond(shown, trial.arrangement, rng)
            reaction_time_ms = round(reaction_time_ms * pace, 1)
            moment += timedelta(milliseconds=reaction_time_ms + settings.display.inter_trial_ms + 120)
            answers.append(Answered(shown, trial.arrangement, trial.repetition, response))
            interrupted = rng.random() < 0.004
            rows.responses.append(
                {
                    "trial_id": trial_id, "idempotency_key": secrets.token_hex(16), "response": response,
                    "reaction_time_ms": reaction_time_ms, "device_pixel_ratio": ratio,
                    "pixel_scale": max(1, int(ratio)), "viewport_width": width, "viewport_height": height - 140,
                    "hidden": interrupted, "exactness": "reported", "page_altered": False,
                    "visit": visit, "window_changes": int(interrupted),
                    "refresh_rate_hz": rate, "sent_after_ms": round(rng.uniform(8, 60), 1), "answered_at": moment,
                }
            )  # fmt: skip
        if fate == "under_way":
            moment = self.now - timedelta(seconds=rng.uniform(1, 20))
        finished = count == len(planned)
        if finished:
            moment += timedelta(seconds=rng.uniform(5, 30))
            for question in settings.questions:
                if question.options:
                    answer = rng.choice(question.options)
                    rows.question_answers.append({"participant_id": id, "question": question.id, "answer": answer})
        elif fate == "gives_up":
            heapq.heappush(self.given_up, (moment + self.timeout, slot))
        verdict = task.judge(answers, settings) if finished else None
        given_up = not finished and moment + self.timeout < self.now
        if given_up:
            detail = f"slot {slot}, timed_out"
            rows.events.append(self._event(id, "slot_released", "server", moment + self.timeout, detail))
        rows.participants.append(
            {
                "id": id, "study_id": self.study.id, "number": number, "token": secrets.token_urlsafe(32),
                "withdrawal_code": readable_code(), "slot": None if given_up else slot,
                "stage": "finished" if finished else "trials", "simulated": True, "language": "en", "answered": count,
                "visits": visit, "consented_at": arrival, "last_seen_at": moment,
                "finished_at": moment if finished else None, "completion_code": readable_code() if finished else None,
                "passed": verdict.passed if verdict else None,
                "failed_rules": ";".join(verdict.failed_rules) if verdict else None,
                "last_answer_at": moment if count else None,
                "released_reason": "timed_out" if given_up else None,
            }
        )  # fmt: skip

    def _take_slot(self, moment: datetime) -> int:
        self._free_slots(moment)
        if self.free:
            return heapq.heappop(self.free)
        self.next_slot += 1
        return self.next_slot - 1

    def _free_slots(self, moment: datetime) -> None:
        while self.given_up and self.given_up[0][0] < moment:
            heapq.heappush(self.free, heapq.heappop(self.given_up)[1])

    def _visit(
        self, participant: int, number: int, moment: datetime, screen: tuple[int, int, float, float]
    ) -> dict[str, Any]:
        width, height, ratio, rate = screen
        return {
            "participant_id": participant, "number": number, "began_at": moment, "refresh_rate_hz": rate,
            "screen_width": width, "screen_height": height, "device_pixel_ratio": ratio, "color_depth": 24,
            "touch_points": 0, "language": "en",
        }  # fmt: skip

    def _event(self, participant: int, kind: str, actor: str, moment: datetime, detail: str) -> dict[str, Any]:
        return {
            "study_id": self.study.id, "participant_id": participant, "at": moment, "kind": kind, "actor": actor,
            "detail": detail,
        }  # fmt: skip


def _raise_sequences(session: Session) -> None:
    """PostgreSQL counts ids on its own, and must go on after those given here."""
    if session.get_bind().dialect.name != "postgresql":
        return
    from sqlalchemy import text

    for table in ("participant", "trial"):
        session.execute(text(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))"))

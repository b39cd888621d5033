"""People who take part in a study by way of the functions behind its pages: no application, no requests."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import delete, select, update

from study_server.folder.new import make_study
from study_server.folder.study_folder import StudyFolder
from study_server.participants.answers import Answers
from study_server.participants.enrolment import enrol
from study_server.participants.progress import Progress, image_names, leave, remaining_trials
from study_server.participants.receipts import receipt
from study_server.participants.recorded import Recorded
from study_server.participants.running_study import RunningStudy
from study_server.storage.database import Database
from study_server.storage.models import Event, FreeSlot, Participant, Response, Stimulus, Trial, Visit

RECORDED = Recorded(
    response="same", reaction_time_ms=812.5, device_pixel_ratio=1.25, pixel_scale=1, viewport_width=1280,
    viewport_height=720, hidden=False,
)  # fmt: skip


def make_tiny_study(path: Path) -> StudyFolder:
    """Four images of 16 × 16 pixels, shifts 0 to 3, one trial of each shift: a round has four slots."""
    make_study(path, source="demo", count=4, max_shift=3, size=16, seed=3)
    return StudyFolder(path)


def receipts(study: RunningStudy, trial: str, minutes_ago: float = 10) -> dict[str, str]:
    """Place → what came with the image there, a while ago; nothing for a trial that there is not."""
    if "\0" in trial:
        return {}  # which PostgreSQL would not look for
    with study.database.reading() as session:
        token = session.scalar(select(Trial.images_token).where(Trial.token == trial))
    moment = datetime.now(UTC) - timedelta(minutes=minutes_ago)
    names = image_names(study.task.places, token).items() if token else ()
    return {place: receipt(study.secret_key, name, moment) for place, name in names}


class Participation:
    """The study of a folder while people take part; people are known by their tokens."""

    def __init__(self, folder: StudyFolder) -> None:
        self.database = Database(folder.database_url)
        self.study = RunningStudy(folder, self.database)
        self.answers = Answers(self.study)

    @classmethod
    def of(cls, study: RunningStudy) -> Participation:
        """That of a study which is served already."""
        people = cls.__new__(cls)
        people.database, people.study, people.answers = study.database, study, Answers(study)
        return people

    def arrive(self) -> str:
        """Somebody consents."""
        return enrol(self.study, secrets.token_urlsafe(16)).token

    def begin(self) -> str:
        """Somebody consents, and goes to the trials."""
        token = self.arrive()
        for stage in ("instructions", "practice"):
            leave(self.study, token, stage)
        return token

    def trials(self, token: str) -> list[str]:
        """The trials that are left, in order."""
        return [trial.id for trial in remaining_trials(self.study, token)]

    def record(self, token: str | None, trial: str, key: str | None = None, **recorded: Any) -> Progress:
        """Answer a trial."""
        kept = RECORDED.model_copy(update=recorded)
        return self.answers.record(token, trial, key or f"key-of-{trial}", kept, receipts(self.study, trial))

    def answer_all(self, token: str, *, wrongly: bool = False) -> None:
        """Answer what is left as somebody who sees every shift, or who says the opposite."""
        for trial in self.trials(token):
            same = (self.shift_px(trial) == 0) is not wrongly
            self.record(token, trial, response="same" if same else "different")

    def shift_px(self, trial: str) -> int:
        with self.database.reading() as session:
            of_trial = select(Stimulus.stratum).join(Trial).where(Trial.token == trial)
            shift = session.scalar(of_trial)
        assert shift is not None
        return shift

    def change(self, token: str, **values: Any) -> None:
        """Change what is stored of a participant."""
        with self.database.writing() as session:
            session.execute(update(Participant).where(Participant.token == token).values(**values))

    def change_visit(self, number: int, **values: Any) -> None:
        """Change what is stored of everybody's visit with this number."""
        with self.database.writing() as session:
            session.execute(update(Visit).where(Visit.number == number).values(**values))

    def answered_without_receipts(self, *since_first_visit: timedelta | None) -> None:
        """Nobody's images but those of one trial came with receipts; the first visit of each was so long ago."""
        with self.database.writing() as session:
            session.execute(delete(Visit))
            everybody = session.scalars(select(Participant).order_by(Participant.number)).all()
            for person, since in zip(everybody, since_first_visit, strict=True):
                answered = select(Response).join(Trial, Trial.id == Response.trial_id)
                rows = session.scalars(answered.where(Trial.participant_id == person.id)).all()
                for row in rows[1:]:
                    row.images_sent_at = None
                if since is not None:
                    began = max(row.answered_at for row in rows) - since
                    session.add(
                        Visit(
                            participant_id=person.id, number=1, began_at=began, screen_width=1, screen_height=1,
                            device_pixel_ratio=1.0, color_depth=24, touch_points=0, language="en",
                        )
                    )  # fmt: skip

    def stay_away(self, token: str, minutes: float = 24 * 60) -> None:
        """The participant consented, and answered if they have, so long ago."""
        then = datetime.now(UTC) - timedelta(minutes=minutes)
        answered = then if self.person(token).last_answer_at is not None else None
        self.change(token, consented_at=then, last_seen_at=then, last_answer_at=answered)

    def person(self, token: str) -> Participant:
        with self.database.reading() as session:
            return session.scalars(select(Participant).where(Participant.token == token)).one()

    def held_slots(self) -> list[int | None]:
        """The slot that each participant holds, in order of arrival."""
        with self.database.reading() as session:
            of_study = select(Participant.slot).where(Participant.study_id == self.study.id)
            return list(session.scalars(of_study.order_by(Participant.number)))

    def free_slots(self) -> list[int]:
        with self.database.reading() as session:
            return sorted(session.scalars(select(FreeSlot.slot)))

    def noted(self, kind: str) -> list[tuple[int | None, str, str]]:
        """Whose, by whom, and the detail, of each line of this kind in the audit trail."""
        with self.database.reading() as session:
            of_person = select(Participant.number, Event.actor, Event.detail).select_from(Event).outerjoin(Participant)
            return sorted(map(tuple, session.execute(of_person.where(Event.kind == kind))))

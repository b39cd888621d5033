"""A running study: participants come, are assigned trials, answer them, finish. All SQL about them is here."""

from __future__ import annotations

import secrets
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, selectinload

from study_server.errors import StudyError
from study_server.folder.study_folder import StudyFolder
from study_server.participants import same_different as task
from study_server.stimuli.manifest import manifest_sha256
from study_server.storage.database import Database
from study_server.storage.models import ANSWERED_ALL, Pair, Participant, QuestionAnswer, Response, Study, Trial
from study_server.storage.registration import register


class NotYours(StudyError):
    """The trial belongs to somebody else, or nobody has signed in."""


class NotFound(StudyError):
    """There is no such thing."""


class Conflict(StudyError):
    """It cannot be done in the present state; the message says why."""


@dataclass(frozen=True)
class TrialLinks:
    """All that a browser learns of a trial: names that mean nothing."""

    id: str
    left: str
    right: str


@dataclass(frozen=True)
class Progress:
    """How far a participant is."""

    stage: str
    answered: int
    total: int


class Participation:
    """The participants of one study. Several processes may have one each on the same database."""

    def __init__(self, folder: StudyFolder, database: Database) -> None:
        self.folder, self.database = folder, database
        self.settings = folder.settings
        self.study_id = register(folder, database)
        self._identity = (self.settings.frozen_json(), manifest_sha256(folder.manifest_path))
        task.plan_trials(self.settings, slot=0, arrival=0)  # computes the first round before anybody has to wait for it
        self._images = list(dict.fromkeys(row.image for row in folder.pairs))

    # --- arriving ----------------------------------------------------------------------------------------------------

    def enrol(self, token: str, *, simulation_key: str | None = None) -> None:
        """Take in a participant who has consented, known from now on by the secret `token`: a slot and its trials.

        The same token again changes nothing. Observers of `simulate` give the study's simulation key. The first
        participant freezes the study. Raises Conflict where the study was changed by another process, or where a real
        participant would get among simulated ones or the other way round.
        """
        now = datetime.now(UTC)
        with self.database.writing() as session:
            if self._find(session, token) is not None:
                return
            study = session.get_one(Study, self.study_id)
            if (study.settings, study.manifest_sha256) != self._identity:
                raise Conflict("the study has been changed since this server started: restart the server")
            simulated = simulation_key is not None
            if simulation_key is not None and not _equal(simulation_key, study.simulation_key):
                raise NotYours("that is not the simulation key of this study")
            self._refuse_mixing(session, simulated)
            study.frozen_at = study.frozen_at or now
            slot = self._free_slot(session, now)
            number = 1 + (
                session.scalar(select(func.max(Participant.number)).where(Participant.study_id == study.id)) or 0
            )
            participant = Participant(
                study_id=study.id, number=number, slot=slot, token=token, simulated=simulated,
                stage="instructions", consented_at=now, last_seen_at=now,
            )  # fmt: skip
            session.add(participant)
            session.flush()
            pairs = self._pair_ids(session)
            session.add_all(
                Trial(
                    study_id=study.id, participant_id=participant.id, position=position,
                    pair_id=pairs[self._images[planned.image], planned.shift_px], reference_side=planned.reference_side,
                    token=secrets.token_urlsafe(16), left_token=secrets.token_urlsafe(16),
                    right_token=secrets.token_urlsafe(16),
                )
                for position, planned in enumerate(task.plan_trials(self.settings, slot, number), start=1)
            )  # fmt: skip

    def _refuse_mixing(self, session: Session, simulated: bool) -> None:
        others = select(Participant.id).where(
            Participant.study_id == self.study_id, Participant.simulated.is_not(simulated)
        )
        if session.scalar(others.limit(1)) is not None:
            raise Conflict(
                "this study has real participants, so it takes no simulated observers"
                if simulated
                else "this study is filled with simulated answers, so nobody can take part in it: real participants "
                "need a new study folder"
            )

    def _free_slot(self, session: Session, now: datetime) -> int:
        """The lowest slot that nobody holds, after those that timed out have been given up."""
        timeout = timedelta(minutes=self.settings.trials.slot_timeout_minutes)
        session.execute(
            update(Participant)
            .where(
                Participant.study_id == self.study_id,
                Participant.slot.is_not(None),
                Participant.stage.not_in(ANSWERED_ALL),
                Participant.last_seen_at < now - timeout,
            )
            .values(slot=None)
        )
        held = set(
            session.scalars(
                select(Participant.slot).where(Participant.study_id == self.study_id, Participant.slot.is_not(None))
            )
        )
        return next(slot for slot in range(len(held) + 1) if slot not in held)

    def _pair_ids(self, session: Session) -> dict[tuple[str, int], int]:
        rows = session.execute(select(Pair).where(Pair.study_id == self.study_id).options(selectinload(Pair.image)))
        return {(pair.image.name, pair.shift_px): pair.id for pair in rows.scalars()}

    def is_simulation(self) -> bool:
        """Whether simulated observers have taken part, so that people cannot."""
        with self.database.reading() as session:
            simulated = select(Participant.id).where(Participant.study_id == self.study_id, Participant.simulated)
            return session.scalar(simulated.limit(1)) is not None

    # --- going on ----------------------------------------------------------------------------------------------------

    def progress(self, token: str | None) -> Progress | None:
        """How far the participant with this token is; None for an unknown token."""
        with self.database.reading() as session:
            participant = self._find(session, token)
            return self._progress(session, participant) if participant else None

    def _find(self, session: Session, token: str | None) -> Participant | None:
        if not token:
            return None
        return session.scalar(
            select(Participant).where(Participant.token == token, Participant.study_id == self.study_id)
        )

    def _progress(self, session: Session, participant: Participant) -> Progress:
        total, answered = session.execute(
            select(func.count(Trial.id), func.count(Response.trial_id))
            .outerjoin(Response)
            .where(Trial.participant_id == participant.id)
        ).one()
        return Progress(participant.stage, answered, total)

    def leave(self, token: str | None, stage: str) -> None:
        """The participant has read the instructions, or done the practice (`stage`); anything else changes nothing."""
        with self.database.writing() as session:
            participant = self._find(session, token)
            if participant and participant.stage == stage and stage in ("instructions", "practice"):
                practises = stage == "instructions" and self.settings.practice.shifts
                participant.stage = "practice" if practises else "trials"
                participant.last_seen_at = datetime.now(UTC)

    def remaining_trials(self, token: str | None) -> list[TrialLinks]:
        """The participant's unanswered trials, in order. Raises NotYours for an unknown token."""
        with self.database.reading() as session:
            participant = self._find(session, token)
            if participant is None:
                raise NotYours("nobody is signed in here: begin at the first page")
            rows = session.execute(
                select(Trial.token, Trial.left_token, Trial.right_token)
                .outerjoin(Response)
                .where(Trial.participant_id == participant.id, Response.trial_id.is_(None))
                .order_by(Trial.position)
            )
            return [TrialLinks(*row) for row in rows]

    def image_file(self, image_token: str) -> Path:
        """The file behind an image's name. Raises NotFound."""
        with self.database.reading() as session:
            row = session.execute(
                select(Trial.left_token, Trial.reference_side, Pair.reference_file, Pair.stimulus_file)
                .join(Pair, Pair.id == Trial.pair_id)
                .where(or_(Trial.left_token == image_token, Trial.right_token == image_token))
            ).first()
        if row is None:
            raise NotFound("there is no such image")
        side = "left" if row.left_token == image_token else "right"
        file: str = row.reference_file if side == row.reference_side else row.stimulus_file
        return self.folder.path / file

    # --- answering ---------------------------------------------------------------------------------------------------

    def record(self, token: str | None, trial_token: str, key: str, recorded: task.Recorded) -> Progress:
        """Store the answer to a trial, once. It is committed when this returns.

        The same idempotency key again changes nothing and is no error. Raises NotFound, NotYours, or Conflict where the
        trial has another answer already or the participant is not at the trials yet.
        """
        try:
            return self._record(token, trial_token, key, recorded)
        except IntegrityError as error:
            raise Conflict("this idempotency key has been used for another trial") from error

    def _record(self, token: str | None, trial_token: str, key: str, recorded: task.Recorded) -> Progress:
        with self.database.writing() as session:
            row = session.execute(
                select(Trial.id, Response.idempotency_key, Participant)
                .join(Participant, Participant.id == Trial.participant_id)
                .outerjoin(Response, Response.trial_id == Trial.id)
                .where(Trial.token == trial_token, Trial.study_id == self.study_id)
            ).first()
            if row is None:
                raise NotFound("there is no such trial")
            trial_id, stored_key, participant = row
            if token is None or not _equal(participant.token, token):
                raise NotYours("This trial belongs to somebody else.")
            if stored_key is not None and stored_key != key:
                raise Conflict("this trial has been answered already")
            if stored_key is None:
                if participant.stage != "trials":
                    raise Conflict(f"the participant is at {participant.stage}, not at the trials")
                now = participant.last_seen_at = datetime.now(UTC)
                session.execute(
                    insert(Response).values(trial_id=trial_id, idempotency_key=key, answered_at=now, **asdict(recorded))
                )
            progress = self._progress(session, participant)
            if progress.stage == "trials" and progress.answered == progress.total:
                self._after_trials(participant)
                return replace(progress, stage=participant.stage)
            return progress

    def _after_trials(self, participant: Participant) -> None:
        if self.settings.questions:
            participant.stage = "questions"
        else:
            self._finish(participant, datetime.now(UTC))

    # --- finishing ---------------------------------------------------------------------------------------------------

    def answer_questions(self, token: str | None, answers: dict[str, str]) -> None:
        """Store the answers to the questions (those not given may be missing) and finish the participant.

        Raises NotYours, or StudyError for an answer that is not among the options. Once finished, changes nothing.
        """
        with self.database.writing() as session:
            participant = self._find(session, token)
            if participant is None:
                raise NotYours("nobody is signed in here: begin at the first page")
            if participant.stage != "questions":
                return
            for question in self.settings.questions:
                answer = answers.get(question.id, "").strip()
                if not answer:
                    continue
                if (question.options and answer not in question.options) or len(answer) > 500:
                    raise StudyError(f"question {question.id}: that is not one of the answers to choose from")
                session.add(QuestionAnswer(participant_id=participant.id, question=question.id, answer=answer))
            self._finish(participant, datetime.now(UTC))

    def _finish(self, participant: Participant, now: datetime) -> None:
        participant.stage = "finished"
        participant.finished_at = participant.last_seen_at = now
        participant.completion_code = self.settings.completion.code or _readable_code()

    def completion_code(self, token: str | None) -> str | None:
        """The completion code, once the participant has finished, which takes all answers to be stored."""
        with self.database.reading() as session:
            participant = self._find(session, token)
            return participant.completion_code if participant else None


def _equal(one: str, other: str) -> bool:
    """Whether two secrets are the same, in a time that does not tell how much of them is."""
    return secrets.compare_digest(one.encode(), other.encode())


def _readable_code() -> str:
    """Ten characters that cannot be confused with each other when typed off a screen."""
    return "".join(secrets.choice("ABCDEFGHJKLMNPQRSTUVWXYZ23456789") for _ in range(10))

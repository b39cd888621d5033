"""The tables. Constraints make impossible states impossible; what a study observed is rows, never JSON."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime

from sqlalchemy import (
    CheckConstraint,
    DateTime,
    Dialect,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from sqlalchemy.types import TypeDecorator

STAGES = ("instructions", "calibration", "practice", "trials", "questions", "finished")
"""Where a participant is, in order."""

ANSWERED_ALL = ("questions", "finished")
"""Stages at which every trial has been answered; the questions after them are optional."""


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC; SQLite would forget the time zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    pass


STUDY_STATES = ("open", "paused", "closed")
"""Whether newcomers are admitted: yes; not at present; no more. Who has begun can always go on."""


class Study(Base):
    __tablename__ = "study"
    __table_args__ = (CheckConstraint(f"state IN {STUDY_STATES}"), CheckConstraint("next_slot >= 0"))
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    task: Mapped[str] = mapped_column(String(64))
    """Name of what participants are asked."""
    settings: Mapped[str]
    """Canonical JSON of the settings that must not change (Settings.frozen_json)."""
    manifest_sha256: Mapped[str] = mapped_column(String(64))
    simulation_key: Mapped[str] = mapped_column(String(64), default=lambda: secrets.token_urlsafe(16))
    """With this secret `simulate` shows that it has the study folder, and so may send simulated observers."""
    secret_key: Mapped[str] = mapped_column(String(64), default=lambda: secrets.token_urlsafe(32))
    """Signs the cookies of this study, on all its servers."""
    password_hash: Mapped[str | None] = mapped_column(String(256))
    """Of the dashboard, as `shift-study password` has set it."""
    state: Mapped[str] = mapped_column(String(8), default="open")
    next_slot: Mapped[int] = mapped_column(default=0)
    """The first slot that nobody has had yet; those given back wait in `free_slot`."""
    frozen_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When the first participant started; from then on settings and manifest are fixed."""
    groups: Mapped[list[StimulusGroup]] = relationship(back_populates="study", cascade="all, delete-orphan")


class FreeSlot(Base):
    """A slot that was given back, for the next participant."""

    __tablename__ = "free_slot"
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"), primary_key=True)
    slot: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)


class StimulusGroup(Base):
    """Stimuli that are versions of one another, such as all shifts of an image."""

    __tablename__ = "stimulus_group"
    __table_args__ = (UniqueConstraint("study_id", "name"), UniqueConstraint("id", "study_id"))
    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"))
    name: Mapped[str] = mapped_column(String(64))
    source_file: Mapped[str]
    source_sha256: Mapped[str | None] = mapped_column(String(64))
    """Of the photograph's file; None where the study was entered by a version that did not note it."""
    selection: Mapped[str | None]
    """On what ground it was selected, as in the manifest; None where it was drawn."""
    licence: Mapped[str]
    study: Mapped[Study] = relationship(back_populates="groups")
    stimuli: Mapped[list[Stimulus]] = relationship(back_populates="group", cascade="all, delete-orphan")


class Stimulus(Base):
    """What a trial shows: of each group there is one in each stratum. Its files are in the manifest."""

    __tablename__ = "stimulus"
    __table_args__ = (
        UniqueConstraint("group_id", "stratum"),
        UniqueConstraint("study_id", "name"),
        UniqueConstraint("id", "study_id"),
        ForeignKeyConstraint(["group_id", "study_id"], ["stimulus_group.id", "stimulus_group.study_id"]),
        CheckConstraint("stratum >= 0"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[int]
    group_id: Mapped[int]
    name: Mapped[str] = mapped_column(String(64))
    stratum: Mapped[int]
    group: Mapped[StimulusGroup] = relationship(back_populates="stimuli")
    values: Mapped[list[StimulusValue]] = relationship(cascade="all, delete-orphan")


class StimulusValue(Base):
    """What the manifest says of a stimulus in a column that its task joins to responses."""

    __tablename__ = "stimulus_value"
    stimulus_id: Mapped[int] = mapped_column(ForeignKey("stimulus.id"), primary_key=True)
    column: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[str]


class Participant(Base):
    __tablename__ = "participant"
    __table_args__ = (
        UniqueConstraint("study_id", "number"),
        UniqueConstraint("study_id", "slot"),
        UniqueConstraint("id", "study_id"),
        CheckConstraint(f"stage IN {STAGES}"),
        CheckConstraint("(stage = 'finished') = (completion_code IS NOT NULL)"),
        CheckConstraint("(stage = 'finished') = (finished_at IS NOT NULL)"),
        CheckConstraint("withdrawn_at IS NULL OR slot IS NULL"),
        Index("ix_participant_waiting", "study_id", "last_seen_at"),
        Index("ix_participant_address", "study_id", "address"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"))
    number: Mapped[int]
    """1, 2, 3 … in order of arrival; `p0001` in exports."""
    token: Mapped[str] = mapped_column(String(64), unique=True)
    """The secret in the participant's cookie."""
    withdrawal_code: Mapped[str] = mapped_column(String(16), unique=True)
    """With this code the participant can withdraw, from any browser."""
    slot: Mapped[int | None]
    """Which place of the assignment the participant holds; None once it was given back."""
    given_back: Mapped[int | None]
    """The slot that they held before: its trials are theirs all the same, should they come back and ask for them."""
    stage: Mapped[str] = mapped_column(String(16), default=STAGES[0])
    simulated: Mapped[bool] = mapped_column(default=False)
    language: Mapped[str | None] = mapped_column(String(16))
    answered: Mapped[int] = mapped_column(default=0)
    """How many of the trials are answered: counted along, for this is asked with every answer."""
    visits: Mapped[int] = mapped_column(default=0)
    consented_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_answer_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When the last answer was stored: what keeps a place. Loading pages does not."""
    address: Mapped[str | None] = mapped_column(String(32))
    """Keyed hash of the address from which an unfinished participant came; None once it is not needed any more."""
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    completion_code: Mapped[str | None] = mapped_column(String(64))
    passed: Mapped[bool | None]
    """Whether the answers pass the paper's validation test; None until every trial is answered."""
    failed_rules: Mapped[str | None] = mapped_column(String(200))
    """Names of the study's other rules that the answers fail, joined by `;`; None until every trial is answered."""
    excluded_reason: Mapped[str | None] = mapped_column(String(200))
    """Why the researcher has excluded the participant."""
    released_reason: Mapped[str | None] = mapped_column(String(16))
    """Why the slot was given back: timed_out, returned, excluded, failed, withdrawn."""
    withdrawn_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    answers: Mapped[list[QuestionAnswer]] = relationship(back_populates="participant", cascade="all, delete-orphan")
    identity: Mapped[Identity | None] = relationship(back_populates="participant", cascade="all, delete-orphan")

    @property
    def label(self) -> str:
        """The participant's id in exports."""
        return label(self.simulated, self.number)


def label(simulated: bool, number: int) -> str:
    """A participant's id in exports: `p0001`, a simulated observer `s0001`."""
    return f"{'s' if simulated else 'p'}{number:04d}"


class Identity(Base):
    """Who a participant is to the platform that sent them. Apart from the answers, so that it can be removed alone."""

    __tablename__ = "identity"
    __table_args__ = (
        UniqueConstraint("study_id", "platform", "person", "repetition"),
        CheckConstraint("repetition >= 1"),
        ForeignKeyConstraint(["participant_id", "study_id"], ["participant.id", "participant.study_id"]),
    )
    participant_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    study_id: Mapped[int]
    platform: Mapped[str] = mapped_column(String(16))
    person: Mapped[str | None] = mapped_column(String(128))
    """The platform's id of the person; None where it tells none."""
    project: Mapped[str | None] = mapped_column(String(128))
    """The platform's id of this study: Prolific's STUDY_ID, MTurk's hitId."""
    session: Mapped[str | None] = mapped_column(String(128))
    """The platform's id of this participation: Prolific's SESSION_ID, MTurk's assignmentId."""
    repetition: Mapped[int] = mapped_column(default=1)
    """1, and more only where the study lets a person take part repeatedly."""
    participant: Mapped[Participant] = relationship(back_populates="identity")
    later: Mapped[list[LaterIds]] = relationship(
        back_populates="identity", cascade="all, delete-orphan", order_by="LaterIds.added_at"
    )


class LaterIds(Base):
    """By what a participation is known, too, to a platform where the person gave it up and took it up again."""

    __tablename__ = "later_ids"
    participant_id: Mapped[int] = mapped_column(ForeignKey("identity.participant_id"), primary_key=True)
    session: Mapped[str] = mapped_column(String(128), primary_key=True)
    project: Mapped[str | None] = mapped_column(String(128))
    added_at: Mapped[datetime] = mapped_column(UtcDateTime)
    identity: Mapped[Identity] = relationship(back_populates="later")


class IdUse(Base):
    """Somebody said who they are by an id in a link alone; kept for an hour, to count them by address."""

    __tablename__ = "id_use"
    __table_args__ = (Index("ix_id_use_address", "study_id", "address", "at"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"))
    address: Mapped[str] = mapped_column(String(32))
    """Its keyed hash."""
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class Login(Base):
    """A browser that has logged in at the dashboard."""

    __tablename__ = "login"
    id_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    """Hash of the secret in its cookie."""
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"), index=True)
    proof: Mapped[str] = mapped_column(String(64))
    """Tells whether the password is still the one that was given."""
    address: Mapped[str] = mapped_column(String(32))
    """Keyed hash of the address from which it came."""
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Invitation(Base):
    """A personal link to a study."""

    __tablename__ = "invitation"
    token: Mapped[str] = mapped_column(String(64), primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"))
    label: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Visit(Base):
    """One load of the trial page, and what the browser said of its screen."""

    __tablename__ = "visit"
    participant_id: Mapped[int] = mapped_column(ForeignKey("participant.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    began_at: Mapped[datetime] = mapped_column(UtcDateTime)
    refresh_rate_hz: Mapped[float | None]
    screen_width: Mapped[int]
    screen_height: Mapped[int]
    device_pixel_ratio: Mapped[float]
    color_depth: Mapped[int]
    touch_points: Mapped[int]
    language: Mapped[str] = mapped_column(String(35))
    sends_images: Mapped[bool | None]
    """Whether this server itself sent the images then, and said when; None for visits before it did."""


class Calibration(Base):
    """What a participant measured: the screen with a bank card, and the distance to it. The last one counts."""

    __tablename__ = "calibration"
    __table_args__ = (CheckConstraint("device_pixels_per_cm > 0"), CheckConstraint("viewing_distance_cm > 0"))
    id: Mapped[int] = mapped_column(primary_key=True)
    participant_id: Mapped[int] = mapped_column(ForeignKey("participant.id"), index=True)
    measured_at: Mapped[datetime] = mapped_column(UtcDateTime)
    device_pixels_per_cm: Mapped[float]
    viewing_distance_cm: Mapped[float]


class Event(Base):
    """The audit trail: what happened to a study and its participants. Never changed, and names no person."""

    __tablename__ = "event"
    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"), index=True)
    participant_id: Mapped[int | None] = mapped_column(ForeignKey("participant.id"), index=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    kind: Mapped[str] = mapped_column(String(32))
    actor: Mapped[str] = mapped_column(String(16))
    """participant, researcher, platform or server."""
    detail: Mapped[str] = mapped_column(String(500), default="")


class Trial(Base):
    """A stimulus that a participant is to judge, and how it is shown."""

    __tablename__ = "trial"
    __table_args__ = (
        UniqueConstraint("participant_id", "position"),
        UniqueConstraint("participant_id", "stimulus_id", "repetition"),
        ForeignKeyConstraint(["participant_id", "study_id"], ["participant.id", "participant.study_id"]),
        ForeignKeyConstraint(["stimulus_id", "study_id"], ["stimulus.id", "stimulus.study_id"]),
        CheckConstraint("position >= 1"),
        CheckConstraint("repetition >= 1"),
        Index("ix_trial_stimulus", "stimulus_id"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[int]
    participant_id: Mapped[int]
    stimulus_id: Mapped[int]
    repetition: Mapped[int] = mapped_column(default=1)
    """2 where the participant judges the stimulus for the second time."""
    position: Mapped[int]
    arrangement: Mapped[str] = mapped_column(String(100))
    """The role of the image at each place, from the left, with spaces between."""
    token: Mapped[str] = mapped_column(String(32), unique=True)
    images_token: Mapped[str] = mapped_column(String(32), unique=True)
    """With the number of a place at its end it names the image there."""


class Response(Base):
    """The one answer to a trial: its key is the trial's, so that there cannot be two."""

    __tablename__ = "response"
    __table_args__ = (
        CheckConstraint("reaction_time_ms >= 0"),
        CheckConstraint("device_pixel_ratio > 0"),
        CheckConstraint("pixel_scale >= 1"),
        CheckConstraint("viewport_width >= 1 AND viewport_height >= 1"),
        CheckConstraint("visit >= 1"),
        CheckConstraint("window_changes >= 0"),
        CheckConstraint("refresh_rate_hz > 0"),
        CheckConstraint("sent_after_ms >= 0"),
        CheckConstraint("exactness IN ('reported', 'derived')"),
    )
    trial_id: Mapped[int] = mapped_column(ForeignKey("trial.id"), primary_key=True, autoincrement=False)
    idempotency_key: Mapped[str] = mapped_column(String(64), unique=True)
    response: Mapped[str] = mapped_column(String(16))
    """One of the answers of the study's task."""
    reaction_time_ms: Mapped[float]
    device_pixel_ratio: Mapped[float]
    pixel_scale: Mapped[int]
    viewport_width: Mapped[int]
    viewport_height: Mapped[int]
    hidden: Mapped[bool]
    visit: Mapped[int | None]
    window_changes: Mapped[int | None]
    refresh_rate_hz: Mapped[float | None]
    sent_after_ms: Mapped[float | None]
    images_sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When the server had sent all images for the first time to who answers; None where it did not send them."""
    answered_at: Mapped[datetime] = mapped_column(UtcDateTime)
    exactness: Mapped[str | None] = mapped_column(String(8))
    """How device pixels were known: `reported` by the browser or `derived`; None of a page of an earlier version."""
    page_altered: Mapped[bool | None]
    """Whether styles changed how the page looked at any time in the trial."""


class QuestionAnswer(Base):
    """A participant's answer to one of the questions after the trials."""

    __tablename__ = "question_answer"
    participant_id: Mapped[int] = mapped_column(ForeignKey("participant.id"), primary_key=True)
    question: Mapped[str] = mapped_column(String(40), primary_key=True)
    answer: Mapped[str] = mapped_column(String(500))
    participant: Mapped[Participant] = relationship(back_populates="answers")

"""The tables. Constraints make impossible states impossible; what a study observed is rows, never JSON."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime

from sqlalchemy import (
    CheckConstraint,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from sqlalchemy.types import TypeDecorator

SCHEMA_VERSION = 1

STAGES = ("instructions", "practice", "trials", "questions", "finished")
"""Where a participant is, in order."""

ANSWERED_ALL = ("questions", "finished")
"""Stages at which every trial has been answered; the questions after them are optional."""


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC; SQLite would forget the time zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: object) -> datetime | None:
        return value.astimezone(UTC).replace(tzinfo=None) if value is not None else None

    def process_result_value(self, value: datetime | None, dialect: object) -> datetime | None:
        return value.replace(tzinfo=UTC) if value is not None else None


class Base(DeclarativeBase):
    pass


class Schema(Base):
    """One row: the version of these tables."""

    __tablename__ = "schema_version"
    version: Mapped[int] = mapped_column(primary_key=True)


class Study(Base):
    __tablename__ = "study"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    settings: Mapped[str]
    """Canonical JSON of the settings that must not change (Settings.frozen_json)."""
    manifest_sha256: Mapped[str] = mapped_column(String(64))
    simulation_key: Mapped[str] = mapped_column(String(64), default=lambda: secrets.token_urlsafe(16))
    """With this secret `simulate` shows that it has the study folder, and so may send simulated observers."""
    frozen_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When the first participant started; from then on settings and manifest are fixed."""
    images: Mapped[list[Image]] = relationship(back_populates="study", cascade="all, delete-orphan")


class Image(Base):
    __tablename__ = "image"
    __table_args__ = (UniqueConstraint("study_id", "name"), UniqueConstraint("id", "study_id"))
    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"))
    name: Mapped[str] = mapped_column(String(32))
    source_file: Mapped[str]
    licence: Mapped[str]
    study: Mapped[Study] = relationship(back_populates="images")
    pairs: Mapped[list[Pair]] = relationship(back_populates="image", cascade="all, delete-orphan")


class Pair(Base):
    __tablename__ = "pair"
    __table_args__ = (
        UniqueConstraint("image_id", "shift_px"),
        UniqueConstraint("study_id", "name"),
        UniqueConstraint("id", "study_id"),
        ForeignKeyConstraint(["image_id", "study_id"], ["image.id", "image.study_id"]),
        CheckConstraint("shift_px >= 0"),
        CheckConstraint("direction IN ('right', 'left', 'up', 'down')"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[int]
    image_id: Mapped[int]
    name: Mapped[str] = mapped_column(String(64))
    shift_px: Mapped[int]
    direction: Mapped[str] = mapped_column(String(5))
    reference_file: Mapped[str]
    stimulus_file: Mapped[str]
    image: Mapped[Image] = relationship(back_populates="pairs")


class Participant(Base):
    __tablename__ = "participant"
    __table_args__ = (
        UniqueConstraint("study_id", "number"),
        UniqueConstraint("study_id", "slot"),
        UniqueConstraint("id", "study_id"),
        CheckConstraint(f"stage IN {STAGES}"),
        CheckConstraint("(stage = 'finished') = (completion_code IS NOT NULL)"),
        CheckConstraint("(stage = 'finished') = (finished_at IS NOT NULL)"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"))
    number: Mapped[int]
    """1, 2, 3 … in order of arrival; `p0001` in exports."""
    token: Mapped[str] = mapped_column(String(64), unique=True)
    """The secret in the participant's cookie."""
    slot: Mapped[int | None]
    """Which place of the assignment the participant holds; None once it was given away after a time-out."""
    stage: Mapped[str] = mapped_column(String(16), default=STAGES[0])
    simulated: Mapped[bool] = mapped_column(default=False)
    consented_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    completion_code: Mapped[str | None] = mapped_column(String(64))
    answers: Mapped[list[QuestionAnswer]] = relationship(back_populates="participant")

    @property
    def label(self) -> str:
        """The participant's id in exports: `p0001`, a simulated observer `s0001`."""
        return f"{'s' if self.simulated else 'p'}{self.number:04d}"


class Trial(Base):
    """A pair that a participant is to judge, and how it is shown."""

    __tablename__ = "trial"
    __table_args__ = (
        UniqueConstraint("participant_id", "position"),
        UniqueConstraint("participant_id", "pair_id"),
        ForeignKeyConstraint(["participant_id", "study_id"], ["participant.id", "participant.study_id"]),
        ForeignKeyConstraint(["pair_id", "study_id"], ["pair.id", "pair.study_id"]),
        CheckConstraint("position >= 1"),
        CheckConstraint("reference_side IN ('left', 'right')"),
        CheckConstraint("left_token <> right_token"),
        Index("ix_trial_pair", "pair_id"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[int]
    participant_id: Mapped[int]
    pair_id: Mapped[int]
    position: Mapped[int]
    reference_side: Mapped[str] = mapped_column(String(5))
    token: Mapped[str] = mapped_column(String(32), unique=True)
    left_token: Mapped[str] = mapped_column(String(32), unique=True)
    right_token: Mapped[str] = mapped_column(String(32), unique=True)


class Response(Base):
    """The one answer to a trial: its key is the trial's, so that there cannot be two."""

    __tablename__ = "response"
    __table_args__ = (
        CheckConstraint("response IN ('same', 'different')"),
        CheckConstraint("reaction_time_ms >= 0"),
        CheckConstraint("device_pixel_ratio > 0"),
        CheckConstraint("pixel_scale >= 1"),
        CheckConstraint("viewport_width >= 1 AND viewport_height >= 1"),
    )
    trial_id: Mapped[int] = mapped_column(ForeignKey("trial.id"), primary_key=True, autoincrement=False)
    idempotency_key: Mapped[str] = mapped_column(String(64), unique=True)
    response: Mapped[str] = mapped_column(String(16))
    reaction_time_ms: Mapped[float]
    device_pixel_ratio: Mapped[float]
    pixel_scale: Mapped[int]
    viewport_width: Mapped[int]
    viewport_height: Mapped[int]
    hidden: Mapped[bool]
    answered_at: Mapped[datetime] = mapped_column(UtcDateTime)


class QuestionAnswer(Base):
    """A participant's answer to one of the questions after the trials."""

    __tablename__ = "question_answer"
    participant_id: Mapped[int] = mapped_column(ForeignKey("participant.id"), primary_key=True)
    question: Mapped[str] = mapped_column(String(40), primary_key=True)
    answer: Mapped[str] = mapped_column(String(500))
    participant: Mapped[Participant] = relationship(back_populates="answers")

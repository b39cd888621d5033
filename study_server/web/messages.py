"""The JSON messages between the trial page and the server. The OpenAPI document is made from these."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from study_server.participants import same_different as task
from study_server.participants.same_different import Recorded

Receipt = Annotated[str, Field(max_length=64)]
Stage = Literal["instructions", "calibration", "practice", "trials", "questions", "finished"]


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Answer(Recorded):
    """The answer to a trial."""

    idempotency_key: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{8,64}$")]
    """Made by the browser, a new one for each answer: however often it is sent, the answer is stored once."""
    left_sent: Receipt | None = None
    """What came with the left image, in the header X-Shift-Study-Sent."""
    right_sent: Receipt | None = None
    """What came with the right image."""

    def recorded(self) -> Recorded:
        """What is stored of it."""
        return Recorded.model_construct(**{name: getattr(self, name) for name in Recorded.model_fields})


class PracticeAnswer(_Message):
    """The answer to a practice trial, which is not stored."""

    response: task.Answer


class ProgressMessage(_Message):
    """How far the participant is."""

    stage: Stage
    answered: int
    total: int
    next: str | None
    """Address of the page to go to, once this stage is over."""
    superseded: bool
    """Whether a later visit, in another tab or browser, has taken over."""


class TrialMessage(_Message):
    """A trial: names that mean nothing."""

    id: str
    left: str
    right: str


class TrialsMessage(ProgressMessage):
    """The unanswered trials, in order."""

    outbox: str
    """Name of the participant's outbox in a browser."""
    trials: list[TrialMessage]


class VisitMessage(_Message):
    """Number of a visit, from 1."""

    visit: int


class PracticeTrialsMessage(_Message):
    """The practice trials, in order."""

    answered: int
    total: int
    next: None
    trials: list[TrialMessage]


class FeedbackMessage(_Message):
    """Whether a practice answer is right."""

    answered: int
    total: int
    next: None
    correct: bool
    truth: task.Answer


class ErrorMessage(_Message):
    """What is wrong, in a sentence."""

    error: str

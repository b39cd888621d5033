"""The JSON messages between the trial page and the server. The OpenAPI document is made from these."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from study_server.participants.recorded import Recorded, Response

Receipt = Annotated[str, Field(max_length=64)]
Stage = Literal["instructions", "calibration", "practice", "trials", "questions", "finished"]


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Answer(Recorded):
    """The answer to a trial."""

    idempotency_key: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{8,64}$")]
    """Made by the browser, a new one for each answer: however often it is sent, the answer is stored once."""
    sent: Annotated[dict[str, Receipt | None], Field(max_length=16)] = Field(default_factory=dict)
    """Place (left, middle, right) → what came with the image there, in the header X-Shift-Study-Sent."""
    left_sent: Receipt | None = None
    """The same of the left image, from pages that were loaded when every trial had two images."""
    right_sent: Receipt | None = None

    def receipts(self) -> dict[str, str | None]:
        """Place → receipt, in whichever way it came."""
        return {"left": self.left_sent, "right": self.right_sent} | self.sent


class PracticeAnswer(_Message):
    """The answer to a practice trial, which is not stored."""

    response: Response


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
    images: dict[str, str]
    """Place → address of the image there."""


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
    """Whether a practice answer is right; null where there is no right one."""

    answered: int
    total: int
    next: None
    correct: bool | None
    truth: str | None


class ErrorMessage(_Message):
    """What is wrong, in a sentence."""

    error: str

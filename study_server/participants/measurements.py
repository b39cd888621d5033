"""What the browser measures beside the answers: each visit's screen, and the screen's size in centimetres."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from flask_babel import gettext as _
from pydantic import BaseModel, ConfigDict, Field

from study_server.errors import Conflict
from study_server.participants.arrival import Arrival
from study_server.participants.known_people import add_ids
from study_server.participants.progress import move_on
from study_server.participants.recorded import WHOLE
from study_server.participants.running_study import RunningStudy
from study_server.storage.models import Calibration, Visit

Ratio = Annotated[float, Field(ge=0.01, le=100, allow_inf_nan=False)]
Pixels = Annotated[int, Field(ge=1, le=100_000), WHOLE]


class Screen(BaseModel):
    """What the browser says of its screen when the trial page is loaded."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    refresh_rate_hz: Annotated[float, Field(ge=1, le=10_000, allow_inf_nan=False)] | None = None
    screen_width: Pixels
    screen_height: Pixels
    device_pixel_ratio: Ratio
    color_depth: Annotated[int, Field(ge=1, le=128), WHOLE]
    touch_points: Annotated[int, Field(ge=0, le=1000), WHOLE]
    language: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{0,35}$")]


class ScreenCalibration(BaseModel):
    """A screen measured with a bank card, and the distance that the participant sits from it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    css_px_per_cm: Annotated[float, Field(ge=5, le=500, allow_inf_nan=False)]
    device_pixel_ratio: Ratio
    viewing_distance_cm: Annotated[float, Field(ge=10, le=500, allow_inf_nan=False)]


MOST_VISITS = 200
"""Of one participant; nobody loads the page so often who answers between."""


def begin_visit(study: RunningStudy, token: str | None, screen: Screen, arrival: Arrival | None = None) -> int:
    """Note a load of the trial page; its number, 1 for the participant's first.

    `arrival`: from where the participant came this time, whose ids are kept beside the first ones.
    Raises NotYours, or Conflict where there have been MOST_VISITS.
    """
    with study.database.writing() as session:
        participant = study.get(session, token, hold=True)  # so that two tabs opened at once get two numbers
        if participant.visits >= MOST_VISITS:
            raise Conflict(
                _("This page has been loaded too often. Please write to whoever invited you: your answers are here.")
            )
        add_ids(session, participant, arrival)
        participant.visits += 1
        participant.last_seen_at = datetime.now(UTC)
        session.add(
            Visit(
                participant_id=participant.id, number=participant.visits, began_at=participant.last_seen_at,
                sends_images=study.published is None, **screen.model_dump(),
            )
        )  # fmt: skip
        if participant.visits > 1:
            study.note(session, "resumed", "participant", participant, f"visit {participant.visits}")
        return participant.visits


def calibrate(study: RunningStudy, token: str | None, calibration: ScreenCalibration | None) -> None:
    """Store the calibration (None: skipped) and move on to the next stage. Raises NotYours."""
    with study.database.writing() as session:
        participant = study.get(session, token, hold=True)
        if participant.stage != "calibration":
            return
        if calibration is not None:
            session.add(
                Calibration(
                    participant_id=participant.id,
                    measured_at=datetime.now(UTC),
                    device_pixels_per_cm=calibration.css_px_per_cm * calibration.device_pixel_ratio,
                    viewing_distance_cm=calibration.viewing_distance_cm,
                )
            )
        move_on(study, participant)

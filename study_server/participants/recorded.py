"""What the browser reports of one trial, in every task."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


WHOLE = BeforeValidator(_whole)
"""To an integer of a message: in JSON, 26.0 is one too."""


Response = Annotated[str, Field(min_length=1, max_length=16)]
"""One of the task's answers, which is looked at where it is stored."""


class Recorded(BaseModel):
    """What the browser reports of one trial; the fields are columns of the response table (docs/responses.md)."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    response: Response
    reaction_time_ms: Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
    device_pixel_ratio: Annotated[float, Field(ge=0.01, le=100, allow_inf_nan=False)]
    pixel_scale: Annotated[int, Field(ge=1, le=100), WHOLE]
    viewport_width: Annotated[int, Field(ge=1, le=100_000), WHOLE]
    viewport_height: Annotated[int, Field(ge=1, le=100_000), WHOLE]
    hidden: bool
    exactness: Literal["reported", "derived"] | None = None
    page_altered: bool | None = None
    visit: Annotated[int, Field(ge=1, le=1_000_000), WHOLE] | None = None
    window_changes: Annotated[int, Field(ge=0, le=1_000_000), WHOLE] | None = None
    refresh_rate_hz: Annotated[float, Field(ge=1, le=10_000, allow_inf_nan=False)] | None = None
    sent_after_ms: Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False)] | None = None

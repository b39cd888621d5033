"""On what participants take part: screens, pixel ratios, interruptions. Counted by the database."""

from __future__ import annotations

from typing import Any

from sqlalchemy import case, distinct, func, select
from sqlalchemy.orm import Session

from study_server.dashboard.sql import rounded_down
from study_server.storage.models import Calibration, Participant, Response, Trial, Visit

_MOST_ROWS = 15


def devices(session: Session, study_id: int) -> dict[str, Any]:
    """Figures of the devices; participants who used two devices count in both.

    `ratios`: device pixel ratio and device pixels an image pixel of the answers, with numbers of participants and
    answers. `screens`, `refresh_rates`, `touch`: of the visits. `interruptions`: of answers and participants.
    """
    return {
        "ratios": _ratios(session, study_id),
        "screens": _of_visits(session, study_id, Visit.screen_width, Visit.screen_height),
        # Measured rates scatter by a fraction of a hertz.
        "refresh_rates": _of_visits(session, study_id, rounded_down(session, Visit.refresh_rate_hz + 0.5)),
        "touch": _of_visits(session, study_id, case((Visit.touch_points > 0, "yes"), else_="no")),
        "interruptions": _interruptions(session, study_id),
        "calibrated": session.scalar(
            select(func.count(distinct(Calibration.participant_id)))
            .join(Participant, Participant.id == Calibration.participant_id)
            .where(Participant.study_id == study_id)
        ),
        "with_visits": session.scalar(
            select(func.count()).where(Participant.study_id == study_id, Participant.visits > 0)
        ),
    }


def _ratios(session: Session, study_id: int) -> list[Any]:
    ratio, scale = Response.device_pixel_ratio, Response.pixel_scale
    each = (
        select(ratio.label("ratio"), scale.label("scale"), func.count().label("answers"))
        .select_from(Trial)
        .join(Response, Response.trial_id == Trial.id)
        .where(Trial.study_id == study_id)
        .group_by(Trial.participant_id, ratio, scale)
        .subquery()
    )
    answers = func.sum(each.c.answers).label("answers")
    rows = session.execute(
        select(each.c.ratio, each.c.scale, func.count().label("participants"), answers)
        .group_by(each.c.ratio, each.c.scale)
        .order_by(answers.desc(), each.c.ratio)
        .limit(_MOST_ROWS)
    )
    return list(rows)


def _of_visits(session: Session, study_id: int, *columns: Any) -> list[Any]:
    """Values of the visits with the number of participants who had them, the commonest first."""
    number = func.count(distinct(Visit.participant_id))
    rows = session.execute(
        select(*columns, number.label("participants"))
        .join(Participant, Participant.id == Visit.participant_id)
        .where(Participant.study_id == study_id)
        .group_by(*columns)
        .order_by(number.desc(), *columns)
        .limit(_MOST_ROWS)
    )
    return list(rows)


def _interruptions(session: Session, study_id: int) -> dict[str, int]:
    hidden, changed = Response.hidden.is_(True), Response.window_changes > 0
    answers = session.execute(
        select(
            func.count(),
            func.coalesce(func.sum(case((hidden, 1), else_=0)), 0),
            func.coalesce(func.sum(case((changed, 1), else_=0)), 0),
            func.coalesce(func.sum(case((Response.sent_after_ms > 60_000, 1), else_=0)), 0),
        )
        .select_from(Trial)
        .join(Response, Response.trial_id == Trial.id)
        .where(Trial.study_id == study_id)
    ).one()
    came_back = session.scalar(select(func.count()).where(Participant.study_id == study_id, Participant.visits > 1))
    names = ("answers", "hidden", "window_changed", "sent_late")
    return dict(zip(names, map(int, answers), strict=True)) | {"came_back": came_back or 0}

"""The dashboard's pages: what each shows, as values for its template and data for its charts."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from study_server.dashboard import people, wrong_passwords
from study_server.dashboard.answer_counts import FitPsychometric, ShiftCount, count_pairs, count_shifts, curve
from study_server.dashboard.devices import devices
from study_server.dashboard.login import number_logged_in
from study_server.dashboard.reaction_times import reaction_times
from study_server.dashboard.recruitment import STATES, over_time, recruitment
from study_server.participants.guessing import chances
from study_server.participants.running_study import RunningStudy
from study_server.storage.models import Event, Participant, Study

ARGUMENTS = ("of", "only", "order", "label", "kind", "pairs", "page")
"""What addresses of pages may ask for."""

LEAST_ANSWERED = 8
"""So many of the least answered pairs are listed, unless all are asked for."""


@dataclass(frozen=True)
class Asked:
    """What a page is made of: the study, this moment, and what the address asks for."""

    study: RunningStudy
    now: datetime
    arguments: Mapping[str, Any]
    fit: FitPsychometric | None = None

    def one_of(self, name: str, allowed: Mapping[str, Any] | tuple[str, ...], default: str) -> str:
        value = self.arguments.get(name, default)
        return value if value in allowed else default

    @property
    def page(self) -> int:
        text = self.arguments.get("page", "1")
        return min(max(1, int(text)), 1_000_000) if text.isascii() and text.isdigit() and len(text) < 8 else 1


Values = dict[str, Any]


@dataclass(frozen=True)
class Page:
    """A page of the dashboard. `make` gives the template's values; those under `charts` are drawn by the browser."""

    title: str
    template: str
    make: Callable[[Session, Asked], Values]


def version(session: Session, asked: Asked) -> str:
    """Changes whenever a page of this study may have changed; found out at little cost."""
    study = asked.study
    people_so_far = session.execute(
        select(
            func.count(), func.sum(Participant.answered), func.sum(Participant.visits),
            func.max(Participant.last_seen_at), func.count(Participant.passed), func.count(Participant.finished_at),
            func.count(Participant.slot), func.count(Participant.excluded_reason),
        ).where(Participant.study_id == study.id)
    ).one()  # fmt: skip
    last = session.scalar(select(func.max(Event.id)).where(Event.study_id == study.id))
    state = session.scalar(select(Study.state).where(Study.id == study.id))
    # Who has not been seen for a while counts as gone, without anything being stored.
    minute = asked.now.strftime("%Y-%m-%dT%H:%M")
    return hashlib.sha256(repr((*people_so_far, last, state, minute)).encode()).hexdigest()[:24]


def _overview(session: Session, asked: Asked) -> Values:
    study, wanted = asked.study, asked.study.settings.recruitment.answers_per_pair
    pairs = count_pairs(session, study.id)
    listed = pairs if asked.arguments.get("pairs") == "all" else pairs[:LEAST_ANSWERED]
    done = sum(pair.used >= wanted for pair in pairs)
    of_all, of_used = Counter(pair.answers for pair in pairs), Counter(pair.used for pair in pairs)
    numbers_of_answers = range(min(of_used), max(of_all) + 1)  # used are never more than all
    return {
        "numbers": recruitment(session, study, asked.now),
        "state": session.get_one(Study, study.id).state,
        "pairs": listed,
        "number_of_pairs": len(pairs),
        "address_full": _last(session, study, "address_full"),
        "ids_full": _last(session, study, "ids_full"),
        "used": sum(pair.used for pair in pairs),
        "least": pairs[0].used,
        "wanted": wanted,
        "histogram": [(number, of_all[number], of_used[number]) for number in numbers_of_answers],
        "pairs_done": done,
        "needed": wanted * len(pairs),
        "counted": sum(min(pair.used, wanted) for pair in pairs),
        "wrong_passwords": wrong_passwords.lately(session, study, asked.now),
        "charts": {
            "recruitment": over_time(session, study, asked.now),
            "pairs": {
                "x": list(numbers_of_answers),
                "all": [of_all[number] for number in numbers_of_answers],
                "used": [of_used[number] for number in numbers_of_answers],
                "wanted": wanted,
            },
        },
    }


def _last(session: Session, study: RunningStudy, kind: str) -> datetime | None:
    """When this was last noted in the audit trail."""
    last: datetime | None = session.scalar(
        select(func.max(Event.at)).where(Event.study_id == study.id, Event.kind == kind)
    )
    return last


def _table1(session: Session, asked: Asked) -> Values:
    which = asked.one_of("of", ("accepted", "all"), "accepted")
    pairs, accepted_only = count_pairs(session, asked.study.id), which == "accepted"
    rows = count_shifts(pairs, accepted_only=accepted_only)
    by_distance = count_shifts(pairs, accepted_only=accepted_only, by="distance_px")
    answered = [row for row in by_distance if row.answers]
    fit = None
    if asked.fit is not None and answered:
        fit = asked.fit(
            [row.shift_px for row in answered], [row.different for row in answered], [row.answers for row in answered]
        )
    chart: Values = {"points": [_point(row) for row in answered], "largest": by_distance[-1].shift_px}
    if fit is not None:
        chart |= {"curve": curve(fit, by_distance[-1].shift_px), "threshold": fit.threshold_px}
    return {
        "which": which,
        "rows": rows,
        "same": sum(row.same for row in rows),
        "answers": sum(row.answers for row in rows),
        "judged_pairs": sum(row.pairs for row in rows),
        "fit": fit,
        "can_fit": asked.fit is not None,
        "charts": {"psychometric": chart},
    }


def _point(row: ShiftCount) -> Values:
    low, high = row.different_interval or (math.nan, math.nan)
    return {"x": row.shift_px, "y": row.different_percent, "low": low, "high": high, "answers": row.answers}


def _participants(session: Session, asked: Asked) -> Values:
    only = asked.one_of("only", tuple(people.conditions(asked.study, asked.now)), "")
    order = asked.one_of("order", people.ORDERS, "arrival")
    label = asked.arguments.get("label", "").strip()[:20]
    found, total = people.people(
        session, asked.study, asked.now, only=only, label=label, order=order, page=asked.page
    )  # fmt: skip
    return {
        "people": found, "total": total, "only": only, "order": order, "label": label, "orders": people.ORDERS,
        "states": STATES, "numbers": recruitment(session, asked.study, asked.now), "trials": asked.study.n_trials,
        "page": asked.page, "last_page": max(1, math.ceil(total / people.PAGE)), "charts": {},
    }  # fmt: skip


def _exclusions(session: Session, asked: Asked) -> Values:
    numbers = recruitment(session, asked.study, asked.now)
    participants = people.not_used(session, asked.study)
    described = people.describe(session, asked.study, participants, asked.now)
    settings = asked.study.settings
    return {
        "numbers": numbers, "people": described, "chances": chances(settings), "rules": settings.acceptance,
        "charts": {},
    }  # fmt: skip


def _reaction_times(session: Session, asked: Asked) -> Values:
    found = reaction_times(session, asked.study.id)
    shifts = [(shift, found.by_shift[shift]["all"]) for shift in found.by_shift]
    return {
        "times": found,
        "charts": {
            "reaction_times": found.histogram,
            "by_shift": {
                "x": [shift for shift, _ in shifts],
                "lower": [q.lower for _, q in shifts],
                "median": [q.median for _, q in shifts],
                "upper": [q.upper for _, q in shifts],
            },
        },
    }


def _devices(session: Session, asked: Asked) -> Values:
    found = devices(session, asked.study.id)
    ratios: Counter[float] = Counter()
    for row in found["ratios"]:
        ratios[row.ratio] += row.participants
    return {
        "devices": found,
        "calibration": asked.study.settings.display.calibration,
        "charts": {
            "ratios": {"x": [f"{ratio:.4g}" for ratio in sorted(ratios)], "y": [ratios[r] for r in sorted(ratios)]},
            "screens": {
                "x": [f"{width} × {height}" for width, height, _ in found["screens"]],
                "y": [number for _, _, number in found["screens"]],
            },
        },
    }


def _audit(session: Session, asked: Asked) -> Values:
    kind = asked.arguments.get("kind", "")[:32]
    events, total = people.events(session, asked.study, kind=kind, page=asked.page)
    kinds = session.scalars(select(Event.kind).where(Event.study_id == asked.study.id).distinct().order_by(Event.kind))
    return {
        "events": events, "total": total, "kind": kind, "kinds": list(kinds), "page": asked.page,
        "last_page": max(1, math.ceil(total / people.PAGE)), "logged_in_now": number_logged_in(session, asked.study),
        "charts": {},
    }  # fmt: skip


PAGES: dict[str, Page] = {
    "overview": Page("Overview", "dashboard/overview.html", _overview),
    "table1": Page("Table 1", "dashboard/table1.html", _table1),
    "participants": Page("Participants", "dashboard/participants.html", _participants),
    "exclusions": Page("Exclusions", "dashboard/exclusions.html", _exclusions),
    "reaction-times": Page("Reaction times", "dashboard/reaction_times.html", _reaction_times),
    "devices": Page("Devices", "dashboard/devices.html", _devices),
    "audit": Page("Audit trail", "dashboard/audit.html", _audit),
}


def now() -> datetime:
    """This moment."""
    return datetime.now(UTC)

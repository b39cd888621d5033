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
from study_server.dashboard.answer_counts import StudyAnswers, count_stimuli
from study_server.dashboard.devices import devices
from study_server.dashboard.login import number_logged_in
from study_server.dashboard.names import Names
from study_server.dashboard.reaction_times import reaction_times
from study_server.dashboard.recruitment import STATES, over_time, recruitment
from study_server.participants.running_study import RunningStudy
from study_server.storage.models import Event, Participant, Study
from study_server.tasks.charts import Chart, histogram
from study_server.tasks.dashboard import FitPsychometric, ResultsPage
from study_server.tasks.task import Task

ARGUMENTS = ("of", "only", "order", "label", "kind", "page")
"""What addresses of pages may ask for; that of the overview for all stimuli too, by what they are called."""

LEAST_ANSWERED = 8
"""So many of the least answered stimuli are listed, unless all are asked for."""


@dataclass(frozen=True)
class Asked:
    """What a page is made of: the study, this moment, and what the address asks for."""

    study: RunningStudy
    now: datetime
    arguments: Mapping[str, Any]
    fit: FitPsychometric | None = None

    @property
    def names(self) -> Names:
        return Names.of(self.study.task)

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
    study, wanted, names = asked.study, asked.study.settings.recruitment.answers_per_pair, asked.names
    stimuli = count_stimuli(session, study)
    listed = stimuli if asked.arguments.get(names.stimuli) == "all" else stimuli[:LEAST_ANSWERED]
    done = sum(each.n_used >= wanted for each in stimuli)
    of_all, of_used = Counter(each.n_all for each in stimuli), Counter(each.n_used for each in stimuli)
    numbers_of_answers = range(min(of_used), max(of_all) + 1)  # used are never more than all
    return {
        "numbers": recruitment(session, study, asked.now),
        "state": session.get_one(Study, study.id).state,
        "stimuli": listed,
        "number_of_stimuli": len(stimuli),
        "address_full": _last(session, study, "address_full"),
        "ids_full": _last(session, study, "ids_full"),
        "used": sum(each.n_used for each in stimuli),
        "least": stimuli[0].n_used,
        "wanted": wanted,
        "histogram": [(number, of_all[number], of_used[number]) for number in numbers_of_answers],
        "stimuli_done": done,
        "needed": wanted * len(stimuli),
        "counted": sum(min(each.n_used, wanted) for each in stimuli),
        "wrong_passwords": wrong_passwords.lately(session, study, asked.now),
        "charts": {
            "recruitment": {"kind": "recruitment"} | over_time(session, study, asked.now),
            "stimuli": {
                "kind": "answers",
                "xTitle": f"answers of {names.a_stimulus}",
                "yTitle": names.stimuli,
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


def _results(page: ResultsPage) -> Callable[[Session, Asked], Values]:
    """What makes a page of results that a task declares."""

    def make(session: Session, asked: Asked) -> Values:
        which = asked.one_of("of", ("accepted", "all"), "accepted")
        return page.make(StudyAnswers(session, asked.study, which == "accepted", asked.fit)) | {"which": which}

    return make


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
        "numbers": numbers, "people": described, "chances": asked.study.task.chances(settings),
        "rules": asked.study.task.dashboard.rules(settings), "fastest_ms": settings.acceptance.fastest_ms, "charts": {},
    }  # fmt: skip


def _reaction_times(session: Session, asked: Asked) -> Values:
    names = asked.names
    found = reaction_times(session, asked.study.id, asked.study.task.answers)
    bars = {names.answers[response]: bars for response, bars in found.histogram.items()}
    strata = [(stratum, by["all"]) for stratum, by in found.by_stratum.items()]
    return {
        "times": found,
        "charts": {
            "reaction_times": histogram(bars, found.bars_s, x_title=_SECONDS, y_title="answers"),
            "by_stratum": {
                "kind": "quartiles",
                "xTitle": names.strata.axis,
                "yTitle": _SECONDS,
                "x": [stratum for stratum, _ in strata],
                "lower": [q.lower for _, q in strata],
                "median": [q.median for _, q in strata],
                "upper": [q.upper for _, q in strata],
            },
        },
    }


_SECONDS = "reaction time, s"


def _devices(session: Session, asked: Asked) -> Values:
    found = devices(session, asked.study.id)
    ratios: Counter[float] = Counter()
    for row in found["ratios"]:
        ratios[row.ratio] += row.participants
    return {
        "devices": found,
        "calibration": asked.study.settings.display.calibration,
        "charts": {
            "ratios": _of_participants(
                "device pixel ratio", {f"{ratio:.4g}": ratios[ratio] for ratio in sorted(ratios)}
            ),
            "screens": _of_participants(
                "screen, CSS pixels", {f"{width} × {height}": number for width, height, number in found["screens"]},
            )
            | {"lying": True},
        },
    }  # fmt: skip


def _of_participants(title: str, numbers: Mapping[str, int]) -> Chart:
    """A bar for each number of participants."""
    return {
        "kind": "numbers", "xTitle": title, "yTitle": "participants", "x": list(numbers), "y": list(numbers.values()),
    }  # fmt: skip


def _audit(session: Session, asked: Asked) -> Values:
    kind = asked.arguments.get("kind", "")[:32]
    events, total = people.events(session, asked.study, kind=kind, page=asked.page)
    kinds = session.scalars(select(Event.kind).where(Event.study_id == asked.study.id).distinct().order_by(Event.kind))
    return {
        "events": events, "total": total, "kind": kind, "kinds": list(kinds), "page": asked.page,
        "last_page": max(1, math.ceil(total / people.PAGE)), "logged_in_now": number_logged_in(session, asked.study),
        "charts": {},
    }  # fmt: skip


_BEFORE = {"overview": Page("Overview", "dashboard/overview.html", _overview)}
_AFTER = {
    "participants": Page("Participants", "dashboard/participants.html", _participants),
    "exclusions": Page("Exclusions", "dashboard/exclusions.html", _exclusions),
    "reaction-times": Page("Reaction times", "dashboard/reaction_times.html", _reaction_times),
    "devices": Page("Devices", "dashboard/devices.html", _devices),
    "audit": Page("Audit trail", "dashboard/audit.html", _audit),
}


def results_pages(task: Task[Any]) -> dict[str, Page]:
    """The pages of results of a study with this task, by their addresses."""
    return {page.slug: Page(page.title, page.template, _results(page)) for page in task.dashboard.results}


def pages_of(task: Task[Any]) -> dict[str, Page]:
    """The pages of a study with this task, by name, in the order in which one may want them."""
    return {**_BEFORE, **results_pages(task), **_AFTER}


def now() -> datetime:
    """This moment."""
    return datetime.now(UTC)

"""The whole report of a study, from its tidy response table and the distances of metrics."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from analysis.agreement.comparison import CONCORDANCE_MARGIN, MAP_MARGIN
from analysis.agreement.conclusion import NAMES
from analysis.columns.simulated import WhoAnswered
from analysis.errors import AnalysisError
from analysis.exclusions.marking import DEFAULT_RULES
from analysis.observers.dprime import Model
from analysis.planning.plan import Plan, adherence
from analysis.report.content import Distances, Report, Section
from analysis.report.metrics_section import metrics_section
from analysis.report.observer_sections import observers_section
from analysis.report.oddity_section import oddity_section
from analysis.report.people_section import people_section
from analysis.report.preference_sections import (
    TripletSources,
    figure_1_section,
    flips_section,
    scale_section,
    shares_section,
)
from analysis.report.reliability_section import reliability_section
from analysis.report.sensitivity_section import sensitivity_section
from analysis.report.study_sections import answers_section, participants_section, study_section
from analysis.report.visibility_sections import d_prime_section, psychometric_section
from analysis.tasks.registry import task_of


@dataclass(frozen=True)
class Settings:
    """What a report was made with. `replicates` and `permutations` are those of the comparison of metrics."""

    rules: tuple[str, ...] = DEFAULT_RULES
    core: str = "log-normal"
    d_prime_model: Model = "differencing"
    min_responses: int = 3
    replicates: int = 10_000
    permutations: int = 2_000
    seed: int = 0
    concordance_margin: float = CONCORDANCE_MARGIN
    map_margin: float = MAP_MARGIN

    @property
    def observer_replicates(self) -> int:
        """Draws of participants and photographs; a fifth of the metrics' serves an interval as well."""
        return max(self.replicates // 5, 100)


def build(
    responses: pd.DataFrame,
    distances: Distances,
    settings: Settings,
    *,
    footer: tuple[tuple[str, str], ...] = (),
    block: tuple[tuple[str, str], ...] = (),
    plan: Plan | None = None,
    unreadable: tuple[str, ...] = (),
    triplets: TripletSources | None = None,
    step: Callable[[str], object] | None = None,
) -> Report:
    """The report. What cannot be analysed is left out with a sentence; the rest is there.

    Args:
        responses: the tidy response table, marked.
        distances: name of a metric → pair → distance; may be empty.
        settings: what to make it with.
        footer, block: see `Report`.
        plan: an analysis plan that was registered.
        unreadable: sentences on distances that could not be read.
        triplets: of a two-alternative study, files of distances and the images.
        step: called with the title of each section before it is made.

    Raises: `AnalysisError` where there are no responses, they are of several studies, or distances are given for a task
        whose report has none.
    """
    studies = responses["study"].unique().tolist()
    if not studies:
        raise AnalysisError("There are no responses yet; report on the study after the first participant answered.")
    if len(studies) > 1:
        raise AnalysisError(
            f"The responses are of {len(studies)} studies ({', '.join(studies)}); report on one of them."
        )
    task = task_of(responses)
    if (distances or unreadable) and "metrics" not in task.sections:
        raise AnalysisError(
            f"The responses are of {task.name}, and metrics are held against same-different judgments alone; leave the "
            f"distances out{' and give --scores' if 'flips' in task.sections else ''}."
        )
    if triplets is not None and triplets.scores and "flips" not in task.sections:
        raise AnalysisError(
            f"The responses are of {task.name}, and scores of triplets are held against 2afc judgments alone; leave "
            "them out."
        )
    say = step or (lambda title: None)
    sections = []
    for name, title, make in _makers(responses, distances, settings, plan, triplets or TripletSources()):
        if name not in task.sections:
            continue
        say(title)
        section = _made(name, title, make)
        if name == "metrics":
            section = replace(section, left_out=(*unreadable, *section.left_out))
        sections.append(section)
    who = WhoAnswered.of(responses)
    title = f"Report on the study {studies[0]}" + (f": {who.label[0].lower()}{who.label[1:]}" if who.label else "")
    summary = (*([who.sentence] if who.sentence else []), *_summary(sections))
    return Report(title, summary, tuple(sections), footer, who.label, {"simulated": who.to_json()}, block)


Maker = Callable[[], Section]


def _makers(
    responses: pd.DataFrame, distances: Distances, settings: Settings, plan: Plan | None, triplets: TripletSources
) -> Sequence[tuple[str, str, Maker]]:
    draws: dict[str, Any] = {"replicates": settings.observer_replicates, "seed": settings.seed}
    makers: list[tuple[str, str, Maker]] = [
        ("study", "Study", lambda: study_section(responses)),
        ("participants", "Participants", lambda: participants_section(responses, settings.rules)),
        ("answers", "Answers by shift", lambda: answers_section(responses, settings.rules)),
        (
            "psychometric",
            "Psychometric function",
            lambda: psychometric_section(responses, core=settings.core, **draws),
        ),
        ("people", "Thresholds of single people", lambda: people_section(responses, core=settings.core, **draws)),
        ("d-prime", "d′ by shift", lambda: d_prime_section(responses, model=settings.d_prime_model, **draws)),
        ("oddity", "d′ by shift", lambda: oddity_section(responses, **draws)),
        ("shares", "Which image people prefer", lambda: shares_section(responses, triplets, **draws)),
        ("flips", "Flips", lambda: flips_section(responses, triplets, **draws)),
        (
            "figure-1",
            "What people and metrics prefer, triplet by triplet",
            lambda: figure_1_section(responses, triplets),
        ),
        (
            "scale",
            "Scales of the distorted images of a reference",
            lambda: scale_section(responses, triplets),
        ),
        (
            "observers",
            "Participants, images, order and time",
            lambda: observers_section(responses, **draws),
        ),
        ("reliability", "Reliability", lambda: reliability_section(responses, **draws)),
        (
            "metrics",
            "Metrics against people",
            lambda: metrics_section(
                responses,
                distances,
                min_responses=settings.min_responses,
                replicates=settings.replicates,
                permutations=settings.permutations,
                seed=settings.seed,
                concordance_margin=settings.concordance_margin,
                map_margin=settings.map_margin,
            ),
        ),
        (
            "sensitivity",
            "Sensitivity to the exclusion rules",
            lambda: sensitivity_section(
                responses,
                distances,
                settings.rules,
                core=settings.core,
                min_responses=settings.min_responses,
                **draws,
            ),
        ),
    ]
    if plan is not None:
        makers.append(("plan", "Analysis plan", lambda: _plan_section(responses, distances, settings, plan)))
    return makers


def _made(name: str, title: str, make: Maker) -> Section:
    try:
        return make()
    except AnalysisError as error:
        return Section(name, title, left_out=(str(error),))


def _summary(sections: Sequence[Section]) -> tuple[str, ...]:
    """The first sentence or two of the sections that answer the study's questions."""
    asked = ("psychometric", "oddity", "flips", "metrics")
    return tuple(section.paragraphs[0] for section in sections if section.name in asked and section.paragraphs)


def _plan_section(responses: pd.DataFrame, distances: Distances, settings: Settings, plan: Plan) -> Section:
    used = {
        "rules": settings.rules,
        "core": settings.core,
        "d_prime_model": settings.d_prime_model,
        "min_responses": settings.min_responses,
        "replicates": settings.replicates,
        "permutations": settings.permutations,
        "seed": settings.seed,
        "concordance_margin": settings.concordance_margin,
        "map_margin": settings.map_margin,
    }
    study = str(responses["study"].iloc[0])
    found = adherence(plan, settings=used, metrics=tuple(distances), responses=responses, study=study)
    text = [
        f"The analysis plan was registered at {plan.registered_at}; its SHA-256 is {plan.sha256}. "
        + ("This report follows it." if found.followed else "This report does not follow it in everything.")
    ]
    text.append(
        f"Primary outcome: {NAMES[plan.primary_outcome]}."
        + (
            " γ within shifts stands before it in this report; of both verdicts on metrics that by JND mAP was planned."
            if plan.primary_outcome == "jnd_map"
            else ""
        )
    )
    text += [f"Hypothesis: {hypothesis}" for hypothesis in plan.hypotheses]
    text += [*found.deviations, *found.added]
    if found.answered_before is None:
        text.append("When the answers were given is unknown.")
    elif found.answered_before:
        text.append(f"{found.answered_before:,} of {found.responses:,} responses had been given before that.")
    else:
        text.append("All responses were given after that.")
    return Section("plan", "Analysis plan", tuple(text), results={"plan": found.to_json()})

"""What makes people answer "different": shift, side, order, and which people and photographs they are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

from analysis.columns.participants import named, unknown_participants
from analysis.errors import AnalysisError
from analysis.observers.accepted_answers import AcceptedAnswers, Integers
from analysis.observers.cluster_robust import LogisticFit, fit_logistic
from analysis.observers.predictors import MEANING, predictors_of
from analysis.observers.random_effects import MOST_ANSWERS, Kind, RandomEffect, RandomEffects, random_effects
from analysis.observers.reaction_times import ReactionTimes, reaction_times
from analysis.observers.trial_blocks import TrialBlock, trial_blocks
from analysis.results import Estimate, Result

Floats = NDArray[np.float64]

# Robust errors of fewer clusters are too small, and say so of nobody.
FEWEST_CLUSTERS = 5


@dataclass(frozen=True)
class Predictor(Result):
    """What a predictor does to the odds of "different".

    `odds_ratio`: factor of the odds; of the intercept the odds themselves. `p`: two-sided, of a factor of 1 (t
    distribution); None without an interval.
    """

    name: str
    meaning: str
    odds_ratio: Estimate
    p: float | None


@dataclass(frozen=True)
class MixedModel(Result):
    """Logistic regression of "different", with intervals that hold for other participants and other photographs.

    `participant_sd`, `photograph_sd`: standard deviation of participants, in all their answers, and of photographs, in
    those to shifted pairs, in log odds; 0 where they do not differ, None where not known or too few. `participant_p`,
    `photograph_p`: of the likelihood-ratio test that it is 0. `photograph_effects`: lowest first: photographs that hide
    a shift; `participant_effects` likewise: people who say "different" seldom. `blocks`: answers by ten trials.
    `sentences`: what the model says of side, learning and fatigue. `notes`: what is left out, and why.
    """

    rows: tuple[Predictor, ...]
    participant_sd: Estimate | None
    participant_p: float | None
    photograph_sd: Estimate | None
    photograph_p: float | None
    participant_effects: tuple[RandomEffect, ...]
    photograph_effects: tuple[RandomEffect, ...]
    blocks: tuple[TrialBlock, ...]
    reaction_times: ReactionTimes | None
    answers: int
    participants: int | None
    photographs: int
    sentences: tuple[str, ...]
    notes: tuple[str, ...]

    def told_apart(self, of: Literal["participants", "photographs"]) -> tuple[RandomEffect, ...]:
        """Those who differ from a typical one, lowest first: whose interval is clear of 0, as that of the standard
        deviation is."""
        people = of == "participants"
        sd, effects = (
            (self.participant_sd, self.participant_effects) if people else (self.photograph_sd, self.photograph_effects)
        )
        return tuple(one for one in effects if one.clear) if sd is not None and (sd.low or 0.0) > 0 else ()


def mixed_model(responses: pd.DataFrame, *, replicates: int = 2000, seed: int = 0) -> MixedModel:
    """The model of the accepted answers of a tidy response table.

    Odds ratios are of all answers pooled (independence working correlation); their errors are robust for clusters of
    participants and of photographs together. Participants' and photographs' own effects come of a model with effects
    of both, those of photographs on shifted pairs only.

    Args:
        responses: a tidy response table.
        replicates: how often participants are drawn anew for the intervals of reaction times.
        seed: of these draws.

    Raises: `AnalysisError` where no response is left, they are of several studies, all answers are the same, or a
        predictor separates them.

    Source: Cameron, Gelbach & Miller 2011 (robust errors); Baayen, Davidson & Bates 2008 (crossed effects).
    """
    answers = AcceptedAnswers.of(responses)
    predictors = predictors_of(answers)
    notes = list(predictors.notes)
    clusters = _clusters(answers, notes)
    found = fit_logistic(predictors.values, answers.different, [codes for codes, _ in clusters])
    start = found.log_odds
    by_kind = _effects(answers, predictors.values, start, clusters, notes)
    method = _method(clusters, answers)
    rows = tuple(_row(name, float(start[index]), found, index, method) for index, name in enumerate(predictors.names))
    people, pictures = by_kind.get("participants"), by_kind.get("photographs")
    try:
        times = reaction_times(responses, replicates=replicates, seed=seed)
    except AnalysisError as error:
        times = None
        notes.append(str(error))
    return MixedModel(
        rows=rows,
        participant_sd=people.sd if people else None,
        participant_p=people.p if people else None,
        photograph_sd=pictures.sd if pictures else None,
        photograph_p=pictures.p if pictures else None,
        participant_effects=people.rows if people else (),
        photograph_effects=pictures.rows if pictures else (),
        blocks=trial_blocks(answers),
        reaction_times=times,
        answers=len(answers.different),
        participants=None if answers.participant is None else len(answers.participants),
        photographs=len(answers.photographs),
        sentences=_sentences({row.name: row for row in rows}),
        notes=(*notes, *_alike(answers)),
    )


_Group = tuple[Integers, tuple[str, ...]]


def _clusters(answers: AcceptedAnswers, notes: list[str]) -> list[_Group]:
    """Participants and photographs, as far as they are known and not too few."""
    found: list[_Group] = []
    if answers.participant is None:
        unknown = unknown_participants(answers.responses)
        notes.append(f"{unknown}: participants are left out, and intervals are about photographs.")
    elif len(answers.participants) < FEWEST_CLUSTERS:
        notes.append(f"There are too few participants to tell how people differ ({len(answers.participants)}).")
    else:
        found.append((answers.participant, answers.participants))
    if len(answers.photographs) < FEWEST_CLUSTERS:
        notes.append(f"There are too few photographs to tell how photographs differ ({len(answers.photographs)}).")
    else:
        found.append((answers.photograph, answers.photographs))
    return found


def _named(answers: AcceptedAnswers, clusters: Sequence[_Group]) -> list[tuple[str, _Group]]:
    return [("participants" if group[0] is answers.participant else "photographs", group) for group in clusters]


def _effects(
    answers: AcceptedAnswers, predictors: Floats, start: Floats, clusters: Sequence[_Group], notes: list[str]
) -> dict[str, RandomEffects]:
    """Of participants and of photographs, as far as they can be told."""
    if len(answers.different) > MOST_ANSWERS:
        notes.append(
            f"The effects of single people and photographs are not computed of more than {MOST_ANSWERS:,} answers."
        )
        return {}
    shifted = answers.shift_px > 0
    kinds = {
        name: Kind(codes, names, shifted | (name == "participants"))
        for name, (codes, names) in _named(answers, clusters)
        if name == "participants" or bool(shifted.any())
    }
    try:
        found = random_effects(predictors, answers.different, list(kinds.values()), start) if kinds else []
    except AnalysisError as error:
        notes.append(str(error))
        return {}
    return dict(zip(kinds, found, strict=True))


def _method(clusters: Sequence[_Group], answers: AcceptedAnswers) -> str:
    named = [f"{len(group[1])} {name}" for name, group in _named(answers, clusters)]
    if not named:
        return "no interval: too few participants and photographs"
    return f"generalised estimating equations; 95% interval robust for {' and '.join(named)}"


def _row(name: str, log_odds: float, found: LogisticFit, index: int, method: str) -> Predictor:
    low = high = p = None
    if found.errors is not None:
        error = float(found.errors[index])
        away = float(stdtrit(found.df, 0.975)) * error
        low, high = _odds(log_odds - away), _odds(log_odds + away)
        p = float(2 * stdtr(found.df, -abs(log_odds) / error)) if error > 0 else None
    return Predictor(name, MEANING[name], Estimate(_odds(log_odds), low, high, method), p)


def _odds(log_odds: float) -> float:
    return math.exp(min(log_odds, 700.0))


def _alike(answers: AcceptedAnswers) -> list[str]:
    if answers.participant is None:
        return []
    different = np.bincount(answers.participant, answers.different, len(answers.participants))
    total = np.bincount(answers.participant, minlength=len(answers.participants))
    names = [answers.participants[index] for index in np.flatnonzero((different == 0) | (different == total))]
    if not names:
        return []
    return [f"Participants who gave the same answer in every trial: {named(names)}; they are kept."]


def _sentences(rows: dict[str, Predictor]) -> tuple[str, ...]:
    told = {
        "reference_right": ("Side", "with the reference on the right", "no side bias is seen"),
        "first_trials": ("Practice", "in the first ten trials, beyond that trend", "no learning is seen"),
        "ten_trials": ("Order", "ten trials later", "neither fatigue nor a drift is seen"),
    }
    return tuple(
        _sentence(rows[name].odds_ratio, *told[name])
        for name in ("reference_right", "ten_trials", "first_trials")
        if name in rows
    )


def _sentence(ratio: Estimate, topic: str, where: str, nothing: str) -> str:
    value = f"{topic}: the odds of “different” are {ratio.estimate:.2f} times as high {where}"
    if ratio.low is None or ratio.high is None:
        return f"{value}; there is no interval."
    verdict = nothing if ratio.low <= 1 <= ratio.high else "1 is not in the interval"
    return f"{value} ({ratio.low:.2f} to {ratio.high:.2f}): {verdict}."

"""The main results under other exclusion rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from analysis.agreement.comparison import SHIFT
from analysis.agreement.concordance import Concordance
from analysis.agreement.judged_pairs import JudgedPairs
from analysis.agreement.metric_agreement import DrawnMap, concordance_estimate
from analysis.agreement.photograph_draws import PhotographDraws
from analysis.agreement.tie_rules import jnd_map
from analysis.errors import AnalysisError
from analysis.exclusions.marking import DEFAULT_RULES
from analysis.observers.reliability import reliability
from analysis.observers.sensitivity import variants
from analysis.psychometric.function import PsychometricFunction, psychometric_function
from analysis.report.content import Distances, Section, Table, interval, listed, number, percent
from analysis.results import Estimate
from analysis.trial_counts import TrialCounts

# The split-half correlation is not shown.
_SPLITS = 2


@dataclass(frozen=True)
class _Variant:
    """The main results under some of the rules. `maps`: name of a metric → its JND mAP; `gammas`: → γ within shifts."""

    label: str
    function: PsychometricFunction
    alpha: Estimate | None
    maps: dict[str, Estimate]
    gammas: dict[str, Estimate]


def sensitivity_section(
    responses: pd.DataFrame,
    distances: Distances,
    rules: Sequence[str],
    *,
    core: str,
    min_responses: int,
    replicates: int,
    seed: int,
) -> Section:
    """Threshold, rates, reliability and JND mAP with all rules, with none, without each, and with each alone."""
    found: list[_Variant] = []
    left_out: list[str] = []
    known: dict[bytes, _Variant] = {}
    # Where no rule is in force, what the usual ones would change.
    for label, marked in variants(responses, rules or DEFAULT_RULES):
        excluded = marked["excluded"].to_numpy(dtype=bool).tobytes()
        try:
            if excluded not in known:
                known[excluded] = _variant(label, marked, distances, core, min_responses, replicates, seed)
        except AnalysisError as error:
            left_out.append(f"{label.capitalize()}: {error}")
            continue
        found.append(replace(known[excluded], label=label))
    text = ["What the study would say had its exclusion rules been others."]
    if not rules:
        text = [f"No rule is in force; this is what {listed(DEFAULT_RULES)} would change."]
    if len(known) == 1 and not left_out:
        found = [replace(found[0], label="with each of them, with all and with none")]
        text = [f"{listed(rules or DEFAULT_RULES).capitalize()} leave out nothing, together or alone."]
    elif found:
        thresholds = [v.function.threshold_px.estimate for v in found if v.function.threshold_px.estimate is not None]
        if thresholds:
            text[0] += f" The threshold ranges from {min(thresholds):.2f} to {max(thresholds):.2f} px."
    items = (_people_table(found), *_metric_tables(found)) if found else ()
    results = {"sensitivity": [_result(variant) for variant in found]}
    return Section("sensitivity", "Sensitivity to the exclusion rules", tuple(text), items, tuple(left_out), results)


def _variant(
    label: str,
    marked: pd.DataFrame,
    distances: Distances,
    core: str,
    min_responses: int,
    replicates: int,
    seed: int,
) -> _Variant:
    function = psychometric_function(TrialCounts.of(marked), core=core, replicates=replicates, seed=seed)
    try:
        alpha = reliability(marked, replicates=replicates, splits=_SPLITS, seed=seed).alpha
    except AnalysisError:
        alpha = None
    return _Variant(label, function, alpha, *_of_metrics(marked, distances, min_responses, replicates, seed))


def _of_metrics(
    marked: pd.DataFrame, distances: Distances, min_responses: int, replicates: int, seed: int
) -> tuple[dict[str, Estimate], dict[str, Estimate]]:
    """JND mAP of the shift and of the metrics, and γ within shifts of the metrics."""
    try:
        pairs = JudgedPairs.from_responses(marked, min_responses)
    except AnalysisError:
        return {}, {}
    known = pairs.answer_participant is not None
    draws = PhotographDraws.of(pairs.n_photographs, replicates, np.random.default_rng(seed), participants=known)
    by_metric = {SHIFT: pairs.shift_px}
    for name, by_pair in distances.items():
        values = np.array([by_pair.get(pair, np.nan) for pair in pairs.names])
        if np.isfinite(values).all():
            by_metric[name] = values
    maps = {
        name: DrawnMap.of(pairs, values, draws).estimate(jnd_map(pairs.same_share, values), pairs, draws)
        for name, values in by_metric.items()
    }
    gammas = {
        name: concordance_estimate(Concordance.of(pairs, values, draws), pairs, draws)
        for name, values in by_metric.items()
        if name != SHIFT
    }
    return maps, gammas


def _people_table(found: list[_Variant]) -> Table:
    rows, lines = [], []
    for variant in found:
        function = variant.function
        figures = {
            "threshold_px": function.threshold_px,
            "false_alarm_rate": function.false_alarm_rate,
            "lapse_rate": function.lapse_rate,
            "alpha": variant.alpha or Estimate(None, None, None, "no pair has two answers"),
        }
        people = "—" if function.participants is None else f"{function.participants:,}"
        shown = (
            interval(figures["threshold_px"], 2),
            percent(figures["false_alarm_rate"]),
            percent(figures["lapse_rate"]),
            interval(figures["alpha"], 2),
        )
        rows.append((variant.label, people, f"{function.answers:,}", *shown))
        lines.append(_line(variant, figures))
    return Table(
        "sensitivity",
        "Threshold, rates and Krippendorff's α with all exclusion rules, with none, without each, and with each alone.",
        ("Rules", "People", "Answers", "Threshold (px)", "False-alarm rate", "Lapse rate", "α"),
        tuple(rows),
        pd.DataFrame(lines),
    )


def _metric_tables(found: list[_Variant]) -> list[Table]:
    tables = [_metric_table("sensitivity_metrics", "JND mAP", found, [variant.maps for variant in found])]
    if any(variant.gammas for variant in found):
        gammas = [variant.gammas for variant in found]
        tables.insert(0, _metric_table("sensitivity_concordance", "γ within shifts", found, gammas))
    return tables


def _metric_table(name: str, what: str, found: list[_Variant], figures: list[dict[str, Estimate]]) -> Table:
    metrics = list(dict.fromkeys(metric for by_metric in figures for metric in by_metric))
    nothing = Estimate(None, None, None, "not all judged pairs have a distance")
    complete = [{metric: by_metric.get(metric, nothing) for metric in metrics} for by_metric in figures]
    return Table(
        name,
        f"{what} under other exclusion rules (intervals are in the table's CSV file).",
        ("Rules", *metrics),
        tuple(
            (variant.label, *(number(estimate.estimate, 3) for estimate in by_metric.values()))
            for variant, by_metric in zip(found, complete, strict=True)
        ),
        pd.DataFrame([_line(variant, by_metric) for variant, by_metric in zip(found, complete, strict=True)]),
    )


def _result(variant: _Variant) -> dict[str, Any]:
    maps = {name: vars(estimate) for name, estimate in variant.maps.items()}
    gammas = {name: vars(estimate) for name, estimate in variant.gammas.items()}
    alpha = None if variant.alpha is None else vars(variant.alpha)
    function = variant.function
    rates = {name: vars(getattr(function, name)) for name in ("threshold_px", "false_alarm_rate", "lapse_rate")}
    return {
        "rules": variant.label,
        "answers": function.answers,
        **rates,
        "alpha": alpha,
        "jnd_map": maps,
        "concordance": gammas,
    }


def _line(variant: _Variant, figures: dict[str, Estimate]) -> dict[str, str | float | None]:
    line: dict[str, str | float | None] = {
        "rules": variant.label,
        "participants": variant.function.participants,
        "responses": variant.function.answers,
    }
    for name, figure in figures.items():
        line |= {name: figure.estimate, f"{name}_low": figure.low, f"{name}_high": figure.high}
    return line

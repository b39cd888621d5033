"""How small a shift people see: psychometric function and d′."""

from __future__ import annotations

import pandas as pd

from analysis.observers.dprime import MODELS, Model, d_prime
from analysis.observers.dprime_figure import plot_d_prime
from analysis.psychometric.figure import plot_psychometric
from analysis.psychometric.function import PsychometricFunction, psychometric_function
from analysis.report.content import Figure, Section, Table, interval, number, p_value, percent, sentence
from analysis.trial_counts import TrialCounts


def psychometric_section(responses: pd.DataFrame, *, core: str, replicates: int, seed: int) -> Section:
    """Threshold, rates and fit, with the curve and the other cores."""
    found = psychometric_function(TrialCounts.of(responses), core=core, replicates=replicates, seed=seed)
    text = [_threshold(found)]
    fits = f"The deviance is {found.deviance:.1f}"
    if found.deviance_p is not None:
        fits += f" (p = {p_value(found.deviance_p)}, parametric bootstrap)"
    if found.overdispersion is not None:
        fits += f", Pearson's χ² over its degrees of freedom {found.overdispersion:.2f}"
    fits += "."
    if found.design_effect is not None and found.design_effect > 1:
        fits += (
            f" Because answers of one person, and to one image, resemble each other, the variance of the threshold is "
            f"{found.design_effect:.1f} times that of as many independent answers."
        )
    text.append(fits)
    text += found.notes
    figure = Figure(
        "psychometric",
        "Psychometric function: share of “different” by shift with Wilson 95% intervals, the fitted function with its "
        f"pointwise 95% interval, and the threshold with its own. {sentence(_method(found))}",
        _threshold(found),
        lambda ax: plot_psychometric(found, ax),
        (6.2, 3.8),
    )
    parameters = Table(
        "psychometric",
        f"Parameters of the psychometric function ({found.core}). {sentence(_method(found))}",
        ("", "Estimate [95% interval]"),
        (
            ("Threshold, 50% “different” (px)", interval(found.threshold_px, 2)),
            ("Median of the core (px)", interval(found.median_px, 2)),
            ("Spread of the core", interval(found.spread, 3)),
            ("False-alarm rate", percent(found.false_alarm_rate)),
            ("Lapse rate", percent(found.lapse_rate)),
        ),
        _parameters(found),
    )
    cores = Table(
        "cores",
        "The same answers under other cores, lowest AIC first.",
        ("Core", "Threshold (px)", "Deviance", "AIC", "ΔAIC"),
        tuple(
            (
                core.core,
                number(core.threshold_px, 2),
                number(core.deviance, 1),
                number(core.aic, 1),
                number(core.delta_aic, 1),
            )
            for core in found.cores
        ),
        pd.DataFrame([core.to_json() for core in found.cores]),
    )
    results = {"psychometric": found.to_json()}
    return Section("psychometric", "Psychometric function", tuple(text), (figure, parameters, cores), (), results)


def _method(found: PsychometricFunction) -> str:
    """How the intervals came about; where there is no threshold, its own text says why instead."""
    return found.spread.method


def _threshold(found: PsychometricFunction) -> str:
    if found.threshold_px.estimate is None:
        return f"There is no threshold: {sentence(_method(found))}"
    return (
        f"People called a pair different half of the time at a shift of {interval(found.threshold_px, 2, ' px')}. "
        f"Without a shift they did so in {percent(found.false_alarm_rate)}; however large the shift, they missed it in "
        f"{percent(found.lapse_rate)}."
    )


def _parameters(found: PsychometricFunction) -> pd.DataFrame:
    names = ("threshold_px", "median_px", "spread", "false_alarm_rate", "lapse_rate")
    return pd.DataFrame([{"parameter": name, **vars(getattr(found, name))} for name in names])


def d_prime_section(responses: pd.DataFrame, *, model: Model, replicates: int, seed: int) -> Section:
    """d′ and criterion by shift under both models, `model` first."""
    models = tuple(sorted(MODELS, key=lambda name: name != model))
    found = d_prime(TrialCounts.of(responses), models=models, replicates=replicates, seed=seed)
    by_shift: dict[float, dict[str, tuple[str, str]]] = {row.shift_px: {} for row in found.rows}
    for row in found.rows:
        by_shift[row.shift_px][row.model] = (interval(row.d_prime, 2), interval(row.criterion, 2))
    table = Table(
        "d_prime",
        f"d′ and criterion by shift; {found.correction} correction of the rates. "
        f"{sentence(found.rows[0].criterion.method)}",
        ("Shift (px)", *(head for name in models for head in (f"d′, {name}", "Criterion"))),
        tuple((f"{shift:g}", *(cell for name in models for cell in cells[name])) for shift, cells in by_shift.items()),
        found.to_frame(),
        texts=(),
    )
    first = found.rows[0]
    figure = Figure(
        "d_prime",
        "d′ by shift, with 95% intervals.",
        "; ".join(f"{row.shift_px:g} px: {number(row.d_prime.estimate, 2)}" for row in found.rows[: len(by_shift)]),
        lambda ax: plot_d_prime(found, ax),
        (6.2, 3.4),
    )
    text = (
        f"At a shift of {first.shift_px:g} px, d′ of the {model} model is {interval(first.d_prime, 2)}. The "
        "differencing model is the one for images that change from trial to trial."
    )
    return Section("d-prime", "d′ by shift", (text,), (table, figure), (), {"d_prime": found.to_json()})

"""How small a shift people see: psychometric function and d′."""

from __future__ import annotations

import pandas as pd

from analysis.observers.dprime import MODELS, Model, d_prime
from analysis.observers.dprime_figure import plot_d_prime
from analysis.psychometric.figure import plot_psychometric
from analysis.psychometric.function import PsychometricFunction, psychometric_function
from analysis.psychometric.visual_angle import arcmin_per_px
from analysis.report.content import Figure, Section, Table, interval, number, p_value, percent, sentence
from analysis.trial_counts import TrialCounts


def psychometric_section(responses: pd.DataFrame, *, core: str, replicates: int, seed: int) -> Section:
    """Threshold, slope, rates and fit, with the curve and the other cores."""
    found = psychometric_function(
        TrialCounts.of(responses),
        core=core,
        replicates=replicates,
        seed=seed,
        arcmin_per_px=arcmin_per_px(responses),
    )
    text = [_threshold(found)]
    fits = f"The deviance is {found.deviance:.1f}"
    if found.deviance_p is not None:
        fits += f" (p = {p_value(found.deviance_p)}, parametric bootstrap)"
    if found.overdispersion is not None:
        fits += f", Pearson's χ² over its degrees of freedom {found.overdispersion:.2f}"
    fits += "."
    if found.design_effect is not None and found.design_effect > 1:
        fits += (
            " Because answers of one person, and to one photograph, resemble each other, the variance of the threshold "
            f"is {found.design_effect:.1f} times that of as many independent answers."
        )
    text.append(fits)
    text += [*_reservations(found), *found.notes]
    figure = Figure(
        "psychometric",
        "Psychometric function: share of “different” by shift with Wilson 95% intervals, the fitted function with its "
        f"pointwise 95% interval, and the threshold with its own. {sentence(found.method)}"
        + ("" if found.misfit is None else f" {found.misfit}"),
        _threshold(found),
        lambda ax: plot_psychometric(found, ax),
        (6.2, 3.8),
    )
    angle = found.threshold_arcmin
    parameters = Table(
        "psychometric",
        f"Parameters of the psychometric function ({found.core}). {sentence(found.method)}",
        ("", "Estimate [95% interval]"),
        (
            ("Threshold, 50% “different” (px)", interval(found.threshold_px, 2)),
            *([] if angle is None else [("Threshold (minutes of arc)", interval(angle, 2))]),
            ("Slope at the threshold (per px)", interval(found.slope_per_px, 3)),
            ("Width, 5% to 95% of the core (px)", interval(found.width_px, 2)),
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


def _threshold(found: PsychometricFunction) -> str:
    if found.threshold_px.estimate is None:
        fits = "" if found.misfit is None else f" {found.misfit}"
        return f"There is no threshold: {found.threshold_px.method}.{fits} {_rates(found)}"
    angle = found.threshold_arcmin
    if angle is None:
        told = ""
    elif angle.estimate is None:
        told = f" (minutes of arc are not given: {angle.method})"
    else:
        told = f", or {interval(angle, 2, ' minutes of arc')}"
    threshold = interval(found.threshold_px, 2, " px")
    fits = "" if found.misfit is None else f" {found.misfit}"
    return f"Observers called a pair different half of the time at a shift of {threshold}{told}.{fits} {_rates(found)}"


def _rates(found: PsychometricFunction) -> str:
    """Both rates, each beside what was observed at the end of the shifts where it shows."""
    first, last = found.rows[0], found.rows[-1]
    without = f"{_percent(first.different, first.total)} of {first.total:,} answers" if first.shift_px == 0 else ""
    return (
        f"Without a shift they do so, by the fitted function, in {percent(found.false_alarm_rate)}"
        f"{f'; they did in {without}' if without else ''}. However large the shift, it says, "
        f"{percent(found.lapse_rate)} are missed; at {last.shift_px:g} px, the largest that was shown, "
        f"{_percent(last.total - last.different, last.total)} of {last.total:,} answers were “same”."
    )


def _reservations(found: PsychometricFunction) -> list[str]:
    """Sentences on the estimates that have no interval, or another one than the others."""
    named = {
        "threshold": found.threshold_px,
        "slope": found.slope_per_px,
        "width": found.width_px,
        "median": found.median_px,
        "spread": found.spread,
        "lapse rate": found.lapse_rate,
    }
    by_reason: dict[str, list[str]] = {}
    for name, figure in named.items():
        if figure.method != found.method and not (name == "threshold" and figure.estimate is None):
            by_reason.setdefault(figure.method.removeprefix(found.method).removeprefix("; "), []).append(name)
    return [f"{sentence(' and '.join(names))[:-1]}: {sentence(reason)}" for reason, names in by_reason.items()]


def _percent(count: int, total: int) -> str:
    return f"{100 * count / total:.1f}%"


def _parameters(found: PsychometricFunction) -> pd.DataFrame:
    names = ["threshold_px", "slope_per_px", "width_px", "median_px", "spread", "false_alarm_rate", "lapse_rate"]
    if found.threshold_arcmin is not None:
        names.insert(1, "threshold_arcmin")
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

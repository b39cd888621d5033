"""The curve between a metric's distances and opinion scores, before they are correlated on straight lines."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Literal

import numpy as np
from scipy.optimize import least_squares
from scipy.special import expit

from analysis.opinions.opinion_table import Floats

Form = Literal["logistic", "monotone logistic", "line"]

FEWEST_DISTANCES = 10
"""Distinct distances that five parameters take; with fewer a straight line is fitted."""

# Where the search begins: quantiles of the distances, and widths in standard deviations of theirs.
_CENTRES = (0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.98)
_WIDTHS = (0.05, 0.15, 0.4, 1.0, 2.5)
_SEARCHED = 4
# Outside these the curve is a step, or a parabola.
_NARROWEST, _WIDEST = 0.01, 20.0


@dataclass(frozen=True)
class Curve:
    """f(d) = β1 (1/2 − 1/(1 + exp(β2 (d − β3)))) + β4 d + β5, fitted to scores by least squares.

    `beta`: the five parameters, for distances and scores in their own units; β2 is above 0. `form`: `logistic`, the
    least squares of all curves of this form, where these neither rise nor fall and then turn on the range of the
    distances; otherwise `monotone logistic`, the least squares of those whose β1 and β4 have the same sign, or one of
    them is 0. `line`: β1 is 0, for there are fewer than 10 distinct distances. `fitted`: `(N,)`. `tangent`: `(N, K)`,
    orthonormal columns that span the derivatives of the curve by those of its parameters that the data determine.
    `direction`: 1 where it rises, −1 where it falls, 0 where it does neither.

    Source: Sheikh, Sabir & Bovik 2006 (A statistical evaluation of recent full reference image quality assessment
    algorithms), as the monotone mapping that ITU-T P.1401 asks for before scores are compared.
    """

    beta: tuple[float, float, float, float, float]
    form: Form
    fitted: Floats
    tangent: Floats
    direction: int


def fit_curve(distances: Floats, score: Floats) -> Curve:
    """The curve of least squares; the same whatever units distances and scores have.

    Given β2 and β3 the other three are linear, so that two parameters are searched for, from 35 starting points of
    which the best four are followed.

    Args:
        distances: `(N,)`, finite, not all the same.
        score: `(N,)`, finite, not all the same.
    """
    centre, scale = float(distances.mean()), float(distances.std())
    level, spread = float(score.mean()), float(score.std())
    x, y = (distances - centre) / scale, (score - level) / spread
    if len(np.unique(distances)) < FEWEST_DISTANCES:
        return _curve(x, y, (0.0, 0.0), "line", (centre, scale, level, spread))
    best = _searched(x, y, "logistic")
    form: Form = "logistic"
    if not _is_monotone(x, y, best):
        form = "monotone logistic"
        best = _searched(x, y, form)
    return _curve(x, y, best, form, (centre, scale, level, spread))


def _searched(x: Floats, y: Floats, form: Form) -> tuple[float, float]:
    """Logarithm of the width, and centre, of least squares."""
    # An odd distance or two far away must not decide where the search begins.
    starts = list(product(np.log(_WIDTHS), np.quantile(x, _CENTRES)))
    starts = sorted(starts, key=lambda at: _squares(x, y, at, form))[:_SEARCHED]
    reach = float(np.ptp(x))
    bounds = ([np.log(_NARROWEST), x.min() - reach], [np.log(_WIDEST), x.max() + reach])

    def residuals(at: Floats) -> Floats:
        return y - _projected(x, y, (float(at[0]), float(at[1])), form)[0]

    found = [least_squares(residuals, start, bounds=bounds, xtol=1e-10) for start in starts]
    best = min(found, key=lambda one: float(one.cost))
    return float(best.x[0]), float(best.x[1])


def _squares(x: Floats, y: Floats, at: tuple[float, float], form: Form) -> float:
    return float(np.sum((y - _projected(x, y, at, form)[0]) ** 2))


def _sigmoid(x: Floats, at: tuple[float, float]) -> Floats:
    return np.asarray(expit((x - at[1]) / np.exp(at[0])) - 0.5, dtype=np.float64)


def _projected(x: Floats, y: Floats, at: tuple[float, float], form: Form) -> tuple[Floats, Floats]:
    """The fitted scores, and β1, β4 and β5, for a width and a centre."""
    columns = np.stack([_sigmoid(x, at), x, np.ones_like(x)], axis=1)
    kept = [0, 1, 2] if form != "line" else [1, 2]
    linear = _solved(columns, y, kept)
    if form == "monotone logistic" and linear[0] * linear[1] < 0:
        alone = [_solved(columns, y, [keep, 2]) for keep in (0, 1)]
        linear = min(alone, key=lambda one: float(np.sum((y - columns @ one) ** 2)))
    return columns @ linear, linear


def _solved(columns: Floats, y: Floats, kept: list[int]) -> Floats:
    linear = np.zeros(3)
    part = columns[:, kept]
    # Nearly dependent columns, of a very wide curve, share what they explain.
    linear[kept] = np.linalg.lstsq(part.T @ part, part.T @ y, rcond=1e-11)[0]
    return linear


def _slopes(x: Floats, at: tuple[float, float], linear: Floats) -> tuple[float, float]:
    """Least and largest slope on the range of `x`: at its ends, or where it is nearest to the centre."""
    places = np.array([x.min(), x.max(), np.clip(at[1], x.min(), x.max())])
    part = _sigmoid(places, at) + 0.5
    slopes = linear[0] * part * (1 - part) / np.exp(at[0]) + linear[1]
    return float(slopes.min()), float(slopes.max())


def _is_monotone(x: Floats, y: Floats, at: tuple[float, float]) -> bool:
    low, high = _slopes(x, at, _projected(x, y, at, "logistic")[1])
    return low >= 0 or high <= 0


def _curve(
    x: Floats, y: Floats, at: tuple[float, float], form: Form, units: tuple[float, float, float, float]
) -> Curve:
    centre, scale, level, spread = units
    fitted, linear = _projected(x, y, at, form)
    part = _sigmoid(x, at) + 0.5
    derivatives = [np.ones_like(x)]
    if linear[1] != 0:
        derivatives.append(x)
    if linear[0] != 0:
        steep = part * (1 - part)
        derivatives += [part - 0.5, steep, steep * (x - at[1])]
    low, high = _slopes(x, at, linear)
    width = float(np.exp(at[0]))
    beta = (
        float(linear[0] * spread),
        1 / (width * scale),
        centre + at[1] * scale,
        float(linear[1] * spread / scale),
        level + float(linear[2] - linear[1] * centre / scale) * spread,
    )
    return Curve(
        beta=beta,
        form=form,
        fitted=level + fitted * spread,
        tangent=_orthonormal(np.stack(derivatives, axis=1)),
        direction=int(np.sign(low + high)),
    )


def _orthonormal(columns: Floats) -> Floats:
    """Orthonormal columns of the same span, without directions that are none but for rounding."""
    scaled = columns / np.linalg.norm(columns, axis=0).clip(1e-300)
    left, size, _ = np.linalg.svd(scaled, full_matrices=False)
    return np.asarray(left[:, size > 1e-8 * size[0]], dtype=np.float64)

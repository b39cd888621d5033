"""How well a psychometric function meets the answers, and what they leave open, in sentences."""

from __future__ import annotations

import math

import numpy as np

from analysis.psychometric.cores import CORES, Floats
from analysis.psychometric.fisher_scoring import bounds
from analysis.psychometric.likelihood import TINY, log_likelihood, probabilities
from analysis.psychometric.many_fits import fit_many
from analysis.psychometric.maximum_likelihood import PsychometricFit
from analysis.psychometric.separation import Separation

_ROUNDING = 1e-6
# A deviance that fewer simulated studies reach is said in words.
_UNLIKELY = 0.05


def deviance_p(
    best: PsychometricFit,
    shift: Floats,
    answers: Floats,
    expected: Floats,
    replicates: int,
    generator: np.random.Generator,
) -> float | None:
    """Share of simulated studies of this very function whose deviance is as large; None where four shifts have none."""
    if len(shift) <= len(best.parameters):
        return None
    shape = CORES[best.core]
    total = np.broadcast_to(answers, (replicates, len(shift)))
    hits = generator.binomial(answers.astype(np.int64), expected, total.shape).astype(np.float64)
    fitted = fit_many(best.parameters, shift, hits, total, shape)
    likely = log_likelihood(*probabilities(fitted[..., np.newaxis], shape.position(shift), shape), hits, total)
    share = hits / total
    deviances = 2 * (log_likelihood(share, 1 - share, hits, total) - likely)
    # A perfect fit has a deviance of 0 but for rounding, in the study as in the draws.
    return float((1 + np.sum(deviances >= best.deviance - _ROUNDING)) / (1 + replicates))


def misfit(best: PsychometricFit, p: float | None, shift: Floats, hits: Floats, answers: Floats) -> list[str]:
    """A sentence where chance does not explain how far the answers lie from the function; none where they fall."""
    if p is None or p >= _UNLIKELY or _fall(shift, hits, answers):
        return []
    expected = best.probability(shift)
    error = np.sqrt(np.maximum(answers * expected * (1 - expected), TINY))
    worst = int(np.argmax(np.abs(hits - answers * expected) / error))
    said = "less than 0.001" if p < 0.001 else f"{p:.3f}"
    return [
        f"The function does not meet the answers: it is farthest off at {shift[worst]:g} px, where "
        f"{100 * hits[worst] / answers[worst]:.1f}% were called different and it says {100 * expected[worst]:.1f}%, and "
        f"of studies that it describes a share of {said} deviates as much as this one. Another core may fit better; or "
        "answers of one person, or to one photograph, resemble each other."
    ]


def open_questions(
    best: PsychometricFit, separation: Separation | None, shift: Floats, hits: Floats, answers: Floats
) -> list[str]:
    """Sentences on what these answers do not determine."""
    notes = []
    _, highest = bounds(CORES[best.core].position(shift))[1]
    level = math.log(best.spread) > highest - 0.1
    if separation is not None:
        notes.append(separation.note)
    elif level:
        notes.append("The answers hardly change with the shift: neither median nor spread is determined.")
    elif not shift[0] <= best.median_px <= shift[-1]:
        notes.append(
            f"The core's median, {best.median_px:.3g} px, lies at none of the shifts that were shown: these answers "
            "hardly determine it, nor the rate on that side."
        )
    if _fall(shift, hits, answers):
        notes.append("The larger the shift, the fewer answers are “different”: are the two answers exchanged?")
    if best.threshold_px is not None and best.threshold_px > shift[-2]:
        notes.append(
            "The threshold lies between the two largest shifts; show larger ones to be sure of the lapse rate."
        )
    return notes


def _fall(shift: Floats, hits: Floats, answers: Floats) -> bool:
    """Whether answers are "different" the less often, the larger the shift."""
    return bool(np.cov(shift, hits / answers, aweights=answers)[0, 1] < 0)

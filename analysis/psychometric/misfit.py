"""How well a psychometric function meets the answers, and what they leave open, in sentences."""

from __future__ import annotations

import numpy as np

from analysis.psychometric.cores import CORES, CoreName, Floats
from analysis.psychometric.likelihood import TINY, log_likelihood, probabilities, standard
from analysis.psychometric.many_fits import fit_many
from analysis.psychometric.maximum_likelihood import UNLIKELY, PsychometricFit
from analysis.psychometric.separation import Separation

_ROUNDING = 1e-6
# A core that rises by less over all shifts could as well be a longer piece of another.
_LEVEL = 0.1


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


def misfit(
    best: PsychometricFit,
    p: float | None,
    shift: Floats,
    hits: Floats,
    answers: Floats,
    *,
    lowest: CoreName,
    people_known: bool,
) -> str | None:
    """What to know and to do where chance does not explain how far the answers lie from the function, in sentences.

    None where it does, or where the answers fall with the shift, which no function of this kind does. The deviance's p
    decides, for it is right for few answers too, of which Pearson's χ² has no such distribution. Pearson's χ² far
    below its degrees of freedom is no misfit: people and photographs that differ, each shown every shift, scatter less
    than independent answers.

    Args:
        best: the function.
        p: of its deviance, as `deviance_p` gives it.
        shift, hits, answers: what it was fitted to.
        lowest: the core with the lowest AIC.
        people_known: whether it is known who gave the answers.
    """
    if p is None or p >= UNLIKELY or _fall(shift, hits, answers):
        return None
    expected = best.probability(shift)
    error = np.sqrt(np.maximum(answers * expected * (1 - expected), TINY))
    worst = int(np.argmax(np.abs(hits - answers * expected) / error))
    seen, says = 100 * hits[worst] / answers[worst], 100 * expected[worst]
    rare = "< 0.001" if p < 0.001 else f"= {p:.3f}"
    other = (
        f"another core (by AIC {lowest} is best: --core {lowest})"
        if lowest != best.core
        else "no other core, for by AIC this one is best"
    )
    people = ", or --hierarchical, in which people and photographs differ" if people_known else ""
    return (
        f"The function does not fit the answers (deviance p {rare}, Pearson's χ² {best.overdispersion:.1f} times its "
        f"degrees of freedom), so that the threshold is uncertain beyond its interval. It is farthest off at "
        f"{shift[worst]:g} px, where {seen:.1f}% were called different and it says {says:.1f}%: look at the pairs of "
        f"that shift and at who judged them. What may help: {other}{people}."
    )


def open_questions(
    best: PsychometricFit, separation: Separation | None, shift: Floats, hits: Floats, answers: Floats
) -> list[str]:
    """Sentences on what these answers do not determine."""
    notes = []
    core = CORES[best.core]
    place = core.position(shift)
    first, last = core.below(standard(best.parameters, place[np.isfinite(place)][[0, -1]]))
    if separation is not None:
        notes.append(separation.note)
    elif last - first < _LEVEL:
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

"""How much participants and photographs differ: a logistic model with an effect of each, by maximum likelihood."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.hierarchical.groups import Groups
from analysis.hierarchical.laplace import MixedLogistic
from analysis.hierarchical.maximum import maximise
from analysis.hierarchical.profile import profile
from analysis.results import Estimate, Result

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

# It goes over the answers some thousand times.
MOST_ANSWERS = 100_000
_FIRST_SD = 0.5
_Z = 1.959963984540054


@dataclass(frozen=True)
class RandomEffect(Result):
    """By how much the log odds of "different" are higher with this participant or photograph than with a typical one.

    `effect` is shrunken: the fewer answers there are, the nearer to 0. `answers`: those that it is of.
    """

    name: str
    effect: Estimate
    answers: int

    @property
    def clear(self) -> bool:
        """Whether 0 is outside the interval."""
        effect = self.effect
        return effect.low is not None and effect.high is not None and (effect.low > 0 or effect.high < 0)


@dataclass(frozen=True)
class Kind:
    """Participants or photographs: the group of each answer, `(N,)`, their names, and which answers they bear on."""

    codes: Integers
    names: tuple[str, ...]
    concerned: NDArray[np.bool_]

    @property
    def weights(self) -> Floats:
        """`(N,)`, 1 where the groups bear on an answer, else 0."""
        return self.concerned.astype(np.float64)


@dataclass(frozen=True)
class RandomEffects:
    """Of one kind: standard deviation of the effects (log odds), p of its being 0, and each of them, lowest first."""

    sd: Estimate
    p: float
    rows: tuple[RandomEffect, ...]


def random_effects(
    predictors: Floats, outcome: NDArray[np.bool_], kinds: Sequence[Kind], start: Floats
) -> list[RandomEffects]:
    """Effects of each kind of group, all in one model with the predictors.

    Args:
        predictors: `(N, K)`, with a column of ones.
        outcome: `(N,)`.
        kinds: one or two.
        start: `(K,)` log odds to begin with.

    Raises: `AnalysisError` where a standard deviation has no likeliest value.

    Source: the likelihood of lme4's `glmer` (Bates et al. 2015), by Laplace's approximation; the intervals of effects
    are those given the standard deviations and the predictors' log odds.
    """
    groups = [Groups(kind.codes, len(kind.names)) for kind in kinds]
    model = MixedLogistic(outcome, predictors, groups, [kind.weights for kind in kinds])
    top = maximise(model, start, np.full(len(kinds), _FIRST_SD))
    found = []
    for term, (kind, modes, variances) in enumerate(zip(kinds, top.effects, top.matrix.variances(), strict=True)):
        sd = float(top.sds[term])
        range_ = profile(model, top, term)
        method = "maximum likelihood by Laplace's approximation; 95% interval by the profile"
        answers = np.bincount(kind.codes, kind.weights, len(kind.names)).astype(np.int64)
        effects, aways = sd * modes, _Z * sd * np.sqrt(variances)
        rows = [
            RandomEffect(name, _effect(float(effect), float(away)), int(count))
            for name, effect, away, count in zip(kind.names, effects, aways, answers, strict=True)
            if count
        ]
        ordered = tuple(sorted(rows, key=lambda one: one.effect.estimate or 0.0))
        found.append(RandomEffects(Estimate(sd, range_.low, range_.high, method), range_.p, ordered))
    return found


def _effect(effect: float, away: float) -> Estimate:
    return Estimate(
        effect, effect - away, effect + away, "likeliest value and 95% interval, given the standard deviations"
    )

"""What a hierarchical model is made of: an outcome, fixed effects, and effects of two kinds of groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from analysis.errors import AnalysisError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Slopes:
    """Of N answers with M model parameters each, at some values of these.

    `log_likelihood`: of all answers. `first`: `(N, M)`. `curvature`, `expected`: `(N, M, M)`, minus the second
    derivatives of the log-likelihood, as observed and as expected; the latter are never indefinite.
    """

    log_likelihood: float
    first: Floats
    curvature: Floats
    expected: Floats


class Outcome(Protocol):
    """The answers, given M parameters of each."""

    def log_likelihood(self, eta: Floats) -> float:
        """Of all answers, of parameters `(N, M)`."""

    def slopes(self, eta: Floats) -> Slopes:
        """Its derivatives by the parameters."""

    def curvature_slope(self, eta: Floats, weights: Floats) -> Floats:
        """`(N, M)`, derivative by each parameter of half the sum of `weights` `(N, M, M)`, symmetric, × curvature."""


@dataclass(frozen=True)
class Groups:
    """One kind of groups, such as participants, and which of an answer's parameters their effects are added to.

    `codes`: `(N,)`, the group of each answer. `parameters`: which of the M parameters, each once. `size`: how many
    groups there are. `weights`: `(N, T)`, by which each of the T effects is multiplied; ones where None.
    """

    codes: Integers
    parameters: tuple[int, ...]
    size: int
    weights: Floats | None = None

    @property
    def loads(self) -> Floats:
        """`(N, T)`, what each effect counts for in each answer."""
        ones = np.ones((len(self.codes), len(self.parameters)))
        return ones if self.weights is None else self.weights

    def summed(self, values: Floats) -> Floats:
        """`(N,)` or `(N, …)` values, added up over the answers of each group."""
        columns = values.reshape(len(values), -1)
        found = [np.bincount(self.codes, column, self.size) for column in columns.T]
        return np.stack(found, axis=-1).reshape(self.size, *values.shape[1:])


@dataclass(frozen=True)
class Prior:
    """Weak knowledge of fixed effects (normal) and of standard deviations (half-normal). Infinite: none.

    `mean`, `spread`: `(K,)` of the fixed effects; `scale`: `(T,)` of the standard deviations.
    """

    mean: Floats
    spread: Floats
    scale: Floats

    def log_density(self, fixed: Floats, sds: Floats) -> float:
        """Up to a constant."""
        return float(-0.5 * (((fixed - self.mean) / self.spread) ** 2).sum() - 0.5 * ((sds / self.scale) ** 2).sum())

    def slope(self, fixed: Floats, sds: Floats) -> Floats:
        """`(K + T,)`."""
        return np.concatenate([-(fixed - self.mean) / self.spread**2, -sds / self.scale**2])


@dataclass(frozen=True)
class Model:
    """η = design β + Σ σ b: parameters of each answer, from fixed effects β and standard normal effects b of groups.

    `design`: `(N, M, K)`. `kinds`: one or two kinds of groups. `prior`: none where None.
    """

    outcome: Outcome
    design: Floats
    kinds: Sequence[Groups]
    prior: Prior | None = None

    def __post_init__(self) -> None:
        """Raises: `AnalysisError` where there are more than two kinds, or none."""
        if not 1 <= len(self.kinds) <= 2:
            raise AnalysisError(f"A hierarchical model has one or two kinds of groups, not {len(self.kinds)}.")

    @property
    def fixed(self) -> int:
        """K, how many fixed effects there are."""
        return self.design.shape[2]

    @property
    def terms(self) -> int:
        """T, how many standard deviations there are: those of the first kind, then those of the second."""
        return sum(len(kind.parameters) for kind in self.kinds)

    def split(self, sds: Floats) -> list[Floats]:
        """`(T,)` → the standard deviations of each kind."""
        return np.split(sds, [len(self.kinds[0].parameters)])[: len(self.kinds)]

    def eta(self, fixed: Floats, sds: Floats, effects: Sequence[Floats]) -> Floats:
        """`(N, M)` parameters of the answers; `effects`: of each kind `(groups, T of it)` standard normal effects."""
        found: Floats = self.design @ fixed
        for kind, sd, effect in zip(self.kinds, self.split(sds), effects, strict=True):
            found[:, list(kind.parameters)] += kind.loads * (effect * sd)[kind.codes]
        return found

    def log_prior(self, fixed: Floats, sds: Floats) -> float:
        """Of what the model says before any answer; 0 where that is nothing."""
        return 0.0 if self.prior is None else self.prior.log_density(fixed, sds)

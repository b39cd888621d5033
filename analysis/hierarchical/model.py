"""What a hierarchical model is made of: an outcome, fixed effects, and effects of one or two kinds of groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class Outcome(Protocol):
    """The answers, given M parameters of each; parameters may be of several draws at once, `(…, N, M)`."""

    def log_likelihood(self, eta: Floats) -> Floats:
        """`(…, N)`, of each answer."""

    def slopes(self, eta: Floats) -> tuple[Floats, Floats]:
        """`(…, N)` log-likelihoods, and `(…, N, M)` their slopes by the parameters."""

    def information(self, eta: Floats) -> Floats:
        """`(…, N, M, M)`, Fisher's expected information of each answer."""


class ConcaveOutcome(Outcome, Protocol):
    """One whose log-likelihood is concave, and whose second derivatives are those expected."""

    def information_slope(self, eta: Floats, weights: Floats) -> Floats:
        """`(N, M)`, slope by each parameter of half the sum of symmetric `weights` `(N, M, M)` × information."""


@dataclass(frozen=True)
class Groups:
    """One kind of groups, such as participants, and which of an answer's parameters their effects are added to.

    `codes`: `(N,)`, the group of each answer. `parameters`: which of the M parameters, each once. `size`: how many
    groups there are. `weight`: `(N,)`, by which their effects on each answer are multiplied; 1 where None.
    """

    codes: Integers
    parameters: tuple[int, ...]
    size: int
    weight: Floats | None = None

    def loads(self, sds: Floats) -> Floats:
        """`(N, T)`, what the standard normal effects count for in each answer."""
        weight = np.ones(len(self.codes)) if self.weight is None else self.weight
        return np.asarray(weight[:, np.newaxis] * sds, dtype=np.float64)

    def summed(self, values: Floats) -> Floats:
        """`(N, …)` values, added up over the answers of each group."""
        columns = values.reshape(len(values), -1)
        found = [np.bincount(self.codes, column, self.size) for column in columns.T]
        return np.stack(found, axis=-1).reshape(self.size, *values.shape[1:])


Answers = TypeVar("Answers", bound=Outcome, covariant=True)


@dataclass(frozen=True)
class Model(Generic[Answers]):
    """η = design β + Σ σ b: parameters of each answer, from fixed effects β and standard normal effects b of groups.

    `design`: `(N, M, K)`. `kinds`: one or two kinds of groups, with T standard deviations σ in all.
    """

    outcome: Answers
    design: Floats
    kinds: Sequence[Groups]

    @property
    def terms(self) -> int:
        """T: standard deviations of the first kind, then those of the second."""
        return sum(len(kind.parameters) for kind in self.kinds)

    def split(self, sds: Floats) -> list[Floats]:
        """`(…, T)` → the standard deviations of each kind."""
        return np.split(sds, [len(self.kinds[0].parameters)], axis=-1)[: len(self.kinds)]

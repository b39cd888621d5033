"""The second derivatives by the effects of two crossed kinds of groups: solved, and inverted where it is needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np

from analysis.hierarchical.groups import Floats, Groups, Integers

Array = TypeVar("Array", Floats, Integers)


@dataclass(frozen=True)
class CrossedMatrix:
    """Symmetric and positive definite, of the effects of one or two kinds of groups.

    Groups of one kind share no answer, so that each kind's part is a diagonal. That of the kind with more groups is
    solved first, which costs little; a full matrix of the other kind is left.
    `many`: `(A,)` of the kind with more groups; `few`: `(B,)`; `between`: `(A, B)`. `swapped`: the first kind is `few`.
    """

    many: Floats
    few: Floats
    between: Floats
    swapped: bool

    @classmethod
    def of(cls, kinds: Sequence[Groups], loads: Sequence[Floats], information: Floats) -> CrossedMatrix:
        """1 + Σ over answers of the information `(N,)` × what the effects count for in each, `loads` `(N,)`."""
        own = [1 + kind.summed(information * load**2) for kind, load in zip(kinds, loads, strict=True)]
        if len(kinds) == 1:
            return cls(own[0], np.empty(0), np.empty((kinds[0].size, 0)), False)
        swapped = kinds[1].size > kinds[0].size
        a, b = (1, 0) if swapped else (0, 1)
        cell = kinds[a].codes * kinds[b].size + kinds[b].codes
        summed = np.bincount(cell, information * loads[a] * loads[b], kinds[a].size * kinds[b].size)
        between = np.asarray(summed, dtype=np.float64).reshape(kinds[a].size, kinds[b].size)
        return cls(own[a], own[b], between, swapped)

    @cached_property
    def _eliminated(self) -> Floats:
        """`many`⁻¹ `between`."""
        return self.between / self.many[:, np.newaxis]

    @cached_property
    def _rest(self) -> Floats:
        """What is left for the other kind, `(B, B)`."""
        return np.asarray(np.diag(self.few) - self.between.T @ self._eliminated, dtype=np.float64)

    @property
    def log_determinant(self) -> float:
        """Natural logarithm of the determinant."""
        return float(np.log(self.many).sum() + np.linalg.slogdet(self._rest)[1])

    def solve(self, sides: Sequence[Floats]) -> list[Floats]:
        """The effects of each kind that the matrix makes `sides` of."""
        a, b = self._ordered(sides)
        few = np.asarray(np.linalg.solve(self._rest, b - self._eliminated.T @ a), dtype=np.float64)
        return self._given(a / self.many - self._eliminated @ few, few)

    @cached_property
    def _inverse(self) -> tuple[Floats, Floats, Floats]:
        """Diagonal of `many`, all of `between`, all of the rest."""
        rest = np.asarray(np.linalg.inv(self._rest), dtype=np.float64)
        between = -self._eliminated @ rest
        return 1 / self.many - (between * self._eliminated).sum(axis=1), between, rest

    def variances(self) -> list[Floats]:
        """Of each kind: the diagonal of the inverse."""
        many, _, rest = self._inverse
        return self._given(many, np.diag(rest))

    def variance(self, kinds: Sequence[Groups], loads: Sequence[Floats]) -> tuple[Floats, list[Floats]]:
        """`(N,)` variance of what all effects add to each answer, by the inverse, and of each kind the covariance of
        that with the kind's own effect."""
        many, between, rest = self._inverse
        if not len(rest):
            covariance = many[kinds[0].codes] * loads[0]
            return covariance * loads[0], [covariance]
        a, b = self._ordered([kind.codes for kind in kinds])
        load_a, load_b = self._ordered(loads)
        cross = between[a, b]
        of_many = many[a] * load_a + cross * load_b
        of_few = cross * load_a + np.diag(rest)[b] * load_b
        return load_a * of_many + load_b * of_few, self._given(of_many, of_few)

    def _ordered(self, parts: Sequence[Array]) -> tuple[Array, Array]:
        if len(parts) == 1:
            return parts[0], parts[0][:0]
        return (parts[1], parts[0]) if self.swapped else (parts[0], parts[1])

    def _given(self, many: Floats, few: Floats) -> list[Floats]:
        if not len(self.few):
            return [many]
        return [few, many] if self.swapped else [many, few]

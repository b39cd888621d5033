"""The matrix of the effects' second derivatives, whose parts are blocks: solved, and inverted where it is needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from analysis.hierarchical.model import Floats, Groups, Integers

_NOBODY = Groups(np.empty(0, dtype=np.int64), (), 0)


@dataclass(frozen=True)
class BlockMatrix:
    """Symmetric, of the effects of one or two kinds of groups; positive definite, or `definite` says no.

    Groups of one kind share no answer, so that each kind has a block a group. The kind with more groups is solved
    first: its blocks cost little, and a full matrix of the other kind is left.
    `many`: `(A, S, S)` of the kind with more groups; `few`: `(B, T, T)`; `between`: `(A, S, B × T)`.
    """

    many: Floats
    few: Floats
    between: Floats
    swapped: bool

    @classmethod
    def of(cls, kinds: Sequence[Groups], scaled: Sequence[Floats], curvature: Floats) -> BlockMatrix:
        """1 + Σ over answers of the `curvature` `(N, M, M)` by the effects; `scaled`: of each kind loads × sd."""
        swapped = len(kinds) == 2 and kinds[1].size > kinds[0].size
        order = (1, 0) if swapped else (0, 1)
        listed = [*kinds, _NOBODY][:2]
        a, b = (listed[index] for index in order)
        loads = [*scaled, np.empty((len(curvature), 0))][:2]
        u, v = (loads[index] for index in order)
        many = _block(a, u, curvature)
        if not b.size:
            nothing = np.empty((a.size, len(a.parameters), 0))
            return cls(many, np.empty((0, 0, 0)), nothing, swapped)
        few = _block(b, v, curvature)
        cross = curvature[:, a.parameters, :][:, :, b.parameters] * u[:, :, np.newaxis] * v[:, np.newaxis, :]
        cell = a.codes * b.size + b.codes
        size = a.size * b.size
        summed = [np.bincount(cell, column, size) for column in cross.reshape(len(cross), -1).T]
        shape = (len(a.parameters), len(b.parameters), a.size, b.size)
        between = np.stack(summed).reshape(shape).transpose(2, 0, 3, 1).reshape(a.size, len(a.parameters), -1)
        return cls(many, few, between, swapped)

    @property
    def _flat(self) -> Floats:
        """`between` as `(A × S, B × T)`."""
        return self.between.reshape(self.many.shape[0] * self.many.shape[1], self.between.shape[2])

    @cached_property
    def _eliminated(self) -> Floats:
        """`many`⁻¹ `between`."""
        return np.asarray(np.linalg.solve(self.many, self.between), dtype=np.float64)

    @cached_property
    def _rest(self) -> Floats:
        """What is left for the other kind, `(B × T, B × T)`."""
        groups, terms = self.few.shape[:2]
        size = groups * terms
        full = np.zeros((groups, terms, groups, terms))
        place = np.arange(groups)
        full[place, :, place, :] = self.few
        left: Floats = full.reshape(size, size) - self._flat.T @ self._eliminated.reshape(self._flat.shape)
        return left

    @cached_property
    def _factors(self) -> tuple[Floats, Floats] | None:
        """Cholesky's, of `many` and of the rest; None where one is not positive definite."""
        try:
            return np.linalg.cholesky(self.many), np.linalg.cholesky(self._rest)
        except np.linalg.LinAlgError:
            return None

    @property
    def definite(self) -> bool:
        """Whether all eigenvalues are above 0."""
        return self._factors is not None

    @property
    def _lower(self) -> tuple[Floats, Floats]:
        if self._factors is None:
            raise ValueError("the matrix is not positive definite")
        return self._factors

    @property
    def log_determinant(self) -> float:
        """Natural logarithm of the determinant."""
        return float(sum(2 * np.log(np.einsum("...ii->...i", part)).sum() for part in self._lower))

    def solve(self, sides: Sequence[Floats]) -> list[Floats]:
        """The effects, of each kind `(groups, terms)`, that the matrix makes `sides` of."""
        a, b = self._ordered(sides)
        few = np.linalg.solve(self._rest, b.ravel() - self._eliminated.reshape(self._flat.shape).T @ a.ravel())
        many = np.linalg.solve(self.many, a[..., np.newaxis])[..., 0] - self._eliminated @ few
        return self._given(many, few.reshape(b.shape))

    @cached_property
    def _inverse(self) -> tuple[Floats, Floats, Floats]:
        """Of `many` the blocks `(A, S, S)`, of `between` all `(A, S, B × T)`, of the rest all."""
        rest = np.linalg.inv(self._rest)
        between = -self._eliminated @ rest
        blocks = np.linalg.inv(self.many) - between @ self._eliminated.transpose(0, 2, 1)
        return blocks, between, rest

    def variances(self) -> list[Floats]:
        """Of each kind `(groups, terms)`: the diagonal of the inverse."""
        blocks, _, rest = self._inverse
        few = np.diag(rest).reshape(self.few.shape[:2])
        return self._given(np.einsum("aii->ai", blocks), few)

    def covariances(self, codes: Sequence[Integers]) -> Floats:
        """The inverse between all effects that share in each answer: `(N, terms, terms)`; `codes` of each kind."""
        blocks, between, rest = self._inverse
        if not len(rest):
            return blocks[codes[0]]
        a, b = (codes[1], codes[0]) if self.swapped else (codes[0], codes[1])
        groups, terms = self.few.shape[:2]
        cross = between.reshape(*between.shape[:2], groups, terms).transpose(0, 2, 1, 3)[a, b]
        place = np.arange(groups)
        own = rest.reshape(groups, terms, groups, terms)[place, :, place, :][b]
        top, bottom = (
            np.concatenate([blocks[a], cross], axis=2),
            np.concatenate([cross.transpose(0, 2, 1), own], axis=2),
        )
        whole = np.concatenate([top, bottom], axis=1)
        if not self.swapped:
            return whole
        order = np.roll(np.arange(whole.shape[1]), -self.many.shape[1])
        return whole[:, order][:, :, order]

    def draw(self, count: int, generator: np.random.Generator) -> list[Floats]:
        """Normal deviates whose covariance is the inverse: of each kind `(count, groups, terms)`."""
        first, second = self._lower
        shape = (count, *self.many.shape[:2])
        few = np.linalg.solve(second.T, generator.standard_normal((len(second), count))).T
        noise = generator.standard_normal(shape)[..., np.newaxis]
        many = np.linalg.solve(first.transpose(0, 2, 1), noise)[..., 0]
        many -= np.einsum("asd,cd->cas", self._eliminated, few)
        return self._given(many, few.reshape(count, *self.few.shape[:2]))

    def _ordered(self, parts: Sequence[Floats]) -> tuple[Floats, Floats]:
        if len(parts) == 1:
            return parts[0], np.empty((0, 0))
        return (parts[1], parts[0]) if self.swapped else (parts[0], parts[1])

    def _given(self, many: Floats, few: Floats) -> list[Floats]:
        if not len(self.few):
            return [many]
        return [few, many] if self.swapped else [many, few]


def _block(kind: Groups, scaled: Floats, curvature: Floats) -> Floats:
    """`(groups, terms, terms)`."""
    own = curvature[:, kind.parameters, :][:, :, kind.parameters]
    return kind.summed(own * scaled[:, :, np.newaxis] * scaled[:, np.newaxis, :]) + np.eye(len(kind.parameters))

"""How likely fixed effects, standard deviations and effects of groups are, of a hierarchical psychometric function."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from analysis.hierarchical.groups import Groups
from analysis.hierarchical.seen_shift import PARAMETERS, SeenShift
from analysis.psychometric.cores import Floats

# Of so many answers at once the information is added up, to keep memory small.
_ROWS = 2000


@dataclass(frozen=True)
class Prior:
    """Weak knowledge: the four fixed effects are normal, standard deviations half-normal.

    `mean`, `spread`: `(4,)`; `scale`: `(T,)`, those of the first kind of groups first.
    """

    mean: Floats
    spread: Floats
    scale: Floats


@dataclass(frozen=True)
class Varying:
    """A kind of groups, and which of the four parameters differ between them."""

    groups: Groups
    parameters: tuple[int, ...]


@dataclass(frozen=True)
class Term:
    """Effects of one kind of groups on one parameter: where they stand in a state."""

    groups: Groups
    parameter: int
    sd: int
    effects: slice


@dataclass(frozen=True)
class Posterior:
    """The density of states `(C, size)`: four fixed effects β, T standard deviations σ, standard normal effects b.

    The parameters of an answer are β + Σ σ b. A σ may be negative: it then turns the signs of its effects, and the
    density is as high as that of its size.
    """

    outcome: SeenShift
    kinds: Sequence[Varying]
    prior: Prior

    @cached_property
    def terms(self) -> tuple[Term, ...]:
        """One for each standard deviation."""
        return tuple(self._terms())

    def _terms(self) -> Iterator[Term]:
        place = PARAMETERS + sum(len(kind.parameters) for kind in self.kinds)
        sd = PARAMETERS
        for kind in self.kinds:
            for parameter in kind.parameters:
                yield Term(kind.groups, parameter, sd, slice(place, place + kind.groups.size))
                place, sd = place + kind.groups.size, sd + 1

    @property
    def edge(self) -> int:
        """Where the effects of groups begin."""
        return PARAMETERS + len(self.terms)

    @property
    def size(self) -> int:
        """Numbers in a state."""
        return int(self.terms[-1].effects.stop)

    def parameters(self, state: Floats) -> Floats:
        """`(4, C, N)` of the answers."""
        eta = np.repeat(state[:, :PARAMETERS].T[:, :, np.newaxis], len(self.outcome.position), axis=2)
        for term in self.terms:
            own = state[:, term.sd, np.newaxis] * state[:, term.effects]
            eta[term.parameter] += np.take(own, term.groups.codes, axis=1)
        return eta

    def height_and_slope(self, state: Floats) -> tuple[Floats, Floats]:
        """`(C,)` log-densities up to a constant, and `(C, size)` their slopes."""
        likely, first = self.outcome.log_likelihood_and_slopes(self.parameters(state))
        fixed, sds, effects = np.split(state, [PARAMETERS, self.edge], axis=1)
        away, wide = (fixed - self.prior.mean) / self.prior.spread, sds / self.prior.scale
        squares = [(part**2).sum(axis=1) for part in (away, wide, effects)]
        slope = np.concatenate([first.sum(axis=2).T - away / self.prior.spread, -wide / self.prior.scale, -effects], 1)
        chains = np.arange(len(state))[:, np.newaxis]
        for term in self.terms:
            cell = (chains * term.groups.size + term.groups.codes).ravel()
            summed = np.bincount(cell, first[term.parameter].ravel(), len(state) * term.groups.size)
            by_group = summed.reshape(len(state), term.groups.size)
            slope[:, term.sd] += (by_group * state[:, term.effects]).sum(axis=1)
            slope[:, term.effects] += by_group * state[:, term.sd, np.newaxis]
        return likely.sum(axis=1) - 0.5 * sum(squares), slope

    def information(self, states: Floats) -> Floats:
        """`(size, size)`, Fisher's of answers and priors, averaged over states."""
        own = [self.prior.spread**-2.0, self.prior.scale**-2.0, np.ones(self.size - self.edge)]
        found = np.diag(np.concatenate(own))
        roots = self.outcome.root_information(self.parameters(states))
        for chain, state in enumerate(states):
            for first in range(0, roots.shape[2], _ROWS):
                rows = self._rows(state, roots[:, chain], slice(first, first + _ROWS))
                found += rows.T @ rows / len(states)
        return np.asarray(found, dtype=np.float64)

    def _rows(self, state: Floats, roots: Floats, some: slice) -> Floats:
        """`(answers, size)`: the root of the information of some answers, by the numbers of a state."""
        rows = np.zeros((roots[:, some].shape[1], self.size))
        rows[:, :PARAMETERS] = roots[:, some].T
        place = np.arange(len(rows))
        for term in self.terms:
            root, codes = roots[term.parameter, some], term.groups.codes[some]
            rows[:, term.sd] = root * state[term.effects][codes]
            rows[place, term.effects.start + codes] = root * state[term.sd]
        return rows

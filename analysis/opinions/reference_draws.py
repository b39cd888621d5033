"""Intervals of agreement for other references: these are drawn anew, each with all its images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from analysis.agreement.photograph_draws import FEWEST_PHOTOGRAPHS, PhotographDraws, Spread
from analysis.opinions.opinion_table import Floats
from analysis.results import Estimate

Scale = tuple[Callable[[Floats], Floats], Callable[[Floats], Floats]]
"""A function and its inverse: between a figure's own scale and that on which it scatters alike whatever it is."""

FEWEST_REFERENCES = FEWEST_PHOTOGRAPHS
"""With fewer there is no interval."""

# A correlation of 1 has no place on Fisher's scale.
_LARGEST = 1 - 1e-12

FISHER: Scale = (lambda r: np.arctanh(np.clip(r, -_LARGEST, _LARGEST)), np.tanh)
LOGARITHM: Scale = (lambda e: np.log(np.maximum(e, 1e-300)), np.exp)


@dataclass(frozen=True)
class ReferenceDraws:
    """Bootstrap draws of G references, the same for all figures of a set of opinions.

    `draws.counts`: `(G, B)`, how often each is drawn.
    """

    draws: PhotographDraws

    @classmethod
    def of(cls, n_references: int, replicates: int, generator: np.random.Generator) -> ReferenceDraws:
        """As many references as there are, drawn with replacement, `replicates` times."""
        return cls(PhotographDraws.of(n_references, replicates, generator, participants=False))

    @property
    def method(self) -> str:
        """How an interval of these comes about, in words."""
        number, replicates = self.draws.counts.shape
        if not self.draws.enough:
            return f"no interval: {number} references are fewer than the {FEWEST_REFERENCES} that one needs"
        return f"95% bootstrap interval over {number:,} references, {replicates:,} draws"

    def estimate(self, value: float, drawn: Floats, scale: Scale, how: str = "") -> Estimate:
        """A figure with the interval that its values in the draws, `(B,)`, give on `scale`."""
        there, back = scale
        spread = self.draws.spread(there(drawn))
        method = f"{how}; {self.method}" if how else self.method
        if not np.isfinite(value):
            return Estimate(None, None, None, "undetermined: the distances or the scores are all the same")
        if spread is None:
            if self.draws.enough:
                method = f"{how}; no interval: the draws give all the same, or nothing"
            return Estimate(value, None, None, method)
        low, high = back(np.array(spread.interval(float(there(np.array(value))))))
        return Estimate(value, float(low), float(high), method)

    def difference(self, value: float, drawn: Floats) -> tuple[Estimate, Spread | None]:
        """A difference of two figures with its interval, and how it scatters."""
        spread = self.draws.spread(drawn)
        if spread is None:
            method = self.method if not self.draws.enough else "no interval: the draws give all the same, or nothing"
            return Estimate(value, None, None, method), None
        low, high = spread.interval(value)
        return Estimate(value, low, high, f"{self.method}, the same for both"), spread

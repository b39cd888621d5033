"""How simulated observers of shifted pairs differ from each other, and photographs too, as in `shift-study power`."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from statistics import NormalDist

from study_server.errors import StudyError

# As `power` has it of the paper's Table 1: the whole spread on the logarithm of the shift, and how much each rate
# differs between people, as a share of it.
_LOG_SD = 0.9175
_RATE_SPREAD = 0.7
_NORMAL = NormalDist()


@dataclass(frozen=True)
class Population:
    """`participant_sd`, `image_sd`: standard deviations, between people and between photographs, of the logarithm of
    the shift that is seen half of the time. What is left of the whole spread is within both. 0: all alike.

    Raises StudyError where nothing is left.
    """

    participant_sd: float = 0.4
    image_sd: float = 0.4

    def __post_init__(self) -> None:
        if self.participant_sd**2 + self.image_sd**2 >= _LOG_SD**2:
            raise StudyError(
                f"people and photographs that differ by {self.participant_sd:g} and {self.image_sd:g} leave nothing of "
                f"the whole spread of {_LOG_SD:g}, of which both squares must be a part: make --participant-sd or "
                "--image-sd smaller"
            )

    @property
    def within(self) -> float:
        """Standard deviation that is left within one person and photograph."""
        return math.sqrt(_LOG_SD**2 - self.participant_sd**2 - self.image_sd**2)

    def person(self, rng: random.Random, *rates: float) -> Person:
        """Somebody, drawn; `rates`: means, in (0, 1), of what people do at rates of their own."""
        effect = rng.gauss(0, self.participant_sd)
        own = tuple(_beta(mean, rng) if self.participant_sd else mean for mean in rates)
        return Person(self, effect, own)

    def image_effect(self, source_sha256: str) -> float:
        """What a photograph does to the logarithm: the same in every crop of it, in every study and for every seed."""
        return random.Random(f"photograph/{source_sha256}").gauss(0, self.image_sd)


@dataclass(frozen=True)
class Person:
    """`effect`: by how much this person's logarithm differs. `rates`: their own, in the order of the means."""

    population: Population
    effect: float
    rates: tuple[float, ...] = ()

    def sees(self, share: float, source_sha256: str) -> float:
        """How likely this person sees in this photograph what a `share` of all people and photographs see."""
        if not 0 < share < 1:
            return share
        everybody = _LOG_SD * _NORMAL.inv_cdf(share)
        here = everybody - self.effect - self.population.image_effect(source_sha256)
        return _NORMAL.cdf(here / self.population.within)


def _beta(mean: float, rng: random.Random) -> float:
    """Of a beta distribution with this mean and a standard deviation of `_RATE_SPREAD` times it."""
    # The widest has all its weight at 0 and 1; a little less than that.
    variance = min((_RATE_SPREAD * mean) ** 2, 0.9 * mean * (1 - mean))
    concentration = mean * (1 - mean) / variance - 1
    return rng.betavariate(mean * concentration, (1 - mean) * concentration)

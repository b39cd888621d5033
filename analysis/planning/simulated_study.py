"""A study whose truth is known: observers and images that differ, pairs assigned as the server does, answers."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from analysis.errors import AnalysisError
from analysis.trial_counts import TrialCounts

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Design:
    """Who is shown what: `per_shift` pairs of each shift from 0 to `max_shift` pixels, each of another image.

    Every pair gets `participants` × `per_shift` / `images` answers, or one more or less.
    """

    participants: int = 30
    images: int = 50
    per_shift: int = 5
    max_shift: int = 9

    def __post_init__(self) -> None:
        """Raises: `AnalysisError` where a number is too small, or a participant would see an image twice."""
        lowest = {"participants": 1, "images": 1, "per_shift": 1, "max_shift": 1}
        for name, least in lowest.items():
            if getattr(self, name) < least:
                raise AnalysisError(f"{name} is {getattr(self, name)}; give {least} or more.")
        if self.trials > self.images:
            raise AnalysisError(
                f"{self.per_shift} pairs of each of {self.max_shift + 1} shifts are {self.trials} trials, more than "
                f"the {self.images} images, of which a participant sees each once; take more images."
            )

    @property
    def trials(self) -> int:
        """Trials of a participant."""
        return self.per_shift * (self.max_shift + 1)


@dataclass(frozen=True)
class Population:
    """Of observers and images: the mean probability of "different" is γ + (1 − γ − λ) Φ((ln x − ln median) / log_sd).

    `participant_sd` and `image_sd`: standard deviations of the logarithm of the median between observers and between
    images; what is left of `log_sd`² is within both. `rate_spread`: standard deviation of the observers' false-alarm
    and lapse rates as a share of the means `false_alarm_rate` and `lapse_rate`; they follow beta distributions.
    The defaults of the mean are those that fit the paper's Table 1.
    """

    median_px: float = 2.3281
    log_sd: float = 0.9175
    false_alarm_rate: float = 0.0638
    lapse_rate: float = 0.0846
    participant_sd: float = 0.4
    image_sd: float = 0.4
    rate_spread: float = 0.7

    def __post_init__(self) -> None:
        """Raises: `AnalysisError` where a parameter is out of its range."""
        if not (self.median_px > 0 and self.log_sd > 0 and self.participant_sd >= 0 and self.image_sd >= 0):
            raise AnalysisError("A median and a log_sd are above 0, standard deviations not below it; correct them.")
        if not (0 <= self.false_alarm_rate < 0.5 and 0 <= self.lapse_rate < 0.5 and self.rate_spread >= 0):
            raise AnalysisError("The false-alarm rate and the lapse rate are at least 0 and below 0.5; correct them.")
        if self.participant_sd**2 + self.image_sd**2 >= self.log_sd**2:
            raise AnalysisError(
                f"The variances between participants ({self.participant_sd:g}²) and images ({self.image_sd:g}²) "
                f"leave nothing of the whole spread of {self.log_sd:g}²; make participant_sd and image_sd smaller."
            )

    @property
    def threshold_px(self) -> float:
        """Shift at which the mean probability of "different" is one half."""
        share = (0.5 - self.false_alarm_rate) / (1 - self.false_alarm_rate - self.lapse_rate)
        return self.median_px * math.exp(self.log_sd * float(ndtri(share)))


@dataclass(frozen=True)
class SimulatedStudy:
    """Trials, and what nobody knows in a real study.

    `participant`, `image`, `shift_px`, `different`: `(T,)`, one value a trial; ids from 0.
    `image_effect`: `(images,)`, by how much each image raises the logarithm of the median.
    """

    participant: Integers
    image: Integers
    shift_px: Integers
    different: NDArray[np.bool_]
    image_effect: Floats
    max_shift: int

    @property
    def pair(self) -> Integers:
        """`(T,)`, number of the pair of each trial: image × (max_shift + 1) + shift."""
        return self.image * (self.max_shift + 1) + self.shift_px

    def counts(self) -> TrialCounts:
        """The numbers of answers by shift, participant and image."""
        levels = self.max_shift + 1

        def grouped(codes: Integers, groups: int) -> Floats:
            cell = codes * levels + self.shift_px
            size = groups * levels
            counted = (np.bincount(cell, self.different, size), np.bincount(cell, minlength=size))
            return np.stack(counted, axis=-1).reshape(groups, levels, 2).astype(np.float64)

        by_photograph = grouped(self.image, len(self.image_effect))
        different, total = by_photograph.sum(axis=0).T
        shift = np.arange(levels, dtype=np.float64)
        return TrialCounts(
            shift, different, total, grouped(self.participant, self.participant.max() + 1), by_photograph
        )

    def distances(self, generator: np.random.Generator, *, knowledge: float = 1.0, noise_sd: float = 0.4) -> Floats:
        """What a metric would say: `(images × (max_shift + 1),)`, by number of the pair.

        The logarithm of the shift, less `knowledge` times what the image does to it, and normal noise.
        """
        shift = np.arange(self.max_shift + 1)
        logs = np.log(np.maximum(shift, 0.25))
        distances = logs[np.newaxis, :] - knowledge * self.image_effect[:, np.newaxis]
        return np.asarray(distances + generator.normal(0, noise_sd, distances.shape), dtype=np.float64).ravel()


def simulate(design: Design, population: Population, generator: np.random.Generator) -> SimulatedStudy:
    """A study of this design with participants and images drawn anew from the population."""
    shifts = design.max_shift + 1
    image = np.empty((design.participants, design.trials), dtype=np.int64)
    shift = np.empty_like(image)
    order = np.empty(0, dtype=np.int64)
    for number in range(design.participants):
        # As the server does: in a block of as many participants as shifts, each image meets every shift once.
        first = (number // shifts) * design.trials % design.images
        if number % shifts == 0 and first == 0:
            order = generator.permutation(design.images)
        places = (np.arange(design.trials) + first) % design.images
        image[number] = order[places]
        shift[number] = (np.arange(design.trials) + number) % shifts
    participant = np.repeat(np.arange(design.participants), design.trials)
    image_effect = generator.normal(0, population.image_sd, design.images)
    participant_effect = generator.normal(0, population.participant_sd, design.participants)
    guesses = _rates(population.false_alarm_rate, population.rate_spread, design.participants, generator)
    lapses = _rates(population.lapse_rate, population.rate_spread, design.participants, generator)
    flat_image, flat_shift = image.ravel(), shift.ravel()
    within = math.sqrt(population.log_sd**2 - population.participant_sd**2 - population.image_sd**2)
    logs = np.full(flat_shift.shape, -np.inf)
    np.log(flat_shift, out=logs, where=flat_shift > 0)
    centre = math.log(population.median_px) + participant_effect[participant] + image_effect[flat_image]
    guess, lapse = guesses[participant], lapses[participant]
    probability = guess + (1 - guess - lapse) * ndtr((logs - centre) / within)
    return SimulatedStudy(
        participant=participant,
        image=flat_image,
        shift_px=flat_shift,
        different=generator.random(probability.shape) < probability,
        image_effect=image_effect,
        max_shift=design.max_shift,
    )


def _rates(mean: float, spread: float, count: int, generator: np.random.Generator) -> Floats:
    """Of a beta distribution with this mean and a standard deviation of `spread` times it."""
    if mean == 0 or spread == 0:
        return np.full(count, mean)
    # The widest beta distribution has all its weight at 0 and 1; a little less than that.
    variance = min((spread * mean) ** 2, 0.9 * mean * (1 - mean))
    concentration = mean * (1 - mean) / variance - 1
    return generator.beta(mean * concentration, (1 - mean) * concentration, count)

"""A study whose truth is known: observers and images that differ, pairs assigned as the server does, answers."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from analysis.errors import AnalysisError
from analysis.planning.simulated_metric import SimulatedMetric
from analysis.trial_counts import TrialCounts

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Design:
    """Who is shown what: `per_shift` pairs of each of the `shifts`, in pixels, each of another image.

    `crops`: how many of the `images` are of one photograph. Every pair gets `participants` × `per_shift` / `images`
    answers, or one more or less.
    """

    participants: int = 30
    images: int = 50
    per_shift: int = 5
    shifts: tuple[int, ...] = tuple(range(10))
    crops: int = 1

    def __post_init__(self) -> None:
        """Raises: `AnalysisError` where a number is too small, or a participant would see an image twice."""
        if len(self.shifts) < 2 or list(self.shifts) != sorted(set(self.shifts)) or self.shifts[0] < 0:
            raise AnalysisError(
                f"The shifts are {', '.join(map(str, self.shifts))}; give two or more, ascending, of 0 px or more."
            )
        lowest = {"participants": 1, "images": 1, "per_shift": 1, "crops": 1}
        for name, least in lowest.items():
            if getattr(self, name) < least:
                raise AnalysisError(f"{name} is {getattr(self, name)}; give {least} or more.")
        if self.trials > self.images:
            raise AnalysisError(
                f"{self.per_shift} pairs of each of {len(self.shifts)} shifts are {self.trials} trials, more than "
                f"the {self.images} images, of which a participant sees each once; take more images."
            )

    @property
    def trials(self) -> int:
        """Trials of a participant."""
        return self.per_shift * len(self.shifts)

    @property
    def answers(self) -> int:
        """Answers of all participants."""
        return self.participants * self.trials

    @property
    def photograph(self) -> Integers:
        """`(images,)`, number of the photograph of each image, from 0."""
        return np.arange(self.images) // self.crops


@dataclass(frozen=True)
class Population:
    """Of observers and images: the mean probability of "different" is γ + (1 − γ − λ) Φ((ln x − ln median) / log_sd).

    `participant_sd` and `image_sd`: standard deviations of the logarithm of the median between observers and between
    photographs, of which all images of one have the same; what is left of `log_sd`² is within both. `rate_spread`:
    standard deviation of the observers' false-alarm and lapse rates as a share of the means `false_alarm_rate` and
    `lapse_rate`; they follow beta distributions. `coin_flippers`: share of observers who answer by a coin instead.
    The defaults of the mean are those that fit the paper's Table 1.
    """

    median_px: float = 2.3281
    log_sd: float = 0.9175
    false_alarm_rate: float = 0.0638
    lapse_rate: float = 0.0846
    participant_sd: float = 0.4
    image_sd: float = 0.4
    rate_spread: float = 0.7
    coin_flippers: float = 0.0

    def __post_init__(self) -> None:
        """Raises: `AnalysisError` where a parameter is out of its range."""
        if not (self.median_px > 0 and self.log_sd > 0 and self.participant_sd >= 0 and self.image_sd >= 0):
            raise AnalysisError("A median and a log_sd are above 0, standard deviations not below it; correct them.")
        if not (0 <= self.false_alarm_rate < 0.5 and 0 <= self.lapse_rate < 0.5 and self.rate_spread >= 0):
            raise AnalysisError("The false-alarm rate and the lapse rate are at least 0 and below 0.5; correct them.")
        if not 0 <= self.coin_flippers < 1:
            raise AnalysisError(f"The share of coin flippers is {self.coin_flippers}; give one from 0 to below 1.")
        if self.participant_sd**2 + self.image_sd**2 >= self.log_sd**2:
            raise AnalysisError(
                f"The variances between participants ({self.participant_sd:g}²) and images ({self.image_sd:g}²) "
                f"leave nothing of the whole spread of {self.log_sd:g}²; make participant_sd and image_sd smaller."
            )

    @property
    def threshold_px(self) -> float:
        """Shift at which the mean probability of "different" is one half, whoever flips coins besides."""
        share = (0.5 - self.false_alarm_rate) / (1 - self.false_alarm_rate - self.lapse_rate)
        return self.median_px * math.exp(self.log_sd * float(ndtri(share)))

    def probability(self, shift_px: Floats, image_effect: Floats | float, spread: float) -> Floats:
        """Mean over observers of P("different"), where logarithms of medians scatter by `spread` about the effects."""
        logs = np.full(np.shape(shift_px), -np.inf)
        np.log(shift_px, out=logs, where=np.asarray(shift_px) > 0)
        seen = ndtr((logs - math.log(self.median_px) - image_effect) / spread)
        attentive = self.false_alarm_rate + (1 - self.false_alarm_rate - self.lapse_rate) * seen
        return np.asarray(self.coin_flippers / 2 + (1 - self.coin_flippers) * attentive, dtype=np.float64)


@dataclass(frozen=True)
class SimulatedStudy:
    """Trials, and what nobody knows in a real study.

    `participant`, `image`, `shift_px`, `different`: `(T,)`, one value a trial; ids from 0.
    `image_effect`: `(images,)`, by how much each image raises the logarithm of the median. `probability`: `(pairs,)`,
    mean over observers of the probability of "different" of each pair.
    """

    participant: Integers
    image: Integers
    shift_px: Integers
    different: NDArray[np.bool_]
    image_effect: Floats
    design: Design
    probability: Floats = field(repr=False)

    @property
    def level(self) -> Integers:
        """`(T,)`, number of the shift of each trial, from 0."""
        return np.searchsorted(self.design.shifts, self.shift_px)

    @property
    def pair(self) -> Integers:
        """`(T,)`, number of the pair of each trial: image × number of shifts + number of the shift."""
        return self.image * len(self.design.shifts) + self.level

    def counts(self) -> TrialCounts:
        """The numbers of answers by shift, participant and photograph."""
        levels, level = len(self.design.shifts), self.level

        def grouped(codes: Integers, groups: int) -> Floats:
            cell = codes * levels + level
            size = groups * levels
            counted = (np.bincount(cell, self.different, size), np.bincount(cell, minlength=size))
            return np.stack(counted, axis=-1).reshape(groups, levels, 2).astype(np.float64)

        photograph = self.design.photograph
        by_photograph = grouped(photograph[self.image], int(photograph[-1]) + 1)
        different, total = by_photograph.sum(axis=0).T
        shift = np.array(self.design.shifts, dtype=np.float64)
        return TrialCounts(
            shift, different, total, grouped(self.participant, self.participant.max() + 1), by_photograph
        )

    def distances(self, generator: np.random.Generator, metric: SimulatedMetric | None = None) -> Floats:
        """What a metric would say of the pairs, `(pairs,)`; one that knows what images do, if none is given."""
        design = self.design
        found = (metric or SimulatedMetric()).distances(design.shifts, self.image_effect, design.photograph, generator)
        return found.ravel()


def image_effects(design: Design, population: Population, generator: np.random.Generator) -> Floats:
    """`(images,)`: by how much images raise the logarithm of the median, those of one photograph by as much."""
    photograph = design.photograph
    return generator.normal(0, population.image_sd, int(photograph[-1]) + 1)[photograph]


def simulate(
    design: Design, population: Population, generator: np.random.Generator, effects: Floats | None = None
) -> SimulatedStudy:
    """A study of this design with participants and photographs drawn anew from the population.

    effects: `(images,)`, what chosen images do, in place of drawn ones.
    """
    shifts = len(design.shifts)
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
    image_effect = image_effects(design, population, generator) if effects is None else effects
    participant_effect = generator.normal(0, population.participant_sd, design.participants)
    guesses = _rates(population.false_alarm_rate, population.rate_spread, design.participants, generator)
    lapses = _rates(population.lapse_rate, population.rate_spread, design.participants, generator)
    flat_image, flat_shift = image.ravel(), np.array(design.shifts)[shift.ravel()]
    within = math.sqrt(population.log_sd**2 - population.participant_sd**2 - population.image_sd**2)
    logs = np.full(flat_shift.shape, -np.inf)
    np.log(flat_shift, out=logs, where=flat_shift > 0)
    centre = math.log(population.median_px) + participant_effect[participant] + image_effect[flat_image]
    guess, lapse = guesses[participant], lapses[participant]
    probability = guess + (1 - guess - lapse) * ndtr((logs - centre) / within)
    answers = generator.random(probability.shape)
    # Nothing is drawn for them where there are none, so that studies without are the same as ever.
    if population.coin_flippers:
        flips = generator.random(design.participants) < population.coin_flippers
        probability = np.where(flips[participant], 0.5, probability)
    return SimulatedStudy(
        participant=participant,
        image=flat_image,
        shift_px=flat_shift,
        different=answers < probability,
        image_effect=image_effect,
        design=design,
        probability=population.probability(
            np.tile(np.array(design.shifts, dtype=np.float64), design.images),
            np.repeat(image_effect, shifts),
            math.hypot(within, population.participant_sd),
        ),
    )


def _rates(mean: float, spread: float, count: int, generator: np.random.Generator) -> Floats:
    """Of a beta distribution with this mean and a standard deviation of `spread` times it."""
    if mean == 0 or spread == 0:
        return np.full(count, mean)
    # The widest beta distribution has all its weight at 0 and 1; a little less than that.
    variance = min((spread * mean) ** 2, 0.9 * mean * (1 - mean))
    concentration = mean * (1 - mean) / variance - 1
    return generator.beta(mean * concentration, (1 - mean) * concentration, count)

"""Made-up metrics: how much they know of what makes a shift visible, and how much else they say."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.errors import AnalysisError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

# As which shift a metric takes none, in the logarithm.
_NO_SHIFT_PX = 0.25


@dataclass(frozen=True)
class SimulatedMetric:
    """Distances are the logarithm of the shift, less `knowledge` times what the image does to it, and two errors.

    `noise_sd`: standard deviation of an error of each pair; `opinion_sd`: of one of each photograph, the same at all
    shifts. Both are in units of the logarithm of a shift.
    """

    knowledge: float = 1.0
    noise_sd: float = 0.4
    opinion_sd: float = 0.0

    def __post_init__(self) -> None:
        """Raises: `AnalysisError` where a standard deviation is below 0 or no number."""
        if not (0 <= self.noise_sd < np.inf and 0 <= self.opinion_sd < np.inf):
            raise AnalysisError(
                f"The standard deviations of a metric's errors are {self.noise_sd} and {self.opinion_sd}; give numbers "
                "that are 0 or more."
            )

    def distances(
        self, shifts: tuple[int, ...], image_effect: Floats, photograph: Integers, generator: np.random.Generator
    ) -> Floats:
        """`(images, shifts)`, of images with these effects, `(images,)`, of these photographs, numbered from 0."""
        logs = np.log(np.maximum(np.array(shifts, dtype=np.float64), _NO_SHIFT_PX))
        opinion = generator.normal(0, 1, int(photograph.max()) + 1)[photograph] * self.opinion_sd
        noise = generator.normal(0, 1, (len(image_effect), len(shifts))) * self.noise_sd
        by_image = opinion - self.knowledge * image_effect
        return np.asarray(logs + by_image[:, np.newaxis] + noise, dtype=np.float64)

"""A simulated observer of triplets: which image they like better depends on its distortion, and not on a shift."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from study_server.errors import StudyError
from study_server.tasks.task import Arrangement
from study_server.tasks.two_afc.distortion_plan import UNDISTORTED, Distortion
from study_server.tasks.two_afc.manifest_row import TripletRow

_CATCH = 0.98
"""How likely the plain answer to a catch triplet is."""
_MINDED = {"blur": 1.0, "noise": 0.4, "jpeg": 0.6, "colour-cast": 1.5, "warp": 0.5, "down-and-up": 1.0}
"""How much a distortion of strength 1 is minded, by its kind. Unlike under any published metric, so that one which is
trained on the answers has something to learn."""
_GAIN = 10.0
"""Log odds that the second image is preferred, by how much less it is minded than the first."""
_OWN = 1.0
"""Standard deviation over triplets of what their log odds have beside."""
_SPREAD = 4.0
"""The same of triplets of which it is not known what was done to the images."""


@dataclass(frozen=True)
class Observer:
    """lapse_rate: share of trials answered by a coin, in [0, 1]; side_bias: added to the probability of «left»."""

    lapse_rate: float = 0.0
    side_bias: float = 0.0

    def p_second(self, row: TripletRow) -> float:
        """Probability that the second image is preferred, by who does not lapse.

        What people have answered, where the manifest says so. Else by what was done to the images, where it says that,
        and what is drawn for the triplet from its name and source.
        """
        catch = row.catch_answer
        if catch:
            return _CATCH if catch == "second" else 1 - _CATCH
        share: float | None = row.share_second
        if share is not None:
            return share
        drawn = random.Random(f"{row.group}/{row.source_sha256}").gauss(0, 1)
        first, second = _minded(row.distortion_first), _minded(row.distortion_second)
        log_odds = _SPREAD * drawn
        if first is not None and second is not None:
            log_odds = _GAIN * (first - second) + _OWN * drawn
        return 1 / (1 + math.exp(-log_odds))

    def respond(self, row: TripletRow, arrangement: Arrangement | None, rng: random.Random) -> tuple[str, float]:
        """A side and a reaction time in ms (log-normal about 2.5 s; a number to fill the column, no model)."""
        second = self.p_second(row)
        left = 0.5 if arrangement is None else second if arrangement[0] == "second" else 1 - second
        left = min(1.0, max(0.0, left + self.side_bias))
        left = (1 - self.lapse_rate) * left + self.lapse_rate / 2
        return "left" if rng.random() < left else "right", 1000 * rng.lognormvariate(0.9, 0.4)


def _minded(distortion: str) -> float | None:
    """How much a distortion is minded; None where the manifest does not name one that we make."""
    try:
        found = Distortion.parse(distortion)
    except StudyError:
        return None
    return 0.0 if found == UNDISTORTED else _MINDED[found.kind] * found.strength

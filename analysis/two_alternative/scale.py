"""How strongly each distorted image of a reference is preferred, where several were compared: a scale of its own each.

Images of one reference come together from several triplets. The scale is that of Bradley & Terry 1952, in log-odds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from analysis.exclusions.marking import accepted
from analysis.results import Estimate, Result
from analysis.trial_counts import FEWEST_CLUSTERS
from analysis.two_alternative.bradley_terry import groups_compared, strengths
from analysis.two_alternative.choices import Choices, Mask
from analysis.two_alternative.examples import distortions
from analysis.two_alternative.stimuli import Stimulus, stimulus_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_FEWEST_IMAGES = 3


@dataclass(frozen=True)
class ImageStrength(Result):
    """An image's place on its reference's scale, the mean of which is 0; larger is more similar to the reference.

    `reference`: the first of the triplets that have it. `answers`: in which the image was one of the two.
    """

    reference: str
    shift_px: int
    image: str
    answers: int
    strength: Estimate


@dataclass(frozen=True)
class PreferenceScale(Result):
    """Scales of all references, version by version.

    `left_out`: a sentence on references that have none; `notes`: on what was taken for one reference.
    """

    rows: tuple[ImageStrength, ...]
    left_out: tuple[str, ...]
    notes: tuple[str, ...] = ()


def preference_scale(
    responses: pd.DataFrame, choices: Choices, stimuli: Mapping[str, Stimulus] | None = None
) -> PreferenceScale:
    """Of each reference with more than two distorted images that people compared, by their first answers.

    Args:
        responses: the table, for photographs and what the distortions are called.
        choices: the same answers.
        stimuli: of the study's manifest, which says what images are the same. Without it these are those of one
            photograph whose distortion is called the same.
    """
    images = _images(responses, choices, stimuli)
    of_reference: dict[str, list[int]] = {}
    for number, name in enumerate(choices.triplets):
        of_reference.setdefault(images[name][0], []).append(number)
    rows: list[ImageStrength] = []
    apart: list[_Apart] = []
    for triplets in of_reference.values():
        names = list(dict.fromkeys(image for t in triplets for image in images[choices.triplets[t]][1:]))
        if len(names) < _FEWEST_IMAGES or not all(names):
            continue
        for shift in choices.versions:
            here = choices.first_asked(shift) & np.isin(choices.triplet, triplets)
            if here.any():
                _scale(choices, here, images, choices.triplets[triplets[0]], shift, rows, apart)
    if not rows and not apart:
        return PreferenceScale((), (_NO_SCALE,))
    return PreferenceScale(tuple(rows), _left_out(apart), () if stimuli is not None else (_BY_PHOTOGRAPH,))


@dataclass(frozen=True)
class _Apart:
    """Images of a reference, in one version, that fall into groups which nobody compared with each other."""

    reference: str
    shift_px: int
    images: int
    groups: int


_NO_SCALE = "No reference has more than two distorted images that people compared, so that there is no scale of any."
_BY_PHOTOGRAPH = (
    "Which triplets share a reference the responses alone do not say: those of one photograph were taken to, with "
    "images the same whose distortion is called the same. Where several crops of a photograph are references, name the "
    "study's folder with --stimuli DIR."
)


def _left_out(apart: Sequence[_Apart]) -> tuple[str, ...]:
    """One sentence, however many references have no scale."""
    if not apart:
        return ()
    first = apart[0]
    more = f", and so do those of {len(apart) - 1:,} more references or versions" if len(apart) > 1 else ""
    return (
        f"The {first.images} images of the reference of triplet {first.reference}, at {first.shift_px} px, fall into "
        f"{first.groups} groups that nobody compared with each other{more}; they have no common scale.",
    )


_Images = Mapping[str, tuple[str, str, str]]


def _images(responses: pd.DataFrame, choices: Choices, stimuli: Mapping[str, Stimulus] | None) -> _Images:
    """Of each triplet its reference, and the names of its two images, which are alike for images that are the same."""
    called = distortions(responses)
    if stimuli is None:
        kept = accepted(responses).drop_duplicates("triplet").set_index("triplet")["photograph"]
        photograph = {str(name): f"triplet {name}" if pd.isna(known) else str(known) for name, known in kept.items()}
        return {name: (photograph[name], *called[name]) for name in choices.triplets}
    found = {}
    for name in choices.triplets:
        reference, *both = stimulus_of(stimuli, name, 0).sha256
        first, second = (f"{label} [{sha256[:8]}]".strip() for label, sha256 in zip(called[name], both, strict=True))
        found[name] = (reference, first, second)
    return found


def _scale(
    choices: Choices,
    here: Mask,
    images: _Images,
    reference: str,
    shift: int,
    rows: list[ImageStrength],
    apart: list[_Apart],
) -> None:
    compared = [images[choices.triplets[number]][1:] for number in choices.triplet[here]]
    names = sorted({name for pair in compared for name in pair})
    place = {name: number for number, name in enumerate(names)}
    first, second = np.array([[place[name] for name in pair] for pair in compared]).T
    groups = groups_compared(first, second, len(names))
    if groups > 1:
        apart.append(_Apart(reference, shift, len(names), groups))
        return
    person = choices.person[here]
    people = len(np.unique(person)) if np.all(person >= 0) else 0
    told = strengths(first, second, choices.second[here], person if people else np.arange(len(person)), len(names))
    answers = np.bincount(first, minlength=len(names)) + np.bincount(second, minlength=len(names))
    # What tells images apart is shown only where what they are called does not.
    called = [name.partition(" [")[0] for name in names]
    for name, number in place.items():
        rows.append(
            ImageStrength(
                reference=reference,
                shift_px=shift,
                image=name if called.count(called[number]) > 1 or not called[number] else called[number],
                answers=int(answers[number]),
                strength=_estimate(float(told.value[number]), math.sqrt(told.covariance[number, number]), people),
            )
        )


def _estimate(value: float, error: float, people: int) -> Estimate:
    if people < FEWEST_CLUSTERS:
        return Estimate(value, None, None, "no interval: too few people are known to have answered")
    reach = float(stdtrit(people - 1, 0.975)) * error
    return Estimate(
        value,
        value - reach,
        value + reach,
        f"Bradley–Terry, half an answer added to each side; 95% interval robust to {people} participants' own tastes",
    )


def plot_scale(scale: PreferenceScale, ax: Axes, most: int = 8) -> None:
    """Draw the unshifted versions' scales of the first references, one line each."""
    from analysis.figure_style import BLUE, MUTED

    rows = [row for row in scale.rows if row.shift_px == min(one.shift_px for one in scale.rows)]
    references = list(dict.fromkeys(row.reference for row in rows))[:most]
    for line, reference in enumerate(references):
        here = [row for row in rows if row.reference == reference]
        values = [float(row.strength.estimate or 0.0) for row in here]
        ax.hlines(line, min(values), max(values), color=MUTED, lw=0.8, zorder=1)
        ax.plot(values, [line] * len(values), "o", color=BLUE, ms=5, zorder=2)
        for row, value in zip(here, values, strict=True):
            ax.annotate(
                row.image.partition(" [")[0], (value, line), (0, 5), textcoords="offset points", ha="center", fontsize=7
            )
    ax.set_yticks(range(len(references)), [f"triplet {name}" for name in references])
    ax.set_ylim(len(references) - 0.4, -0.6)
    ax.set_xlabel("preferred more → (log-odds)")

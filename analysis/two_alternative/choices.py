"""The answers of a two-alternative study as numbers: who preferred which image of which triplet, in which version."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from analysis.columns.participants import unknown_participants
from analysis.errors import AnalysisError
from analysis.exclusions.marking import accepted

Integers = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Choices:
    """N answers to T triplets, each in one version: both distorted images shifted by as many pixels, or by none.

    `person`: `(N,)`, from 0, -1 where it is not known who answered. `triplet`: `(N,)`, place in `triplets`. `shift_px`:
    `(N,)`, 0 is the unshifted version. `second`: `(N,)`, whether the second image was preferred. `repetition`: `(N,)`,
    1, or 2 where the same stimulus was asked again of the same person. `photograph`: `(T,)`, from 0: what several
    triplets may share, and what is drawn anew for intervals. `notes`: sentences on what was left out.
    """

    person: Integers
    triplet: Integers
    shift_px: Integers
    second: Mask
    repetition: Integers
    triplets: tuple[str, ...]
    photograph: Integers
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, responses: pd.DataFrame) -> Self:
        """The accepted answers of a tidy response table of the task `2afc`, those to catch triplets left out.

        Raises: `AnalysisError` where none is left, they are of several studies, or of another task.
        """
        if "preferred" not in responses:
            raise AnalysisError(
                "These are no answers of a two-alternative study, which say which image was preferred; name a source "
                "of the task 2afc."
            )
        kept = accepted(responses)
        catch = kept["catch_answer"].notna().to_numpy(dtype=bool)
        judged = kept[~catch] if catch.any() else kept
        if judged.empty:
            raise AnalysisError("All answers are to catch triplets, so that none is left to analyse; wait for more.")
        notes = []
        if catch.any():
            notes.append(f"Left out: {int(catch.sum()):,} answers to catch triplets, whose answer is obvious.")
        unknown = unknown_participants(judged)
        if unknown is not None:
            notes.append(f"{unknown}, so that no flips of theirs are known, and intervals hold no variance of people.")
        codes, names = pd.factorize(judged["triplet"], sort=True)
        first = np.unique(codes, return_index=True)[1]
        photograph = judged["photograph"].iloc[first] if "photograph" in judged else pd.Series([None] * len(names))
        cluster = [
            f"triplet {name}" if pd.isna(known) else f"photograph {known}"
            for name, known in zip(names, photograph, strict=True)
        ]
        return cls.from_arrays(
            person=pd.factorize(judged["participant"])[0],
            triplet=codes,
            shift_px=judged["shift_px"].to_numpy(dtype=np.int64),
            second=(judged["preferred"] == "second").to_numpy(dtype=bool),
            repetition=judged["repetition"].fillna(1).to_numpy(dtype=np.int64),
            triplets=[str(name) for name in names],
            photograph=pd.factorize(pd.Series(cluster, dtype="object"))[0],
            notes=tuple(notes),
        )

    @classmethod
    def from_arrays(
        cls,
        *,
        person: ArrayLike,
        triplet: ArrayLike,
        shift_px: ArrayLike,
        second: ArrayLike,
        repetition: ArrayLike | None = None,
        triplets: Sequence[str] | None = None,
        photograph: ArrayLike | None = None,
        notes: tuple[str, ...] = (),
    ) -> Self:
        """The same of arrays, see the attributes; each answer is the first to its stimulus where `repetition` is None.

        Raises: `AnalysisError` where lengths differ, there is no answer, or one person's to a stimulus stands twice.
        """
        numbers = [np.asarray(values, dtype=np.int64) for values in (person, triplet, shift_px)]
        count = len(numbers[0])
        again = np.ones(count, np.int64) if repetition is None else np.asarray(repetition, dtype=np.int64)
        chosen = np.asarray(second, dtype=bool)
        if not count or any(values.shape != (count,) for values in (*numbers, again, chosen)):
            raise AnalysisError(
                "Each answer needs a person, triplet, shift_px, second and repetition; give one or more."
            )
        size = int(numbers[1].max()) + 1
        names = tuple(f"{place:05d}" for place in range(size)) if triplets is None else tuple(triplets)
        cluster = np.arange(len(names)) if photograph is None else np.asarray(photograph, dtype=np.int64)
        known = numbers[0] >= 0
        rows = np.column_stack([*numbers, again])[known]
        found, times = np.unique(rows, axis=0, return_counts=True)
        if len(found) < len(rows):
            place = found[np.argmax(times > 1)]
            raise AnalysisError(
                f"A participant answered the stimulus {names[place[1]]}_n-{place[2]} twice as repetition {place[3]}; "
                "number the second time 2, or remove it."
            )
        return cls(numbers[0], numbers[1], numbers[2], chosen, again, names, cluster, notes)

    @property
    def people(self) -> int:
        """How many people are known to have answered."""
        return len(np.unique(self.person[self.person >= 0]))

    @property
    def photographs(self) -> int:
        """How many photographs the triplets are of."""
        return len(np.unique(self.photograph[np.unique(self.triplet)]))

    @property
    def versions(self) -> tuple[int, ...]:
        """Shifts in pixels that were asked about, ascending."""
        return tuple(int(shift) for shift in np.unique(self.shift_px))

    @property
    def shifts(self) -> tuple[int, ...]:
        """Those above 0."""
        return tuple(shift for shift in self.versions if shift > 0)

    def first_asked(self, shift_px: int) -> Mask:
        """`(N,)`, which answers are the first to a stimulus of this shift."""
        found: Mask = (self.shift_px == shift_px) & (self.repetition == 1)
        return found

"""A simulated study as a tidy response table, to try an analysis on before there are answers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import numpy as np
import pandas as pd

from analysis.planning.simulated_study import SimulatedStudy
from analysis.responses.columns import SCHEMA, columns_of
from analysis.responses.tidy_table import from_rows
from analysis.tasks.same_different import SAME_DIFFERENT

_BEGIN = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


def tidy_table(study: SimulatedStudy, generator: np.random.Generator, name: str = "simulated") -> pd.DataFrame:
    """The tidy response table of a simulated study, with trials in a random order and sides at random.

    Reaction times are log-normal, with medians of 1.2 s for "different" and 1.6 s for "same".
    """
    order = np.lexsort((generator.random(len(study.image)), study.participant))
    photograph = study.design.photograph
    trials: dict[int, int] = {}
    rows: list[dict[str, Any]] = []
    for index in order.tolist():
        person, image, shift = int(study.participant[index]), int(study.image[index]), int(study.shift_px[index])
        different = bool(study.different[index])
        trials[person] = trial = trials.get(person, 0) + 1
        rows.append(
            dict.fromkeys(column.name for column in columns_of(SAME_DIFFERENT))
            | {
                "schema": SCHEMA,
                "study": name,
                "task": SAME_DIFFERENT.name,
                "participant": f"s{person + 1:04d}",
                "simulated": True,
                "participant_state": "finished",
                "trial": trial,
                "pair": f"{image + 1:05d}_n-{shift}",
                "image": f"{image + 1:05d}",
                "photograph": sha256(f"photograph {photograph[image]}".encode()).hexdigest(),
                "shift_px": shift,
                "direction": "right",
                "reference_side": "left" if generator.random() < 0.5 else "right",
                "response": "different" if different else "same",
                "reaction_time_ms": float(generator.lognormal(np.log(1200 if different else 1600), 0.5)),
                "answered_at": (_BEGIN + timedelta(minutes=10 * person, seconds=3 * trial)).isoformat(),
                "device_pixel_ratio": 1.0,
                "pixel_scale": 1,
                "hidden": False,
                "visit": 1,
                "window_changes": 0,
                "excluded": False,
                "exclusion_reason": "",
            }
        )
    return from_rows(rows, origin=name)


def distances_by_pair(study: SimulatedStudy, distances: np.ndarray[Any, Any]) -> dict[str, float]:
    """Distances in the order of `SimulatedStudy.distances`, by the names of pairs in `tidy_table`."""
    shifts = study.design.shifts
    return {
        f"{number // len(shifts) + 1:05d}_n-{shifts[number % len(shifts)]}": float(value)
        for number, value in enumerate(distances.tolist())
    }

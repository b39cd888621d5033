"""What the file of a trained metric says of its training."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from metric.training.configuration import Configuration
from metric.training.judged_set import JudgedSet
from metric.training.reading import configuration_to_json


def about_training(configuration: Configuration, judged: JudgedSet, found: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration, the data, the versions of what computed, and what was `found`.

    Of the data's place only the last name, for others get the file.
    """
    return {
        "configuration": configuration_to_json(configuration),
        "data": {
            "origin": Path(judged.origin).absolute().name,
            "sha256": judged.sha256,
            "votes": judged.votes,
            "triplets": len(judged.triplets),
        },
        "seed": configuration.schedule.seed,
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("shift-study", "torch", "numpy")},
        },
        **found,
    }

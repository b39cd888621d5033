"""What must be the same for a distance to be the same, so that an earlier run's may be taken."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from metric.registry.spec import MetricSpec
from metric.weights.finding import find_weights


def settings_of(spec: MetricSpec, given: Mapping[str, Path], arithmetic: str) -> dict[str, str]:
    """The metric's name, the version of its code, the arithmetic, and the SHA-256 of each of its weights.

    >>> from metric.registry import METRICS
    >>> list(settings_of(METRICS["dists"], {}, "float32"))
    ['metric', 'version', 'arithmetic', 'backbone', 'linear']
    """
    settings = {
        "metric": spec.name,
        "version": f"shift-study {version('shift-study')} {spec.version}".rstrip(),
        "arithmetic": arithmetic,
    }
    for need in spec.weights:
        found = find_weights(need, given.get(need.role))
        if found is not None:
            settings[need.role] = hashlib.sha256(found.path.read_bytes()).hexdigest()
    return settings

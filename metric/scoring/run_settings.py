"""What must be the same for a distance to be the same, so that an earlier run's may be taken."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from metric.registry.spec import MetricSpec
from metric.weights.finding import find_weights


def settings_of(spec: MetricSpec, given: Mapping[str, Path], device: str, arithmetic: str) -> dict[str, str]:
    """The metric's name, the version of its code, the kind of device, the arithmetic, and each weights' SHA-256.

    `device`: its type, `cpu` or `cuda`, which do not round alike.

    >>> from metric.registry import METRICS
    >>> list(settings_of(METRICS["dists"], {}, "cpu", "float32"))
    ['metric', 'version', 'device', 'arithmetic', 'backbone', 'linear']
    """
    settings = {
        "metric": spec.name,
        "version": f"shift-study {version('shift-study')} {spec.version}".rstrip(),
        "device": device,
        "arithmetic": arithmetic,
    }
    for need in spec.weights:
        found = find_weights(need, given.get(need.role))
        if found is not None:
            settings[need.role] = hashlib.sha256(found.path.read_bytes()).hexdigest()
    return settings


def difference(here: Mapping[str, Any], there: Mapping[str, Any]) -> tuple[str, str] | None:
    """The first name whose value is not the same, and both values in words; None where all are.

    >>> difference({"metric": "ssim"}, {"metric": "ssim", "linear": "3f"})
    ('linear', '3f instead of none')
    """
    for name in {**here, **there}:
        if here.get(name) != there.get(name):
            return name, f"{there.get(name, 'none')} instead of {here.get(name, 'none')}"
    return None

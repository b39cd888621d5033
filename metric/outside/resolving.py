"""From a name to a metric that is not of this project. Importing this module loads no torch."""

from __future__ import annotations

import re
from dataclasses import replace
from importlib.metadata import EntryPoint, entry_points

from metric.errors import MetricError
from metric.extra import require_torch
from metric.registry.spec import MetricSpec

GROUP = "shift_study.metrics"
"""Entry points through which another package offers metrics: name → a `MetricSpec`, or a function that gives one."""

PYIQA_PREFIX = "pyiqa:"
_OWN = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*|.*\.py(:[^\W\d]\w*)?", re.DOTALL)


def find_outside(name: str) -> MetricSpec | None:
    """The record of `pyiqa:NAME`, code of the user's own or an installed package's metric; None for others.

    Code of the user's own is `package.module:name`, `file.py:name`, or `file.py` where that has one function or class.

    Raises:
        MetricError: where there is no such thing behind the name, or an installed package's metric is broken.
    """
    if name.startswith(PYIQA_PREFIX):
        require_torch(name)
        from metric.outside.pyiqa import describe_pyiqa

        return describe_pyiqa(name)
    if _OWN.fullmatch(name):
        require_torch(name)
        from metric.outside.function import describe_function

        return describe_function(name)
    offered = {entry.name: entry for entry in entry_points(group=GROUP)}
    return _load(offered[name]) if name in offered else None


def offered_by_packages() -> dict[str, MetricSpec | str]:
    """What installed packages offer, by name; in place of a broken one the sentence that says what is wrong."""
    offered: dict[str, MetricSpec | str] = {}
    for entry in entry_points(group=GROUP):
        try:
            offered[entry.name] = _load(entry)
        except MetricError as error:
            offered[entry.name] = str(error)
    return offered


def _load(entry: EntryPoint) -> MetricSpec:
    package = entry.dist.name if entry.dist else entry.value
    try:
        spec = entry.load()
        if not isinstance(spec, MetricSpec) and callable(spec):
            spec = spec()
    except Exception as error:  # whatever another package raises must not end the list of metrics
        problem = f"{type(error).__name__}: {error}"
        raise MetricError(f'The metric "{entry.name}" of the package {package} is broken ({problem}).') from error
    if not isinstance(spec, MetricSpec):
        raise MetricError(
            f'The metric "{entry.name}" of the package {package} is a {type(spec).__name__} instead of a MetricSpec.'
        )
    if spec.name != entry.name:
        raise MetricError(f'The package {package} offers "{entry.name}", but the metric calls itself "{spec.name}".')
    # By its package's version, unless it has one of its own.
    return spec if spec.version or not entry.dist else replace(spec, version=f"{package} {entry.dist.version}")

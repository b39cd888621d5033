"""The extra `metric`: what computing a distance needs beyond serving and analysing a study."""

from __future__ import annotations

from importlib.util import find_spec

from metric.errors import MetricError

INSTALL = 'pip install "shift-study[metric]"'


def torch_is_installed() -> bool:
    """Whether torch can be imported; it is not imported."""
    return find_spec("torch") is not None


def require_torch(what: str) -> None:
    """Raises `MetricError` with the command that installs the extra, where it is missing and `what` needs it."""
    if not torch_is_installed():
        raise MetricError(f'{what} needs the extra "metric": {INSTALL}')

"""The extra `metric`: what computing a distance needs beyond serving and analysing a study."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

from metric.errors import MetricError

_CHECKOUT = Path(__file__).resolve().parents[1]


def how_to_install(packages: str, *, environment: str = sys.prefix, checkout: Path = _CHECKOUT) -> str:
    """The command that installs parts of the extra: `make metric` in the environment that a checkout's Makefile made.

    packages: what pip is told to install anywhere else.
    """
    made_by_make = (checkout / "Makefile").is_file() and Path(environment).resolve() == (checkout / ".venv").resolve()
    return "make metric" if made_by_make else f"pip install {packages}"


INSTALL = how_to_install('"shift-study[metric]"')


def torch_is_installed() -> bool:
    """Whether torch can be imported; it is not imported."""
    return find_spec("torch") is not None


def require_torch(what: str) -> None:
    """Raises `MetricError` with the command that installs the extra, where it is missing and `what` needs it."""
    if not torch_is_installed():
        raise MetricError(f'{what} needs the extra "metric": {INSTALL}')


def require_safetensors(what: str) -> None:
    """Raises `MetricError` as `require_torch` does, where the extra was installed before it had safetensors."""
    if find_spec("safetensors") is None:
        raise MetricError(f'{what} needs safetensors, which comes with the extra "metric": {INSTALL}')

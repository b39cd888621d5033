"""What each key of a configuration may be."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from metric.device import Precision
from metric.networks.variant import Backbone, Location, Pooling, Skips
from metric.training.configuration import Filter, LossKind, Trunk


@dataclass(frozen=True)
class Allowed:
    """The values of a key.

    Attributes:
        says: which they are, in words.
        takes: whether a value of TOML or JSON is one of them.
        becomes: what it is in the configuration.
    """

    says: str
    takes: Callable[[Any], bool]
    becomes: Callable[[Any], Any] = lambda value: value


def one_of(*choices: object) -> Allowed:
    says = ", ".join(f'"{choice}"' if isinstance(choice, str) else str(choice) for choice in choices)
    # 1 == True == 1.0, but in a file they are three things.
    return Allowed(f"one of {says}", lambda value: any(type(value) is type(one) and value == one for one in choices))


def whole(low: int, high: int = sys.maxsize) -> Allowed:
    """Whole numbers from `low` to `high`."""
    says = f"a whole number from {low}" + (f" to {high}" if high < sys.maxsize else "")
    return Allowed(says, lambda value: type(value) is int and low <= value <= high)


def _number(says: str, takes: Callable[[float], bool]) -> Allowed:
    return Allowed(says, lambda value: _is_number(value) and takes(value), float)


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) <= sys.float_info.max and math.isfinite(value)


def list_of(says: str, takes: Callable[[Any], bool], least: int = 0) -> Allowed:
    """Lists of at least so many different values, which become tuples."""
    return Allowed(
        says,
        lambda value: (
            isinstance(value, list | tuple)
            and len(value) >= least
            and all(map(takes, value))
            and len(set(value)) == len(value)
        ),
        tuple,
    )


def _is_folder_name(value: Any) -> bool:
    return isinstance(value, str) and value.strip() == value and value not in ("", ".", "..") and "/" not in value


def _is_beta(value: Any) -> bool:
    return _is_number(value) and 0 <= value < 1


_TRUTH = Allowed("true or false", lambda value: isinstance(value, bool))

ELEMENTS: Mapping[str, Allowed] = {
    "backbone": one_of(*get_args(Backbone)),
    "blur": one_of(0, 2, 3, 4, 5, 6, 7),
    "padding": one_of(1, 2),
    "adaptive": _TRUTH,
    "full_convolution": _TRUTH,
    "conv1_stride": one_of(0, 1, 2, 4),
    "location": one_of(*get_args(Location)),
    "pooling": one_of(*get_args(Pooling)),
    "skips": one_of(*get_args(Skips)),
}
"""The fields of `Variant`."""

ALLOWED: Mapping[str, Mapping[str, Allowed]] = {
    "network": {
        "name": Allowed(
            "the name of a network, see `shift-study elements --list`", lambda value: isinstance(value, str)
        ),
        **ELEMENTS,
        "trunk": one_of(*get_args(Trunk)),
    },
    "data": {
        "size_px": whole(16),
        "resize": one_of(*get_args(Filter)),
        "categories": list_of(
            'different names of folders, such as ["traditional", "cnn"], or [] for all', _is_folder_name
        ),
        "shifts": list_of("one or more different shifts in pixels from 0, such as [0]", whole(0).takes, least=1),
    },
    "loss": {
        "kind": one_of(*get_args(LossKind)),
        "hidden": whole(1, 4096),
        "dropout": _number("a number from 0 to below 1", lambda value: 0 <= value < 1),
    },
    "schedule": {
        "seed": whole(0),
        "batch": whole(1),
        "epochs": whole(0),
        "decay_epochs": whole(0),
        "learning_rate": _number("a number above 0", lambda value: value > 0),
        "betas": Allowed(
            "two numbers from 0 to below 1, such as [0.5, 0.999]",
            lambda value: isinstance(value, list | tuple) and len(value) == 2 and all(map(_is_beta, value)),
            lambda value: tuple(map(float, value)),
        ),
    },
    "computing": {
        "at_once": whole(0),
        "precision": one_of(*get_args(Precision)),
        "compile": _TRUTH,
    },
}
"""Section → key → what it may be; their names are those of `Configuration` and its parts."""

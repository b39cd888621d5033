"""From `package.module:name`, `file.py:name` or `file.py` to the function or class of the user's own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from metric.errors import MetricError


def find_own(name: str) -> Callable[..., Any]:
    """The function, class or callable object behind a name.

    Raises:
        MetricError: where the file or module cannot be run, or has no such function or class.
    """
    place, _, wanted = name.partition(":")
    module = _run_file(name, Path(place)) if place.endswith(".py") else _import(name, place)
    if not wanted:
        wanted = _only_one(module, place)
    found = getattr(module, wanted, None)
    if found is None:
        kind = "file" if place.endswith(".py") else "module"
        raise MetricError(f'The {kind} {place} has no "{wanted}".')
    if not callable(found):
        raise MetricError(f"{name} is not a function of a reference and an image.")
    result: Callable[..., Any] = found
    return result


def _only_one(module: ModuleType, file: str) -> str:
    """The function or class that a file has, where it has one."""
    own = [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and callable(value) and getattr(value, "__module__", "") == module.__name__
    ]
    if len(own) != 1:
        has = f"has several: {', '.join(own)}" if own else "has no function or class"
        raise MetricError(f"{file} {has}; say which one is the metric: {file}:NAME.")
    return own[0]


def _import(name: str, module: str) -> ModuleType:
    with _blaming(name), _first_on_path(Path.cwd()):  # a file in the current folder is found, as by `python -m`
        return import_module(module)


def _run_file(name: str, file: Path) -> ModuleType:
    """The module of a file, under a name that no import finds: `analysis.py` may be the name of a metric's file."""
    try:
        code = file.read_bytes()
    except OSError as error:
        raise MetricError(f"{name} cannot be read: {error.strerror or error}.") from error
    called = f"shift_study_file_{sha256(bytes(file.resolve()) + code).hexdigest()[:16]}"
    if called in sys.modules:
        return sys.modules[called]
    spec = spec_from_file_location(called, file)
    assert spec is not None and spec.loader is not None, "the name ends in .py"
    module = module_from_spec(spec)
    sys.modules[called] = module  # where dataclasses and pickle look for it
    try:
        with _blaming(name), _first_on_path(file.resolve().parent):  # what lies beside it is found, as by `python`
            spec.loader.exec_module(module)
    except MetricError:
        del sys.modules[called]
        raise
    return module


@contextmanager
def _first_on_path(folder: Path) -> Iterator[None]:
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))


@contextmanager
def _blaming(name: str) -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        raise MetricError(f"{name} cannot be imported: there is no module {error.name}.") from error
    except Exception as error:
        raise MetricError(f"{name} cannot be imported: {type(error).__name__}: {error}") from error

"""Configurations from TOML files, from settings on a command line, and from what a checkpoint keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from metric.errors import MetricError
from metric.training.configuration import Configuration
from metric.training.layers import Layer, combine
from metric.training.sentences import meant

_FOLDER = Path(__file__).with_name("ready")
READY_NAMES = tuple(sorted(path.stem for path in _FOLDER.glob("*.toml")))
"""Configurations that come with this project."""


def read_configuration(name_or_file: str, settings: Sequence[str] = ()) -> Configuration:
    """The configuration of a name or a file, with some of its keys set otherwise.

    Args:
        name_or_file: one of `READY_NAMES`, or a TOML file with the sections and keys of `Configuration`. In
            [network] a `name` of `metric.networks.configurations` stands for the fields of `Variant`.
        settings: `section.key=VALUE` each, as `Layer.of_settings` takes them. A network's name replaces elements
            that the file has, and elements its name.

    Raises:
        MetricError: with file, line and what is allowed, for a section or key that there is not, a value of another
            type or out of range, elements that cannot be combined, and what is not TOML; for an unknown name.
    """
    return combine([Layer.of_file(find_file(name_or_file)), Layer.of_settings(settings)])


def find_file(name_or_file: str, folder: Path | None = None, ready: Path = _FOLDER) -> Path:
    """The TOML file that is meant by a name of those in the folder `ready`, or by a path (relative to `folder`).

    Raises:
        MetricError: where there is none.
    """
    names = sorted(path.stem for path in ready.glob("*.toml"))
    if name_or_file in names:
        return ready / f"{name_or_file}.toml"
    path = (folder or Path()) / name_or_file
    if path.is_file():
        return path
    if path.suffix == ".toml" or len(Path(name_or_file).parts) > 1:
        why = "it is a folder" if path.is_dir() else "there is no such file"
        raise MetricError(f"{path} cannot be read: {why}; the ready ones are {', '.join(names)}.")
    raise MetricError(
        f'"{name_or_file}" is neither ready nor a file; {meant(name_or_file, names)}the ready ones are '
        f"{', '.join(names)}, any other is a FILE.toml."
    )


def ready_text(name: str) -> str:
    """The file of a ready configuration, with its comments, to be copied and changed.

    Raises:
        MetricError: for a name that none of them has.
    """
    return text_of_ready(name, _FOLDER, "configuration")


def text_of_ready(name: str, folder: Path, what: str) -> str:
    """The text of a file `NAME.toml` in a folder of ready ones; `what` they are is for the error, a `MetricError`."""
    names = sorted(path.stem for path in folder.glob("*.toml"))
    if name not in names:
        raise MetricError(f'There is no ready {what} "{name}"; {meant(name, names)}they are {", ".join(names)}.')
    return (folder / f"{name}.toml").read_text(encoding="utf-8")


def configuration_to_json(configuration: Configuration) -> dict[str, Any]:
    """All keys, those of the network as elements; `configuration_from_json` gives the same configuration back."""
    document = asdict(configuration)
    document["network"] = {**document["network"]["variant"], "trunk": configuration.network.trunk}
    return {section: {key: _plain(value) for key, value in keys.items()} for section, keys in document.items()}


def configuration_from_json(document: Mapping[str, Any], what: str = "The configuration") -> Configuration:
    """The configuration that `configuration_to_json` made `document` of; keys that it lacks have their defaults.

    Args:
        what: where it stands, for errors.

    Raises:
        MetricError: as `read_configuration`, without a line.
    """
    if not isinstance(document, Mapping):
        raise MetricError(f"{what}: not a table of sections.")
    return combine([Layer(document, lambda place: what)])


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value

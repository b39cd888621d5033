"""What files and settings say of a configuration, laid over each other and checked."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from metric.errors import MetricError
from metric.networks.build import smallest_image
from metric.networks.configurations import CONFIGURATIONS
from metric.networks.variant import Variant
from metric.training.allowed import ALLOWED, ELEMENTS, whole
from metric.training.configuration import (
    ComputingPart,
    Configuration,
    DataPart,
    LossPart,
    NetworkPart,
    SchedulePart,
)
from metric.training.sentences import meant, refuse, shown
from metric.training.toml_lines import Place, TomlText


@dataclass(frozen=True)
class Layer:
    """A part of what is given; a later layer overrides an earlier one key by key.

    Attributes:
        document: section → key → value.
        where: where the value at a place stands, for errors.
    """

    document: Mapping[str, Any]
    where: Callable[[Place], str]

    @classmethod
    def of_file(cls, path: Path) -> Layer:
        """What a file says; raises as `TomlText.read` does."""
        found = TomlText.read(path)
        return cls(found.document, found.where)

    @classmethod
    def of_settings(cls, settings: Iterable[str]) -> Layer:
        """What `--set` was given, each `section.key=VALUE` with a TOML value, or a bare word for a string.

        Raises:
            MetricError: for another form.

        >>> Layer.of_settings(["loss.kind=mse", "schedule.betas=[0.9, 0.999]"]).document
        {'loss': {'kind': 'mse'}, 'schedule': {'betas': [0.9, 0.999]}}
        """
        document: dict[str, dict[str, Any]] = {}
        given: dict[Place, str] = {}
        for setting in settings:
            target, equals, text = setting.partition("=")
            section, _, key = target.strip().partition(".")
            if not equals or not section or not key:
                raise MetricError(f"--set {setting}: not of the form section.key=VALUE, such as schedule.batch=25.")
            document.setdefault(section, {})[key] = _value(setting, text.strip())
            given[section, key] = given[(section,)] = f"--set {setting}"
        return cls(document, lambda place: given[place[:2]])


def combine(layers: Sequence[Layer]) -> Configuration:
    """The configuration of several layers; raises as `read_configuration` does."""
    merged = _Merged()
    for layer in layers:
        merged.add(layer)
    return merged.configuration()


@dataclass
class _Merged:
    """What the layers so far say, and where each value stands."""

    values: dict[str, dict[str, Any]] = field(default_factory=lambda: {section: {} for section in ALLOWED})
    stands_in: dict[tuple[str, str], Layer] = field(default_factory=dict)
    first: Layer | None = None

    def add(self, layer: Layer) -> None:
        self._check_names(layer)
        network = layer.document.get("network", {})
        elements = [key for key in network if key in ELEMENTS]
        if "name" in network and elements:
            refuse(
                layer.where(("network", elements[0])),
                f"[network] has {elements[0]} beside a name",
                "either a name, or backbone and elements",
            )
        for key in ("name",) if elements else ELEMENTS if "name" in network else ():
            self.values["network"].pop(key, None)
        for section, keys in layer.document.items():
            for key, value in keys.items():
                allowed = ALLOWED[section][key]
                if not allowed.takes(value):
                    refuse(layer.where((section, key)), f"{section}.{key} is {shown(value)}", allowed.says)
                self.values[section][key] = allowed.becomes(value)
                self.stands_in[section, key] = layer
        if "name" in network and network["name"] not in CONFIGURATIONS:
            refuse(
                layer.where(("network", "name")),
                f'there is no network "{network["name"]}"',
                f"one of {', '.join(CONFIGURATIONS)}",
                meant(network["name"], CONFIGURATIONS),
            )
        self.first = self.first or layer

    def _check_names(self, layer: Layer) -> None:
        for section, keys in layer.document.items():
            if section not in ALLOWED:
                homes = [f"[{home}] has it" for home, known in ALLOWED.items() if section in known]
                hint = f"{homes[0]}; " if homes else meant(section, ALLOWED)
                sections = ", ".join(f"[{known}]" for known in ALLOWED)
                refuse(layer.where((section,)), f"there is no section [{section}]", f"one of {sections}", hint)
            if not isinstance(keys, Mapping):
                refuse(layer.where((section,)), f"{section} is {shown(keys)}", f"a section [{section}]")
            for key in keys:
                if key not in ALLOWED[section]:
                    homes = [f"[{home}] has it" for home, known in ALLOWED.items() if key in known]
                    hint = f"{homes[0]}; " if homes else meant(key, ALLOWED[section])
                    refuse(
                        layer.where((section, key)),
                        f"[{section}] has no {key}",
                        f"one of {', '.join(ALLOWED[section])}",
                        hint,
                    )

    def configuration(self) -> Configuration:
        values = self.values
        variant = self._variant()
        data, schedule = DataPart(**values["data"]), SchedulePart(**values["schedule"])
        smallest = whole(max(16, smallest_image(variant)))
        if not smallest.takes(data.size_px):
            refuse(
                self._place("data", "size_px"), f"data.size_px is {data.size_px}", f"for this network {smallest.says}"
            )
        if schedule.epochs + schedule.decay_epochs < 1:
            refuse(
                self._place("schedule", "decay_epochs", "epochs"),
                "schedule.epochs and schedule.decay_epochs are 0",
                "one epoch or more in all",
            )
        trunk = {key: value for key, value in values["network"].items() if key == "trunk"}
        return Configuration(
            NetworkPart(variant, **trunk),
            data,
            LossPart(**values["loss"]),
            schedule,
            ComputingPart(**values["computing"]),
        )

    def _variant(self) -> Variant:
        network = self.values["network"]
        if "name" in network:
            return CONFIGURATIONS[network["name"]].variant
        elements = {key: value for key, value in network.items() if key in ELEMENTS}
        if "backbone" not in elements:
            has = f"has {next(iter(elements))}, but no backbone" if elements else "is empty or missing"
            refuse(self._place("network", *elements), f"[network] {has}", "either a name, or backbone and elements")
        try:
            return Variant(**elements)
        except MetricError as error:
            raise MetricError(f"{self._place('network', _at_fault(elements))}: {error}") from error

    def _place(self, section: str, *keys: str) -> str:
        """Where the first of these keys that is given stands."""
        for key in keys:
            if (section, key) in self.stands_in:
                return self.stands_in[section, key].where((section, key))
        return self.first.where((section,)) if self.first else "The configuration"


def _at_fault(elements: Mapping[str, Any]) -> str:
    """The element without which the others could be combined; the backbone where it is not one alone."""
    for key in reversed(list(elements)):
        if key != "backbone":
            try:
                Variant(**{other: value for other, value in elements.items() if other != key})
            except MetricError:
                continue
            return key
    return "backbone"


def _value(setting: str, text: str) -> Any:
    try:
        document = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError) as error:
        if not text.startswith(("[", "{", '"', "'")) and "\n" not in text:
            return text
        raise MetricError(f"--set {setting}: {text} is not a value of TOML.") from error
    if list(document) != ["value"]:
        raise MetricError(f"--set {setting}: {text} is more than one value of TOML.")
    return document["value"]

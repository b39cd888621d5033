"""Grids of trainings: the rows of an ablation, each trained with several seeds."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

from metric.errors import MetricError
from metric.networks.build import smallest_image
from metric.networks.configurations import CONFIGURATIONS, Published
from metric.training.allowed import ALLOWED, ELEMENTS, Allowed, list_of, one_of, whole
from metric.training.configuration import Configuration
from metric.training.layers import Layer, combine
from metric.training.reading import find_file, text_of_ready
from metric.training.sentences import meant, refuse, shown
from metric.training.toml_lines import Place, TomlText
from metric.triplets.crops import OFFSET_PX, SHIFTS

_FOLDER = Path(__file__).with_name("grids")
READY_GRIDS = tuple(sorted(path.stem for path in _FOLDER.glob("*.toml")))
"""The paper's ablations."""

Form: TypeAlias = Literal["elements", "table5", "table6", "table7"]
"""The columns that tell the rows apart."""

_KEYS: Mapping[str, Allowed] = {
    "configuration": Allowed("a ready configuration or a file", lambda value: isinstance(value, str) and value != ""),
    "form": one_of(*get_args(Form)),
    "seeds": list_of("one or more different whole numbers from 0", whole(0).takes, least=1),
    "shifts": list_of(f"different shifts in pixels from 1 to {SHIFTS[-1]}", whole(1, SHIFTS[-1]).takes, least=1),
    "rows": Allowed("a list of one or more rows", lambda value: isinstance(value, list) and len(value) > 0),
}
_SECTIONS = [*ALLOWED]
_ROW_NAME = re.compile(r"[A-Za-z0-9][\w.+-]*")


@dataclass(frozen=True)
class Row:
    """One network of a grid.

    Attributes:
        name: in the table and of folders.
        configuration: of its training, but for the seed.
        published: what the paper gives for this network, if it does.
        note: what is not certain of that, or "".
    """

    name: str
    configuration: Configuration
    published: Published | None
    note: str

    def seeded(self, seed: int) -> Configuration:
        """The configuration of one training."""
        return replace(self.configuration, schedule=replace(self.configuration.schedule, seed=seed))


@dataclass(frozen=True)
class Grid:
    """All of it.

    Attributes:
        name: ready name or file.
        rows: at least one, with different names, and images of one size.
        seeds: of the trainings of each row.
        shifts: of the rank flips, in pixels.
        form: of the table.
    """

    name: str
    rows: tuple[Row, ...]
    seeds: tuple[int, ...]
    shifts: tuple[int, ...]
    form: Form


def read_grid(
    name_or_file: str, settings: Sequence[str] = (), *, only: Sequence[str] = (), seeds: Sequence[int] = ()
) -> Grid:
    """The grid of a name or a file.

    Args:
        name_or_file: one of `READY_GRIDS`, or a TOML file with the keys `configuration`, `rows`, `seeds`, `shifts` and
            `form`, and sections that override the configuration.
        settings: `section.key=VALUE` each, of the configuration of all rows.
        only: names of rows, the others are left out.
        seeds: in place of the grid's.

    Raises:
        MetricError: with file and line as `read_configuration`; for rows of one name or with images too small for the
            crops of Eq. 1, and for a name in `only` that no row has.
    """
    found = TomlText.read(find_file(name_or_file, ready=_FOLDER))
    keys, sections = _checked(found)
    base = Layer.of_file(find_file(keys["configuration"], Path(found.name).parent))
    combine([base])  # its own network is not taken, but has to be right
    given = Layer.of_settings(settings)
    _refuse_what_rows_say(Layer(sections, found.where))
    _refuse_what_rows_say(given)
    layers: dict[str, list[Layer]] = {}
    for number, row in enumerate(keys["rows"]):
        network = _row(found, number, row)
        name = row if isinstance(row, str) else row["name"]
        if name in layers:
            refuse(found.where(("rows", number)), f'two rows are named "{name}"', "a name of its own for each row")
        layers[name] = [_without_network(base), Layer(sections, found.where), network, given]
    for name in only:
        if name not in layers:
            raise MetricError(f'{name_or_file} has no row "{name}"; {meant(name, layers)}it has {", ".join(layers)}.')
    rows = tuple(_with_published(name, combine(of)) for name, of in layers.items() if not only or name in only)
    for one in rows:
        _check_crops(one)
    return Grid(
        name_or_file,
        rows,
        tuple(seeds or keys.get("seeds", (0,))),
        tuple(sorted(keys.get("shifts", SHIFTS[1:]))),
        keys.get("form", "elements"),
    )


def grid_text(name: str) -> str:
    """The file of a ready grid, with its comments, to be copied and changed.

    Raises:
        MetricError: for a name that none of them has.
    """
    return text_of_ready(name, _FOLDER, "grid")


def _checked(found: TomlText) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a grid says: its own keys, and sections of a configuration."""
    keys: dict[str, Any] = {}
    sections: dict[str, Any] = {}
    for key, value in found.document.items():
        if key in _SECTIONS:
            sections[key] = value
        elif key not in _KEYS:
            allowed = f"one of {', '.join(_KEYS)} and the sections {', '.join(f'[{name}]' for name in _SECTIONS)}"
            refuse(found.where((key,)), f"a grid has no {key}", allowed, meant(key, [*_KEYS, *_SECTIONS]))
        elif not _KEYS[key].takes(value):
            refuse(found.where((key,)), f"{key} is {shown(value)}", _KEYS[key].says)
        else:
            keys[key] = value
    for key in ("configuration", "rows"):
        if key not in keys:
            refuse(found.name, f"{key} is missing", _KEYS[key].says)
    return keys, sections


def _refuse_what_rows_say(layer: Layer) -> None:
    """The network is a row's, and the seed one of `seeds`."""
    network, schedule = layer.document.get("network"), layer.document.get("schedule")
    for key in network if isinstance(network, Mapping) else ():
        if key in ("name", *ELEMENTS):
            where = layer.where(("network", key))
            refuse(where, f"network.{key} is given beside the rows", "a network in each row alone")
    if isinstance(schedule, Mapping) and "seed" in schedule:
        where = layer.where(("schedule", "seed"))
        refuse(where, "schedule.seed is given beside the seeds", "seeds, or --seeds, alone")


def _without_network(layer: Layer) -> Layer:
    """A configuration but for its network's name and elements."""
    network = {key: value for key, value in layer.document.get("network", {}).items() if key == "trunk"}
    return Layer({**layer.document, "network": network}, layer.where)


def _row(found: TomlText, number: int, row: Any) -> Layer:
    """What a row says of the network."""
    if isinstance(row, str):
        return Layer({"network": {"name": row}}, lambda place: found.where(("rows", number)))
    if not isinstance(row, Mapping):
        refuse(found.where(("rows", number)), f"a row is {shown(row)}", "a network's name, or a table of elements")
    name = row.get("name")
    if not isinstance(name, str) or not _ROW_NAME.fullmatch(name):
        allowed = "a name in letters, digits, -, _, + and points, which folders have too"
        refuse(found.where(("rows", number, "name")), f"the name of a row is {shown(name)}", allowed)

    if "network" not in row and "backbone" not in row:
        refuse(
            found.where(("rows", number)), f"the row {name} has no network", "network = NAME, or backbone and elements"
        )

    def where(place: Place) -> str:
        key = "network" if place[1:] == ("name",) else place[-1]
        return found.where(("rows", number, key))

    network = {"name" if key == "network" else key: value for key, value in row.items() if key != "name"}
    return Layer({"network": network}, where)


def _with_published(name: str, configuration: Configuration) -> Row:
    variant = configuration.network.variant
    known = next((known for known in CONFIGURATIONS.values() if known.variant == variant), None)
    return Row(name, configuration, known.published if known else None, known.note if known else "")


def _check_crops(row: Row) -> None:
    size, smallest = row.configuration.data.size_px, smallest_image(row.configuration.network.variant)
    if size - OFFSET_PX < smallest:
        raise MetricError(
            f"{row.name} takes images of {smallest} px and larger, and the crops whose flips are counted have "
            f"{size - OFFSET_PX}: make data.size_px {smallest + OFFSET_PX} or more."
        )

"""What a report is made of: sections with text, tables and figures. Nothing here knows how they are stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from analysis.results import Estimate

_TALL = 4.5  # inches

Distances = Mapping[str, Mapping[str, float]]  # name of a metric → pair → distance

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class Table:
    """A table as it is printed, and the figures behind it.

    `name`: of its files. `heads` and `cells` are what is printed; a column is set flush left where `texts` says so.
    `frame`: the same figures with nothing rounded.
    """

    name: str
    caption: str
    heads: tuple[str, ...]
    cells: tuple[tuple[str, ...], ...]
    frame: pd.DataFrame
    texts: tuple[int, ...] = (0,)


@dataclass(frozen=True)
class Figure:
    """A figure: `plot` draws it on an axes of `size` inches. `alt` says in words what can be seen."""

    name: str
    caption: str
    alt: str
    plot: Callable[[Axes], None]
    size: tuple[float, float] = (6.2, 3.6)

    @property
    def is_tall(self) -> bool:
        """Whether it has more height than a figure of two axes needs: a line for each metric, set or triplet."""
        return self.size[1] > _TALL


@dataclass(frozen=True)
class Section:
    """A part of the report. `left_out` says in sentences what could not be analysed, and why.

    `results`: name → result in JSON form, with nothing rounded.
    """

    name: str
    title: str
    paragraphs: tuple[str, ...] = ()
    items: tuple[Table | Figure, ...] = ()
    left_out: tuple[str, ...] = ()
    results: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Report:
    """All of it. `footer`: what is needed to make it again, as pairs of a heading and a text.

    `block`: what a title page says of the study and of the report, likewise.
    `label`: what every figure carries, such as that simulated observers answered; empty for nothing. `results`: in JSON
    form, what is of no section.
    """

    title: str
    summary: tuple[str, ...]
    sections: tuple[Section, ...]
    footer: tuple[tuple[str, str], ...]
    label: str = ""
    results: dict[str, Any] = field(default_factory=dict)
    block: tuple[tuple[str, str], ...] = ()

    @property
    def left_out(self) -> tuple[str, ...]:
        """What could not be analysed, of all sections, each sentence after its section's title."""
        return tuple(f"{section.title}: {reason}" for section in self.sections for reason in section.left_out)

    @property
    def tables(self) -> tuple[Table, ...]:
        """All tables, in their order."""
        return tuple(item for section in self.sections for item in section.items if isinstance(item, Table))

    @property
    def figures(self) -> tuple[Figure, ...]:
        """All figures, in their order."""
        return tuple(item for section in self.sections for item in section.items if isinstance(item, Figure))


def number(value: float | None, digits: int) -> str:
    """A number of a table; a dash where there is none."""
    # Adding 0 takes the sign from a zero.
    return "—" if value is None else f"{round(value, digits) + 0.0:.{digits}f}".replace("-", "−")


def interval(estimate: Estimate, digits: int, unit: str = "") -> str:
    """An estimate with its interval, for a sentence or a table: `2.39 px [2.13, 2.67]`."""
    if estimate.estimate is None:
        return "—"
    text = number(estimate.estimate, digits) + unit
    if estimate.low is None or estimate.high is None:
        return text
    return f"{text} [{number(estimate.low, digits)}, {number(estimate.high, digits)}]"


def percent(estimate: Estimate, digits: int = 1) -> str:
    """A share in [0, 1] with its interval, in percent."""
    if estimate.estimate is None:
        return "—"
    text = f"{100 * estimate.estimate:.{digits}f}%"
    if estimate.low is None or estimate.high is None:
        return text
    return f"{text} [{100 * estimate.low:.{digits}f}, {100 * estimate.high:.{digits}f}]"


def p_value(value: float | None) -> str:
    """A p-value as papers print it."""
    if value is None:
        return "—"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def sentence(text: str) -> str:
    """A text as a sentence: with a capital letter and a full stop."""
    return text[:1].upper() + text[1:] + "."


def counted(count: int, noun: str) -> str:
    """A number with its noun: `1 participant`, `30 participants`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def listed(items: Sequence[str]) -> str:
    """Items in a sentence: `a, b and c`."""
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)

"""The cells of a grid one after the other, and the rows that they make."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, stdev

from metric.errors import MetricError
from metric.training.cell import Cell, Found
from metric.training.grid import Grid, Row


@dataclass(frozen=True)
class Spread:
    """A figure in % over seeds: `deviation` is the standard deviation (n − 1), None for one seed."""

    mean: float
    deviation: float | None


@dataclass(frozen=True)
class RowFound:
    """A row with all its cells, one a seed, finished or failed."""

    row: Row
    cells: tuple[Cell, ...]

    @property
    def finished(self) -> tuple[Cell, ...]:
        """Those that have figures."""
        return tuple(cell for cell in self.cells if cell.found is not None)

    @property
    def figures(self) -> tuple[Spread, ...]:
        """The 2AFC score, then the rank-flip rates from the smallest shift on; none where no seed finished."""
        columns = zip(*(cell.found.figures for cell in self.cells if cell.found is not None), strict=True)
        spreads = []
        for column in columns:
            values = [figure.estimate for figure in column]
            spreads.append(Spread(fmean(values), stdev(values) if len(values) > 1 else None))
        return tuple(spreads)

    @property
    def published(self) -> tuple[float, ...]:
        """The same of the paper; none where it has none."""
        found = self.row.published
        return (found.two_afc, *found.rank_flip_rate) if found else ()


@dataclass(frozen=True)
class Ablation:
    """A grid with what was found.

    Attributes:
        grid: of it.
        rows: in its order.
        votes: of what was trained on and of what was scored, each `human` or a rule.
        trained_on, scored_on: how many triplets.
        categories: over which figures are averaged.
    """

    grid: Grid
    rows: tuple[RowFound, ...]
    votes: tuple[str, str]
    trained_on: int
    scored_on: int
    categories: int

    @property
    def failed(self) -> tuple[Cell, ...]:
        """Cells without figures."""
        return tuple(cell for found in self.rows for cell in found.cells if cell.failed)


def cells_of(grid: Grid) -> list[Cell]:
    """All rows with the first seed, then with the next: a grid that is broken off has rows to compare."""
    return [Cell(row, seed) for seed in grid.seeds for row in grid.rows]


def measured(cell: Cell, measure: Callable[[], Found]) -> Cell:
    """The cell with what was found, or with why it failed: a grid goes on."""
    try:
        return replace(cell, found=measure())
    except MetricError as error:
        return replace(cell, failed=str(error))


def rows_of(grid: Grid, cells: Sequence[Cell]) -> tuple[RowFound, ...]:
    """The cells in any order, row by row in the grid's."""
    by_place = {(cell.row.name, cell.seed): cell for cell in cells}
    return tuple(RowFound(row, tuple(by_place[row.name, seed] for seed in grid.seeds)) for row in grid.rows)

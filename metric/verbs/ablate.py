"""`shift-study ablate`: the networks of a grid trained, scored and held beside the paper's figures."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from metric.verbs.options import device_option, print_json
from metric.verbs.train import data_option, download_option, set_option, stimuli_option, workers_option

if TYPE_CHECKING:
    from tqdm import tqdm

    from metric.training.ablation import Ablation
    from metric.training.cell import Bench, Cell
    from metric.triplets.triplet import TripletSet


class _Seeds(click.ParamType[tuple[int, ...]]):
    """`0,1,2`: different whole numbers from 0."""

    name = "seeds"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        if not isinstance(value, str):
            return tuple(value)
        parts = value.replace(",", " ").split()
        if not parts or not all(part.isascii() and part.isdecimal() for part in parts):
            self.fail(f'"{value}" is not a list of seeds, such as 0,1,2.', param, ctx)
        return tuple(dict.fromkeys(int(part) for part in parts))


@click.command("ablate")
@click.argument("grid", metavar="GRID")
@data_option
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Folder of the trainings, DIR/ROW-seedN each.",
)
@set_option
@click.option(
    "--seeds", type=_Seeds(), default=(), metavar="N,…", help="Seeds of the trainings.  [default: the grid's]"
)
@click.option("--row", "rows", multiple=True, metavar="NAME", help="Only this row of the grid; repeatable.")
@click.option(
    "--test",
    type=click.Path(path_type=Path),
    metavar="DATA",
    help="What to score: a set of BAPPS's layout.  [default: that of --data]",
)
@click.option(
    "--split", type=click.Choice(["val", "train"]), default="val", show_default=True, help="Part of it to score."
)
@stimuli_option
@workers_option
@download_option
@click.option("--force", is_flag=True, help="Begin again, whatever trainings are in DIR.")
@click.option("--show", is_flag=True, help="Print the grid, to be saved and changed; train nothing.")
@device_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with nothing rounded, and each seed's figures.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV, one line a figure, with nothing rounded.")
@click.option("--latex", "as_latex", is_flag=True, help="Print a LaTeX tabular for the booktabs package.")
@click.pass_context
def ablate_verb(
    context: click.Context,
    /,
    grid: str,
    data: str | None,
    output: Path | None,
    settings: tuple[str, ...],
    seeds: tuple[int, ...],
    rows: tuple[str, ...],
    test: Path | None,
    split: str,
    stimuli: Path | None,
    workers: int | None,
    download: bool,
    force: bool,
    show: bool,
    device: str,
    as_json: bool,
    as_csv: bool,
    as_latex: bool,
) -> None:
    """Train the networks of GRID with several seeds, score them, and print the table beside the paper's figures.

    GRID is table5, table6 or table7, the ablations of Ghildyal & Liu 2022, or a FILE.toml. Each row is trained on DATA
    as `shift-study train` does, once a seed, and scored on the validation split: 2AFC of whole images, and rank flips
    of the crops of Eq. 1 moved by 1 to 3 pixels.

    The same command goes on where a killed one was, and repeats nothing that is finished. A training that fails is
    shown as such, and the others go on; the exit code is 1 then. Several GPUs share the trainings when torchrun
    starts it on each.

    \b
    Examples: shift-study ablate table5 --data dataset -o ablation
              shift-study ablate table7 --data dataset -o ablation --seeds 0 --set schedule.epochs=1 --latex
              shift-study ablate table5 --show > mine.toml
              torchrun --nproc-per-node 4 --no-python shift-study ablate table6 --data dataset -o ablation
    """
    if sum((as_json, as_csv, as_latex)) > 1:
        raise click.UsageError("--json, --csv and --latex are three layouts of one table: give one of them.")
    if show and settings:
        raise click.UsageError("--show prints a ready grid as it is: leave --set to its trainings.")
    if not show and (data is None or output is None):
        raise click.UsageError("Name what to train on with --data DATA, and where with -o DIR; or give --show.")
    from metric.extra import require_torch

    require_torch("`shift-study ablate`")
    if show or data is None or output is None:
        from metric.training.grid import grid_text

        click.echo(grid_text(grid), nl=False)
        return
    from metric.device import choose_device
    from metric.scoring.processes import Processes
    from metric.training.ablation import Ablation, cells_of, rows_of
    from metric.training.cell import Bench
    from metric.training.data_source import read_judged
    from metric.training.grid import read_grid
    from metric.training.progress import bars
    from metric.training.trainer import Trainer

    read = read_grid(grid, settings, only=rows, seeds=seeds)
    processes = context.with_resource(Processes.from_environment())
    chosen = choose_device(processes.device(device))
    first = processes.rank == 0
    sets = None
    if first:  # it reads and checks both sets for all
        scored = _to_score(test or Path(data), split, named=test is not None)
        part = read.rows[0].configuration.data
        judged = read_judged(data, part, doors=context.obj, stimuli=stimuli, progress=bars)
        for note in dict.fromkeys((*judged.notes, *scored.notes)):
            click.echo(note, err=True)
        sets = judged, scored
    judged, scored = processes.gather(sets)[0]
    watch = _Watch(quiet=not first)
    trainer = Trainer(
        device=chosen,
        workers=workers if workers is not None else 4 * (chosen.type == "cuda"),
        download=download,
        force=force,
        watch=watch,
    )
    bench = Bench(judged, scored, read.shifts, output, trainer.train, context.obj, str(chosen), force)
    cells = cells_of(read)
    numbered = list(enumerate(cells, start=1))[processes.rank :: processes.size]
    done = [_measure(cell, f"{number} of {len(cells)}", bench, watch) for number, cell in numbered]
    parts = processes.gather(done)
    if not first:
        return
    ablation = Ablation(
        read,
        rows_of(read, [cell for part in parts for cell in part]),
        (judged.votes, scored.votes),
        len(judged.triplets),
        len(scored.triplets),
        len({triplet.category for triplet in scored.triplets}),
    )
    _print(ablation, as_json=as_json, as_csv=as_csv, as_latex=as_latex)
    if ablation.failed:
        context.exit(1)


def _to_score(place: Path, split: str, *, named: bool) -> TripletSet:
    from metric.errors import MetricError
    from metric.triplets.judged_folders import TWO_AFC, read_folders
    from metric.triplets.made_set import votes_of

    try:
        return read_folders(place, TWO_AFC, split, votes=votes_of(place))
    except MetricError as error:
        if named:
            raise
        raise MetricError(f"{error} Name another set to score with --test.") from error


class _Watch:
    """Bars on stderr of what is done with a cell: its training, then its scoring."""

    def __init__(self, *, quiet: bool) -> None:
        self.quiet = quiet
        self.cell = ""
        self.begun = False
        self._bar: tqdm[Any] | None = None

    def begin(self, steps: int, done: int) -> None:
        """Before the first step of a training."""
        self._open("Training", "step", steps, done)

    def step(self, epoch: int, loss: float, two_afc: float) -> None:
        """After each."""
        if self._bar is not None:
            text = f"epoch {epoch + 1}, loss {loss:.4f}, 2AFC {100 * two_afc:.1f} %"
            self._bar.set_postfix_str(text, refresh=False)
            self._bar.update()

    def begin_scoring(self, to_score: int, resumed: int) -> None:
        """Before the first triplet is scored."""
        self._open("Scoring", "triplet", to_score + resumed, resumed)

    def advance(self) -> None:
        """After each."""
        if self._bar is not None:
            self._bar.update()

    def close(self) -> None:
        """Ends the bar."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _open(self, what: str, unit: str, total: int, done: int) -> None:
        from tqdm import tqdm

        self.close()
        self.begun = True
        self._bar = tqdm(
            total=total, initial=done, unit=unit, delay=2, desc=f"{what} {self.cell}", disable=self.quiet, leave=False
        )
        if done:
            self._bar.write(f"{self.cell}: {done} of {total} {unit}s are done already; going on.", file=sys.stderr)


def _measure(cell: Cell, number: str, bench: Bench, watch: _Watch) -> Cell:
    """A cell with its figures, or why it has none; both are told as soon as they are known."""
    from metric.training.ablation import measured

    watch.cell, watch.begun = cell.name, False
    click.echo(f"{number}: {cell.row.name}, seed {cell.seed}", err=True)
    try:
        done = measured(cell, lambda: bench.measure(cell, watch.begin_scoring, watch.advance))
    finally:
        watch.close()
    if done.found is None:
        click.echo(f"{number}: failed. {done.failed}", err=True)
    else:
        two_afc, *flips = (f"{figure.estimate:.2f}" for figure in done.found.figures)
        before = "" if watch.begun else " (measured before)"
        click.echo(f"{number}: 2AFC {two_afc} %, rank flips {', '.join(flips)} %{before}", err=True)
    return done


def _print(ablation: Ablation, *, as_json: bool, as_csv: bool, as_latex: bool) -> None:
    from metric.training import ablation_layouts

    if as_json:
        print_json(ablation_layouts.as_json(ablation))
    elif as_csv:
        click.echo(ablation_layouts.as_csv(ablation))
    else:
        click.echo((ablation_layouts.as_latex if as_latex else ablation_layouts.as_text)(ablation))

"""What the verbs that score triplets share: their options, the pass itself, and what it prints."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from metric.text_table import align
from metric.verbs.options import (
    METRIC_HELP,
    as_json_option,
    device_option,
    download_option,
    parse_weights,
    precision_option,
    weights_option,
)

if TYPE_CHECKING:
    from metric.device import Precision
    from metric.triplets.run import TripletRun, TripletScores
    from metric.triplets.triplet import TripletSet

_Verb = TypeVar("_Verb", bound=Callable[..., object])


def scoring_options(verb: _Verb) -> _Verb:
    """The options of every verb that scores judged images."""
    for option in reversed(
        (
            click.option(
                "--metric",
                "names",
                multiple=True,
                required=True,
                help=METRIC_HELP + " May be given several times.",
            ),
            click.option("--skip-bad", is_flag=True, help="Leave out what is unreadable, and list it at the end."),
            click.option("--force", is_flag=True, help="Begin again, and replace a file that exists."),
            weights_option,
            download_option,
            precision_option,
            device_option,
            as_json_option,
        )
    ):
        verb = option(verb)
    return verb


class _Shifts(click.ParamType[tuple[int, ...]]):
    """`0,1,2,3` or `"0 1 2 3"`: shifts in pixels, each from 0 to 3; `none` for whole images only."""

    name = "shifts"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        from metric.triplets.crops import SHIFTS

        if not isinstance(value, str):
            return tuple(value)
        parts = value.replace(",", " ").split()
        if parts == ["none"]:
            return ()
        if not parts or any(part not in map(str, SHIFTS) for part in parts):
            self.fail(f'"{value}" is not a list of shifts from 0 to {SHIFTS[-1]} px, such as 0,1,2,3.', param, ctx)
        return tuple(sorted({int(part) for part in parts}))


shifts_option = click.option(
    "--shifts",
    type=_Shifts(),
    default="0,1,2,3",
    show_default=True,
    metavar="K,…",
    help="Shifts in pixels (0 to 3) of the crops that are compared too, 0 always among them; none: only whole images.",
)


@dataclass(frozen=True)
class Pass:
    """The options of a scoring pass, as they are given."""

    names: Sequence[str]
    skip_bad: bool
    force: bool
    weights: Sequence[str]
    download: bool
    precision: Precision
    device: str

    def score(
        self,
        context: click.Context,
        read: Callable[[], TripletSet],
        *,
        size_px: int | None,
        filter_: str,
        shifts: Sequence[int],
        output: Path | None,
    ) -> tuple[TripletRun, TripletScores, str] | None:
        """The pass and what it found, with the arithmetic; None in all processes but the first."""
        from tqdm import tqdm

        from metric.device import choose_device
        from metric.loading import find_specs, load_metric
        from metric.networks.fast import computed_in
        from metric.scoring.processes import Processes
        from metric.scoring.run_settings import settings_of
        from metric.triplets.run import TripletRun, first_of
        from metric.triplets.score_file import check_output

        specs = find_specs(self.names)
        given = parse_weights(self.weights, self.names)
        if output is not None:
            check_output(output, overwrite=self.force)
        processes = context.with_resource(Processes.from_environment())
        chosen = choose_device(processes.device(self.device))
        found = read()
        first = processes.rank == 0
        for note in found.notes if first else ():
            click.echo(note, err=True)
        metrics = [
            load_metric(name, str(chosen), given.get(name), self.download, self.precision) for name in self.names
        ]
        arithmetic = computed_in(self.precision, chosen)
        if arithmetic != self.precision and first:
            click.echo(f"Computed in {arithmetic}.", err=True)
        run = TripletRun(
            found,
            metrics,
            size_px=size_px,
            filter=filter_,
            shifts=shifts,
            device=str(chosen),
            output=output,
            settings={s.name: settings_of(s, given.get(s.name, {}), chosen.type, arithmetic) for s in specs},
            skip_bad=self.skip_bad,
            overwrite=self.force,
        )
        what = "pair" if found.name == "bapps-jnd" else "triplet"
        with tqdm(unit=what, delay=2, desc="Scoring", disable=not first) as bar:

            def begin(to_score: int, resumed: int) -> None:
                bar.total = to_score
                bar.unpause()  # what went before is no time of scoring
                if resumed and first:
                    total = len(found.triplets)
                    bar.write(f"{resumed} of {total} {what}s are scored already; going on.", file=sys.stderr)

            scores = run.run(processes, begin, bar.update)
        if not first:
            return None
        if scores.bad:
            click.echo(f"Left out {len(scores.bad)} of {len(scores.bad) + len(scores.triplets)}:", err=True)
            for sentence in first_of(scores.bad):
                click.echo(f"  {sentence}", err=True)
        if output is not None:
            click.echo(f"Wrote {output}", err=True)
        return run, scores, arithmetic


def summary(run: TripletRun, scores: TripletScores, arithmetic: str) -> dict[str, Any]:
    """What `--json` says of a pass."""
    categories: dict[str, int] = {}
    for triplet in scores.triplets:
        categories[triplet.category] = categories.get(triplet.category, 0) + 1
    return {
        "set": run.triplets.name,
        "votes": run.triplets.votes,
        "size_px": run.size_px,
        "shifts": run.all_shifts,
        "device": run.device,
        "computed_in": arithmetic,
        "samples": len(scores.triplets),
        "categories": categories,
        "computed": scores.computed,
        "left_out": list(scores.bad),
        "metrics": [{"metric": name, "seconds": seconds} for name, seconds in scores.seconds.items()],
        "file": None if run.output is None else str(run.output),
    }


def summary_table(run: TripletRun, scores: TripletScores, next_verb: str) -> str:
    """The same for a terminal; `next_verb` shows how well they agree with the votes."""
    rows = [("", "triplets", "seconds", "a second")]
    for name, seconds in scores.seconds.items():
        rate = f"{scores.computed / seconds:.1f}" if seconds > 0 else "–"
        rows.append((name, f"{len(scores.triplets):,}", f"{seconds:.1f}", rate))
    votes = "" if run.triplets.votes == "human" else f"\nThe votes are not human: {run.triplets.votes}."
    return f"{align(rows)}\n`shift-study {next_verb}` shows how well they agree with the votes.{votes}"

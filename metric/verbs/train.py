"""`shift-study train`: from judged triplets to a metric of one's own."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from metric.verbs.options import as_json_option, device_option, print_json

if TYPE_CHECKING:
    from metric.training.outcome import Trained

data_option = click.option(
    "--data", metavar="DATA", help="What to train on: a set of BAPPS's layout, or a two-alternative study."
)
download_option = click.option(
    "--download", is_flag=True, help="Download trained convolutions that are not on this machine."
)
split_option = click.option(
    "--split",
    type=click.Choice(["train", "val"]),
    default="train",
    show_default=True,
    help="Part of a set of BAPPS's layout to train on.",
)
stimuli_option = click.option(
    "--stimuli",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Study folder that has the images, where DATA is a study's database or exported responses.",
)
set_option = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="Set a key of the configuration, such as schedule.epochs=2 or network.name=vgg-blur; repeatable.",
)
workers_option = click.option(
    "--workers",
    type=click.IntRange(min=0),
    metavar="N",
    help="Processes that read images ahead.  [default: none on a CPU, 4 for a GPU]",
)


@click.command("train")
@click.argument("configuration", metavar="CONFIG")
@data_option
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Folder of checkpoint, curves and result.  [default: trained-CONFIG]",
)
@set_option
@split_option
@stimuli_option
@workers_option
@click.option(
    "--checkpoint-every",
    type=click.FloatRange(min=0),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="Keep the state so often, beside once an epoch; a killed training goes on from there.",
)
@download_option
@click.option("--force", is_flag=True, help="Begin again, whatever training is in DIR.")
@click.option("--show", is_flag=True, help="Print the configuration, to be saved and changed; train nothing.")
@device_option
@as_json_option
@click.pass_context
def train_verb(
    context: click.Context,
    /,
    configuration: str,
    data: str | None,
    output: Path | None,
    settings: tuple[str, ...],
    split: str,
    stimuli: Path | None,
    workers: int | None,
    checkpoint_every: float,
    download: bool,
    force: bool,
    show: bool,
    device: str,
    as_json: bool,
) -> None:
    """Train a metric on what people preferred, and write it to DIR/metric.safetensors.

    CONFIG is lpips, the set-up of Zhang et al. 2018; paper, that of Ghildyal & Liu 2022; or a FILE.toml. DATA is the
    folder that has 2afc/train/CATEGORY/{ref,p0,p1,judge}, or a two-alternative study: its folder, database or exported
    responses. Each judgment weighs as many votes as are behind it, where that is known.

    The same command goes on where a killed one was. torchrun shares each step among processes. The file that is
    written is a metric wherever one is named: --metric DIR/metric.safetensors.

    \b
    Examples: shift-study train paper --show > mine.toml
              shift-study train mine.toml --data dataset -o mine
              shift-study train lpips --data my-triplets --set network.backbone=vgg16 -o lpips-vgg
              torchrun --nproc-per-node 4 --no-python shift-study train paper --data dataset -o paper
    """
    from metric.extra import require_torch

    require_torch("`shift-study train`")
    if show:
        if settings:
            raise click.UsageError("--show prints a ready configuration as it is: leave --set to its training.")
        from metric.training.reading import ready_text

        click.echo(ready_text(configuration), nl=False)
        return
    if data is None:
        raise click.UsageError("Name what to train on with --data DATA, or print the configuration with --show.")
    from metric.device import choose_device
    from metric.scoring.processes import Processes
    from metric.training.data_source import read_judged
    from metric.training.progress import bars
    from metric.training.reading import read_configuration
    from metric.training.trainer import Trainer

    read = read_configuration(configuration, settings)
    folder = output or Path(f"trained-{Path(configuration).stem}")
    processes = context.with_resource(Processes.from_environment())
    chosen = choose_device(processes.device(device))
    first = processes.rank == 0
    watch = ProgressBar(quiet=not first)
    # The first reads and checks the set for all.
    judged = None
    if first:
        judged = read_judged(data, read.data, split=split, doors=context.obj, stimuli=stimuli, progress=bars)
        for note in judged.notes:
            click.echo(note, err=True)
    judged = processes.gather(judged)[0]
    trainer = Trainer(
        device=chosen,
        processes=processes,
        workers=workers if workers is not None else 4 * (chosen.type == "cuda"),
        checkpoint_every=checkpoint_every,
        download=download,
        force=force,
        watch=watch,
    )
    try:
        trained = trainer.train(read, judged, folder)
    finally:
        watch.close()
    if not first:
        return
    summary = _summary(trained, judged.votes, len(judged.triplets))
    if as_json:
        print_json(summary)
    else:
        click.echo(_text(trained, judged.votes))


class ProgressBar:
    """Steps and means of the epoch, on stderr."""

    def __init__(self, *, quiet: bool = False, name: str = "Training") -> None:
        from tqdm import tqdm

        self._bar = tqdm(unit="step", delay=2, desc=name, disable=quiet)

    def begin(self, steps: int, done: int) -> None:
        """Before the first step."""
        self._bar.total = steps
        self._bar.initial = done
        self._bar.n = done
        self._bar.unpause()  # reading the set is no time of training
        if done and not self._bar.disable:
            self._bar.write(f"{done} of {steps} steps are done already; going on.", file=sys.stderr)

    def step(self, epoch: int, loss: float, two_afc: float) -> None:
        """After each."""
        self._bar.set_postfix_str(f"epoch {epoch + 1}, loss {loss:.4f}, 2AFC {100 * two_afc:.1f} %", refresh=False)
        self._bar.update()

    def close(self) -> None:
        """Leaves the bar as it is."""
        self._bar.close()


def _summary(trained: Trained, votes: str, triplets: int) -> dict[str, Any]:
    return {
        "file": str(trained.file),
        "triplets": triplets,
        "votes": votes,
        "steps": trained.steps,
        "steps_of_earlier_runs": trained.resumed,
        "seconds": trained.seconds,
        "training_loss": trained.loss,
        "training_two_afc": trained.two_afc,
    }


def _text(trained: Trained, votes: str) -> str:
    when = f"in {trained.seconds:.0f} s" if trained.seconds else "by an earlier run"
    lines = [
        f"{trained.steps} steps {when}. In the last epoch, on the triplets that it was trained on: "
        f"loss {trained.loss:.4f}, 2AFC {100 * trained.two_afc:.2f} %.",
        f"Wrote {trained.file}, a metric: `shift-study bapps score DATA --metric {trained.file} -o scores.parquet`.",
    ]
    if votes != "human":
        lines.append(f"The votes are not human: {votes}.")
    return "\n".join(lines)

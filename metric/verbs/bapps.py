"""`shift-study bapps`: metrics on BAPPS, and sets of its layout made from photographs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from metric.verbs.options import as_json_option, print_json
from metric.verbs.triplet_scoring import Pass, scoring_options, shifts_option, summary, summary_table

size_option = click.option(
    "--size",
    "size_px",
    type=click.IntRange(min=16),
    default=64,
    show_default=True,
    metavar="N",
    help="Resize images to a shorter side of N pixels first: 64 as in the paper's Table 2, 256 as in Table 3.",
)
resize_option = click.option(
    "--resize",
    "filter_",
    type=click.Choice(["bicubic", "bilinear"]),
    default="bicubic",
    show_default=True,
    help="How: bicubic as the code of the paper does, bilinear as that of Zhang et al. 2018.",
)
split_option = click.option(
    "--split", type=click.Choice(["val", "train"]), default="val", show_default=True, help="Part of the set."
)


@click.group("bapps")
def bapps_group() -> None:
    """Metrics on BAPPS, the Berkeley-Adobe Perceptual Patch Similarity set (Zhang et al. 2018)."""


@bapps_group.command("score")
@click.argument("data", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="FILE.parquet, FILE.csv or FILE.csv.gz: a row for each metric and triplet.",
)
@size_option
@shifts_option
@resize_option
@split_option
@scoring_options
@click.pass_context
def bapps_score_verb(
    context: click.Context,
    /,
    data: Path,
    output: Path,
    size_px: int,
    shifts: tuple[int, ...],
    filter_: str,
    split: str,
    as_json: bool,
    **options: Any,
) -> None:
    """Score the triplets of DATA, BAPPS or a set of its layout, under metrics.

    DATA is the folder that has 2afc/val/CATEGORY/{ref,p0,p1,judge}, or 2afc, or 2afc/val. Images are resized to --size
    first; distances are of the whole images, and of the paper's crops (Eq. 1) moved by --shifts.
    `shift-study bapps table` reads what is written.

    Each triplet is kept as it is found: the same command goes on where a killed one was. Several GPUs or hosts share
    the triplets when torchrun starts it on each.

    \b
    Examples: shift-study bapps score dataset --metric stlpips-alex --metric l2 -o scores.parquet
              torchrun --nproc-per-node 4 --no-python shift-study bapps score dataset --size 256 \\
                  --metric stlpips-vgg -o scores-256.parquet
    """
    from metric.extra import require_torch

    require_torch("`shift-study bapps score`")
    from metric.triplets.judged_folders import TWO_AFC, read_folders
    from metric.triplets.made_set import votes_of

    scoring = Pass(**options)
    found = scoring.score(
        context,
        lambda: read_folders(data, TWO_AFC, split, votes=votes_of(data), skip_bad=scoring.skip_bad),
        size_px=size_px,
        filter_=filter_,
        shifts=shifts,
        output=output,
    )
    if found is None:
        return
    run, scores, arithmetic = found
    if as_json:
        print_json({"source": str(data), **summary(run, scores, arithmetic)})
    else:
        click.echo(summary_table(run, scores, f"bapps table {run.output}"))


@bapps_group.command("jnd")
@click.argument("data", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the distances: FILE.parquet, FILE.csv or FILE.csv.gz. A killed run goes on.",
)
@size_option
@resize_option
@scoring_options
@click.pass_context
def bapps_jnd_verb(
    context: click.Context,
    /,
    data: Path,
    output: Path | None,
    size_px: int,
    filter_: str,
    as_json: bool,
    **options: Any,
) -> None:
    """How well metrics rank the pairs of BAPPS's JND sets: mAP, beside the rules for equal distances.

    DATA is the folder that has jnd/val/{traditional,cnn}/{p0,p1,same}, or jnd, or jnd/val.

    \b
    Example: shift-study bapps jnd dataset --metric stlpips-alex --metric l2
    """
    from metric.extra import require_torch

    require_torch("`shift-study bapps jnd`")
    from metric.triplets.jnd_agreement import jnd_agreement, jnd_table
    from metric.triplets.judged_folders import JND, read_folders
    from metric.triplets.made_set import votes_of

    scoring = Pass(**options)
    found = scoring.score(
        context,
        lambda: read_folders(data, JND, votes=votes_of(data), skip_bad=scoring.skip_bad),
        size_px=size_px,
        filter_=filter_,
        shifts=(),
        output=output,
    )
    if found is None:
        return
    run, scores, arithmetic = found
    agreements = jnd_agreement(scores, context.obj)
    if as_json:
        print_json(
            {"source": str(data), **summary(run, scores, arithmetic), "jnd": [each.to_json() for each in agreements]}
        )
    else:
        click.echo(jnd_table(agreements))
        if run.triplets.votes != "human":
            click.echo(f"The votes are not human: {run.triplets.votes}.")


@bapps_group.command("make")
@click.argument("images")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder to make; it must not exist, or be empty.",
)
@click.option(
    "--count",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    metavar="N",
    help="Triplets in each of the six categories, and pairs in each of the two JND sets.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, metavar="N", help="Seed.")
@click.option(
    "--size",
    "size_px",
    type=click.IntRange(min=16),
    default=256,
    show_default=True,
    metavar="N",
    help="Width and height in pixels of the patches that are cut and distorted.",
)
@click.option(
    "--enlarge",
    "enlarged",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    metavar="N",
    help="Write each pixel N times across and down.",
)
@click.option(
    "--votes",
    default="strength",
    show_default=True,
    metavar="RULE",
    help="What the made votes follow: strength (of the distortions), or the name of a metric.",
)
@click.option(
    "--hold-out",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    metavar="N",
    help="Photographs that 2afc/val and the pairs are of, while the others make 2afc/train; 0: no such split.",
)
@click.option(
    "--train-count",
    type=click.IntRange(min=1),
    metavar="N",
    help="Triplets in each category of 2afc/train.  [default: that of --count]",
)
@as_json_option
def bapps_make_verb(
    images: str,
    output: Path,
    count: int,
    seed: int,
    size_px: int,
    enlarged: int,
    votes: str,
    hold_out: int,
    train_count: int | None,
    as_json: bool,
) -> None:
    """Make a set of BAPPS's layout from photographs, with votes by a rule: for tests, teaching and dry runs.

    IMAGES is a folder of photographs (subfolders too), or demo: those inside the installed scikit-image and
    scikit-learn. The distortions stand for those of BAPPS. OUTPUT/made.json says that the votes are not human, and so
    do the tables of what is scored on them. With --hold-out there is a set to train on beside that to test with, and
    no photograph is in both.

    \b
    Examples: shift-study bapps make demo -o made --count 10 --seed 1
              shift-study bapps make demo -o made --hold-out 2 --train-count 200
              shift-study bapps make demo -o shown --size 64 --enlarge 4
    """
    if train_count is not None and not hold_out:
        raise click.UsageError("--train-count is of the set to train on, which --hold-out makes: give both.")
    if size_px * enlarged < 32:
        raise click.UsageError(f"Images of {size_px * enlarged} pixels are too small; give --size or --enlarge for 32.")
    from metric.extra import require_torch

    require_torch("`shift-study bapps make`")
    from functools import partial

    from tqdm import tqdm

    from metric.triplets.judged_folders import JND, TWO_AFC
    from metric.triplets.made_set import MadeSet
    from metric.triplets.photograph_files import Photograph, photographs_in

    left_out: list[str] = []
    if images == "demo":
        from metric.networks.photographs import read_photographs

        demo = read_photographs()

        photographs = [Photograph.of(name, partial(demo.__getitem__, name)) for name in demo]
    else:
        photographs, left_out = photographs_in(Path(images))
    for sentence in left_out:
        click.echo(f"Left out: {sentence}", err=True)
    made = MadeSet(count, size_px, seed, votes, hold_out, train_count, enlarged)
    categories, pairs = len(TWO_AFC.categories), count * len(JND.categories)
    total = (made.to_train + count) * categories + pairs
    with tqdm(total=total, unit="sample", delay=2, desc="Making") as bar:
        metadata = made.make(photographs, output, bar.update)
    if as_json:
        import json

        print_json({"folder": str(output), **json.loads(metadata.read_text(encoding="utf-8"))})
    else:
        to_train = f"{made.to_train * categories} triplets to train on and, of other photographs, " if hold_out else ""
        click.echo(
            f"Made {to_train}{count * categories} triplets and {pairs} pairs in {output}; their votes are not human "
            f"({metadata})."
        )

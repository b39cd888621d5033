"""What a reader of a table of triplets has to know, sentence by sentence."""

from __future__ import annotations

from analysis.triplets.ceiling import MOST_VOTES, VotesCeiling
from analysis.triplets.paper import BAPPS_SAMPLES, paper_rows
from analysis.triplets.scores import TripletScores

_PIXELS = ("l2", "ssim")


def paper_notes_of(scores: TripletScores, tables: tuple[int, ...]) -> tuple[str, ...]:
    """Of what the paper's figures are, for whom sees them beside."""
    found = []
    if scores.votes == "human" and not tables:
        size = "" if scores.size_px is None else f" at {scores.size_px} px"
        found.append(f"The paper has no table of {scores.set}{size}; none stands beside.")
    elif len(tables) > 1:
        found.append(
            "The files do not say to which size images were resized; say it with --size 64 or --size 256, and the "
            "paper's table of that size alone stands beside."
        )
    if tables and scores.set == "bapps" and len(scores.judge) != BAPPS_SAMPLES:
        found.append(
            f"The paper's figures are of the {BAPPS_SAMPLES:,} samples of the BAPPS validation set, these of "
            f"{len(scores.judge):,}."
        )
    known = {name for row in paper_rows(tables) for name in row.metrics}
    unnamed = [metric.name for metric in scores.metrics if metric.name not in known]
    if tables and unnamed:
        found.append(
            f"No row of the paper is of {', '.join(unnamed)}; a metric that is in it under a name of its own, such as "
            "lpips-alex, finds its row with NAME=FILE."
        )
    return tuple(found)


def notes_of(scores: TripletScores, ceiling: VotesCeiling) -> tuple[str, ...]:
    """Of how the figures came about, and of what is missing."""
    found = []
    if scores.votes != "human":
        found.append(f"The votes are not people's ({scores.votes}): what stands here says nothing about people.")
    if scores.shifts and 0 not in scores.metrics[0].shifted:
        found.append(
            "The files have no distances of unshifted crops (d0_n0, d1_n0): flips are counted against whole images, "
            "and hold what cropping changes."
        )
    if not scores.shifts:
        found.append("The files have no distances of shifted images, so that no flips can be counted.")
    if ceiling.votes_each is None:
        found.append(
            "What people reach cannot be told: the shares are of different numbers of votes, or of more than "
            f"{MOST_VOTES}. Where each triplet has as many, tell shift-study {scores.set} table with --votes-each."
        )
    elif ceiling.one_person is None:
        found.append("What people reach cannot be told: that needs two votes or more on each triplet.")
    missing = [name for name in _PIXELS if name not in {metric.name for metric in scores.metrics}]
    if missing:
        found.append(
            f"Pixel baselines: shift-study {scores.set} score … {' '.join(f'--metric {name}' for name in missing)} "
            "gives the scores of metrics that know pixels alone."
        )
    return tuple(found)

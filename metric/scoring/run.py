"""A scoring run that may be killed and begun again, alone or among several processes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from metric.errors import MetricError
from metric.interface import FeatureMetric
from metric.scoring.distance_files import check_replaceable, write_distances
from metric.scoring.journal import Journal
from metric.scoring.manifest_pairs import ImagePair
from metric.scoring.processes import Processes
from metric.scoring.run_settings import difference
from metric.scoring.score import PairScore, Scores, stream_scores

Settings = Mapping[str, Mapping[str, Any]]
"""Metric → what must be the same for a distance to be the same."""


def run(
    pairs: Sequence[ImagePair],
    metrics: Sequence[FeatureMetric],
    *,
    device: str = "cpu",
    files: Mapping[str, Path] | None = None,
    settings: Settings | None = None,
    overwrite: bool = False,
    processes: Processes | None = None,
    begin: Callable[[int, int], object] = lambda to_score, resumed: None,
    advance: Callable[[], object] = lambda: None,
) -> tuple[Scores, int]:
    """The scores of all pairs, the same in every process, and how many of them were computed now.

    Args:
        pairs: all that are to be scored, the same in every process; those of one reference may stand anywhere.
        metrics: on `device` (see `metric.load`).
        device: a torch device.
        files: metric → the file that its distances are written to. What is scored is kept beside it until all files
            are written, and a run that is begun again takes it from there.
        settings: only with the same are distances taken from an earlier run.
        overwrite: replace files that exist, and begin again.
        processes: which of several this is.
        begin: called with the number of pairs that this process will score and the number taken from before.
        advance: called after each pair.

    Raises:
        MetricError: as `stream_scores`, `Journal` and `check_replaceable` do, and where processes have other settings.
    """
    processes = processes or Processes()
    files, settings = files or {}, settings or {}
    names = [metric.spec.name for metric in metrics]
    with ExitStack() as held:
        journals = {
            name: held.enter_context(Journal(file, {"metric": name, **settings.get(name, {})}, processes.rank))
            for name, file in files.items()
        }
        if not overwrite:
            check_replaceable(files.values())  # once more: another run may have ended before this one held the journals
        elif processes.rank == 0:
            for journal in journals.values():
                journal.clear()
        _check_alike(processes.gather(settings))  # and nobody reads what is being cleared
        known = {name: journals[name].read(pairs) if name in journals else {} for name in names}
        processes.gather(None)  # nobody writes before all have read
        missing = [pair for pair in pairs if any(pair.pair not in known[name] for name in names)]
        mine = processes.share(missing)
        begin(len(mine), len(pairs) - len(missing))
        parts = processes.gather(_score(stream_scores(mine, metrics, device=device), known, journals, advance))
        for part, _ in parts:
            for name in names:
                known[name] |= part[name]
        in_order = {name: {pair.pair: known[name][pair.pair] for pair in pairs} for name in names}
        slowest = {name: max(spent[name] for _, spent in parts) for name in names}
        if processes.rank == 0:
            for name, file in files.items():
                write_distances(file, in_order[name])
            for journal in journals.values():
                journal.remove()
    return Scores(in_order, slowest, device), len(missing)


def _score(
    scores: Iterable[PairScore],
    known: Mapping[str, Mapping[str, float]],
    journals: Mapping[str, Journal],
    advance: Callable[[], object],
) -> tuple[dict[str, dict[str, float]], dict[str, float]]:
    """What was not known, metric → pair → distance, in the journals too; and metric → the seconds that it took."""
    found: dict[str, dict[str, float]] = {name: {} for name in known}
    seconds = dict.fromkeys(known, 0.0)
    for score in scores:
        for name, distance in score.distances.items():
            seconds[name] += score.seconds[name]
            if score.pair.pair not in known[name]:
                found[name][score.pair.pair] = distance
                if name in journals:
                    journals[name].append(score.pair, distance)
        advance()
    return found, seconds


def _check_alike(settings: Sequence[Settings]) -> None:
    """Raises `MetricError` where a process would compute otherwise than the first, as on a host of another kind."""
    for rank, theirs in enumerate(settings):
        for metric, first in settings[0].items():
            if differing := difference(first, theirs[metric]):
                name, values = differing
                raise MetricError(
                    f"Process {rank} would compute {metric} with another {name} than process 0 ({values}); "
                    "give all processes the same."
                )

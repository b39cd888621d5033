"""A scoring run that may be killed and begun again, alone or among several processes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from metric.interface import FeatureMetric
from metric.scoring.journal import Journal, journal_files, read_journals
from metric.scoring.manifest import ImagePair
from metric.scoring.processes import Processes
from metric.scoring.score import Scores, stream_scores


def run(
    pairs: Sequence[ImagePair],
    metrics: Sequence[FeatureMetric],
    *,
    device: str = "cpu",
    files: Mapping[str, Path] | None = None,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    processes: Processes | None = None,
    begin: Callable[[int, int], object] = lambda to_score, resumed: None,
    advance: Callable[[], object] = lambda: None,
) -> tuple[Scores, int]:
    """The scores of all pairs, the same in every process, and how many of them were computed now.

    Args:
        pairs: all that are to be scored, the same in every process.
        metrics: on `device`.
        device: a torch device.
        files: metric → the file that its distances will be written to; what is scored is kept beside it until
            `discard_journals`, and a run that is begun again takes it from there.
        settings: metric → what must be the same for distances to be taken from an earlier run.
        processes: which of several this is.
        begin: called with the number of pairs that this process will score and the number taken from before.
        advance: called after each pair.

    Raises:
        MetricError: as `stream_scores` and `read_journals` do.
    """
    processes = processes or Processes()
    files, settings = files or {}, settings or {}
    names = [metric.spec.name for metric in metrics]
    known: dict[str, dict[str, float]] = {
        name: read_journals(journal_files(files[name]), settings.get(name, {}), pairs) if name in files else {}
        for name in names
    }
    processes.gather(None)  # nobody writes before all have read
    missing = [pair for pair in pairs if any(pair.pair not in known[name] for name in names)]
    mine = processes.share(missing)
    begin(len(mine), len(pairs) - len(missing))
    journals = {
        name: Journal(_journal_path(files[name], processes), {"metric": name, **settings.get(name, {})})
        for name in names
        if name in files
    }
    found: dict[str, dict[str, float]] = {name: {} for name in names}
    seconds = dict.fromkeys(names, 0.0)
    try:
        for score in stream_scores(mine, metrics, device=device):
            for name, distance in score.distances.items():
                seconds[name] += score.seconds[name]
                if score.pair.pair not in known[name]:
                    found[name][score.pair.pair] = distance
                    if name in journals:
                        journals[name].append(score.pair, distance)
            advance()
    finally:
        for journal in journals.values():
            journal.close()
    parts = processes.gather((found, seconds))
    for part, _ in parts:
        for name in names:
            known[name] |= part[name]
    in_order = {name: {pair.pair: known[name][pair.pair] for pair in pairs} for name in names}
    slowest = {name: max(spent[name] for _, spent in parts) for name in names}
    return Scores(in_order, slowest, device), len(missing)


def discard_journals(files: Mapping[str, Path]) -> None:
    """Removes what runs have kept beside the files that they write."""
    for file in files.values():
        for path in journal_files(file):
            path.unlink()


def _journal_path(file: Path, processes: Processes) -> Path:
    number = f"-{processes.rank}" if processes.size > 1 else ""
    return file.with_name(f"{file.name}.partial{number}")

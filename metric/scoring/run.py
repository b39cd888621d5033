"""The pairs of a study under several metrics, in a run that may be killed and begun again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from metric.interface import FeatureMetric
from metric.scoring.distance_files import write_distances
from metric.scoring.manifest_pairs import ImagePair
from metric.scoring.processes import Processes
from metric.scoring.score import Scores, stream_scores
from metric.scoring.shared_run import Settings, SharedRun


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
        MetricError: as `stream_scores` and `SharedRun.run` do.
    """
    files = files or {}

    def compute(
        mine: Sequence[ImagePair],
    ) -> Iterator[tuple[ImagePair, Mapping[str, Sequence[float]], Mapping[str, float]]]:
        for score in stream_scores(mine, metrics, device=device):
            yield score.pair, {name: (value,) for name, value in score.distances.items()}, score.seconds

    def write(distances: Mapping[str, Mapping[str, Sequence[float]]]) -> None:
        for name, file in files.items():
            write_distances(file, name, _single(distances[name]))

    names = [metric.spec.name for metric in metrics]
    shared = SharedRun(pairs, names, files, settings or {}, compute, write, overwrite=overwrite)
    found, seconds, computed = shared.run(processes or Processes(), begin, advance)
    distances = {name: _single(of_pairs) for name, of_pairs in found.items()}
    return Scores(distances, dict.fromkeys(names, 0.0) | seconds, device), computed


def _single(distances: Mapping[str, Sequence[float]]) -> dict[str, float]:
    return {pair: value for pair, (value,) in distances.items()}

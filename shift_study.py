"""The command `shift-study`: the verbs of the three packages, composed.

The packages import nothing of each other. Where a verb of one needs something that another offers
(`score` needs the judgments, `table1` the rows of a study's database), it asks for it through the
`Doors` in the context's `obj`.

Importing this module makes `analysis`, `metric` and `study_server` those of Shift Study, whatever files of these
names lie where a script or `python -m` looks first.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unicodedata import category

import click


def _claim(name: str) -> None:
    """Load the package `name` that lies beside this file, where another of this name would be found first.

    Raises ImportError where another has been loaded already: both cannot have the name.
    """
    file = Path(__file__).resolve().parent / name / "__init__.py"
    loaded = sys.modules.get(name)
    if loaded is not None:
        other = getattr(loaded, "__file__", None) or "a module without a file"
        if not (Path(other).exists() and Path(other).samefile(file)):
            raise ImportError(
                f"{other} is loaded as {name!r}, which is a package of Shift Study: import shift_study before it, or "
                "give it another name"
            )
        return
    spec = spec_from_file_location(name, file, submodule_search_locations=[str(file.parent)])
    if spec is None or spec.loader is None or not file.is_file():
        raise ImportError(f"{file} is missing: install Shift Study again")
    sys.modules[name] = module_from_spec(spec)
    spec.loader.exec_module(sys.modules[name])


for _package in ("study_server", "analysis", "metric"):
    _claim(_package)

import analysis.verbs
import metric.verbs
import study_server.verbs
from analysis.errors import AnalysisError
from metric.errors import MetricError
from study_server.errors import StudyError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from analysis.agreement.jnd import Judgments
    from analysis.agreement.tie_rules import Score, Ties
    from analysis.opinions.reading import RatedImage
    from analysis.psychometric import PsychometricFit
    from analysis.two_alternative.preferences import Preferences
    from study_server.export.responses import StudyResponses
    from study_server.tasks.shifted_pairs.pool import Scorer


class Doors:
    """What the verbs of one package may ask of another."""

    def study_rows(self, source: str) -> AbstractContextManager[StudyResponses] | None:
        """The responses of a study folder or a database URL, column by column; None for any other source."""
        if "://" in source or Path(source).is_dir():
            from study_server.export.responses import study_responses

            return study_responses(source)
        return None

    def study_rules(self, source: str) -> tuple[str, ...] | None:
        """Names of the exclusion rules that a study folder's settings list; None for any other source."""
        if "://" not in source and Path(source).is_dir():
            from study_server.folder.study_folder import StudyFolder

            return tuple(StudyFolder(Path(source)).settings.analysis.exclusions)
        return None

    def study_name(self, source: str) -> str | None:
        """The name of the study in a study folder; None for any other source."""
        if "://" not in source and Path(source).is_dir():
            from study_server.folder.study_folder import StudyFolder

            return StudyFolder(Path(source)).settings.study.name
        return None

    def fit_psychometric(
        self, shifts: Sequence[float], different: Sequence[int], total: Sequence[int]
    ) -> PsychometricFit | None:
        """P("different") by shift in pixels, fitted to counts; None where they determine no function."""
        from analysis.psychometric import fit

        try:
            return fit(shifts, different, total)
        except AnalysisError:
            return None

    def pair_scorer(self, metrics: Sequence[str]) -> Scorer:
        """Distances of shifted versions from their reference under metrics, for choosing stimuli."""
        from metric.scoring.arrays import ArrayScorer

        return ArrayScorer.of(metrics)

    def distort_photograph(
        self, pixels: NDArray[np.uint8], distortion: str, strength: float, seed: int
    ) -> NDArray[np.uint8]:
        """An image (H, W, 3), 8-bit, with a distortion of a strength in [0, 1], for the stimuli of a 2AFC study."""
        import numpy

        from metric.triplets.distortions import distort_as

        return distort_as(pixels, distortion, strength, numpy.random.default_rng(seed))

    def pilot_shifts(self, source: str, max_shift: int, lengths: Sequence[float]) -> tuple[int, ...]:
        """Shifts for a study in which people are about as often right as wrong, by the answers of a pilot."""
        from analysis.planning.pilot import pilot_shifts
        from analysis.responses.sources import read_responses
        from analysis.tasks.registry import require_results, task_of
        from analysis.trial_counts import TrialCounts
        from analysis.verbs.options import rules_for

        responses = read_responses(source, self.study_rows, rules_for(self, source))
        require_results(task_of(responses), "new", source)
        return pilot_shifts(TrialCounts.of(responses), max_shift, lengths)

    def same_share_map(self, same_share: NDArray[np.float64], distances: NDArray[np.float64], ties: Ties) -> Score:
        """JND mAP of distances against the share of people who called each pair the same, under a rule for ties."""
        from analysis.agreement.tie_rules import jnd_map

        return jnd_map(same_share, distances, ties)

    def triplet_table(self, files: Sequence[str]) -> Mapping[str, Any]:
        """2AFC scores and rank flips of files of triplet scores, as the JSON of `bapps table`."""
        from analysis.triplets.evaluation import triplet_table
        from analysis.triplets.scores import read_triplet_scores

        return triplet_table(read_triplet_scores(files)).to_json()

    def rated_images(self, source: str) -> Sequence[RatedImage]:
        """The images of a source of opinion scores, with their files."""
        from analysis.opinions.reading import rated_images, read_opinions

        return rated_images(read_opinions(Path(source)))

    def judgments(self, source: str) -> Judgments:
        """The accepted responses of a source, pair by pair."""
        from analysis.agreement.jnd import Judgments
        from analysis.responses.sources import read_responses
        from analysis.tasks.registry import require_results, task_of
        from analysis.verbs.options import rules_for

        responses = read_responses(source, self.study_rows, rules_for(self, source))
        require_results(task_of(responses), "score", source)
        return Judgments.from_responses(responses)

    def preferences(self, source: str) -> Preferences:
        """What people of a two-alternative study preferred, by their accepted first answers."""
        from analysis.responses.sources import read_responses
        from analysis.tasks.registry import require_results, task_of
        from analysis.two_alternative.preferences import Preferences
        from analysis.verbs.options import rules_for

        responses = read_responses(source, self.study_rows, rules_for(self, source))
        require_results(task_of(responses), "train", source)
        return Preferences.of(responses)


class _Commands(click.Group):
    """A group in which a bad input of any package ends with one sentence and exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (StudyError, AnalysisError, MetricError) as error:
            raise click.ClickException(_printable(str(error))) from error


def _printable(sentence: str) -> str:
    """A sentence that may quote a name from a file, with nothing in it that a terminal would obey.

    >>> _printable("no such column: \\x1b[2J")
    'no such column: \\\\x1b[2J'
    """
    return "".join(
        c if c == "\n" or category(c) != "Cc" else c.encode("unicode_escape").decode("ascii") for c in sentence
    )


def _commands(*packages: Any) -> Mapping[str, click.Command]:
    """The verbs of all packages by name; of a group that several offer (`bapps score`, `bapps table`), all verbs."""
    found: dict[str, click.Command] = {}
    for verb in (verb for package in packages for verb in package.VERBS):
        known = found.get(verb.name)
        if isinstance(known, click.Group) and isinstance(verb, click.Group):
            verb = click.Group(known.name, commands={**known.commands, **verb.commands}, help=known.help)
        found[verb.name] = verb
    return found


@click.group(cls=_Commands, commands=_commands(study_server.verbs, analysis.verbs, metric.verbs))
@click.version_option(package_name="shift-study")
@click.pass_context
def main(ctx: click.Context) -> None:
    """Measure how well people see small shifts in images, and how well metrics agree with them.

    \b
    Take a look:      shift-study demo my-demo
    A real study:     shift-study new my-study --images photographs/
                      shift-study serve my-study
                      shift-study export my-study -o responses.csv
                      shift-study table1 my-study
                      shift-study score my-study --metric stlpips-alex --metric ssim
    """
    # Threads that wait for others of their process sleep sooner: spinning, they hold them up where something else
    # computes on the same processors. It is read when torch is loaded, which only a verb does.
    os.environ.setdefault("GOMP_SPINCOUNT", "3000")
    ctx.obj = Doors()


if __name__ == "__main__":
    main()

"""Whether training shows the paper's order, on a set made from photographs inside installed packages.

    python -m benchmarks.training_proof
    python -m benchmarks.training_proof --part scratch --json
    python -m benchmarks.training_proof --quick

`shift-study bapps make` makes triplets of four photographs to train on and of three others to test with. Vanilla,
anti-aliased and shift-tolerant AlexNet are trained from scratch on them by `shift-study train`, with the same budget
and three seeds each, and scored by `shift-study bapps score`. The paper's order is: the shift-tolerant network flips
less than half as often as vanilla at each shift, and its 2AFC score is within 1.5 points of vanilla's.

Then channel weights alone are trained on fixed pretrained networks, and what the published weights give on the same
triplets stands beside.

Trainings run side by side, one a processor, a thread each. All is kept in a folder, and the same command goes on where
it was broken off. Set-up and budget were chosen on made sets of other seeds (docs/benchmarks.md says how, and with what
the order does not show). What is scored is enlarged: of small patches a shift moves what is compared itself, which no
network is to hide. Intervals are over triplets (of the photographs that were held out, and of no others), of the mean
over seeds; beside them stands the standard deviation over seeds.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import repeat
from pathlib import Path
from time import monotonic
from typing import Any

from tqdm import tqdm

from benchmarks.training_figures import COLUMNS, POINTS_APART, Outcomes, figures, order
from metric.text_table import align

VANILLA, ANTI_ALIASED, TOLERANT = "alex", "alex-blur-pad2", "alex-before-activation-stride1"
NETWORKS: Mapping[str, Sequence[str]] = {
    "scratch": (TOLERANT, ANTI_ALIASED, VANILLA),
    "linear": ("vgg-blur-pad2", "vgg", TOLERANT, ANTI_ALIASED, VANILLA),
}
"""The longest training first, so that processors finish together."""
PLAIN = {TOLERANT: VANILLA, ANTI_ALIASED: VANILLA, "vgg-blur-pad2": "vgg"}
"""Network → the same without elements of shift tolerance."""
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "shift-study" / "benchmarks"
"""Keeps what was trained, unless another folder is given."""
PUBLISHED = ("lpips-alex", "stlpips-alex", "lpips-vgg", "stlpips-vgg")


@dataclass(frozen=True)
class Plan:
    """What is made, trained and scored; another plan needs another folder.

    Attributes:
        votes: what the made votes follow, see `shift-study bapps make`.
        made_px: side of the patches on which training is, and that linear weights are scored on.
        shown_px: side of the patches that trained networks are scored on, before they are enlarged.
        shown: how many times each pixel of these stands across and down.
        made_seed, seeds: of the set, and of the trainings.
        held_out: photographs to test with.
        train_count, test_count: triplets in each of six categories.
        epochs, decay_epochs, batch, learning_rate: of networks that are trained whole.
        linear_epochs, linear_learning_rate: where channel weights are.
    """

    votes: str = "stlpips-vgg"
    made_px: int = 48
    shown_px: int = 32
    shown: int = 8
    made_seed: int = 45
    seeds: tuple[int, ...] = (0, 1, 2)
    held_out: int = 3
    train_count: int = 240
    test_count: int = 40
    epochs: int = 4
    decay_epochs: int = 4
    batch: int = 10
    learning_rate: float = 5e-4
    linear_epochs: int = 2
    linear_learning_rate: float = 1e-3

    def settings(self, network: str, seed: int, part: str) -> list[str]:
        """Those of a training that differ from the paper's configuration."""
        linear = part == "linear"
        chosen = {
            "network.name": network,
            "network.trunk": "fixed" if linear else "scratch",
            "data.size_px": self.made_px,
            "schedule.seed": seed,
            "schedule.batch": self.batch,
            "schedule.epochs": self.linear_epochs if linear else self.epochs,
            "schedule.decay_epochs": self.linear_epochs if linear else self.decay_epochs,
            "schedule.learning_rate": self.linear_learning_rate if linear else self.learning_rate,
        }
        return [f"--set={key}={value}" for key, value in chosen.items()]

    def scored(self, part: str) -> tuple[str, int]:
        """The set that is scored, and the side of its images."""
        return ("made", self.made_px) if part == "linear" else ("shown", self.shown * self.shown_px)


QUICK = Plan(shown=2, seeds=(0,), train_count=4, test_count=12, epochs=1, decay_epochs=0)
"""Shows that all of it runs, and nothing of the order."""


def verb(*arguments: object) -> str:
    """What `shift-study` prints with these, in a process of its own and on one thread."""
    done = subprocess.run(
        [sys.executable, "-m", "shift_study", *map(str, arguments)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise SystemExit(f"shift-study {' '.join(map(str, arguments))}\n{done.stderr}")
    return done.stdout


@dataclass(frozen=True)
class Trained:
    """A network under all seeds: what it says of the held-out triplets, and the seconds of each training."""

    outcomes: Outcomes
    seconds: tuple[float, ...]


@dataclass(frozen=True)
class Proof:
    """A plan with the folder that it is worked on in."""

    plan: Plan
    folder: Path

    def make(self) -> None:
        """The set of triplets, unless it is there already.

        Raises:
            SystemExit: where the folder has another plan's.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        kept, plan = self.folder / "plan.json", json.dumps(asdict(self.plan), indent=1)
        if kept.exists() and kept.read_text(encoding="utf-8") != plan:
            raise SystemExit(f"{self.folder} is of another plan ({kept}); give another folder with -o.")
        kept.write_text(plan, encoding="utf-8")
        made = self.plan
        self._make("made", made.made_px, made.votes, made.train_count)
        # A set must have something to train on, which nothing reads of these.
        self._make("judged", made.shown_px, made.votes, 1)
        self._make("shown", made.shown_px, "strength", 1, made.shown)
        self._vote_as_judged()

    def _make(self, name: str, size_px: int, votes: str, train_count: int, enlarged: int = 1) -> None:
        made, folder = self.plan, self.folder / name
        if not folder.exists():
            verb(
                *("bapps", "make", "demo", "-o", folder, "--size", size_px, "--enlarge", enlarged),
                *("--votes", votes, "--seed", made.made_seed, "--hold-out", made.held_out),
                *("--count", made.test_count, "--train-count", train_count),
            )

    def _vote_as_judged(self) -> None:
        """Gives the enlarged patches the votes on them as they were made: nobody judges otherwise what is larger."""
        judged, shown = self.folder / "judged", self.folder / "shown"
        for votes in (judged / "2afc" / "val").glob("*/judge"):
            shutil.copytree(votes, shown / votes.relative_to(judged), dirs_exist_ok=True)
        whose, said = (json.loads((folder / "made.json").read_text(encoding="utf-8")) for folder in (judged, shown))
        said |= {name: whose[name] for name in ("votes", "rule")}
        (shown / "made.json").write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")

    def train(self, part: str, network: str, seed: int) -> float:
        """Trains and scores one, as far as it is not done; seconds that the training took, of earlier runs too."""
        home = self.home(part, network, seed)
        settings = self.plan.settings(network, seed, part)
        said = home / "training.json"
        if not said.exists():
            words = ("train", "paper", "--data", self.folder / "made", "-o", home, *settings, "--json")
            said.write_text(verb(*words), encoding="utf-8")
        self.score(home / "metric.safetensors", home / "scores.parquet", part)
        return float(json.loads(said.read_text(encoding="utf-8"))["seconds"])

    def score(self, metric: Path | str, scores: Path, part: str) -> None:
        """Distances of the held-out triplets of a part, unless they are there already."""
        if not scores.exists():
            scores.parent.mkdir(parents=True, exist_ok=True)
            name, size_px = self.plan.scored(part)
            verb("bapps", "score", self.folder / name, "--size", size_px, "--metric", metric, "-o", scores)

    def train_all(self, part: str, networks: Sequence[str], processes: int) -> dict[str, Trained]:
        """Networks with all seeds, side by side."""
        cells = [(network, seed) for network in networks for seed in self.plan.seeds]
        with ThreadPoolExecutor(processes) as pool:
            running = pool.map(self.train, repeat(part), *zip(*cells, strict=True))
            seconds = dict(zip(cells, tqdm(running, total=len(cells), desc=part), strict=True))
        return {
            network: Trained(
                Outcomes.read(self.home(part, network, seed) / "scores.parquet" for seed in self.plan.seeds),
                tuple(seconds[network, seed] for seed in self.plan.seeds),
            )
            for network in networks
        }

    def score_published(self, processes: int) -> dict[str, Trained]:
        """The published metrics on the same triplets, as trainings of one seed that took no time."""
        files = [self.folder / "published" / f"{name}.parquet" for name in PUBLISHED]
        with ThreadPoolExecutor(processes) as pool:
            list(
                tqdm(
                    pool.map(self.score, PUBLISHED, files, repeat("linear")),
                    total=len(files),
                    desc="published",
                )
            )
        return {name: Trained(Outcomes.read([file]), ()) for name, file in zip(PUBLISHED, files, strict=True)}

    def home(self, part: str, network: str, seed: int) -> Path:
        """Folder of a training."""
        return self.folder / part / f"{network}-seed{seed}"


def run(proof: Proof, parts: Sequence[str], processes: int) -> dict[str, Any]:
    """All figures of the parts, `scratch` and `linear`; with the latter those of the published metrics."""
    began = monotonic()
    proof.make()
    found: dict[str, Any] = {"plan": asdict(proof.plan), "processes": processes, "making_s": monotonic() - began}
    for part in parts:
        since = monotonic()
        trained = proof.train_all(part, NETWORKS[part], processes)
        against = {
            name: order(trained[plain].outcomes, one.outcomes)
            for name, one in trained.items()
            if (plain := PLAIN.get(name))
        }
        if part == "linear":
            trained |= proof.score_published(processes)
        found[part] = {
            "figures": figures({name: one.outcomes for name, one in trained.items()}),
            "against_plain": against,
            "training_s": {name: one.seconds for name, one in trained.items() if one.seconds},
            "seconds": monotonic() - since,
        }
    return found | {"seconds": monotonic() - began}


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the figures of each part."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=[*NETWORKS], action="append", help="only this")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="at a time (all processors)")
    parser.add_argument("--quick", action="store_true", help="a few triplets and one seed: shows only that it runs")
    parser.add_argument("-o", "--output", type=Path, help="folder that keeps all (in the cache)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    options = parser.parse_args(arguments)

    folder = options.output or CACHE / ("training-proof-quick" if options.quick else "training-proof")
    proof = Proof(QUICK if options.quick else Plan(), folder)
    found = run(proof, options.part or [*NETWORKS], options.processes)
    print(json.dumps(found, indent=2) if options.json else table(found))


def table(found: Mapping[str, Any]) -> str:
    """The figures of all parts as text."""
    plan = found["plan"]
    side, shown = plan["made_px"], plan["shown_px"]
    texts = [
        f"Trained at {side} px on 6 × {plan['train_count']} made triplets, scored on 6 × {plan['test_count']} of "
        f"{plan['held_out']} other photographs, {shown} px shown at {plan['shown'] * shown} (linear: {side} px). "
        f"Votes follow: {plan['votes']}. "
        f"Means over {len(plan['seeds'])} seed(s) (interval over triplets) ± deviation over seeds, in %."
    ]
    for part in (name for name in NETWORKS if name in found):
        rows = [(part, *COLUMNS, "training, s")]
        for name, columns in found[part]["figures"].items():
            seconds = found[part]["training_s"].get(name, ())
            rows.append((name, *map(_cell, columns.values()), " ".join(f"{one:.0f}" for one in seconds) or "–"))
        texts.append(align(rows))
        texts += [_verdict(name, against) for name, against in found[part]["against_plain"].items()]
        texts.append(f"{found[part]['seconds']:.0f} s with {found['processes']} process(es) of one thread.")
    return "\n\n".join(
        [*texts, f"All of it: {found['seconds']:.0f} s, of which {found['making_s']:.0f} to make the set."]
    )


def _cell(figure: Mapping[str, Any]) -> str:
    over = "" if figure["over_seeds"] is None else f" ± {figure['over_seeds']:.2f}"
    return f"{figure['estimate']:.2f} {_interval(figure, '.1f')}{over}"


def _verdict(name: str, against: Mapping[str, Any]) -> str:
    flips = ", ".join(
        f"{one['estimate']:.2f} {_interval(one, '.2f')} at {shift}" for shift, one in against["flips"].items()
    )
    points = against["2AFC"]
    return (
        f"{name} over {PLAIN[name]}: flips {flips}; 2AFC {points['estimate']:+.2f} {_interval(points, '+.2f')} points. "
        f"Below half at each shift and within {POINTS_APART} points: {'yes' if against['shows'] else 'no'}"
        f"{', intervals and all' if against['surely'] else ''}."
    )


def _interval(figure: Mapping[str, Any], form: str) -> str:
    return "(–)" if figure["low"] is None else f"({figure['low']:{form}} to {figure['high']:{form}})"


if __name__ == "__main__":
    main()

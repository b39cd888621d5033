"""Ablations: cells that are trained, scored and kept, rows over seeds, and their table in every form."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner

import shift_study
from metric.errors import MetricError
from metric.learned.lpips import LPIPS
from metric.learned.trained_record import read_record
from metric.networks.build import build_network
from metric.networks.weights import fill_weights
from metric.registry import METRICS
from metric.scoring.processes import Processes
from metric.training.ablation import Ablation, cells_of, measured, rows_of
from metric.training.ablation_layouts import as_csv, as_json, as_latex, as_text
from metric.training.cell import RESULT, SCORES, Bench, Cell, Figure, Found
from metric.training.configuration import Configuration
from metric.training.grid import Grid, grid_text, read_grid
from metric.training.judged_folders_set import read_judged_folders
from metric.training.judged_set import JudgedSet
from metric.training.reading import configuration_to_json
from metric.training.trained_file import write_trained
from metric.triplets.judged_folders import TWO_AFC, read_folders

SMALL = ["data.size_px=38", "data.resize=bilinear"]


@dataclass
class MadeUpTrainer:
    """Random weights by the seed; an earlier result is given back, as the real one does."""

    fails: Sequence[str] = ()
    calls: list[str] = field(default_factory=list)

    def train(self, configuration: Configuration, judged: JudgedSet, folder: Path) -> Result:
        self.calls.append(folder.name)
        if folder.name in self.fails:
            raise MetricError(f"{folder.name}: the loss is no longer a number.")
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "metric.safetensors"
        if not path.exists():
            seed = configuration.schedule.seed
            metric = LPIPS(METRICS["lpips-alex"], build_network(configuration.network.variant))
            fill_weights(metric.network, seed, random=True)
            for weights in metric.channel_weights:
                weights.data.uniform_(0, 1, generator=torch.Generator().manual_seed(seed))
            data = {"origin": judged.origin, "votes": judged.votes, "sha256": judged.sha256, "triplets": 6}
            write_trained(path, metric, {"configuration": configuration_to_json(configuration), "data": data})
        return Result(path)


@dataclass(frozen=True)
class Result:
    file: Path
    steps: int = 3
    seconds: float = 1.5
    loss: float = 0.25
    two_afc: float = 0.5


class Doors(shift_study.Doors):
    """The command line's, that count what is asked of them."""

    asked = 0

    def triplet_table(self, files: Sequence[str]) -> Any:
        self.asked += 1
        return super().triplet_table(files)


@dataclass
class Place:
    """A grid of one row and two seeds on a set of noise, and everything that its bench is made of."""

    data: Path
    folder: Path
    trainer: MadeUpTrainer = field(default_factory=MadeUpTrainer)
    doors: Doors = field(default_factory=Doors)
    grid: Grid = field(default_factory=lambda: read_grid("table5", SMALL, only=["alex"], seeds=[0, 1]))

    def bench(self, **changed: Any) -> Bench:
        judged = read_judged_folders(self.data, self.grid.rows[0].configuration.data)
        test = read_folders(self.data, TWO_AFC, "val", votes=judged.votes)
        made = Bench(judged, test, self.grid.shifts, self.folder, self.trainer.train, self.doors)
        return replace(made, **changed)

    def cell(self, seed: int = 0) -> Cell:
        return Cell(self.grid.rows[0], seed)


@pytest.fixture
def place(noise_set: Path, tmp_path: Path) -> Place:
    return Place(noise_set, tmp_path / "ablation")


def test_figures_of_a_cell_are_those_of_the_verbs_that_score_and_tabulate(place: Place, tmp_path: Path) -> None:
    found = place.bench().measure(place.cell())
    trained = place.folder / "alex-seed0" / "metric.safetensors"
    output = tmp_path / "scores.parquet"
    run = CliRunner()
    options = ["--metric", trained, "-o", output, "--size", 38, "--resize", "bilinear", "--device", "cpu"]
    scored = run.invoke(shift_study.main, ["bapps", "score", str(place.data), *map(str, options)])
    assert scored.exit_code == 0, scored.output
    table = json.loads(run.invoke(shift_study.main, ["bapps", "table", str(output), "--json"]).stdout)["metrics"][0]
    assert found.two_afc == Figure(**table["two_afc_interval"])
    assert found.rank_flip_rate == {int(s): Figure(**f) for s, f in table["rank_flip_rate_interval"].items()}
    assert sorted(found.rank_flip_rate) == [1, 2, 3]
    assert 0 < found.two_afc.estimate < 100
    assert found.training == {"steps": 3, "seconds": 1.5, "loss": 0.25, "two_afc": 0.5}
    assert [figure.estimate for figure in found.figures] == [
        table["two_afc"],
        *(table["rank_flip_rate"][str(shift)] for shift in (1, 2, 3)),
    ]


def test_a_finished_cell_is_taken_as_it_is(place: Place) -> None:
    first = place.bench().measure(place.cell())
    again = place.bench().measure(place.cell())
    assert again == first
    assert (place.trainer.calls, place.doors.asked) == (["alex-seed0"], 1)


def change_judgment(place: Place) -> None:
    np.save(place.data / "2afc" / "val" / "cnn" / "judge" / "000000.npy", np.array([1.0], np.float32))


def change_test_image(place: Place) -> None:
    folder = place.data / "2afc" / "val" / "cnn"
    shutil.copy(folder / "ref" / "000001.png", folder / "p0" / "000000.png")


def change_metric(place: Place) -> None:
    folder = place.folder / "alex-seed0"
    (folder / "metric.safetensors").unlink()
    other = replace(place.grid.rows[0].configuration, schedule=replace(place.cell().row.seeded(5).schedule, seed=5))
    MadeUpTrainer().train(other, place.bench().judged, folder)


def change_file(name: str, content: bytes) -> Callable[[Place], None]:
    return lambda place: (place.folder / "alex-seed0" / name).write_bytes(content) and None


@pytest.mark.parametrize(
    "change",
    [
        change_judgment,
        change_test_image,
        change_metric,
        lambda place: (place.folder / "alex-seed0" / "metric.safetensors").unlink(),
        change_file(RESULT, b"[]"),
        change_file(RESULT, b'{"schema": "shift-study/ablation-cell/1", "figures": {}, "of": 3, "file": "x"}'),
    ],
    ids=["judgment", "image", "metric", "no metric", "a list", "damaged"],
)
def test_what_has_changed_is_measured_again(change: Callable[[Place], None], place: Place) -> None:
    place.bench().measure(place.cell())
    change(place)
    found = place.bench().measure(place.cell())
    assert (place.trainer.calls, place.doors.asked) == (["alex-seed0"] * 2, 2)
    assert place.bench().measure(place.cell()) == found
    assert place.doors.asked == 2


def test_what_is_asked_otherwise_is_measured_again(place: Place) -> None:
    bench = place.bench()
    bench.measure(place.cell())
    other = replace(bench, judged=replace(bench.judged, sha256="0" * 64))
    other.measure(place.cell())
    assert place.doors.asked == 2
    assert sorted(replace(other, shifts=(2,)).measure(place.cell()).rank_flip_rate) == [2]
    assert place.doors.asked == 3
    for asked in (4, 5):
        place.bench(force=True).measure(place.cell())
        assert place.doors.asked == asked


def test_a_seed_is_a_training_of_its_own(place: Place) -> None:
    bench = place.bench()
    first, second = (bench.measure(place.cell(seed)) for seed in (0, 1))
    assert place.trainer.calls == ["alex-seed0", "alex-seed1"]
    scores = [(place.folder / f"alex-seed{seed}" / SCORES).read_bytes() for seed in (0, 1)]
    assert scores[0] != scores[1]
    assert first.figures != second.figures


class Killed(BaseException):
    pass


def test_scoring_that_was_broken_off_goes_on(place: Place) -> None:
    done = 0

    def kill() -> None:
        nonlocal done
        done += 1
        if done == 4:
            raise Killed

    with pytest.raises(Killed):
        place.bench().measure(place.cell(), advance=kill)
    begun: list[tuple[int, int]] = []
    found = place.bench().measure(place.cell(), begin=lambda left, known: begun.append((left, known)))
    assert begun == [(2, 4)]
    whole = replace(place, folder=place.folder / "whole").bench().measure(place.cell())
    assert whole.figures == found.figures


def test_scores_of_another_metric_are_not_gone_on_with(place: Place) -> None:
    def kill() -> None:
        raise Killed

    with pytest.raises(Killed):
        place.bench().measure(place.cell(), advance=kill)
    change_metric(place)
    begun: list[tuple[int, int]] = []
    place.bench().measure(place.cell(), begin=lambda left, known: begun.append((left, known)))
    assert begun == [(6, 0)]


def test_triplets_that_are_trained_on_are_not_scored(place: Place) -> None:
    test = read_folders(place.data, TWO_AFC, "train")
    with pytest.raises(MetricError, match="6 of the 6 triplets to be scored are trained on"):
        place.bench(test=test)


def test_links_to_what_is_trained_on_are_not_scored(place: Place, tmp_path: Path) -> None:
    linked = shutil.copytree(place.data, tmp_path / "linked", copy_function=os.link)
    with pytest.raises(MetricError, match="6 of the 6 triplets to be scored are trained on"):
        place.bench(test=read_folders(linked, TWO_AFC, "train"))


def table5() -> Grid:
    return read_grid("table5", SMALL, only=["alex", "alex-adaptive-pad2", "alex-fconv-stride2"], seeds=[0, 1, 2])


def figures(*values: float) -> Found:
    made = [Figure(value, value - 1, value + 1, "made") for value in values]
    return Found(made[0], dict(zip((1, 2, 3), made[1:], strict=True)), {"steps": 3, "loss": 0.5})


def an_ablation(grid: Grid | None = None, votes: str = "human") -> Ablation:
    """Of the second row one seed has failed, of the third all."""
    grid = grid or table5()
    cells = []
    for cell in cells_of(grid):
        number = [row.name for row in grid.rows].index(cell.row.name)
        if number == 2 or (number == 1 and cell.seed == 2):
            cells.append(replace(cell, failed="The loss is no longer a number."))
        else:
            cells.append(replace(cell, found=figures(70 + cell.seed**2, 2 * number + cell.seed, 1, 3)))
    return Ablation(grid, rows_of(grid, cells[::-1]), (votes, votes), 60, 1200, 6)


def test_cells_begin_with_the_first_seed_of_every_row() -> None:
    grid = table5()
    assert [cell.name for cell in cells_of(grid)][:4] == [
        "alex-seed0",
        "alex-fconv-stride2-seed0",
        "alex-adaptive-pad2-seed0",
        "alex-seed1",
    ]


def test_a_cell_that_fails_says_why_and_others_are_measured(place: Place) -> None:
    place.trainer.fails = ["alex-seed0"]
    bench = place.bench()
    cells = [measured(cell, lambda cell=cell: bench.measure(cell)) for cell in cells_of(place.grid)]  # type: ignore[misc]
    assert cells[0].found is None and cells[0].failed == "alex-seed0: the loss is no longer a number."
    assert cells[1].found is not None and not cells[1].failed
    place.trainer.fails = []
    assert measured(cells_of(place.grid)[0], lambda: bench.measure(place.cell())).found is not None


def test_rows_have_mean_and_standard_deviation_over_seeds() -> None:
    alex, fconv, adaptive = an_ablation().rows
    values = np.array([[70, 0, 1, 3], [71, 1, 1, 3], [74, 2, 1, 3]], dtype=float)
    assert [spread.mean for spread in alex.figures] == pytest.approx(values.mean(axis=0))
    assert [spread.deviation for spread in alex.figures] == pytest.approx(values.std(axis=0, ddof=1))
    assert [spread.mean for spread in fconv.figures] == pytest.approx([70.5, 2.5, 1, 3])
    assert adaptive.figures == () and len(adaptive.finished) == 0
    one = an_ablation(replace(table5(), seeds=(1,)))
    assert [spread.deviation for spread in one.rows[0].figures] == [None] * 4


def test_the_table_is_that_of_the_paper_with_its_figures_below() -> None:
    text = as_text(an_ablation())
    table, notes = text.split("\n\n")
    lines = table.splitlines()
    assert lines[0].split("  ")[0] == "row"
    cut = lines[0].index("stride"), lines[0].index("F-Conv"), lines[0].index("AA, pad 2"), lines[0].index("AA, pad 1")
    marks = [[line[place : place + 3].strip() for place in cut] for line in (lines[1], lines[3], lines[5])]
    assert marks == [["4", "", "", ""], ["2", "✓", "", ""], ["2", "", "✓§", ""]]
    assert "71.67 ± 2.08" in lines[1] and lines[1].split()[-1] == "3"
    assert lines[2].split() == ["paper", "70.65", "2.87", "3.92", "3.74"]
    assert lines[3].startswith("alex-fconv-stride2 *") and lines[3].endswith("2 of 3")
    assert "failed" in lines[5] and lines[5].endswith("0 of 3")
    assert "Trained on 60 triplets, and scored on 1,200 triplets in 6 categories" in notes
    assert "over trainings with the seeds 0, 1, 2." in notes
    assert notes.count("failed: The loss is no longer a number.") == 4
    assert "alex-fconv-stride2-seed2 failed: The loss" in notes
    assert "* alex-fconv-stride2: The scan shows" in notes
    assert "not human" not in notes


def test_one_seed_and_votes_by_a_rule_are_said() -> None:
    notes = as_text(an_ablation(replace(table5(), seeds=(0,)), votes="by the strength")).split("\n\n")[1]
    assert "One training each" in notes and "±" not in notes
    assert notes.count("The votes are not human: by the strength.") == 1


@pytest.mark.parametrize(
    ("name", "only", "heads", "cells"),
    [
        ("table6", "resnet18-blur-pad2", ["network", "AA, pad 1", "AA, pad 2"], ["ResNet-18", "", "✓"]),
        ("table6", "squeeze", ["network", "AA, pad 1", "AA, pad 2"], ["SqueezeNet", "", ""]),
        ("table7", "alex-blur-pad2-stride1", ["AA", "stride", "location"], ["✓", "1", "Original"]),
        ("table7", "alex-feature-after-blur-stride2", ["AA", "stride", "location"], ["✓", "2", "FeatAfterBlur"]),
    ],
)
def test_each_table_of_the_paper_has_its_own_columns(name: str, only: str, heads: list[str], cells: list[str]) -> None:
    grid = read_grid(name, ["data.size_px=64"], only=[only], seeds=[0, 1])
    ablation = Ablation(
        grid, rows_of(grid, [replace(c, found=figures(70, 1, 2, 3)) for c in cells_of(grid)]), ("human",) * 2, 9, 9, 1
    )
    head, line, paper, *_ = as_text(ablation).splitlines()
    places = [head.index(f"  {text}") + 2 for text in heads] + [head.index("2AFC, %")]
    assert [line[a:b].strip() for a, b in pairwise(places)] == cells
    published = grid.rows[0].published
    assert published is not None
    assert paper.split()[1:] == [f"{value:.2f}" for value in (published.two_afc, *published.rank_flip_rate)]
    latex = as_latex(ablation)
    assert f"{{{'l' * len(heads)}rrrr}}" in latex and only not in latex
    row = next(line for line in latex.splitlines() if "pm" in line)
    assert row.count("&") == len(heads) + 3 and row.count("✓") == 0


def test_other_grids_have_names_and_elements() -> None:
    grid = replace(table5(), form="elements")
    lines = as_text(an_ablation(grid)).splitlines()
    assert lines[0].split()[:3] == ["row", "elements", "2AFC,"]
    assert "adaptive blur 3, pad 2, stride 2" in lines[5]
    assert r"alex & none & 71.67 $\pm$ 2.08" in as_latex(an_ablation(grid))


def test_the_papers_figures_are_those_of_the_shifts_that_are_shown() -> None:
    grid = replace(table5(), shifts=(3,))
    cells = [replace(cell, found=replace(figures(70, 1, 2, 3), rank_flip_rate={3: Figure(1, 0, 2, "")}))
             for cell in cells_of(grid)]  # fmt: skip
    found = Ablation(grid, rows_of(grid, cells), ("human",) * 2, 9, 9, 1)
    assert as_text(found).splitlines()[2].split() == ["paper", "70.65", "3.74"]
    assert [line for line in as_csv(found).splitlines() if line.startswith("paper,alex,,rank_flip_rate")] == [
        "paper,alex,,rank_flip_rate,3,3.74,,,,"
    ]


def test_json_has_each_seeds_figures_with_their_intervals() -> None:
    found = json.loads(json.dumps(as_json(an_ablation()), allow_nan=False))
    assert (found["seeds"], found["shifts"], found["triplets"]["scored_on"]) == ([0, 1, 2], [1, 2, 3], 1200)
    alex, fconv, adaptive = found["rows"]
    assert alex["two_afc"] == {"mean": pytest.approx(215 / 3), "deviation": pytest.approx(np.std([70, 71, 74], ddof=1))}
    assert alex["published_rank_flip_rate"] == [2.87, 3.92, 3.74]
    assert alex["trainings"][2]["two_afc"] == {"estimate": 74, "low": 73, "high": 75, "method": "made"}
    assert alex["trainings"][2]["rank_flip_rate"]["1"]["estimate"] == 2
    assert fconv["trainings"][2]["failed"] == "The loss is no longer a number."
    assert fconv["trainings"][2]["two_afc"] is None and fconv["two_afc"]["mean"] == 70.5
    assert adaptive["two_afc"] is None and adaptive["rank_flip_rate"] is None
    assert alex["configuration"]["network"]["conv1_stride"] == 4


def test_csv_has_a_line_for_each_figure() -> None:
    lines = list(csv.DictReader(io.StringIO(as_csv(an_ablation()))))
    alex = [line for line in lines if line["row"] == "alex"]
    assert len(alex) == 4 * 5  # three seeds, all together, the paper
    (mean,) = [line for line in alex if line["seed"] == "all" and line["shift_px"] == "1"]
    assert (float(mean["estimate"]), float(mean["standard_deviation"])) == (1, 1)
    (one,) = [line for line in alex if line["seed"] == "2" and line["outcome"] == "two_afc"]
    assert (one["estimate"], one["low"], one["high"]) == ("74", "73", "75")
    failed = [line for line in lines if line["method"].startswith("failed: The loss")]
    assert len(failed) == 4 and {line["estimate"] for line in failed} == {""}


def test_latex_has_as_many_cells_in_each_line() -> None:
    latex = as_latex(an_ablation())
    assert latex.splitlines()[1] == r"\begin{tabular}{llllrrrr}"
    rows = [line for line in latex.splitlines() if line.endswith(r"\\")]
    assert {line.count("&") for line in rows[1:]} == {7}
    assert r" & $\checkmark$\S &  & 2 & failed" in latex
    assert r"\quad paper &  &  &  & 70.65 & 2.87 & 3.92 & 3.74 \\" in latex


Run = Callable[..., Any]


@pytest.fixture
def run(place: Place, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`ablate table5` of one row on the set of noise, with the trainer that trains nothing."""
    monkeypatch.setattr("metric.training.trainer.Trainer", lambda **options: place.trainer)

    def invoke(*more: str, data: Path = place.data) -> Any:
        given = ["--data", data, "-o", place.folder, "--device", "cpu", *(f"--set={one}" for one in SMALL)]
        return CliRunner().invoke(shift_study.main, ["ablate", "table5", *map(str, given), "--row", "alex", *more])

    return invoke


def test_the_verb_trains_scores_and_prints_and_a_second_time_only_prints(run: Run, place: Place) -> None:
    first = run("--seeds", "0,1")
    assert first.exit_code == 0, first.output
    assert place.trainer.calls == ["alex-seed0", "alex-seed1"]
    found = [place.bench().measure(place.cell(seed)).two_afc.estimate for seed in (0, 1)]
    assert f"{np.mean(found):.2f} ± {np.std(found, ddof=1):.2f}" in first.stdout.splitlines()[1]
    said = first.stderr.splitlines()
    assert said[0].endswith("has no superres, deblur, color, frameinterp: means are over 2 categories.")
    assert said[1] == "1 of 2: alex, seed 0"
    assert said[2].startswith(f"1 of 2: 2AFC {found[0]:.2f} %, rank flips ") and "before" not in said[2]
    again = run("--seeds", "0,1")
    assert again.stdout == first.stdout and again.stderr.count("(measured before)") == 2
    assert len(place.trainer.calls) == 2


def test_the_verb_prints_each_form(run: Run) -> None:
    found = json.loads(run("--seeds", "0", "--json").stdout)
    assert found["rows"][0]["trainings"][0]["seed"] == 0 and found["triplets"] == {"trained_on": 6, "scored_on": 6}
    assert found["categories"] == 2
    assert len(list(csv.DictReader(io.StringIO(run("--seeds", "0", "--csv").stdout)))) == 12
    assert run("--seeds", "0", "--latex").stdout.rstrip().endswith(r"\end{tabular}")


def test_the_verb_ends_with_1_where_a_training_failed(run: Run, place: Place) -> None:
    place.trainer.fails = ["alex-seed0"]
    found = run("--seeds", "0,1")
    assert found.exit_code == 1
    assert "alex-seed0 failed: alex-seed0: the loss is no longer a number." in found.stdout
    assert "1 of 2: failed. alex-seed0: the loss is no longer a number." in found.stderr
    assert "1 of 2\n" in found.stdout and (place.folder / "alex-seed1" / RESULT).exists()


def test_the_verb_scores_what_is_named(run: Run, place: Place, tmp_path: Path) -> None:
    assert "are trained on" in run("--split", "train").stderr
    only = tmp_path / "only"
    (place.data / "2afc" / "train").rename(only)
    assert "has no split train" in run().stderr
    missing = run(data=only)
    assert "6 of the 6 triplets to be scored are trained on" in missing.stderr and missing.exit_code == 1
    scored = run("--seeds", "0", "--test", str(place.data), data=only)
    assert scored.exit_code == 0, scored.output
    nothing = run(data=tmp_path / "gone")
    assert nothing.exit_code == 1 and "Name another set to score with --test." in nothing.stderr


def test_the_verb_shows_a_grid_and_says_what_it_needs() -> None:
    invoke = CliRunner().invoke
    shown = invoke(shift_study.main, ["ablate", "table6", "--show"])
    assert shown.exit_code == 0 and shown.stdout == grid_text("table6")
    assert invoke(shift_study.main, ["ablate", "table6", "--data", "x"]).exit_code == 2
    both = invoke(shift_study.main, ["ablate", "table6", "--data", "x", "-o", "y", "--json", "--csv"])
    assert both.exit_code == 2 and "give one of them" in both.stderr
    seeds = invoke(shift_study.main, ["ablate", "table6", "--seeds", "1,x"])
    assert seeds.exit_code == 2 and '"1,x" is not a list of seeds' in seeds.stderr


@dataclass
class OneOfTwo(Processes):
    """The second process, then the first, one after the other: each is given what the other has said."""

    size: int = 2
    first_says: list[Any] = field(default_factory=list)
    second_says: list[Any] = field(default_factory=list)

    def __enter__(self) -> OneOfTwo:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def gather(self, content: Any) -> list[Any]:
        if self.rank:
            self.second_says.append(content)
            return [self.first_says[0], content]
        return [content, self.second_says.pop(0)]


def test_processes_share_the_trainings(run: Run, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = place.bench()
    processes = OneOfTwo(rank=1, first_says=[(bench.judged, bench.test)])
    monkeypatch.setattr(Processes, "from_environment", lambda: processes)
    second = run("--seeds", "0,1,2")
    assert second.exit_code == 0 and second.stdout == ""
    assert place.trainer.calls == ["alex-seed1"]
    processes.rank = 0
    first = run("--seeds", "0,1,2")
    assert place.trainer.calls == ["alex-seed1", "alex-seed0", "alex-seed2"]
    monkeypatch.undo()
    monkeypatch.setattr("metric.training.trainer.Trainer", lambda **options: place.trainer)
    assert run("--seeds", "0,1,2").stdout == first.stdout


@pytest.mark.slow
def test_networks_are_trained_and_those_that_diverge_are_shown_as_failed(place: Place) -> None:
    def run(folder: str, *settings: str) -> Any:
        given = ["--data", place.data, "-o", place.folder / folder, "--device", "cpu", "--row", "alex", "--seeds", "1"]
        given += [f"--set={one}" for one in (*SMALL, "schedule.batch=3", "schedule.epochs=1", *settings)]
        return CliRunner().invoke(shift_study.main, ["ablate", "table5", *map(str, given)])

    trained = run("good", "schedule.decay_epochs=0")
    assert trained.exit_code == 0, trained.output
    record = read_record(place.folder / "good" / "alex-seed1" / "metric.safetensors")
    assert record.about["configuration"]["schedule"]["seed"] == 1
    assert record.about["data"]["sha256"] == place.bench().judged.sha256
    assert json.loads((place.folder / "good" / "alex-seed1" / RESULT).read_text())["training"]["steps"] == 2
    diverged = run("bad", "schedule.learning_rate=1e30", "schedule.decay_epochs=2")
    assert diverged.exit_code == 1
    assert "the loss is no longer a number" in diverged.stdout

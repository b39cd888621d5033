"""`two-afc`, `flips` and their figures through the command line; `report` on such a study."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result

import shift_study
from made_choices import made_distances
from made_triplet_study import made_answers, made_triplet_study


def run(*arguments: object) -> Result:
    return CliRunner().invoke(shift_study.main, [str(argument) for argument in arguments])


def done(*arguments: object) -> str:
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A folder with a study, answers to it, one person of whom fails the catch trials, and scores of two metrics."""
    folder = made_triplet_study(tmp_path / "study", triplets=12, triplets_a_reference=2)
    table = made_answers(tmp_path / "made.csv", folder, triplets=12, flips={1: 0.15, 2: 0.3}, catch=4, people=12)
    # The catch triplets are named before the others: here they are those after them.
    names = {f"{n:05d}": f"{n - 4:05d}" if n > 4 else f"{n + 20:05d}" for n in range(1, 17)}
    table["triplet"] = table["triplet"].map(names).astype("string")
    table["stimulus"] = table["triplet"] + "_n-" + table["shift_px"].astype("string")
    table["photograph"] = [f"{(int(name) - 1) // 2:064x}" for name in table["triplet"]]
    careless = (table["participant"] == "p0003") & table["catch_answer"].notna()
    table.loc[careless, "preferred"] = "first"
    table.loc[careless, "response"] = table.loc[careless, "first_side"]
    table.to_csv(tmp_path / "answers.csv", index=False)
    both = [made_distances(table, noise=noise, shaken=0.4).assign(metric=f"noise {noise}") for noise in (0.1, 1.0)]
    for scores in both:
        scores["sample"] = scores["sample"].astype(str)

    pd.concat(both).to_csv(tmp_path / "scores.csv", index=False)
    return tmp_path


def test_two_afc_gives_shares_scores_and_scales(study: Path) -> None:
    source = (study / "answers.csv", "--stimuli", study / "study", "--scores", study / "scores.csv")
    found = json.loads(done("two-afc", *source, "--replicates", 200, "--json"))
    assert (found["participants"], found["triplets"]) == (11, 12)  # the careless one is excluded by `validation`
    assert {one["name"] for one in found["metrics"]} == {"noise 0.1", "noise 1.0"}
    assert len(found["scale"]["rows"]) == 3 * 3 * 6
    everybody = json.loads(done("two-afc", *source, "--replicates", 200, "--rules", "none", "--json"))
    assert everybody["participants"] == 12
    text = done("two-afc", *source, "--replicates", 200)
    assert "12 triplets of 6 photographs, judged by 11 people" in text
    assert "Bradley–Terry strengths" in text
    assert "… and 6 more: --csv or --json gives all." in text
    alone = done("two-afc", study / "answers.csv", "--replicates", 200)
    assert "Intervals: 95% bootstrap interval over 11 participants" in alone  # of people, without a metric, too
    assert ("name the study's folder with --stimuli DIR" in alone, "--stimuli" in text) == (True, False)
    one = json.loads(done("two-afc", *source, "--metric", "noise 0.1", "--replicates", 200, "--json"))
    assert {metric["name"] for metric in one["metrics"]} == {"noise 0.1"}
    assert one["comparisons"] == []


def test_flips_gives_the_same_figures_in_every_layout(study: Path) -> None:
    source = (study / "answers.csv", "--scores", study / "scores.csv", "--replicates", 200)
    found = json.loads(done("flips", *source, "--json"))
    rate = found["rows"][0]["flip_rate"]
    rows = list(csv.DictReader(io.StringIO(done("flips", *source, "--csv"))))
    (row,) = (row for row in rows if (row["outcome"], row["shift_px"]) == ("flip_rate", "1"))
    assert (float(row["estimate"]), float(row["low"])) == (rate["estimate"], rate["low"])
    assert f"people & {rate['estimate']:.2f} {{\\scriptsize [{rate['low']:.2f}," in done("flips", *source, "--latex")
    text = done("flips", *source)
    assert f"{rate['estimate']:.2f} ({rate['low']:.2f} to {rate['high']:.2f})" in text
    assert all(one["sentence"] in text for one in found["comparisons"])
    chance = found["rows"][1]["excess_p"]
    again = "how often they do where the same is asked again"
    assert f"At 2 px how often people flip is more than {again} (p = {chance:.4f})." in text
    assert "-" not in text.partition("\n\nExamples")[0].replace("0-", "")  # a minus is no hyphen
    assert len(found["examples"]) == 3
    alone = json.loads(done("flips", study / "answers.csv", "--replicates", 200, "--json"))
    assert alone["rows"] == found["rows"]  # what is said of people does not depend on metrics


@pytest.mark.parametrize("suffix", [".svg", ".png", ".pdf"])
def test_figure_1_is_drawn_of_the_triplets_that_are_named(study: Path, suffix: str) -> None:
    figure = study / f"figure1{suffix}"
    source = (study / "answers.csv", "--stimuli", study / "study", "--scores", study / "scores.csv")
    arguments = ("--triplet", "00003", "--shift", 2, "--figure", figure, "--replicates", 100, "--json")
    found = json.loads(done("flips", *source, *arguments))
    assert [(one["triplet"], one["shift_px"]) for one in found["examples"]] == [("00003", 2)]
    assert figure.stat().st_size > 5_000


def test_wrong_usage_and_wrong_sources_are_told_apart(study: Path) -> None:
    answers = study / "answers.csv"
    twice = run("flips", answers, "--json", "--csv")
    assert (twice.exit_code, "give one of them" in twice.output) == (2, True)
    alone = run("two-afc", answers, "--metric", "ssim")
    assert (alone.exit_code, "picks metrics of the files of --scores" in alone.output) == (2, True)
    folder = run("flips", answers, "--figure", study / "x.svg")
    assert (folder.exit_code, "name the one that has its images with --stimuli DIR" in folder.output) == (1, True)
    other = run("flips", "ghildyal2022")
    assert (other.exit_code, "flips is of 2afc studies; ghildyal2022 is of same-different" in other.output) == (1, True)
    export = run("bapps", "export", answers, "-o", study / "judged")
    assert (export.exit_code, "--stimuli DIR" in export.output) == (1, True)
    none = run("flips", answers, "--stimuli", study / "study", "--figure", study / "x.svg", "--examples", 0)
    assert (none.exit_code, "There is no example to draw" in none.output) == (1, True)


def test_the_report_has_the_sections_of_the_task(study: Path) -> None:
    source = (study / "answers.csv", "--stimuli", study / "study", "--scores", study / "scores.csv")
    made = json.loads(done("report", *source, "-o", study / "report", "--replicates", 500, "--no-pdf", "--json"))
    assert made["left_out"] == []
    assert {"shares", "two_afc", "flip_rates", "flip_comparisons", "examples", "scale"} <= {*made["tables"]}
    assert sum(name.startswith("figure_1_") for name in made["figures"]) == 3
    page = (study / "report" / "report.html").read_text(encoding="utf-8")
    order = [page.index(f'<section id="{name}">') for name in ("participants", "shares", "flips", "figure-1", "scale")]
    assert order == sorted(order)
    results = json.loads((study / "report" / "results.json").read_text(encoding="utf-8"))
    rate = json.dumps(results)
    alone = json.loads(done("flips", study / "answers.csv", "--replicates", 100, "--json"))["rows"]
    assert str(alone[0]["flip_rate"]["estimate"]) in rate
    assert (alone[1]["excess"]["estimate"] > 0, alone[1]["excess_p"] < 0.05) == (True, True)
    assert f"At 2 px people prefer another image in {alone[1]['flip_rate']['estimate']:.1f}%" in page
    assert "which is more than the" in page
    assert "Scores" in page


def test_a_report_without_pictures_or_scores_says_what_is_left_out(study: Path) -> None:
    made = json.loads(
        done("report", study / "answers.csv", "-o", study / "r", "--replicates", 500, "--no-pdf", "--json")
    )
    assert any("name it with --stimuli DIR" in sentence for sentence in made["left_out"])
    (study / "scores.csv").write_text("category,sample,judge,d0,d1\nstudy,1,,1,2\n")
    arguments = ("-o", study / "r2", "--scores", study / "scores.csv", "--replicates", 500, "--no-pdf", "--json")
    made = json.loads(done("report", study / "answers.csv", *arguments))
    assert any("holds scores of bapps" in sentence for sentence in made["left_out"])
    assert "flip_rates" in made["tables"]
    refused = run("report", "ghildyal2022", "-o", study / "r3", "--scores", study / "scores.csv")
    assert (refused.exit_code, "against 2afc judgments alone" in refused.output) == (1, True)
    # They cannot be read as distances of pairs either; that they are of no use here must be said all the same.
    refused = run("report", study / "answers.csv", "-o", study / "r4", "--distances", study / "scores.csv")
    assert (refused.exit_code, "leave the distances out and give --scores" in refused.output) == (1, True)


def test_a_report_on_simulated_observers_says_so(study: Path) -> None:
    said = "Simulated observers answered: what stands here says nothing about people."
    options = ("--replicates", 500, "--no-pdf")
    done("report", study / "answers.csv", "-o", study / "people", *options)
    assert said not in (study / "people" / "report.html").read_text(encoding="utf-8")
    answers = pd.read_csv(study / "answers.csv", dtype={"triplet": str})
    answers["simulated"] = True
    answers.to_csv(study / "simulated.csv", index=False)
    done("report", study / "simulated.csv", "-o", study / "simulated", *options)
    assert said in (study / "simulated" / "report.html").read_text(encoding="utf-8")


def test_rank_flips_of_a_bad_distance_are_not_made_up(study: Path) -> None:

    scores = pd.read_csv(study / "scores.csv", dtype={"sample": str})
    scores.loc[3, "d1_n2"] = None
    scores.to_csv(study / "scores.csv", index=False)
    found = run("flips", study / "answers.csv", "--scores", study / "scores.csv")
    assert found.exit_code == 1
    assert "at 2 px is missing or not finite" in found.output

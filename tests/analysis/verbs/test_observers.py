"""`psychometric`, `dprime`, `power` and `preregister` through the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

import shift_study


def run(*arguments: object) -> Result:
    return CliRunner().invoke(shift_study.main, [str(argument) for argument in arguments])


def test_the_psychometric_function_of_the_papers_table_1_as_json() -> None:
    result = run("psychometric", "ghildyal2022-table1", "--json")
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert found["threshold_px"]["estimate"] == pytest.approx(2.39, abs=0.005)
    assert set(found["threshold_px"]) == {"estimate", "low", "high", "method"}
    assert found["lapse_rate"]["estimate"] == pytest.approx(0.085, abs=0.0005)
    assert found["false_alarm_rate"]["estimate"] == pytest.approx(0.064, abs=0.0005)
    assert found["median_px"]["estimate"] == pytest.approx(2.33, abs=0.005)
    assert found["deviance"] == pytest.approx(8.2, abs=0.05)
    assert 0 < found["deviance_p"] < 1
    assert found["core"] == "log-normal"


def test_the_psychometric_function_of_the_published_judgments_as_a_table(tmp_path: Path) -> None:
    result = run("psychometric", "ghildyal2022", "--core", "weibull", "--figure", tmp_path / "curve.svg")
    assert result.exit_code == 0
    assert "Threshold (50%)   2.51 px  (" in result.stdout
    assert "95% bootstrap interval over 50 photographs" in result.stdout
    assert "not known who gave the answers" in result.stdout
    assert (tmp_path / "curve.svg").stat().st_size > 1000


def test_a_function_that_does_not_fit_is_said_to_right_below_the_threshold(tmp_path: Path) -> None:
    for name, different in (("fits", (2, 3, 15, 25, 26, 26, 27)), ("misfits", (2, 3, 15, 25, 26, 10, 27))):
        file = tmp_path / f"{name}.csv"
        rows = [f"{shift},{30 - hits},{hits}" for shift, hits in enumerate(different)]
        file.write_text("\n".join(["shift_px,same,different", *rows]))
        lines = run("psychometric", file, "--replicates", 200).stdout.splitlines()
        below = lines[next(n for n, line in enumerate(lines) if line.startswith("Threshold (50%)")) + 1]
        assert below.startswith("The function does not fit the answers" if name == "misfits" else "Slope")
        document = json.loads(run("psychometric", file, "--replicates", 200, "--json").stdout)
        assert document["misfit"] == (below if name == "misfits" else None)


def test_shifts_at_other_levels_are_of_the_curve_or_of_its_core() -> None:
    arguments = ("psychometric", "ghildyal2022-table1", "--replicates", 100, "--at", 0.25, "--at", 0.75)
    curve = run(*arguments).stdout
    assert "25% of the curve  1.14 px  (" in curve
    assert "75% of the curve  " in curve
    core = run(*arguments, "--of", "core").stdout
    assert "25% of the core   " in core
    rows = json.loads(run(*arguments, "--of", "core", "--json").stdout)["levels"]
    assert [(row["level"], row["of"]) for row in rows] == [(0.25, "core"), (0.75, "core")]
    assert f"25% of the core   {rows[0]['shift_px']['estimate']:.2f} px" in core
    assert "Slope (at 50%)    0." in core
    assert "px of the core" in core
    assert run(*arguments, "--at", 1).exit_code == 2


def test_the_threshold_is_in_minutes_of_arc_where_screens_are_known(tmp_path: Path) -> None:
    from analysis.exclusions.marking import mark
    from analysis.planning.simulated_study import Design, Population, simulate
    from analysis.planning.simulated_table import tidy_table
    from analysis.responses.response_files import write_file

    generator = np.random.default_rng(4)
    table = mark(tidy_table(simulate(Design(participants=12), Population(), generator), generator))
    table = table.assign(shift_arcmin=table["shift_px"] * 1.5, pixels_per_degree=40.0)
    write_file(table, tmp_path / "responses.csv")
    arguments = ("psychometric", tmp_path / "responses.csv", "--replicates", 100)
    found = json.loads(run(*arguments, "--json").stdout)
    assert found["arcmin_per_px"]["estimate"] == pytest.approx(1.5)
    assert found["threshold_arcmin"]["estimate"] == pytest.approx(1.5 * found["threshold_px"]["estimate"])
    text = run(*arguments).stdout
    assert f"{found['threshold_arcmin']['estimate']:.2f}′  (" in text
    assert "times 1.5 minutes of arc a pixel, geometric mean over" in text


def test_d_prime_of_counts_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "counts.csv"
    file.write_text("shift_px,same,different\n0,27,73\n1,21,79\n", encoding="utf-8")
    result = run("dprime", file, "--model", "differencing", "--correction", "none", "--json")
    assert result.exit_code == 0
    (row,) = json.loads(result.stdout)["rows"]
    assert row["d_prime"]["estimate"] == pytest.approx(1.023, abs=0.0005)
    assert (row["shift_px"], row["model"]) == (1, "differencing")


def test_d_prime_has_both_models_unless_one_is_named() -> None:
    rows = json.loads(run("dprime", "ghildyal2022-table1", "--json").stdout)["rows"]
    assert [row["model"] for row in rows] == ["differencing"] * 9 + ["independent-observation"] * 9


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("psychometric", "nowhere"), "nowhere does not exist"),
        (("dprime", "nowhere.csv"), "nowhere.csv does not exist"),
        (("psychometric", "ghildyal2022-table1", "--figure", "curve.bmp"), "end its name in .png, .svg or .pdf"),
        (("table1", "ghildyal2022-table1"), "holds numbers of answers and not the answers"),
        (("psychometric", "ghildyal2022-table1", "--rules", "validation"), "no rule can be applied"),
        (("psychometric", "ghildyal2022-table1", "--figure", "nowhere/curve.svg"), "a folder that does not exist"),
        (("preregister", "-o", "plan.csv"), "plan.csv does not end in .json"),
        (("preregister", "-o", "plan.json", "--hypothesis", " "), "A hypothesis is empty"),
        (("power", "--images", "20", "--per-shift", "5"), "more than the 20 images"),
        (("power", "--shifts", "3,2"), "The shifts are 3, 2; give two or more, ascending"),
        (("power", "--other-noise", "0.1"), "larger one for the other metric"),
        (("power", "--participant-sd", "2"), "leave nothing of the whole spread"),
        (("preregister", "nowhere", "-o", "plan.json"), "nowhere is no study folder"),
        (("preregister", "-o", "plan.json", "--rules", "validate"), "validate"),
    ],
)
def test_a_bad_input_ends_with_one_sentence(arguments: tuple[str, ...], says: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 1
    assert says in result.stderr.replace("\n", " ")
    assert "Traceback" not in result.output


@pytest.mark.slow
def test_power_has_a_row_a_design() -> None:
    result = run("power", "--answers-per-pair", 6, "--simulations", 20, "--json")
    assert result.exit_code == 0
    rows = json.loads(result.stdout)["rows"]
    assert [row["participants"] for row in rows] == [60]
    text = run("power", "--simulations", 20, "--images", 20, "--per-shift", 2, "--like", "ghildyal2022").stdout
    assert "true threshold 2.42 px" in text


def test_power_compares_designs_in_one_table() -> None:
    sizes = ("--images", 30, "--crops", 1, "--crops", 5, "--participants", 9, "--simulations", 20)
    result = run("power", "--shifts", "0,2,3", "--shifts", "0,1,2,3,4", *sizes, "--json")
    assert result.exit_code == 0
    rows = json.loads(result.stdout)["rows"]
    assert [(row["shifts"], row["crops"], row["trials"]) for row in rows] == [
        ([0, 2, 3], 1, 30),
        ([0, 2, 3], 5, 30),
        ([0, 1, 2, 3, 4], 1, 30),
        ([0, 1, 2, 3, 4], 5, 30),
    ]
    assert rows[0]["threshold_px"]["estimate"] is None
    assert rows[2]["threshold_px"]["estimate"] is not None


def test_a_plan_names_the_primary_outcome_and_the_margins(tmp_path: Path) -> None:
    first = json.loads(run("preregister", "-o", tmp_path / "plan.json", "--json").stdout)
    assert (first["primary_outcome"], first["concordance_margin"], first["map_margin"]) == ("concordance", 0.1, 0.02)
    options = ("--primary", "jnd_map", "--map-margin", 0.014)
    other = json.loads(run("preregister", "-o", tmp_path / "other.json", "--json", *options).stdout)
    assert (other["primary_outcome"], other["map_margin"]) == ("jnd_map", 0.014)


def test_a_plan_is_written_once(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    first = run("preregister", "-o", file, "--metric", "ssim", "--rules", "none", "--json")
    assert first.exit_code == 0
    assert json.loads(first.stdout) == json.loads(file.read_text(encoding="utf-8"))
    assert json.loads(first.stdout)["rules"] == []
    assert run("preregister", "-o", file).exit_code == 1


@pytest.mark.slow
def test_answers_that_fall_as_the_shift_grows_are_said(tmp_path: Path) -> None:
    file = tmp_path / "counts.csv"
    lines = [f"{shift},{10 + 8 * shift},{90 - 8 * shift}" for shift in range(10)]
    file.write_text("\n".join(["shift_px,same,different", *lines, ""]), encoding="utf-8")
    assert "are the two answers exchanged?" in run("psychometric", file).stdout
    assert "fewer pairs were called different than without a shift" in run("dprime", file).stdout


def test_participants_and_answers_a_pair_exclude_each_other() -> None:
    assert run("power", "--participants", 30, "--answers-per-pair", 6).exit_code == 2
    refused = run("power", "--shifts", "0;2")
    assert refused.exit_code == 2
    assert "--shifts is '0;2'; give whole numbers of pixels with commas, such as 0,2,3." in " ".join(
        refused.stderr.split()
    )

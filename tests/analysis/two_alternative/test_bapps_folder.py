"""Judgments in BAPPS's layout, read back by the reader of BAPPS, and scored and shown by its verbs."""

from __future__ import annotations

import csv
import filecmp
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import shift_study
from analysis.errors import AnalysisError
from analysis.two_alternative.bapps_folder import write_bapps_folder
from analysis.two_alternative.choices import Choices
from analysis.two_alternative.shares import stimulus_shares
from analysis.two_alternative.stimuli import read_stimuli
from made_triplet_study import made_answers, made_triplet_study
from metric.triplets.judged_folders import TWO_AFC, read_folders


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return made_triplet_study(tmp_path / "study", triplets=12)


def test_each_version_is_a_set_that_the_reader_of_bapps_reads(tmp_path: Path, study: Path) -> None:
    table = made_answers(tmp_path / "answers.csv", study, triplets=12, flips={1: 0.2, 2: 0.3}, people=7, answered=0.8)
    choices = Choices.of(table)
    found = write_bapps_folder(choices, read_stimuli(study), tmp_path / "judged")
    shares = {one.stimulus: one for one in stimulus_shares(choices)}
    assert sum(found.triplets.values()) == len(shares)
    for shift in (0, 1, 2):
        folder = tmp_path / "judged" / f"shift_{shift}"
        triplets = read_folders(folder, TWO_AFC).triplets
        assert len(triplets) == found.triplets[f"shift_{shift}"]
        for one in triplets:
            share = shares[f"{one.sample}_n-{shift}"].share_second.estimate
            assert share is not None
            assert one.judge == pytest.approx(share, abs=1e-6)
            stored = np.load(folder / "2afc" / "val" / "study" / "judge" / f"{one.sample}.npy")
            assert (stored.shape, stored.dtype) == ((1,), np.float32)
            stimulus = read_stimuli(study)[f"{one.sample}_n-{shift}"]
            for written, original in zip((one.reference, *one.compared), stimulus.files, strict=True):
                assert filecmp.cmp(written, original, shallow=False)
    with (tmp_path / "judged" / "answers.csv").open(newline="") as file:
        rows = {row["stimulus"]: row for row in csv.DictReader(file)}
    assert {name: (int(row["answers"]), int(row["second"])) for name, row in rows.items()} == {
        name: (one.answers, one.second) for name, one in shares.items()
    }


def test_a_folder_with_something_in_it_is_left_as_it_is(tmp_path: Path, study: Path) -> None:
    choices = Choices.of(made_answers(tmp_path / "answers.csv", study, triplets=12))
    with pytest.raises(AnalysisError, match="exists already and is not empty"):
        write_bapps_folder(choices, read_stimuli(study), study)
    with pytest.raises(AnalysisError, match="There is no folder"):
        write_bapps_folder(choices, read_stimuli(study), tmp_path / "no" / "such")
    with pytest.raises(AnalysisError, match="was judged, but is not in the manifest"):
        write_bapps_folder(choices, {}, tmp_path / "judged")
    assert not (tmp_path / "judged").exists()


def test_what_is_exported_is_scored_and_shown_by_the_verbs_of_bapps(tmp_path: Path, study: Path) -> None:
    made_answers(tmp_path / "answers.csv", study, triplets=12, flips={1: 0.2, 2: 0.3})

    def verb(*arguments: object) -> str:
        result = CliRunner().invoke(shift_study.main, [str(argument) for argument in arguments])
        assert result.exit_code == 0, result.output
        return result.stdout

    source = (tmp_path / "answers.csv", "--stimuli", study)
    written = verb("bapps", "export", *source, "-o", tmp_path / "judged")
    assert f"Wrote {tmp_path / 'judged' / 'shift_0'}: 12 triplets." in written
    scores = tmp_path / "scores.csv"
    verb("bapps", "score", tmp_path / "judged" / "shift_0", "--metric", "l2", "--size", 48, "-o", scores)
    shown = json.loads(verb("bapps", "table", scores, "--replicates", 100, "--json"))
    assert (shown["samples"], shown["votes"]) == (12, "human")
    # The same of the study itself: its images are of 48 pixels, so that nothing is resized.
    verb("score", *source, "--metric", "l2", "-o", tmp_path / "study.csv")
    own = json.loads(verb("two-afc", *source, "--scores", tmp_path / "study.csv", "--replicates", 100, "--json"))
    assert own["metrics"][0]["two_afc"]["estimate"] == pytest.approx(shown["metrics"][0]["two_afc"], abs=1e-4)
    assert own["rows"][0]["one_person"]["estimate"] == pytest.approx(
        shown["ceiling"]["one_person"]["estimate"], abs=1e-4
    )


def test_sets_of_simulated_observers_say_so(tmp_path: Path, study: Path) -> None:
    table = made_answers(tmp_path / "answers.csv", study, triplets=12)
    table["participant"] = "s" + table["participant"].str[1:]
    table.to_csv(tmp_path / "simulated.csv", index=False)
    arguments = ["bapps", "export", str(tmp_path / "simulated.csv"), "--stimuli", str(study), "-o"]
    result = CliRunner().invoke(shift_study.main, [*arguments, str(tmp_path / "judged")])
    assert result.exit_code == 0, result.output
    assert "Simulated observers answered; the sets say so." in result.output
    scored = CliRunner().invoke(
        shift_study.main,
        ["bapps", "score", str(tmp_path / "judged/shift_0"), "--metric", "l2", "-o", str(tmp_path / "s.csv")],
    )
    assert "The votes are not human: simulated observers." in scored.output


def test_people_whose_ids_begin_as_those_of_simulated_observers_are_people(tmp_path: Path, study: Path) -> None:
    table = made_answers(tmp_path / "answers.csv", study, triplets=12)
    table["participant"] = "subject" + table["participant"].str[1:]
    table.to_csv(tmp_path / "answers.csv", index=False)
    arguments = ["bapps", "export", tmp_path / "answers.csv", "--stimuli", study, "-o", tmp_path / "judged"]
    result = CliRunner().invoke(shift_study.main, [*map(str, arguments)])
    assert result.exit_code == 0, result.output
    assert "Simulated" not in result.output
    assert not (tmp_path / "judged/shift_0/made.json").exists()

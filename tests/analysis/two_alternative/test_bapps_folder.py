"""Judgments in BAPPS's layout, read back by the reader of BAPPS, and scored and shown by its verbs."""

from __future__ import annotations

import csv
import filecmp
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import shift_study
from analysis.errors import AnalysisError
from analysis.two_alternative.bapps_folder import write_bapps_folder
from analysis.two_alternative.choices import Choices
from analysis.two_alternative.holding_out import held_out_photographs
from analysis.two_alternative.shares import stimulus_shares
from analysis.two_alternative.stimuli import read_stimuli
from made_triplet_study import made_answers, made_triplet_study
from metric.triplets.judged_folders import TWO_AFC, read_folders

ANSWERS = ("person", "triplet", "shift_px", "second", "repetition")


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


def test_no_photograph_is_both_in_the_set_to_train_on_and_in_that_to_test_with(tmp_path: Path) -> None:
    folder = made_triplet_study(tmp_path / "study", triplets=12, triplets_a_reference=2)
    made_answers(tmp_path / "answers.csv", folder, triplets=12, flips={1: 0.2, 2: 0.3}, people=7, answered=0.8)
    stimuli = read_stimuli(folder)

    def verb(name: str, *arguments: object) -> Path:
        source = (tmp_path / "answers.csv", "--stimuli", folder, "-o", tmp_path / name)
        result = CliRunner().invoke(shift_study.main, ["bapps", "export", *map(str, (*source, *arguments))])
        assert result.exit_code == 0, result.output
        if "--held-out" in arguments:
            assert f"Wrote {tmp_path / name / 'shift_1' / '2afc' / 'train'}: " in result.stdout
        return tmp_path / name

    whole = verb("whole")
    drawn = set()
    for seed in range(5):
        halves = verb(f"seed-{seed}", "--held-out", 1 / 3, "--seed", seed)
        sides: dict[str, set[str]] = {"train": set(), "val": set()}
        for shift in (0, 1, 2):
            for split, triplets in sides.items():
                for one in read_folders(halves / f"shift_{shift}", TWO_AFC, split).triplets:
                    triplets.add(one.sample)
                    original = whole / f"shift_{shift}" / "2afc" / "val" / one.category
                    for written in (one.reference, *one.compared):
                        assert filecmp.cmp(written, original / written.parent.name / written.name, shallow=False)
                    assert one.judge == pytest.approx(float(np.load(original / "judge" / f"{one.sample}.npy")[0]))
        # All versions of a triplet, and both triplets of a photograph, are on one side.
        train, val = ({stimuli[f"{name}_n-0"].photograph for name in triplets} for triplets in sides.values())
        assert (len(train), len(val), train & val) == (4, 2, set())
        assert (len(sides["train"]), len(sides["val"])) == (8, 4)
        with (halves / "answers.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert {split: {row["name"] for row in rows if row["split"] == split} for split in sides} == sides
        with (whole / "answers.csv").open(newline="") as file:
            assert [{k: v for k, v in row.items() if k != "split"} for row in rows] == list(csv.DictReader(file))
        drawn.add(frozenset(val))
    assert len(drawn) > 1
    again = verb("again", "--held-out", 1 / 3, "--seed", 0)
    assert (again / "answers.csv").read_bytes() == (tmp_path / "seed-0" / "answers.csv").read_bytes()


def test_a_share_that_leaves_a_side_empty_is_refused(tmp_path: Path, study: Path) -> None:
    choices = Choices.of(made_answers(tmp_path / "answers.csv", study, triplets=12))
    stimuli = read_stimuli(study)
    with pytest.raises(AnalysisError, match=r"A share of 0.01 of 12 photographs is 0, which leaves none to test with"):
        write_bapps_folder(choices, stimuli, tmp_path / "judged", held_out=0.01)
    with pytest.raises(AnalysisError, match=r"A share of 0.99 of 12 photographs is 12, which leaves none to train on"):
        write_bapps_folder(choices, stimuli, tmp_path / "judged", held_out=0.99)
    kept = choices.triplet == 3  # at the shift of 1 px, only answers to one triplet
    some = {name: getattr(choices, name)[(choices.shift_px == 0) | kept] for name in ANSWERS}
    with pytest.raises(AnalysisError, match=r"No triplet of the photographs for \w+ was judged at a shift of 1 px"):
        write_bapps_folder(replace(choices, **some), stimuli, tmp_path / "judged", held_out=0.5)
    assert not (tmp_path / "judged").exists()


def test_who_is_held_out_depends_on_nothing_but_the_seed_and_the_photographs() -> None:
    names = [f"{number:02d}" for number in range(40)]
    for seed in range(3):
        found = held_out_photographs(names, 0.25, seed)
        assert held_out_photographs([*reversed(names), *names], 0.25, seed) == found and len(found) == 10
        more = held_out_photographs([*names, "new"], 10 / 41, seed)
        assert len(more - {"new"} - found) == 0  # one more photograph moves no more than one
    assert held_out_photographs(names, 0.25, 0) != held_out_photographs(names, 0.25, 1)


def test_sets_of_simulated_observers_say_so(tmp_path: Path, study: Path) -> None:
    table = made_answers(tmp_path / "answers.csv", study, triplets=12)
    table["participant"] = "s" + table["participant"].str[1:]
    table["simulated"] = True
    table.to_csv(tmp_path / "simulated.csv", index=False)
    arguments = ["bapps", "export", str(tmp_path / "simulated.csv"), "--stimuli", str(study), "-o"]
    result = CliRunner().invoke(shift_study.main, [*arguments, str(tmp_path / "judged")])
    assert result.exit_code == 0, result.output
    assert "The sets say that their votes are not human." in result.output
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

"""The triplets of a two-alternative study: its manifest, and `score` on it."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result
from PIL import Image

import shift_study
from made_triplet_study import made_triplet_study
from metric import load
from metric.errors import MetricError
from metric.scoring.journal import journal_files
from metric.triplets.distances import Comparison
from metric.triplets.study_triplets import is_triplet_study, read_triplet_manifest


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return made_triplet_study(tmp_path / "study", triplets=6, triplets_a_reference=2, known_shares=True)


def score(*arguments: object) -> Result:
    return CliRunner().invoke(shift_study.main, ["score", *map(str, arguments)])


def test_all_stimuli_are_read_those_of_one_reference_together(study: Path) -> None:
    path = study / "manifest.csv"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], *lines[1::2], *lines[2::2], ""]))
    assert is_triplet_study(study)
    found = read_triplet_manifest(study)
    references = [one.reference_name for one in found.triplets]
    assert len(references) == 18
    assert sum(one != other for one, other in pairwise(references)) == 2
    known = pd.read_csv(path, dtype={"triplet": str}).set_index("stimulus")["share_second"]
    assert {one.sample: one.judge for one in found.triplets} == known.to_dict()


@pytest.mark.parametrize("ending", ["csv", "parquet", "csv.gz"])
def test_score_gives_both_distances_of_each_version(study: Path, ending: str) -> None:
    output = study.parent / f"scores.{ending}"
    result = score(study, "--metric", "l2", "--metric", "ssim", "-o", output)
    assert result.exit_code == 0, result.output
    read = pd.read_parquet(output) if ending == "parquet" else pd.read_csv(output, dtype={"sample": str})
    assert set(read["set"]) == {"two-afc"}
    assert len(read) == 12
    for name in ("l2", "ssim"):
        metric = load(name)
        rows = read[read["metric"] == name].set_index("sample")
        for one in pd.read_csv(study / "manifest.csv", dtype=str).itertuples():
            files = (one.reference_file, one.first_file, one.second_file)
            reference, *both = (np.asarray(Image.open(study / file)) for file in files)
            for side, image in enumerate(both):
                value = metric(reference, image)
                expected = float(value) if metric.spec.lower_is_more_similar else -float(value)
                assert rows.loc[one.triplet, f"d{side}_n{one.shift_px}"] == pytest.approx(expected, rel=1e-5)
        assert (rows["d0"] == rows["d0_n0"]).all()
        assert rows["reference"].nunique() == 3


def test_a_run_that_is_broken_off_goes_on(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = study.parent / "scores.csv"
    whole = Comparison.stream

    def broken(self: Comparison, decoded: object) -> object:
        for number, found in enumerate(whole(self, decoded)):  # type: ignore[arg-type]
            if number == 7:
                raise KeyboardInterrupt
            yield found

    monkeypatch.setattr(Comparison, "stream", broken)
    assert score(study, "--metric", "l2", "-o", output).exit_code == 1
    assert journal_files(output)
    monkeypatch.setattr(Comparison, "stream", whole)
    result = score(study, "--metric", "l2", "-o", output, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["computed"] == 11
    again = score(study, "--metric", "l2", "-o", study.parent / "whole.csv")
    assert again.exit_code == 0
    assert output.read_text() == (study.parent / "whole.csv").read_text()
    refused = score(study, "--metric", "l2", "-o", output)
    assert refused.exit_code == 1
    assert "exists already" in refused.output


def test_a_version_that_a_triplet_lacks_is_an_empty_cell(study: Path) -> None:
    path = study / "manifest.csv"
    path.write_text("".join(line for line in path.read_text().splitlines(True) if "00002_n-2" not in line))
    output = study.parent / "scores.csv"
    assert score(study, "--metric", "l2", "-o", output).exit_code == 0
    rows = pd.read_csv(output, dtype={"sample": str}).set_index("sample")
    assert rows["d0_n2"].isna().to_dict() == {f"0000{n}": n == 2 for n in range(1, 7)}


def test_without_a_file_to_write_the_verb_says_what_to_give(study: Path) -> None:
    result = score(study, "--metric", "l2")
    assert result.exit_code == 1
    assert "name it with -o FILE.parquet" in result.output


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("00001_n-1,00001,1", "00001_n-2,00001,1"), r'"00001_n-2" is not "00001_n-1"'),
        (("00001_n-1,00001,1", "00001_n-0,00001,0"), "is named a second time"),
        (("00001_n-0,00001,0", "00009_n-0,00009,0"), 'the triplet "00001" has no unshifted version'),
        (("stimuli/00000_0_n-1.png", "stimuli/gone.png"), "there is no file"),
        (("stimuli/00000_0_n-1.png", "../00000_0_n-1.png"), "is not a path inside the study folder"),
        (("triplet-manifest/1", "triplet-manifest/9"), "this version reads shift-study/triplet-manifest/1"),
        (("share_second", "share"), 'no column "share_second"'),
    ],
)
def test_what_is_wrong_in_the_manifest_is_named(study: Path, change: tuple[str, str], says: str) -> None:
    path = study / "manifest.csv"
    path.write_text(path.read_text().replace(*change))
    with pytest.raises(MetricError, match=says):
        read_triplet_manifest(study)


def test_a_share_that_cannot_be_is_named(tmp_path: Path) -> None:
    study = made_triplet_study(tmp_path / "study", triplets=2)
    path = study / "manifest.csv"
    path.write_text(path.read_text().replace("noise 2,,,", "noise 2,,1.5,", 1))
    with pytest.raises(MetricError, match=r'share_second "1\.5" is not a share of people'):
        read_triplet_manifest(study)


def test_tables_of_bapps_send_such_a_file_on(study: Path) -> None:
    output = study.parent / "scores.csv"
    assert score(study, "--metric", "l2", "-o", output).exit_code == 0
    result = CliRunner().invoke(shift_study.main, ["bapps", "table", str(output)])
    assert result.exit_code == 1
    assert "see them with shift-study two-afc SOURCE --scores" in result.output

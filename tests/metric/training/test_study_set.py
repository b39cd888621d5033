"""What people of a two-alternative study preferred, joined with its images; and what a training can be told to take."""

from __future__ import annotations

import csv
import re
from functools import partial
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

import shift_study
from analysis.errors import AnalysisError
from made_studies import linked, made_once
from made_triplet_study import made_answers, made_triplet_study
from metric.errors import MetricError
from metric.training.configuration import DataPart
from metric.training.data_source import read_judged
from metric.training.judged_set import JudgedSet
from study_server.folder.new import make_study
from study_server.folder.study_folder import StudyFolder
from study_server.simulate import simulate_study

DOORS = shift_study.Doors()
FLIPS = {1: 0.2, 2: 0.3}


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Twelve triplets in three versions, two to a photograph, of each of which some of seven people answered."""
    folder = made_triplet_study(tmp_path / "study", triplets=12, triplets_a_reference=2)
    made_answers(tmp_path / "answers.csv", folder, triplets=12, flips=FLIPS, people=7, answered=0.7)
    return folder


def judged(study: Path, *shifts: int, answers: str = "answers.csv") -> JudgedSet:
    part = DataPart(size_px=48, shifts=shifts or (0,))
    return read_judged(str(study.parent / answers), part, doors=DOORS, stimuli=study)


def keep(study: Path, which: pd.Series) -> None:
    """Writes only some of the answers."""
    path = study.parent / "answers.csv"
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    table[which.to_numpy()].to_csv(path, index=False)


def rows_of(study: Path) -> pd.DataFrame:
    return pd.read_csv(study.parent / "answers.csv", dtype={"triplet": str})


def test_judgments_and_weights_are_those_of_the_first_answers(study: Path) -> None:
    found = judged(study, 0, 2)
    rows = rows_of(study)
    first = rows[(rows["repetition"] == 1) & rows["shift_px"].isin([0, 2])]
    share = (first["preferred"] == "second").groupby(first["stimulus"]).agg(["mean", "size"])
    assert {one.sample: one.judge for one in found.triplets} == pytest.approx(share["mean"].to_dict())
    weights = {one.sample: weight for one, weight in zip(found.triplets, found.weights, strict=True)}
    assert weights == pytest.approx((share["size"] / share["size"].mean()).to_dict())
    assert len({*found.weights}) > 1
    assert (found.votes, found.notes, found.origin) == ("human", (), str(study.parent / "answers.csv"))
    assert found.sha256 == judged(study, 2, 0).sha256 != judged(study).sha256


def test_it_is_what_bapps_export_writes(study: Path) -> None:
    arguments = ("bapps", "export", study.parent / "answers.csv", "--stimuli", study, "-o", study.parent / "judged")
    assert CliRunner().invoke(shift_study.main, [*map(str, arguments)]).exit_code == 0
    direct = judged(study, 1)
    part = DataPart(size_px=48)
    written = read_judged(str(study.parent / "judged/shift_1"), part, doors=DOORS, split="val")

    def told(one: JudgedSet) -> dict[str, tuple[float, float]]:
        pairs = zip(one.triplets, one.weights, strict=True)
        return {triplet.sample.removesuffix("_n-1"): (triplet.judge, weight) for triplet, weight in pairs}

    assert told(direct).keys() == told(written).keys()
    for name, values in told(direct).items():
        assert told(written)[name] == pytest.approx(values, abs=1e-6)
    with pytest.raises(MetricError, match=r"judged has a set for each shift: name one of shift_0, shift_1, shift_2 in"):
        read_judged(str(study.parent / "judged"), part, doors=DOORS)


def test_stimuli_without_answers_are_left_out_and_counted(study: Path) -> None:
    rows = rows_of(study)
    keep(study, ~rows["stimulus"].isin(["00003_n-0", "00005_n-0", "00005_n-1"]))
    found = judged(study)
    assert {one.triplet for one in found.triplets} == {f"{n:05d}" for n in range(1, 13)} - {"00003", "00005"}  # type: ignore[attr-defined]
    assert found.notes == ("Left out: 2 of 12 stimuli, which have no answers.",)
    keep(study, rows_of(study)["shift_px"] != 1)
    with pytest.raises(MetricError, match=r"answers.csv has no accepted answers to triplets shifted by 1 px; wait for"):
        judged(study, 1)


def test_answers_to_catch_triplets_and_excluded_ones_do_not_count(study: Path) -> None:
    (study.parent / "answers.csv").unlink()
    table = made_answers(study.parent / "answers.csv", study, triplets=11, catch=1, people=7, flips=FLIPS)
    found = judged(study)
    assert "Left out: 7 answers to catch triplets, whose answer is obvious." in found.notes
    assert "00001" not in {one.triplet for one in found.triplets}  # type: ignore[attr-defined]
    table.loc[table["participant"] == "p0003", "excluded"] = True
    table.loc[table["participant"] == "p0003", "exclusion_reason"] = "server:withdrawn"
    table.to_csv(study.parent / "answers.csv", index=False)
    fewer = judged(study)
    assert found.sha256 != fewer.sha256
    shares = DOORS.preferences(str(study.parent / "answers.csv")).shares
    assert {one.answers for one in shares} == {6}


def test_votes_of_simulated_observers_are_called_so(study: Path) -> None:
    path = study.parent / "answers.csv"
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    table["participant"] = "s" + table["participant"].str[1:]
    table.to_csv(path, index=False)
    assert judged(study).votes == "simulated observers"


def test_what_does_not_fit_the_study_is_told(study: Path) -> None:
    with pytest.raises(MetricError, match=r"study has no version shifted by 4 px, which data.shifts asks"):
        judged(study, 0, 4)
    manifest = study / "manifest.csv"
    lines = manifest.read_text().splitlines()
    manifest.write_text("\n".join(line for line in lines if ",00004,1," not in line) + "\n")
    with pytest.raises(MetricError, match=r"The stimulus 00004_n-1 was judged, but is not in .*study; is it"):
        judged(study, 1)
    judged(study, 0)  # of no concern to the others
    source = str(study.parent / "answers.csv")
    with pytest.raises(MetricError, match=r"data.categories are of sets of folders, but .* which has no"):
        read_judged(source, DataPart(48, categories=("cnn",)), doors=DOORS, stimuli=study)
    with pytest.raises(MetricError, match=r"answers.csv is a study, which has no split val: .*--held-out"):
        read_judged(source, DataPart(48), doors=DOORS, stimuli=study, split="val")
    with pytest.raises(MetricError, match=r"is not a study folder; name the one that has its images"):
        read_judged(source, DataPart(48), doors=DOORS)


def test_a_study_of_another_task_is_refused(study: Path, tmp_path: Path) -> None:
    make_study(tmp_path / "pairs", source="demo", count=4, size=32, max_shift=1)
    with pytest.raises(MetricError, match=r"pairs is not a two-alternative study, in which people say which of two"):
        read_judged(str(tmp_path / "pairs"), DataPart(32), doors=DOORS)
    with pytest.raises(AnalysisError, match=r"train is of 2afc studies; ghildyal2022 is of same-different: use "):
        DOORS.preferences("ghildyal2022")


def test_what_is_neither_a_set_nor_a_study_is_told(noise_set: Path, tmp_path: Path) -> None:
    with pytest.raises(MetricError, match=r"There is no .*gone; name a set of BAPPS's layout, a two-alt"):
        read_judged(str(tmp_path / "gone"), DataPart(32), doors=DOORS)
    with pytest.raises(MetricError, match=r"cnn is not BAPPS's 2AFC set: looked for 2afc/train"):
        read_judged(str(noise_set / "2afc" / "val" / "cnn"), DataPart(32), doors=DOORS)
    assert len(read_judged(str(noise_set), DataPart(32), doors=DOORS).triplets) == 6
    with pytest.raises(MetricError, match=r"noise is a set of folders; leave it out"):
        read_judged(str(noise_set), DataPart(32, shifts=(1,)), doors=DOORS)
    with pytest.raises(MetricError, match=r"noise is a set with images of its own"):
        read_judged(str(noise_set), DataPart(32), doors=DOORS, stimuli=tmp_path)


def test_a_databases_password_is_not_told(study: Path) -> None:
    class Lent:
        asked: str

        def preferences(self, source: str) -> object:
            self.asked = source
            return DOORS.preferences(str(study.parent / "answers.csv"))

    url, lent = "postgresql://me:secret@host/study?password=secret", Lent()
    with pytest.raises(MetricError) as raised:
        read_judged(url, DataPart(48), doors=lent)  # type: ignore[arg-type]
    assert "secret" not in str(raised.value)
    found = read_judged(url, DataPart(48), doors=lent, stimuli=study)  # type: ignore[arg-type]
    assert (lent.asked, found.origin) == (url, "postgresql://me:…@host/study")


@pytest.mark.slow
def test_a_study_that_was_served_is_read_from_its_folder_its_database_and_its_export(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    make = partial(
        make_study, task_name="2afc", source="demo", count=6, size=32, seed=3, distort=DOORS.distort_photograph
    )
    folder = StudyFolder(linked(made_once(tmp_path_factory, "trained-on", make), tmp_path / "study"))
    simulate_study(folder, folder.task.observer(), participants=5, seed=1, at_once=2)
    part = DataPart(size_px=32, shifts=(0, 1))
    found = read_judged(str(folder.path), part, doors=DOORS)
    output = tmp_path / "responses.csv"
    assert CliRunner().invoke(shift_study.main, ["export", str(folder.path), "-o", str(output)]).exit_code == 0
    others = [
        read_judged(source, part, doors=DOORS, stimuli=folder.path) for source in (folder.database_url, str(output))
    ]
    assert {one.sha256 for one in others} == {found.sha256}
    with output.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["repetition"] == "1" and row["catch_answer"] == ""]
    assert {one.sample for one in found.triplets} == {row["stimulus"] for row in rows}
    assert found.votes == "simulated observers"
    assert re.fullmatch(r"[0-9a-f]{64}", found.sha256)

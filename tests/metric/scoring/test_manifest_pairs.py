"""The manifest is read as its contract says, and refused where it is not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from metric.errors import MetricError
from metric.scoring.manifest_pairs import find_stimuli, pick_pairs, read_manifest


def test_pairs_are_read_in_order(study_folder: Path) -> None:
    pairs = read_manifest(study_folder)
    assert [pair.pair for pair in pairs] == [f"{i}_n-{s}" for i in ("00000", "00001") for s in (0, 1, 3)]
    assert [pair.shift_px for pair in pairs] == [0, 1, 3] * 2
    assert pairs[0].reference == pairs[0].stimulus == study_folder / "stimuli" / "00000_0.png"
    assert pairs[4].stimulus == study_folder / "stimuli" / "00001_1.png"
    assert pairs[4].size_px == 32


def test_judged_pairs_are_picked_in_the_manifests_order(study_folder: Path) -> None:
    manifest = read_manifest(study_folder)
    assert [p.pair for p in pick_pairs(manifest, ["00001_n-3", "00000_n-1"])] == ["00000_n-1", "00001_n-3"]
    with pytest.raises(MetricError, match='pair "00009_n-0" is judged but not in the manifest'):
        pick_pairs(manifest, ["00000_n-1", "00009_n-0"])


def _replace(old: str, new: str, count: int = 1) -> Callable[[str], str]:
    def change(text: str) -> str:
        assert old in text
        return text.replace(old, new, count)

    return change


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            _replace("manifest/1", "manifest/3"),
            'line 2: the schema is "shift-study/manifest/3"; this version',
        ),
        (_replace("shift_px,", "shift,"), 'has no column "shift_px"'),
        (_replace("00000_n-1", "00000_n-0"), 'line 3: the pair "00000_n-0" is named a second time'),
        (_replace("_n-1,00000,1,", "_n-1,00000,-1,"), 'line 3: shift_px "-1" is not a whole number'),
        (_replace("_n-1,00000,1,", "_n-1,00000,1.5,"), 'shift_px "1.5"'),
        (_replace(",32,", ",15,"), 'size "15" is not a whole number of at least 16'),
        (_replace(",70,", ",,"), 'crop_x "" is not a whole number'),
        (_replace(",right,", ",diagonal,"), 'direction "diagonal" is not one of right, left, up, down'),
        (_replace("0" * 64, "0" * 63), 'source_sha256 "0+" is not 64 hexadecimal digits'),
        (_replace("00000_0.png", "gone.png"), "there is no file .*gone.png"),
        (_replace("stimuli/00000_0.png", "../other.png"), "is not a path inside the study folder"),
        (_replace("stimuli/00000_0.png", "/etc/hosts"), "is not a path inside the study folder"),
        (_replace("00000_n-0,00000", ",00000"), "line 2: the column pair is empty"),
        (_replace(",right,", ",right,extra,"), "line 2: the row has another number of cells"),
        (_replace(",right,", ","), "line 2: the row has another number of cells"),
        (lambda text: text.splitlines()[0] + "\n", "has no pairs"),
        (lambda text: "", 'has no column "schema"'),
        (_replace("astronaut", '"astro'), "is not a CSV file in UTF-8"),
    ],
)
def test_what_breaks_the_contract_is_refused(change: Callable[[str], str], sentence: str, study_folder: Path) -> None:
    path = study_folder / "manifest.csv"
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(MetricError, match=sentence):
        read_manifest(study_folder)


def test_other_encodings_are_refused(study_folder: Path) -> None:
    path = study_folder / "manifest.csv"
    path.write_bytes(path.read_bytes().replace(b"astronaut", b"\xe9toile", 1))
    with pytest.raises(MetricError, match="is not a CSV file in UTF-8"):
        read_manifest(study_folder)


def test_a_folder_without_a_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MetricError, match=r"There is no manifest\.csv in .*; name a study folder"):
        read_manifest(tmp_path)
    with pytest.raises(MetricError, match="is not a study folder"):
        (tmp_path / "a.csv").touch()
        read_manifest(tmp_path / "a.csv")


def test_stimuli_are_found_beside_the_responses_or_where_they_are_named(tmp_path: Path) -> None:
    assert find_stimuli(str(tmp_path), None) == tmp_path
    assert find_stimuli("ghildyal2022", tmp_path) == tmp_path
    with pytest.raises(MetricError, match="with --stimuli DIR"):
        find_stimuli("ghildyal2022", None)

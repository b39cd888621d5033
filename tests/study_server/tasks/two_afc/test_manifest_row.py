"""The triplet manifest: what is written is read back; every kind of fault is named."""

from __future__ import annotations

import csv
import re
from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from study_server.errors import StudyError
from study_server.stimuli.crops import CropWindow
from study_server.stimuli.directions import DIRECTIONS
from study_server.stimuli.manifest import read_manifest, write_manifest
from study_server.tasks.shifted_pairs.pair_row import PairRow
from study_server.tasks.two_afc.manifest_row import CATCH_ANSWERS, SCHEMA, TripletRow

COLUMNS = [f.name for f in fields(TripletRow)]
# The csv module of Python 3.11 leaves a lone carriage return unquoted; no source takes a text that has one.
TEXTS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\r"))
DIGESTS = st.text("0123456789abcdef", min_size=64, max_size=64)
PATHS = st.text("abc ,;'\"ä足-_/", min_size=1).map(lambda text: "s/" + text)

ROW = TripletRow(
    schema=SCHEMA, stimulus="00001_n-0", triplet="00001", shift_px=0, direction="right",
    reference_file="stimuli/00001_reference.png", first_file="stimuli/00001_n-0_first.png",
    second_file="stimuli/00001_n-0_second.png", distortion_first="blur 0.5", distortion_second="none",
    catch_answer="second", share_second=0.2, source_file="a.jpg", source_sha256="0" * 64, source_url="", licence="",
    crop_x=3, crop_y=4, size=64, reference_sha256="1" * 64, first_sha256="2" * 64, second_sha256="3" * 64,
)  # fmt: skip
SECOND = replace(ROW, stimulus="00001_n-1", shift_px=1, share_second=None, catch_answer="")


@st.composite
def rows(draw: st.DrawFn) -> list[TripletRow]:
    versions = draw(st.lists(st.tuples(st.integers(0, 99999), st.integers(0, 9)), min_size=1, max_size=4, unique=True))
    return [
        TripletRow(
            schema=SCHEMA, stimulus=f"{triplet:05d}_n-{shift}", triplet=f"{triplet:05d}", shift_px=shift,
            direction=draw(st.sampled_from(DIRECTIONS)), reference_file=draw(PATHS), first_file=draw(PATHS),
            second_file=draw(PATHS), distortion_first=draw(TEXTS), distortion_second=draw(TEXTS),
            catch_answer=draw(st.sampled_from(CATCH_ANSWERS)), share_second=draw(st.none() | st.floats(0, 1)),
            source_file=draw(TEXTS), source_sha256=draw(DIGESTS), source_url=draw(TEXTS), licence=draw(TEXTS),
            crop_x=draw(st.integers(0, 10**6)), crop_y=draw(st.integers(0, 10**6)), size=draw(st.integers(16, 2048)),
            reference_sha256=draw(DIGESTS), first_sha256=draw(DIGESTS), second_sha256=draw(DIGESTS),
            selection=draw(TEXTS),
        )
        for triplet, shift in versions
    ]  # fmt: skip


@given(rows=rows())
def test_round_trip(rows: list[TripletRow], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "triplets-manifest.csv"
    write_manifest(rows, path)
    assert read_manifest(path, TripletRow) == rows


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_manifest([ROW, SECOND], tmp_path / "manifest.csv")
    return tmp_path / "manifest.csv"


def table(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def write_table(path: Path, lines: list[list[str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(lines)


def test_columns_are_those_of_the_documentation_in_order() -> None:
    text = (Path(__file__).parents[4] / "docs" / "manifest.md").read_text(encoding="utf-8")
    section = text.partition("\n## The triplet manifest\n")[2].partition("\n## ")[0]
    lines = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    assert [name for line in lines for name in re.findall(r"`(\w+)`", line)] == COLUMNS
    assert SCHEMA in section


def test_unknown_shares_are_empty_cells(path: Path) -> None:
    at = COLUMNS.index("share_second")
    assert [line[at] for line in table(path)] == ["share_second", "0.2", ""]


@pytest.mark.parametrize(
    ("column", "value", "allowed"),
    [
        ("schema", "shift-study/manifest/2", "this version reads shift-study/triplet-manifest/1"),
        ("stimulus", "00001_n-2", "triplet and shift_px make it 00001_n-1"),
        ("triplet", "1", "five digits"),
        ("shift_px", "-1", "an integer of at least 0"),
        ("direction", "east", "one of right, left, up, down"),
        ("reference_file", "../a.png", "a relative path inside the study folder"),
        ("first_file", "/a.png", "a relative path inside the study folder"),
        ("second_file", "", "a relative path inside the study folder"),
        ("catch_answer", "left", "first, second, or nothing where it is no catch"),
        ("share_second", "1.01", "a number from 0 to 1, or nothing where it is not known"),
        ("share_second", "-0.1", "a number from 0 to 1"),
        ("share_second", "nan", "a number from 0 to 1"),
        ("share_second", "٠.٥", "a number from 0 to 1"),
        ("share_second", "0,5", "a number from 0 to 1"),
        ("source_sha256", "0", "64 hex digits"),
        ("reference_sha256", "g" * 64, "64 hex digits"),
        ("first_sha256", "", "64 hex digits"),
        ("second_sha256", "1" * 65, "64 hex digits"),
        ("crop_x", "1.5", "an integer of at least 0"),
        ("crop_y", "", "an integer of at least 0"),
        ("size", "15", "an integer of at least 16"),
    ],
)
def test_bad_value_names_line_column_and_what_is_allowed(column: str, value: str, allowed: str, path: Path) -> None:
    lines = table(path)
    lines[2][COLUMNS.index(column)] = value
    write_table(path, lines)
    with pytest.raises(StudyError) as caught:
        read_manifest(path, TripletRow)
    message = str(caught.value)
    assert message.startswith(f"{path}, line 3: {column} is ")
    assert allowed in message and "\n" not in message


@pytest.mark.parametrize("column", COLUMNS)
def test_missing_column(column: str, path: Path) -> None:
    at = COLUMNS.index(column)
    write_table(path, [line[:at] + line[at + 1 :] for line in table(path)])
    with pytest.raises(StudyError, match=f"{path}: column {column} is missing"):
        read_manifest(path, TripletRow)


def test_stimulus_named_twice_and_none_at_all(path: Path) -> None:
    lines = table(path)
    write_table(path, [*lines, lines[1]])
    with pytest.raises(StudyError, match=f"{path}: stimulus 00001_n-0 stands in it twice"):
        read_manifest(path, TripletRow)
    write_table(path, lines[:1])
    with pytest.raises(StudyError, match="has no stimuli"):
        read_manifest(path, TripletRow)


def test_a_manifest_of_triplets_is_none_of_pairs(path: Path) -> None:
    with pytest.raises(StudyError, match="column pair is missing"):
        read_manifest(path, PairRow)


def test_what_others_ask_of_a_row() -> None:
    assert (SECOND.name, SECOND.group, SECOND.stratum) == ("00001_n-1", "00001", 1)
    assert ROW.files == {
        "reference": "stimuli/00001_reference.png",
        "first": "stimuli/00001_n-0_first.png",
        "second": "stimuli/00001_n-0_second.png",
    }
    assert ROW.digests == {"reference": "1" * 64, "first": "2" * 64, "second": "3" * 64}
    assert ROW.window == CropWindow(3, 4, 64, "right")

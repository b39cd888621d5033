"""The stimulus manifest: what is written is read back; every kind of fault is named."""

from __future__ import annotations

import csv
import re
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from shift_study import main
from study_server.errors import StudyError
from study_server.folder.study_folder import StudyFolder
from study_server.stimuli.directions import DIRECTIONS
from study_server.stimuli.manifest import read_manifest, stimulus_name, write_manifest
from study_server.tasks.shifted_pairs.pair_row import COLUMNS, SCHEMA, PairRow

# The csv module of Python 3.11 leaves a lone carriage return unquoted; `new` takes no file name that has one.
TEXTS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\r"))
DIGESTS = st.text("0123456789abcdef", min_size=64, max_size=64)
PATHS = st.text("abc ,;'\"ä足.-_/", min_size=1).map(lambda text: "s/" + re.sub(r"\.+", ".", text))


@st.composite
def rows(draw: st.DrawFn) -> list[PairRow]:
    pairs = draw(st.lists(st.tuples(st.integers(0, 99999), st.integers(0, 300)), min_size=1, max_size=4, unique=True))
    return [
        PairRow(
            schema=SCHEMA,
            pair=stimulus_name(f"{image:05d}", shift),
            image=f"{image:05d}",
            shift_px=shift,
            direction=draw(st.sampled_from(DIRECTIONS)),
            reference_file=draw(PATHS),
            stimulus_file=draw(PATHS),
            source_file=draw(TEXTS),
            source_sha256=draw(DIGESTS),
            source_url=draw(TEXTS),
            licence=draw(TEXTS),
            crop_x=draw(st.integers(0, 10**6)),
            crop_y=draw(st.integers(0, 10**6)),
            size=draw(st.integers(16, 2048)),
            reference_sha256=draw(DIGESTS),
            stimulus_sha256=draw(DIGESTS),
            selection=draw(TEXTS),
        )
        for image, shift in pairs
    ]


@given(rows=rows())
def test_round_trip(rows: list[PairRow], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "manifest.csv"
    write_manifest(rows, path)
    assert read_manifest(path, PairRow) == rows


ROW = PairRow(
    schema=SCHEMA, pair="00001_n-2", image="00001", shift_px=2, direction="right",
    reference_file="stimuli/00001_n-0.png", stimulus_file="stimuli/00001_n-2.png", source_file="a.jpg",
    source_sha256="0" * 64, source_url="", licence="", crop_x=3, crop_y=4, size=64,
    reference_sha256="1" * 64, stimulus_sha256="2" * 64,
)  # fmt: skip
SECOND = replace(ROW, pair="00001_n-3", shift_px=3, stimulus_file="stimuli/00001_n-3.png")


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


def test_columns_are_those_of_the_documentation() -> None:
    text = (Path(__file__).parents[2] / "docs" / "manifest.md").read_text(encoding="utf-8")
    documented = [
        name
        for line in text.partition("\n## ")[0].splitlines()
        if line.startswith("| `")
        for name in re.findall(r"`(\w+)`", line.split("|")[1])
    ]
    assert documented == COLUMNS
    assert SCHEMA in text


def test_the_first_version_is_read_as_well(path: Path) -> None:
    lines = table(path)
    write_table(path, [lines[0][:-1], *(["shift-study/manifest/1", *line[1:-1]] for line in lines[1:])])
    first = "shift-study/manifest/1"
    assert read_manifest(path, PairRow) == [replace(ROW, schema=first), replace(SECOND, schema=first)]
    write_table(path, [line[:-1] for line in lines])
    with pytest.raises(StudyError, match="line 2: selection is missing"):
        read_manifest(path, PairRow)


@pytest.mark.parametrize(
    ("column", "value", "allowed"),
    [
        ("schema", "shift-study/manifest/3", "this version reads shift-study/manifest/1"),
        ("schema", "", "this version reads"),
        ("pair", "00001_n-4", "image and shift_px make it 00001_n-3"),
        ("image", "1", "five digits"),
        ("image", "../01", "five digits"),
        ("image", "٠٠٠٠١", "five digits"),
        ("shift_px", "-3", "an integer of at least 0"),
        ("shift_px", "3.0", "an integer of at least 0"),
        ("shift_px", "", "an integer of at least 0"),
        ("shift_px", "9" * 5000, "an integer of at least 0"),
        ("direction", "Right", "one of right, left, up, down"),
        ("reference_file", "../other/00001_n-0.png", "a relative path inside the study folder"),
        ("reference_file", "stimuli/../../a.png", "a relative path inside the study folder"),
        ("reference_file", "/etc/passwd", "a relative path inside the study folder"),
        ("reference_file", "", "a relative path inside the study folder"),
        ("stimulus_file", "..", "a relative path inside the study folder"),
        ("stimulus_file", "a\0b.png", "a relative path inside the study folder"),
        ("source_sha256", "0" * 63, "64 hex digits"),
        ("source_sha256", "g" * 64, "64 hex digits"),
        ("reference_sha256", "", "64 hex digits"),
        ("stimulus_sha256", "1" * 65, "64 hex digits"),
        ("crop_x", "1e2", "an integer of at least 0"),
        ("crop_y", "٣", "an integer of at least 0"),
        ("size", "15", "an integer of at least 16"),
        ("size", "large", "an integer of at least 0"),
    ],
)
def test_bad_value_names_line_column_and_what_is_allowed(column: str, value: str, allowed: str, path: Path) -> None:
    lines = table(path)
    lines[2][COLUMNS.index(column)] = value
    write_table(path, lines)
    with pytest.raises(StudyError) as caught:
        read_manifest(path, PairRow)
    message = str(caught.value)
    assert message.startswith(f"{path}, line 3: {column} is ")
    assert allowed in message and "\n" not in message


@pytest.mark.parametrize("column", COLUMNS)
def test_missing_column(column: str, path: Path) -> None:
    at = COLUMNS.index(column)
    write_table(path, [line[:at] + line[at + 1 :] for line in table(path)])
    with pytest.raises(StudyError, match=f"{path}(: column|, line 2:) {column} is missing"):
        read_manifest(path, PairRow)


def test_order_of_columns_and_further_columns_do_not_matter(path: Path) -> None:
    lines = table(path)
    write_table(path, [[*reversed(line), "note"] for line in lines])
    assert read_manifest(path, PairRow) == [ROW, SECOND]


def test_pair_named_twice(path: Path) -> None:
    write_table(path, [*table(path), table(path)[1]])
    with pytest.raises(StudyError, match=f"{path}: pair 00001_n-2 stands in it twice"):
        read_manifest(path, PairRow)


def test_row_too_short_or_too_long(path: Path) -> None:
    lines = table(path)
    write_table(path, [*lines[:2], lines[2][:-1]])
    with pytest.raises(StudyError, match="line 3: selection is missing"):
        read_manifest(path, PairRow)
    write_table(path, [*lines[:2], [*lines[2], "more"]])
    with pytest.raises(StudyError, match="line 3: it has more values than there are columns"):
        read_manifest(path, PairRow)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "column schema is missing"),
        (b"\n\n", "column schema is missing"),
        (b"\xff\xfe\0", "cannot be read"),
        (b"pair\n1\n", "column schema is missing"),
        ((",".join(COLUMNS) + "\n").encode(), "has no pairs"),
        ((",".join(COLUMNS) + '\n"never closed').encode(), "line 2: unexpected end of data"),
        ((",".join(COLUMNS) + f"\n{'x' * 200_000}").encode(), "line 2: field larger than field limit"),
    ],
)
def test_no_manifest_at_all(content: bytes, complaint: str, path: Path) -> None:
    path.write_bytes(content)
    with pytest.raises(StudyError, match=complaint):
        read_manifest(path, PairRow)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"manifest\.csv is missing: make the study folder with shift-study new"):
        read_manifest(tmp_path / "manifest.csv", PairRow)


def test_as_a_spreadsheet_saves_it(path: Path) -> None:
    """Byte order mark, Windows line ends."""
    text = path.read_bytes().replace(b"\n", b"\r\n")
    path.write_bytes(b"\xef\xbb\xbf" + text)
    assert read_manifest(path, PairRow) == [ROW, SECOND]


def test_the_command_line_says_it_in_one_sentence(study: StudyFolder) -> None:
    text = study.manifest_path.read_text(encoding="utf-8")
    study.manifest_path.write_text(text.replace("stimuli/00002_n-1.png", "../00002_n-1.png"), encoding="utf-8")
    result = CliRunner().invoke(main, ["check", str(study.path)])
    assert result.exit_code == 1
    assert result.stderr == (
        f"Error: {study.manifest_path}, line 13: stimulus_file is '../00002_n-1.png'; allowed is a relative path "
        "inside the study folder\n"
    )

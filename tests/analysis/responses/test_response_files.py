"""Tables come back from files as they went in, and broken files are named with their line."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analysis.columns.column import Column
from analysis.errors import AnalysisError
from analysis.responses.columns import columns_of
from analysis.responses.response_files import SUFFIXES, read_file, write_file
from analysis.responses.tidy_table import from_rows
from analysis.tasks.same_different import SAME_DIFFERENT
from examples import examples

Row = Callable[..., dict[str, Any]]
COLUMNS = columns_of(SAME_DIFFERENT)
SECOND = [column.name for column in COLUMNS if column.since > 1]
TIDY = [".csv", ".jsonl", ".parquet"]

text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
text |= st.text("'=+-@\t\r\n＝＋－＠a", min_size=1, max_size=4)  # what spreadsheets could take for a formula


def cell(column: Column) -> st.SearchStrategy[Any]:
    if column.kind == "choice":
        values: st.SearchStrategy[Any] = st.sampled_from(column.choices)
    elif column.kind == "integer":
        values = st.integers(min_value=column.minimum, max_value=2**63 - 1)
    elif column.kind == "number":
        values = st.floats(min_value=column.minimum, exclude_min=column.above, allow_nan=False, allow_infinity=False)
    elif column.kind == "boolean":
        values = st.booleans()
    elif column.kind == "time":
        values = st.datetimes().map(lambda moment: moment.isoformat() + "Z")
    else:
        values = text
    return st.none() | values if column.nullable else values


@st.composite
def tables(draw: st.DrawFn) -> pd.DataFrame:
    rows = draw(st.lists(st.fixed_dictionaries({column.name: cell(column) for column in COLUMNS}), max_size=4))
    for index, row in enumerate(rows):
        # What the table checks across rows: one pair, one image and shift; reasons where excluded.
        row |= {
            "schema": "shift-study/responses/3",
            "task": "same-different",
            "pair": f"{row['pair']}{index}",
            "trial": index + 1,
        }
        row["exclusion_reason"] = row["exclusion_reason"] + ";validation" if row["excluded"] else ""
        row["question_screen"] = draw(st.none() | text)
    return from_rows(rows)


@pytest.mark.parametrize("suffix", TIDY)
@settings(deadline=None, max_examples=examples(20), suppress_health_check=[HealthCheck.too_slow])
@given(table=tables())
def test_a_table_comes_back_exactly(suffix: str, table: pd.DataFrame) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "responses").with_suffix(suffix)
        write_file(table, path)
        pd.testing.assert_frame_equal(read_file(path), table, check_exact=True)


@pytest.mark.parametrize("suffix", TIDY)
@settings(deadline=None, max_examples=examples(10), suppress_health_check=[HealthCheck.too_slow])
@given(table=tables())
def test_a_file_of_version_1_is_read_and_written_as_the_newest(suffix: str, table: pd.DataFrame) -> None:
    with TemporaryDirectory() as folder:
        old, new = (Path(folder, name).with_suffix(suffix) for name in ("old", "new"))
        write_file(
            table.drop(columns=SECOND).assign(schema="shift-study/responses/1").astype({"schema": "string"}), old
        )
        read = read_file(old)
        expected = from_rows([row | dict.fromkeys(SECOND) for row in table.to_dict("records")])
        questions = [name for name in expected.columns if name not in read.columns]
        pd.testing.assert_frame_equal(read, expected.drop(columns=questions), check_exact=True)
        write_file(read, new)
        pd.testing.assert_frame_equal(read_file(new), read, check_exact=True)


FIRST_VERSION = """\
schema,study,participant,participant_state,trial,pair,image,shift_px,direction,reference_side,response,\
reaction_time_ms,answered_at,device_pixel_ratio,pixel_scale,viewport_width,viewport_height,hidden,excluded,\
exclusion_reason
shift-study/responses/1,pilot,p0001,finished,1,00007_n-3,00007,3,right,left,same,1234.5678,\
2026-03-01T12:00:00.123456+00:00,1.25,1,1280,720,false,false,
"""


def test_a_file_that_the_first_version_wrote(tmp_path: Path, make_row: Row) -> None:
    path = tmp_path / "responses.csv"
    path.write_text(FIRST_VERSION)
    pd.testing.assert_frame_equal(read_file(path), from_rows([make_row(**dict.fromkeys(SECOND))]))
    path.write_text(FIRST_VERSION.splitlines()[0] + "\n")
    pd.testing.assert_frame_equal(read_file(path), from_rows([]))


def test_texts_of_an_earlier_version_are_read_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "responses.csv"
    path.write_text(FIRST_VERSION.replace(",pilot,", ",'=pilot,").replace(",p0001,", ",-1,"))
    read = read_file(path)
    assert (read["study"][0], read["participant"][0]) == ("'=pilot", "-1")
    write_file(read, path, overwrite=True)
    pd.testing.assert_frame_equal(read_file(path), read)


@pytest.mark.parametrize("suffix", TIDY)
def test_a_file_of_two_versions_is_refused(tmp_path: Path, make_row: Row, suffix: str) -> None:
    rows = [make_row(), make_row(trial=2, schema="shift-study/responses/1")]
    path = tmp_path / f"responses{suffix}"
    write_file(pd.DataFrame(rows), path)
    with pytest.raises(AnalysisError, match=r"(line [23]|row 2): schema is .*responses/1', but .*responses/3' in"):
        read_file(path)
    write_file(pd.DataFrame(rows[1:]), path, overwrite=True)
    with pytest.raises(AnalysisError, match=r"(line [12]|row 1): the column task is none of shift-study/responses/1"):
        read_file(path)


@pytest.mark.parametrize("suffix", TIDY)
def test_numbers_keep_every_digit(tmp_path: Path, make_row: Row, suffix: str) -> None:
    path = tmp_path / f"responses{suffix}"
    write_file(from_rows([make_row(reaction_time_ms=0.1 + 0.2, viewport_width=2**53 + 1)]), path)
    row = read_file(path).loc[0]
    assert row["reaction_time_ms"] == 0.30000000000000004
    assert row["viewport_width"] == 9007199254740993


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_table_without_rows_keeps_its_columns(tmp_path: Path, make_row: Row, suffix: str) -> None:
    empty = from_rows([make_row(question_screen="laptop")]).iloc[:0]
    path = tmp_path / f"responses{suffix}"
    write_file(empty, path)
    pd.testing.assert_frame_equal(read_file(path), empty)


def test_csv_is_what_spreadsheets_and_r_read(tmp_path: Path, make_row: Row) -> None:
    path = tmp_path / "responses.csv"
    write_file(from_rows([make_row(participant=None, hidden=True)]), path)
    with path.open(encoding="utf-8", newline="") as stream:
        (row,) = csv.DictReader(stream)
    assert (row["participant"], row["hidden"], row["excluded"]) == ("", "true", "false")
    assert row["image"] == "00007"


def test_no_text_of_a_csv_begins_like_a_formula_and_numbers_stay_numbers(tmp_path: Path, make_row: Row) -> None:
    table = from_rows([make_row(participant="=1+1", question_debts="-5", question_said="'=x", reaction_time_ms=1e-9)])
    write_file(table, tmp_path / "responses.csv")
    with (tmp_path / "responses.csv").open(encoding="utf-8", newline="") as stream:
        (row,) = csv.DictReader(stream)
    assert (row["participant"], row["question_debts"], row["question_said"]) == ("'=1+1", "'-5", "''=x")
    assert row["reaction_time_ms"] == "1e-09"
    for suffix in (".jsonl", ".parquet"):
        write_file(table, tmp_path / f"responses{suffix}")
    assert '"=1+1"' in (tmp_path / "responses.jsonl").read_text(encoding="utf-8")
    assert pd.read_parquet(tmp_path / "responses.parquet")["question_said"].tolist() == ["'=x"]


@pytest.mark.parametrize(("cell", "said"), [("-5", "-5"), ("'-5", "-5"), ("'tis", "'tis"), ("'", "'")])
def test_a_csv_with_and_without_guards_is_read(tmp_path: Path, make_row: Row, cell: str, said: str) -> None:
    (tmp_path / "responses.csv").write_text(csv_text(make_row(question_said=cell)), encoding="utf-8")
    assert read_file(tmp_path / "responses.csv")["question_said"].tolist() == [said]


def test_an_apostrophe_before_a_number_is_not_taken_away(tmp_path: Path, make_row: Row) -> None:
    (tmp_path / "responses.csv").write_text(csv_text(make_row(shift_px="'+3")), encoding="utf-8")
    with pytest.raises(AnalysisError, match="shift_px is"):
        read_file(tmp_path / "responses.csv")


def test_csv_from_a_spreadsheet_is_read(tmp_path: Path, make_row: Row) -> None:
    row = make_row(trial="1.0", hidden="FALSE", excluded="FALSE")
    lines = [",".join(row), ",".join(map(str, row.values())), ""]
    path = tmp_path / "responses.csv"
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(lines).encode())
    pd.testing.assert_frame_equal(read_file(path), from_rows([make_row()]))


def test_user_jnd_json_holds_the_accepted_answers(tmp_path: Path, make_row: Row) -> None:
    excluded = {"excluded": True, "exclusion_reason": "validation"}
    other = {"pair": "00002_n-0", "image": "00002", "shift_px": 0}
    table = from_rows(
        [
            make_row(trial=1, response="different"),
            make_row(trial=2, **other),
            make_row(trial=3, **excluded),
            make_row(trial=4, response="same"),
        ]
    )
    path = tmp_path / "pilot.json"
    write_file(table, path)
    assert json.loads(path.read_text()) == {
        "./0_9_pix_shift/00007_n-3.png": [0, 1],
        "./0_9_pix_shift/00002_n-0.png": [1],
    }
    back = read_file(path)
    assert back["study"].unique().tolist() == ["pilot"]
    assert back["shift_px"].tolist() == [3, 3, 0]
    assert back["response"].tolist() == ["different", "same", "same"]
    assert back["image"].tolist() == ["00007", "00007", "00002"]
    assert back["participant"].isna().all()


def test_an_existing_file_is_kept_unless_told(tmp_path: Path, make_row: Row) -> None:
    path = tmp_path / "responses.csv"
    path.write_text("precious")
    table = from_rows([make_row()])
    with pytest.raises(AnalysisError, match=r"exists already.*--force"):
        write_file(table, path)
    assert path.read_text() == "precious"
    write_file(table, path, overwrite=True)
    assert len(read_file(path)) == 1


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path, make_row: Row, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: Any, **kwargs: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pyarrow.parquet.ParquetWriter", full)
    with pytest.raises(AnalysisError, match="No space left on device"):
        write_file(from_rows([make_row()]), tmp_path / "responses.parquet")
    assert list(tmp_path.iterdir()) == []


def test_a_pair_of_another_name_is_not_written_as_json(tmp_path: Path, make_row: Row) -> None:
    with pytest.raises(AnalysisError, match="the pair fox cannot be written"):
        write_file(from_rows([make_row(pair="fox")]), tmp_path / "responses.json")
    assert list(tmp_path.iterdir()) == []


def test_where_a_file_cannot_go(tmp_path: Path, make_row: Row) -> None:
    table = from_rows([make_row()])
    with pytest.raises(AnalysisError, match=r"\.csv, \.jsonl, \.parquet or \.json"):
        write_file(table, tmp_path / "responses.xlsx")
    with pytest.raises(AnalysisError, match="cannot be written"):
        write_file(table, tmp_path / "nowhere" / "responses.csv")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(AnalysisError, match="is a folder"):
        write_file(table, tmp_path / "folder.csv", overwrite=True)


def csv_text(*rows: dict[str, Any]) -> str:
    return "\n".join([",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]) + "\n"


def test_errors_name_the_line_of_the_file(tmp_path: Path, make_row: Row) -> None:
    path = tmp_path / "responses.csv"
    question = {"question_remark": '"two\nlines"'}
    path.write_text(csv_text(make_row(**question), make_row(trial=2, response="sam", **question)))
    with pytest.raises(AnalysisError, match="line 4: response is 'sam', not one of same, different"):
        read_file(path)
    path = tmp_path / "responses.jsonl"
    path.write_text("\n" + json.dumps(make_row()) + "\n\n" + json.dumps(make_row(trial=2, shift_px=-1)))
    with pytest.raises(AnalysisError, match="line 4: shift_px is -1"):
        read_file(path)
    path = tmp_path / "responses.parquet"
    pd.DataFrame([make_row(), make_row(trial=2, response="sam")]).to_parquet(path)
    with pytest.raises(AnalysisError, match="row 2: response is 'sam'"):
        read_file(path)


def drop(row: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key != name}


def test_a_missing_column_of_a_file_is_named(tmp_path: Path, make_row: Row) -> None:
    row = drop(make_row(), "reference_side")
    (tmp_path / "a.csv").write_text(csv_text(row))
    (tmp_path / "a.jsonl").write_text(json.dumps(row))
    pd.DataFrame([row]).to_parquet(tmp_path / "a.parquet")
    for suffix in TIDY:
        with pytest.raises(AnalysisError, match="the column reference_side is missing"):
            read_file(tmp_path / f"a{suffix}")


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.csv", b"", "not even a header line"),
        ("a.csv", b"pair,distance\n", r"the column schema is missing \(and \d+ more\)"),
        ("a.csv", b"schema,schema\n", "the column schema appears twice"),
        ("a.csv", b"\xff\xfe", "not UTF-8"),
        ("a.jsonl", b"\xff\xfe", "not UTF-8"),
        ("a.jsonl", b"[]\n", "line 1 is not a JSON object"),
        ("a.jsonl", b"{\n", "line 1 is not JSON"),
        ("a.jsonl", b'{"shift_px": NaN}\n', "line 1 is not JSON .*NaN"),
        ("a.parquet", b"PAR1", "not a Parquet file"),
        ("a.json", b"[", "cannot be read as JSON"),
        ("a.json", b"[]", "not in the form of the paper's user_jnd.json"),
        ("a.json", b'{"fox.png": [1]}', "'fox.png' is not named IMAGE_n-SHIFT.png"),
        ("a.json", b'{"00001_n-1.png": 1}', "answers of 00001_n-1.png are 1, not a list"),
        ("a.json", b'{"00001_n-1.png": [1, 2]}', "answer 2 of 00001_n-1.png is 2"),
        ("a.json", b'{"00001_n-1.png": [true]}', "answer 1 of 00001_n-1.png is True"),
        ("a.json", b'{"00001_n-1.png": [1], "00001_n-1.png": [0]}', "00001_n-1.png appears twice"),
        ("a.json", b'{"a/00001_n-1.png": [1], "b/00001_n-1.png": [0]}', "name the same pair"),
    ],
)
def test_a_file_that_is_no_table_is_refused(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(AnalysisError, match=says) as caught:
        read_file(path)
    assert name in str(caught.value)


def test_a_short_line_of_csv_is_named(tmp_path: Path, make_row: Row) -> None:
    path = tmp_path / "a.csv"
    path.write_text(csv_text(make_row()) + "1,2,3\n")
    with pytest.raises(AnalysisError, match="line 3 has 3 cells, but the header has 33"):
        read_file(path)


@pytest.mark.parametrize(
    "cell",
    [
        'a"b"',
        'a"b',
        '"a"b',
        '"a""b"',
        '"a,b"',
        '"a\nb"',
        '"a\r\nb"',
        '"a',
        'a"',
        '""',
        '"""',
        '"""a"""',
        '"a" ',
        "a\rb",
    ],
)
@pytest.mark.parametrize("last", [False, True])
def test_quotes_mean_what_they_mean_to_the_csv_module(tmp_path: Path, make_row: Row, cell: str, last: bool) -> None:
    rows = [make_row(question_said="x"), make_row(trial=2, question_said=cell)]
    text = csv_text(*rows, *([] if last else [make_row(trial=3, question_said="y")])).removesuffix("\n")
    path = tmp_path / "a.csv"
    path.write_bytes(text.encode())
    try:
        read = list(csv.reader(io.StringIO(text, newline=""), strict=True))[1:]
    except csv.Error:
        read = []
    if not read or {len(row) for row in read} != {len(rows[0])}:
        with pytest.raises(AnalysisError, match=r"a\.csv: line \d"):
            read_file(path)
    else:
        assert read_file(path)["question_said"].fillna("").tolist() == [row[-1] for row in read]


def test_a_line_of_json_that_has_or_lacks_a_column_is_named_wherever_it_is(
    tmp_path: Path, make_row: Row, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("analysis.responses.json_lines_table._AT_ONCE", 2)
    path = tmp_path / "a.jsonl"

    def read(*rows: dict[str, Any]) -> pd.DataFrame:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return read_file(path)

    rows = [make_row(trial=trial) for trial in range(1, 6)]
    pd.testing.assert_frame_equal(read(*rows), from_rows(rows))
    assert read(*rows[:4], rows[4] | {"question_a": "x"})["question_a"].isna().tolist() == [True] * 4 + [False]
    for lacking in (0, 1, 2, 4):
        some = [drop(row, "visit") if index == lacking else row for index, row in enumerate(rows)]
        with pytest.raises(AnalysisError, match=f"line {lacking + 1}: the column visit is missing"):
            read(*some)
        some = [row | {"colour": "red"} if index == lacking else row for index, row in enumerate(rows)]
        with pytest.raises(AnalysisError, match=f"line {lacking + 1}: the column colour is unknown"):
            read(*some)
    # The pieces of a column may be of several types.
    mixed = [row | {"visit": visit} for row, visit in zip(rows, (1, 2, None, None, 3.0), strict=True)]
    assert read(*mixed)["visit"].tolist() == [1, 2, pd.NA, pd.NA, 3]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_that_is_not_there_is_refused(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(AnalysisError, match="cannot be read: No such file"):
        read_file(tmp_path / f"nothing{suffix}")

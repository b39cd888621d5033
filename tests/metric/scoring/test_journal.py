"""What a run keeps of its distances until they are written, and who may write it."""

from __future__ import annotations

import errno
import fcntl
import resource
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

import shift_study
from metric.errors import MetricError
from metric.loading import load_metric
from metric.scoring.journal import Journal, journal_files
from metric.scoring.manifest_pairs import ImagePair, read_manifest
from metric.scoring.run import run
from metric.scoring.score import Scores


@pytest.fixture
def pairs(study_folder: Path) -> list[ImagePair]:
    return read_manifest(study_folder)


class _Stop(Exception):
    pass


def _stop_after(count: int) -> Callable[[], None]:
    left = [count]

    def advance() -> None:
        left[0] -= 1
        if left[0] == 0:
            raise _Stop

    return advance


def _break_off(pairs: list[ImagePair], output: Path, settings: dict[str, str] | None = None) -> Path:
    """The journal of a run that was broken off after four pairs."""
    with pytest.raises(_Stop):
        run(
            pairs,
            [load_metric("l2")],
            files={"l2": output},
            settings={"l2": settings or {}},
            advance=_stop_after(4),
        )
    (journal,) = journal_files(output)
    return journal


def _go_on(pairs: list[ImagePair], output: Path) -> tuple[Scores, int]:
    return run(pairs, [load_metric("l2")], files={"l2": output})


def _distances(pairs: list[ImagePair]) -> dict[str, dict[str, float]]:
    return {name: dict(found) for name, found in run(pairs, [load_metric("l2")])[0].distances.items()}


@pytest.mark.parametrize("name", ["d.csv", "d[1].csv", "d*.csv", ".csv"])
def test_a_run_goes_on_whatever_its_file_is_called(pairs: list[ImagePair], tmp_path: Path, name: str) -> None:
    journal = _break_off(pairs, tmp_path / name)
    scores, computed = _go_on(pairs, tmp_path / name)
    assert computed == len(pairs) - 4
    assert scores.distances == _distances(pairs)
    assert not journal.exists()


def test_only_journals_are_taken_for_journals(pairs: list[ImagePair], tmp_path: Path) -> None:
    others = [tmp_path / f"d.csv.partial{end}" for end in (".notes", "-", "-x", "-1.old", "s")]
    for other in others:
        other.write_text("no json\n")
    run(pairs, [load_metric("l2")], files={"l2": tmp_path / "d.csv"}, overwrite=True)
    assert [other.read_text() for other in others] == ["no json\n"] * len(others)


def test_the_journals_of_more_processes_are_read_and_removed(pairs: list[ImagePair], tmp_path: Path) -> None:
    journal = _break_off(pairs, tmp_path / "d.csv")
    journal.rename(tmp_path / "d.csv.partial-11")
    scores, computed = _go_on(pairs, tmp_path / "d.csv")
    assert computed == len(pairs) - 4
    assert scores.distances == _distances(pairs)
    assert journal_files(tmp_path / "d.csv") == []


def test_an_unfinished_line_is_scored_again(pairs: list[ImagePair], tmp_path: Path) -> None:
    journal = _break_off(pairs, tmp_path / "d.csv")
    content = journal.read_text()
    journal.write_text(content[:-5])
    with pytest.raises(_Stop):
        run(pairs, [load_metric("l2")], files={"l2": tmp_path / "d.csv"}, advance=_stop_after(1))
    assert journal.read_text() == content
    scores, computed = _go_on(pairs, tmp_path / "d.csv")
    assert computed == len(pairs) - 4
    assert scores.distances == _distances(pairs)


def test_a_run_goes_on_where_the_disk_was_full(pairs: list[ImagePair], tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300, hard))
    try:
        with pytest.raises(MetricError, match=r"d\.csv\.partial cannot be written: File too large"):
            _go_on(pairs, tmp_path / "d.csv")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    scores, computed = _go_on(pairs, tmp_path / "d.csv")
    assert 0 < computed < len(pairs)
    assert scores.distances == _distances(pairs)


def test_a_pair_with_other_images_is_scored_again(pairs: list[ImagePair], tmp_path: Path) -> None:
    _break_off(pairs, tmp_path / "d.csv")
    swapped = replace(pairs[1], stimulus=pairs[2].stimulus, stimulus_sha256=pairs[2].stimulus_sha256)
    scores, computed = _go_on([pairs[0], swapped, *pairs[2:]], tmp_path / "d.csv")
    assert computed == len(pairs) - 4 + 1
    assert scores.distances["l2"][swapped.pair] == scores.distances["l2"][pairs[2].pair]


@pytest.mark.parametrize(
    ("earlier", "now", "said"),
    [
        ({"all": "a"}, {"all": "b"}, "another all (a instead of b)"),
        ({}, {"all": "b"}, "another all (none instead of b)"),
        ({"all": "a"}, {}, "another all (a instead of none)"),
    ],
)
def test_a_run_with_other_settings_is_not_taken_up(
    pairs: list[ImagePair], tmp_path: Path, earlier: dict[str, str], now: dict[str, str], said: str
) -> None:
    journal = _break_off(pairs, tmp_path / "d.csv", earlier)
    with pytest.raises(MetricError) as refused:
        run(pairs, [load_metric("l2")], files={"l2": tmp_path / "d.csv"}, settings={"l2": now})
    assert str(refused.value) == f"{journal} is of a run with {said}; remove it, or begin again with --force."


def test_a_journal_of_another_schema_is_not_taken_up(pairs: list[ImagePair], tmp_path: Path) -> None:
    journal = _break_off(pairs, tmp_path / "d.csv")
    journal.write_text(journal.read_text().replace("shift-study/scoring/1", "shift-study/scoring/9"))
    with pytest.raises(MetricError, match=r"another schema \(shift-study/scoring/9 instead of shift-study/scoring/1\)"):
        _go_on(pairs, tmp_path / "d.csv")


@pytest.mark.parametrize(
    "content",
    [
        "no json\n",
        "[]\n",
        "[" * 100_000 + "\n",
        '{"schema": "shift-study/scoring/1", "metric": "l2"}\n[1]\n',
        *(
            f'{{"schema": "shift-study/scoring/1", "metric": "l2"}}\n["00000_n-0", "images", {value}]\n'
            for value in ("NaN", "Infinity", "-Infinity", "1e999", "true", "null", '"1.0"')
        ),
    ],
)
def test_a_damaged_journal_is_named(pairs: list[ImagePair], tmp_path: Path, content: str) -> None:
    (tmp_path / "d.csv.partial").write_text(content)
    with pytest.raises(MetricError, match=r"d\.csv\.partial is damaged; remove it"):
        _go_on(pairs, tmp_path / "d.csv")


def test_a_folder_in_the_place_of_a_journal_is_named(pairs: list[ImagePair], tmp_path: Path) -> None:
    (tmp_path / "d.csv.partial").mkdir()
    with pytest.raises(MetricError, match=r"d\.csv\.partial cannot be opened: Is a directory"):
        _go_on(pairs, tmp_path / "d.csv")


@pytest.mark.parametrize("force", [(), ("--force",)])
def test_a_second_run_is_refused(
    pairs: list[ImagePair], study_folder: Path, tmp_path: Path, force: tuple[str, ...]
) -> None:
    output = tmp_path / "d.csv"
    _break_off(pairs, output)
    verb = ["score", str(study_folder), "--all-pairs", "--metric", "l2", "-o", str(output), *force]
    with Journal(output, {}) as first:
        content = first.path.read_bytes()
        second = CliRunner().invoke(shift_study.main, verb)
        assert second.exit_code == 1
        assert f"Error: Another run is writing {first.path}; wait until it ends" in second.stderr
        assert first.path.read_bytes() == content
        assert not output.exists()


def test_processes_of_one_run_hold_a_file_each(tmp_path: Path) -> None:
    with (
        Journal(tmp_path / "d.csv", {}, rank=0),
        Journal(tmp_path / "d.csv", {}, rank=1),
        pytest.raises(MetricError, match=r"Another run is writing .*d\.csv\.partial-1;"),
    ):
        Journal(tmp_path / "d.csv", {}, rank=1).__enter__()
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_ends_while_another_begins_is_not_disturbed(
    pairs: list[ImagePair], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = _break_off(pairs, tmp_path / "d.csv")
    monkeypatch.setattr(fcntl, "flock", lambda file, operation: journal.unlink())
    with pytest.raises(MetricError, match="Another run is writing"):
        _go_on(pairs, tmp_path / "d.csv")


def test_a_file_system_without_locks_is_used_as_it_is(
    pairs: list[ImagePair], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unable(file: object, operation: int) -> None:
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", unable)
    assert _go_on(pairs, tmp_path / "d.csv")[1] == len(pairs)

"""The composed command beside one study, named `pilot`, whose rows and rules a test gives."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from click.testing import CliRunner, Result

import shift_study
from study_of_rows import StudyOfRows, study_of

Row = Callable[..., dict[str, Any]]
Run = Callable[..., Result]


class _StudyStub:
    def __init__(self, rows: list[dict[str, Any]], rules: tuple[str, ...] | None) -> None:
        self.rows, self.rules = rows, rules

    def study_rows(self, source: str) -> AbstractContextManager[StudyOfRows] | None:
        return study_of(self.rows) if source == "pilot" else None

    def study_rules(self, source: str) -> tuple[str, ...] | None:
        return self.rules if source == "pilot" else None

    def study_name(self, source: str) -> str | None:
        return "pilot" if source == "pilot" else None


@pytest.fixture
def pilot_with(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Run]:
    """Takes the rows and the rules of the study; gives the command."""

    def command(rows: list[dict[str, Any]], rules: tuple[str, ...] | None = None) -> Run:
        monkeypatch.setattr(shift_study, "Doors", lambda: _StudyStub(rows, rules))
        return lambda *arguments: CliRunner().invoke(shift_study.main, [str(argument) for argument in arguments])

    return command


@pytest.fixture
def beside_pilot(make_row: Row, pilot_with: Callable[..., Run]) -> Callable[..., Run]:
    """Takes what each row of (participant, shift) has beside, and the study's rules; gives the command.

    p1 passes the validation test, p2 calls the pair without a shift different and fails it.
    """

    def command(values: Callable[[str, int], dict[str, Any]], rules: tuple[str, ...] | None = None) -> Run:
        answers = [("p1", 0, "same"), ("p1", 9, "different"), ("p2", 0, "different"), ("p2", 9, "different")]
        rows = [
            make_row(
                participant=participant,
                trial=shift + 1,
                pair=f"00007_n-{shift}",
                shift_px=shift,
                response=response,
                **values(participant, shift),
            )
            for participant, shift, response in answers
        ]
        return pilot_with(rows, rules)

    return command

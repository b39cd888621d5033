"""The table of rules in docs/security.md is what the benchmark prints."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from benchmarks.guessing import main, table

DOCS = Path(__file__).parents[2] / "docs" / "security.md"
ROW = re.compile(r"\| .* \| (\d+ \+ \d+) \| ([\d.]+) \(([\d.]+)\) \| ([\d.e-]+) \(([\d.]+)\) \|")


def test_the_documented_shares_are_those_that_are_computed() -> None:
    documented = [
        match.groups() for match in map(ROW.fullmatch, DOCS.read_text(encoding="utf-8").splitlines()) if match
    ]
    computed = table(participants=10)
    assert [row["catch_trials"] for row in computed] == [trials for trials, *_ in documented]
    for row, (_, guessing, simulated, lost, lost_simulated) in zip(computed, documented, strict=True):
        assert float(guessing) == pytest.approx(row["guessing_used"], rel=0.05)
        assert float(lost) == pytest.approx(row["honest_lost"], rel=0.05)
        for share, exact in ((simulated, row["guessing_used"]), (lost_simulated, row["honest_lost"])):
            assert float(share) == pytest.approx(exact, abs=5 * (exact * (100 - exact) / 10_000) ** 0.5)


def test_the_table_is_printed_and_told_to_programs(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--participants", "10"])
    assert len(capsys.readouterr().out.splitlines()) == 11
    main(["--participants", "10", "--json"])
    assert len(json.loads(capsys.readouterr().out)) == 10

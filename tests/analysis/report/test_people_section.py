"""What the report says of single people: their thresholds, and whether they are told apart."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from analysis.hierarchical.function import HierarchicalFunction, hierarchical_function
from analysis.planning.simulated_study import Design, Population, simulate
from analysis.planning.simulated_table import tidy_table
from analysis.report import people_section
from analysis.report.content import Figure, Section, Table


@pytest.fixture(scope="module")
def found() -> HierarchicalFunction:
    generator = np.random.default_rng(0)
    return hierarchical_function(
        tidy_table(simulate(Design(participants=6), Population(), generator), generator), draws=20
    )


def said(found: HierarchicalFunction, monkeypatch: pytest.MonkeyPatch) -> Section:
    monkeypatch.setattr(people_section, "hierarchical_function", lambda *arguments, **keywords: found)
    return people_section.people_section(None, core="logistic", replicates=100, seed=0)  # type: ignore[arg-type]


def with_sds(found: HierarchicalFunction, value: float) -> HierarchicalFunction:
    sds = tuple(replace(one, sd=replace(one.sd, estimate=value)) for one in found.deviations)
    return replace(found, deviations=sds)


@pytest.mark.slow
def test_people_who_differ_are_named(found: HierarchicalFunction, monkeypatch: pytest.MonkeyPatch) -> None:
    section = said(with_sds(found, 0.4), monkeypatch)
    assert f"{found.rows[0].participant} has the lowest threshold" in section.paragraphs[0]
    assert section.paragraphs[1].startswith("The standard deviations between participants are: logarithm of the median")
    assert "not seen to differ" not in section.paragraphs[1]
    assert [type(item) for item in section.items] == [Figure, Table, Table]
    assert section.results["hierarchical"]["core"] == "log-normal"


def test_people_who_are_alike_are_not(found: HierarchicalFunction, monkeypatch: pytest.MonkeyPatch) -> None:
    section = said(with_sds(found, 0.0), monkeypatch)
    assert section.paragraphs[0].endswith("the thresholds of 6 participants are not told apart.")
    assert section.paragraphs[1].startswith("Participants are not seen to differ in logarithm of the median, ")
    assert "standard deviations between" not in section.paragraphs[1]

"""The stimuli and the verdicts of the benchmark of designs."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.planning.simulated_study import Population
from benchmarks.designs import CELLS, METRICS, Cell, _chosen, _stimuli, study


def test_selected_images_are_those_on_which_the_metrics_disagree() -> None:
    drawn, selected = (Cell("", _chosen(50, 100), selected) for selected in (False, True))
    spreads = []
    for cell in (drawn, selected):
        effects, (first, second) = _stimuli(cell, Population(), METRICS["differ"], np.random.default_rng(1))
        assert effects.shape == (100,)
        assert first.shape == second.shape == (100, 3)
        spreads.append(np.std(first - second))
    assert spreads[1] > 1.5 * spreads[0]


def test_of_each_photograph_there_are_as_many_selected_images_as_the_design_has_crops() -> None:
    effects, _ = _stimuli(
        Cell("", _chosen(50, 100, 5), True), Population(), METRICS["differ"], np.random.default_rng(2)
    )
    values, counts = np.unique(effects, return_counts=True)
    assert (len(values), set(counts)) == (20, {5})
    # Those of one photograph stand together, as in the design.
    assert np.ptp(effects.reshape(20, 5), axis=1) == pytest.approx(np.zeros(20))


def test_a_study_of_a_cell_has_four_verdicts() -> None:
    for cell in (CELLS[0], CELLS[6]):
        found = study(3, cell, METRICS["differ"], 50)
        assert len(found) == 4
        assert set(found) <= {-1, 0, 1}

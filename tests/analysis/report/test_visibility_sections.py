"""What the report says of the psychometric function: each rate beside what was observed, and what is amiss."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from analysis.exclusions.marking import mark
from analysis.planning.simulated_study import Design, Population, simulate
from analysis.planning.simulated_table import tidy_table
from analysis.report.content import Section
from analysis.report.visibility_sections import psychometric_section


@pytest.fixture(scope="module")
def responses() -> pd.DataFrame:
    generator = np.random.default_rng(4)
    return mark(tidy_table(simulate(Design(participants=12), Population(), generator), generator))


def section(responses: pd.DataFrame) -> Section:
    return psychometric_section(responses, core="log-normal", replicates=100, seed=0)


def answered(responses: pd.DataFrame, share: list[float]) -> pd.DataFrame:
    """The same, with this share of the answers at each shift "different", the first ones."""
    rank = responses.groupby("shift_px").cumcount()
    of = responses.groupby("shift_px")["shift_px"].transform("size")
    wanted = responses["shift_px"].map(dict(enumerate(share)))
    return responses.assign(response=np.where(rank < (wanted * of).round(), "different", "same"))


def test_a_function_that_does_not_fit_is_said_to_where_the_threshold_is(responses: pd.DataFrame) -> None:
    made = section(answered(responses, [0.05, 0.1, 0.5, 0.85, 0.9, 0.3, 0.9, 0.9, 0.92, 0.95]))
    figure = next(item for item in made.items if item.name == "psychometric")
    for text in (made.paragraphs[0], figure.caption):
        assert "The function does not fit the answers (deviance p" in text
        assert "It is farthest off at 5 px" in text
        assert "--hierarchical" in text
    assert made.results["psychometric"]["misfit"] in made.paragraphs[0]
    made = section(responses)
    assert made.results["psychometric"]["misfit"] is None
    assert "does not fit" not in made.paragraphs[0] + next(i for i in made.items if i.name == "psychometric").caption


def test_rates_stand_beside_what_was_observed(responses: pd.DataFrame) -> None:
    kept = responses[~responses["excluded"]]
    text = section(responses).paragraphs[0]
    last = kept[kept["shift_px"] == 9]
    first = kept[kept["shift_px"] == 0]
    assert "half of the time at a shift of " in text
    share = 100 * (last["response"] == "same").mean()
    assert text.endswith(f"at 9 px, the largest that was shown, {share:.1f}% of {len(last):,} answers were “same”.")
    share = 100 * (first["response"] == "different").mean()
    assert f"they did in {share:.1f}% of {len(first):,} answers." in text


@pytest.mark.slow
def test_the_threshold_is_in_minutes_of_arc_where_screens_are_known(responses: pd.DataFrame) -> None:
    assert "arc" not in section(responses).paragraphs[0]
    measured = responses.assign(shift_arcmin=responses["shift_px"] * 1.5)
    found = section(measured)
    threshold = found.results["psychometric"]["threshold_px"]
    angle = found.results["psychometric"]["threshold_arcmin"]
    assert angle["estimate"] == pytest.approx(1.5 * threshold["estimate"])
    assert (angle["low"], angle["high"]) == (
        pytest.approx(1.5 * threshold["low"]), pytest.approx(1.5 * threshold["high"]),
    )  # fmt: skip
    assert f", or {angle['estimate']:.2f} minutes of arc [" in found.paragraphs[0]
    assert "Threshold (minutes of arc)" in [row[0] for row in found.items[1].cells]  # type: ignore[union-attr]
    some = measured.assign(
        shift_arcmin=measured["shift_arcmin"].where(measured["participant"] != measured["participant"].iloc[0])
    )
    assert (
        "(minutes of arc are not given: the calibration of 1 of 12 participants is not known)"
        in (section(some).paragraphs[0])
    )


def test_a_step_is_put_into_words(responses: pd.DataFrame) -> None:
    step = " ".join(section(answered(responses, [0.0] * 4 + [1.0] * 6)).paragraphs)
    for said in (
        "Threshold and median: 95% likelihood interval of independent answers, perfectly separated between 3 and 4 px.",
        "Slope: The answers change at a step between 3 and 4 px: any steep slope fits.",
        "Width and spread: No interval: the draws do not determine it (95% bootstrap interval over 12 participants",
    ):
        assert said in step


@pytest.mark.slow
def test_a_misfit_is_put_into_words(responses: pd.DataFrame) -> None:
    wavy = answered(responses, [0.1, 0.1, 0.2, 0.8, 0.9, 0.3, 0.9, 0.9, 0.9, 0.9])
    assert "is farthest off at 5 px, where 30.0% were called different" in " ".join(section(wavy).paragraphs)
    level = section(answered(responses, [0.2] * 10))
    assert level.paragraphs[0].startswith("There is no threshold: the function crosses one half at none of the shifts")

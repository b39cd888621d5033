"""Agreement, beside the package `krippendorff`, NumPy's correlation and closed forms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import krippendorff
import numpy as np
import pandas as pd
import pytest

from analysis.errors import AnalysisError
from analysis.figure_style import draw
from analysis.observers.accepted_answers import AcceptedAnswers
from analysis.observers.reliability import Reliability, _mean_correlation, reliability
from analysis.observers.reliability_figure import plot_agreement, plot_alpha_by_shift
from analysis.observers.split_halves import halves
from analysis.responses.sources import published_judgments
from analysis.responses.tidy_table import from_rows

Row = Callable[..., dict[str, Any]]


def study(make_row: Row, participants: int, images: int, seed: int = 0, image_sd: float = 1.0) -> pd.DataFrame:
    """Each participant judges each image at one shift from 0 to 3; images differ in how easy they are."""
    generator = np.random.default_rng(seed)
    ease = generator.normal(0, image_sd, images)
    rows = []
    for who in range(participants):
        for image in range(images):
            shift = int((who + image) % 4)
            p = 1 / (1 + np.exp(-(shift - 1.5 + ease[image])))
            rows.append(
                make_row(
                    participant=f"p{who:02d}",
                    trial=image + 1,
                    pair=f"{image:02d}_n-{shift}",
                    image=f"{image:02d}",
                    shift_px=shift,
                    response="different" if generator.random() < p else "same",
                )
            )
    return from_rows(rows)


def counts(table: pd.DataFrame) -> pd.DataFrame:
    """Answers "same" and "different" of each pair with two or more."""
    found = pd.crosstab(table["pair"], table["response"])
    return found[found.sum(axis=1) >= 2]


@pytest.mark.parametrize("seed", range(3))
def test_alpha_is_that_of_the_package(make_row: Row, seed: int) -> None:
    table = study(make_row, 9, 12, seed)
    found = reliability(table, replicates=100, splits=2)
    expected = krippendorff.alpha(value_counts=counts(table).to_numpy(), level_of_measurement="nominal")
    assert found.alpha.estimate == pytest.approx(expected, abs=1e-12)
    for row in found.shifts:
        of_shift = counts(table[table["shift_px"] == row.shift_px]).to_numpy()
        expected = krippendorff.alpha(value_counts=of_shift, level_of_measurement="nominal")
        assert row.alpha.estimate == pytest.approx(expected, abs=1e-12)
        assert (row.pairs, row.answers) == (len(of_shift), of_shift.sum())


def test_alpha_of_the_published_answers_is_that_of_the_package() -> None:
    table = published_judgments()
    found = reliability(table, replicates=200, splits=20)
    expected = krippendorff.alpha(value_counts=counts(table).to_numpy(), level_of_measurement="nominal")
    assert found.alpha.estimate == pytest.approx(expected, abs=1e-12)
    assert found.alpha.low is not None and found.alpha.high is not None
    assert found.alpha.low < expected < found.alpha.high
    assert found.rows == ()
    assert found.participants is None
    assert "not known who gave the answers" in found.notes[0]
    assert found.split_half.estimate is not None


def test_within_shifts_the_disagreement_is_expected_of_each_shift(make_row: Row) -> None:
    table = study(make_row, 10, 14)
    parts = [counts(group).to_numpy() for _, group in table.groupby("shift_px")]
    observed = sum((2 * part.prod(axis=1) / (part.sum(axis=1) - 1)).sum() for part in parts)
    expected = sum(2 * part.sum(axis=0).prod() / (part.sum() - 1) for part in parts)
    found = reliability(table, replicates=100, splits=2).alpha_within_shift.estimate
    assert found == pytest.approx(1 - observed / expected, abs=1e-12)


def test_answers_that_depend_on_the_shift_alone_agree_across_shifts_only(make_row: Row) -> None:
    table = study(make_row, 40, 40, image_sd=0.0)
    found = reliability(table, replicates=200, splits=50)
    assert found.alpha.low is not None and found.alpha.low > 0.05
    within = found.alpha_within_shift
    assert within.low is not None and within.high is not None and within.low < 0 < within.high
    assert found.reliability.estimate == pytest.approx(
        2 * found.split_half.estimate / (1 + found.split_half.estimate)  # type: ignore[operator]
    )


def test_the_interval_covers_what_other_images_would_give(make_row: Row) -> None:
    truth = np.mean(
        [reliability(study(make_row, 8, 200, seed), replicates=1, splits=1).alpha.estimate for seed in (98, 99)]
    )
    covered = 0
    for seed in range(40):
        alpha = reliability(study(make_row, 8, 30, seed), replicates=400, splits=1, seed=seed).alpha
        assert alpha.low is not None and alpha.high is not None
        covered += alpha.low <= truth <= alpha.high
    assert covered >= 33


def test_halves_are_of_participants_and_correlate_as_numpy_says(make_row: Row) -> None:
    table = study(make_row, 7, 12)
    answers = AcceptedAnswers.of(table)
    found = halves(answers, 5, np.random.default_rng(1))
    generator = np.random.default_rng(1)
    for split in range(5):
        half = generator.permutation(np.arange(7) < 3)
        first = table[half[answers.participant]]
        shares = (first["response"] == "different").groupby(first["pair"]).mean().reindex(list(answers.pairs))
        np.testing.assert_allclose(found.first[split], shares.to_numpy(dtype=float))
    sums = found.sums(np.arange(12), within_shift=False)
    assert sums is not None
    n, x, y, xx, yy, xy = sums.sum(axis=1).T
    both = np.isfinite(found.first) & np.isfinite(found.second)
    for split in range(5):
        pairs = both[split]
        expected = np.corrcoef(found.first[split][pairs], found.second[split][pairs])[0, 1]
        got = (n * xy - x * y)[split] / np.sqrt((n * xx - x * x) * (n * yy - y * y))[split]
        assert got == pytest.approx(expected)
    inside = found.sums(np.arange(12), within_shift=True)
    assert inside is not None
    np.testing.assert_allclose(inside.sum(axis=1)[:, 1:3], 0, atol=1e-9)


def test_halves_of_answers_where_nobody_is_known() -> None:
    answers = AcceptedAnswers.of(published_judgments())
    found = halves(answers, 200, np.random.default_rng(0))
    total = np.bincount(answers.pair)
    share = np.bincount(answers.pair, answers.different) / total
    sizes = np.isfinite(found.first) & np.isfinite(found.second)
    assert sizes.all()
    # Standard errors of a mean over 200 halves of three answers are 0.03 and less.
    np.testing.assert_allclose(found.first.mean(axis=0), share, atol=0.13)
    np.testing.assert_allclose(found.second.mean(axis=0), share, atol=0.13)


def test_each_participant_with_the_rest(make_row: Row) -> None:
    answers = {"p1": "ssd", "p2": "ssd", "p3": "dsd", "p4": "s"}
    rows = [
        make_row(
            participant=who,
            trial=place + 1,
            pair=f"{place}_n-3",
            image=f"{place}",
            response={"s": "same", "d": "different"}[letter],
        )
        for who, letters in answers.items()
        for place, letter in enumerate(letters)
    ]
    found = reliability(from_rows(rows), replicates=100, splits=2)
    agreement = {row.participant: row.agreement for row in found.rows}
    assert agreement["p1"].estimate == pytest.approx(np.mean([2 / 3, 1, 1]))
    assert agreement["p3"].estimate == pytest.approx(np.mean([0, 1, 1]))
    assert agreement["p4"].estimate == pytest.approx(2 / 3)
    assert agreement["p4"].low is None
    values = np.array([2 / 3, 1, 1])
    half = 4.302652729911275 * values.std(ddof=1) / np.sqrt(3)
    assert agreement["p1"].low == pytest.approx(max(0, values.mean() - half))
    assert agreement["p1"].high == 1
    assert found.split_half.estimate is None
    assert found.alpha.method.startswith("no interval: too few photographs")


def test_people_who_disagree_on_everything_have_no_reliability_together(make_row: Row) -> None:
    rows = [
        make_row(
            participant=who,
            trial=place + 1,
            pair=f"{place}_n-3",
            image=f"{place}",
            response="same" if (place % 2 == 0) == (who == "p1") else "different",
        )
        for who in ("p1", "p2")
        for place in range(8)
    ]
    found = reliability(from_rows(rows), replicates=100, splits=4)
    assert found.split_half.estimate == pytest.approx(-1)
    assert found.reliability.estimate is None


def test_a_split_without_a_correlation_is_passed_over() -> None:
    sums = np.zeros((2, 1, 6))
    x, y = np.array([0.0, 1, 1, 0.5]), np.array([0.0, 1, 0.5, 0.5])
    sums[0, 0] = [4, x.sum(), y.sum(), (x * x).sum(), (y * y).sum(), (x * y).sum()]
    sums[1, 0] = [4, 4, y.sum(), 4, (y * y).sum(), y.sum()]  # all of the first half alike
    assert _mean_correlation(sums)[0] == pytest.approx(np.corrcoef(x, y)[0, 1])


def test_the_same_seed_gives_the_same_result(make_row: Row) -> None:
    table = study(make_row, 6, 10)
    first, again, other = (reliability(table, replicates=100, splits=5, seed=seed) for seed in (1, 1, 2))
    assert first == again != other
    assert Reliability.from_json(first.to_json()) == first
    assert len(first.to_frame()) == 6


def test_what_cannot_be_told_is_said(make_row: Row) -> None:
    with pytest.raises(AnalysisError, match="No pair has two answers"):
        reliability(from_rows([make_row()]))
    alike = reliability(from_rows([make_row(), make_row(participant="p2")]), replicates=10, splits=2)
    assert alike.alpha.estimate is None
    assert alike.alpha.method == "not determined: all answers are alike"
    one = from_rows([make_row(trial=1), make_row(trial=2, response="different")])
    found = reliability(one, replicates=10, splits=2)
    assert "There is one participant" in found.notes[0]
    assert found.split_half.estimate is None


def test_the_figures_draw_the_result(make_row: Row) -> None:
    found = reliability(study(make_row, 6, 10), replicates=50, splits=2)
    (by_shift,) = draw(lambda ax: plot_alpha_by_shift(found, ax)).axes
    told = [row.shift_px for row in found.shifts if row.alpha.estimate is not None]
    assert by_shift.containers[0].lines[0].get_xdata().tolist() == told
    (people,) = draw(lambda ax: plot_agreement(found, ax)).axes
    drawn = people.containers[0].lines[0].get_ydata().tolist()
    shown = people.get_ylim()
    estimates = [row.agreement for row in found.rows]
    assert 0 <= shown[0] <= min(one.low for one in estimates if one.low is not None)
    assert shown[1] <= 1
    assert max(one.high for one in estimates if one.high is not None) <= shown[1]
    assert shown[0] > min(one.low for one in estimates if one.low is not None) - 0.1  # no room for what is not there
    assert drawn == sorted(row.agreement.estimate for row in found.rows if row.agreement.estimate is not None)

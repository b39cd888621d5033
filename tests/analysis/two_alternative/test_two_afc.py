"""Shares of people and 2AFC scores, against ten lines of pandas and the ceilings of sets with as many votes each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.proportion import proportion_confint

from analysis.errors import AnalysisError
from analysis.triplets.ceiling import votes_ceiling
from analysis.triplets.scores import MetricDistances as TripletDistances
from analysis.triplets.scores import TripletScores
from analysis.two_alternative.choices import Choices
from analysis.two_alternative.layouts import as_csv, as_latex, scores_text
from analysis.two_alternative.scale import PreferenceScale
from analysis.two_alternative.score_files import MetricDistances, read_study_distances
from analysis.two_alternative.two_afc import TwoAfcTable, two_afc_table
from made_choices import made_choices, made_distances


def plain_shares(table: pd.DataFrame, shift: int) -> pd.Series:
    here = table[(table["repetition"] == 1) & table["catch_answer"].isna() & (table["shift_px"] == shift)]
    return (here["preferred"] == "second").groupby(here["triplet"]).mean()


def scored(table: pd.DataFrame, folder: Path, **how: float) -> list[str]:
    made_distances(table, **how).to_csv(folder / "metric.csv", index=False)
    return [str(folder / "metric.csv")]


def test_shares_are_counted_of_first_answers_with_wilsons_interval() -> None:
    table = made_choices(answered=0.8, catch=2)
    found = two_afc_table(Choices.of(table), replicates=200)
    for shift in (0, 1):
        expected = plain_shares(table, shift)
        shares = {one.triplet: one for one in found.shares if one.shift_px == shift}
        assert {name: one.share_second.estimate for name, one in shares.items()} == pytest.approx(expected.to_dict())
        one = next(iter(shares.values()))
        low, high = proportion_confint(one.second, one.answers, method="wilson")
        assert (one.share_second.low, one.share_second.high) == pytest.approx((low, high))
    assert not any(one.triplet in ("00001", "00002") for one in found.shares)  # the catch triplets
    assert any("answers to catch triplets" in note for note in found.notes)
    assert TwoAfcTable.from_json(found.to_json()) == found


def test_scores_are_shares_of_people_a_tie_counting_half(tmp_path: Path) -> None:
    table = made_choices(triplets=40, answered=0.7)
    choices = Choices.of(table)
    found = two_afc_table(choices, read_study_distances(scored(table, tmp_path, noise=0.02), choices), replicates=200)
    scores = pd.read_csv(tmp_path / "metric.csv", dtype={"sample": str}).set_index("sample")
    assert [one.shift_px for one in found.metrics] == [0, 1]
    for one in found.metrics:
        share = plain_shares(table, one.shift_px)
        first, second = (scores[f"d{side}_n{one.shift_px}"].reindex(share.index) for side in (0, 1))
        agree = np.select([first < second, second < first], [1 - share, share], 0.5)
        assert one.two_afc.estimate == pytest.approx(100 * agree.mean())
        assert one.ties == int((first == second).sum())
    assert found.metrics[0].ties > 0


def test_of_as_many_votes_each_people_reach_what_sets_of_triplets_say() -> None:
    table = made_choices(people=7, triplets=25)
    found = two_afc_table(Choices.of(table), replicates=200).rows[0]
    share = plain_shares(table, 0).to_numpy(dtype=float)
    zeros = np.zeros(len(share))
    scores = TripletScores.from_arrays(["all"] * len(share), share, [TripletDistances("none", zeros, zeros, {})])
    expected = votes_ceiling(scores, votes=7, replicates=200, seed=0)
    for name in ("best_answers", "majority_of_others", "one_person"):
        assert getattr(found, name).estimate == pytest.approx(getattr(expected, name).estimate), name


def test_a_perfect_metric_beats_one_that_guesses_and_knows_the_best_answers() -> None:
    table = made_choices(people=30, triplets=60)
    choices = Choices.of(table)
    share = plain_shares(table, 0).reindex(choices.triplets).to_numpy(dtype=float)
    guess = np.random.default_rng(0).random((2, 60))
    versions = dict.fromkeys((0, 1), (share, 1 - share))
    metrics = [
        MetricDistances.from_arrays("worst", versions),
        MetricDistances.from_arrays("best", {shift: (two, one) for shift, (one, two) in versions.items()}),
        MetricDistances.from_arrays("guesses", dict.fromkeys((0, 1), (guess[0], guess[1]))),
    ]
    # Prefers the second where its distance is smaller: of `best`, where most people do.
    metrics[0], metrics[1] = metrics[1], metrics[0]
    found = two_afc_table(choices, metrics, replicates=400)
    by_name = {(one.name, one.shift_px): one.two_afc.estimate for one in found.metrics}
    assert max(by_name["worst", 0], by_name["best", 0]) == pytest.approx(found.rows[0].best_answers.estimate)
    assert by_name["worst", 0] + by_name["best", 0] == pytest.approx(100)
    verdicts = {(one.first, one.second): one.verdict for one in found.comparisons if one.shift_px == 0}
    better = "best" if by_name["best", 0] > 50 else "worst"
    assert verdicts["best", "worst"] == ("better" if better == "best" else "worse")


def test_what_a_file_lacks_is_named(tmp_path: Path) -> None:
    table = made_choices(triplets=5)
    choices = Choices.of(table)
    made = made_distances(table)
    path = tmp_path / "metric.csv"

    def message(scores: pd.DataFrame) -> str:
        scores.to_csv(path, index=False)
        with pytest.raises(AnalysisError) as raised:
            read_study_distances([str(path)], choices)
        return str(raised.value)

    assert "lacks 1 triplets that people judged, such as 00003" in message(made[made["sample"] != "00003"])
    assert "no distances at a shift of 1 px" in message(made.drop(columns=["d0_n1", "d1_n1"]))
    assert "the triplet 00001 stands there twice" in message(pd.concat([made, made.iloc[:1]]))
    assert "holds scores of bapps, not of a study's triplets" in message(made.assign(set="bapps"))
    broken = made.copy()
    broken.loc[1, "d0_n1"] = np.nan
    assert "a distance of the triplet 00002 at 1 px is missing" in message(broken)
    made.to_csv(path, index=False)
    with pytest.raises(AnalysisError, match="hold no metric lpips"):
        read_study_distances([str(path)], choices, metrics=["lpips"])


def test_a_table_of_another_task_is_refused() -> None:
    table = made_choices().drop(columns="preferred")
    with pytest.raises(AnalysisError, match="no answers of a two-alternative study"):
        Choices.of(table)


def test_layouts_hold_every_figure(tmp_path: Path) -> None:
    table = made_choices(triplets=12)
    choices = Choices.of(table)
    found = two_afc_table(choices, read_study_distances(scored(table, tmp_path), choices), replicates=200)
    text = scores_text(found, PreferenceScale((), ("No scale.",)))
    assert f"{found.metrics[0].two_afc.estimate:.2f} (" in text
    assert "No scale." in text
    rows = as_csv(found).splitlines()
    assert sum(row.startswith("people,share_second") for row in rows) == 24
    latex = as_latex(found)
    assert latex.count(r"\\") == 1 + 1 + 3 + 1 + 1
    assert r"2AFC, \% & 0 px & 1 px \\" in latex

"""Tables of triplets against published figures, plain loops, and SciPy."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.errors import AnalysisError
from analysis.triplets.evaluation import triplet_table
from analysis.triplets.scores import MetricDistances, TripletScores, read_triplet_scores
from analysis.triplets.table import TripletTable
from made_triplets import made_triplets, plain_flips, plain_two_afc

SAMPLES = Path(__file__).parents[2] / "data" / "ghildyal2022" / "bapps_val_alex_shift_tolerant_every_100th.csv"

# Counted by a loop over the file's lines.
GOLDEN_SCORE = 71.1413291337883
GOLDEN_RATE = 2.280857285056613
GOLDEN_SAMPLES = {"cnn": 48, "color": 47, "deblur": 94, "frameinterp": 19, "superres": 109, "traditional": 47}


def read(table: pd.DataFrame, folder: Path) -> TripletScores:
    table.to_parquet(folder / "scores.parquet", index=False)
    return read_triplet_scores([str(folder / "scores.parquet")])


@pytest.fixture(scope="module")
def made() -> pd.DataFrame:
    return made_triplets(("good", "poor", "worse"))


@pytest.fixture(scope="module")
def table(made: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> TripletTable:
    return triplet_table(read(made, tmp_path_factory.mktemp("made")), replicates=2_000)


def test_published_samples() -> None:
    found = triplet_table(read_triplet_scores([f"stlpips-alex={SAMPLES}"], size_px=64), replicates=20_000)
    (metric,) = found.metrics
    assert metric.two_afc == pytest.approx(GOLDEN_SCORE, abs=1e-10)
    assert metric.rank_flip_rate == {1: pytest.approx(GOLDEN_RATE, abs=1e-10)}
    assert found.categories == GOLDEN_SAMPLES
    assert found.ceiling.votes_each == 5
    assert {row.table for row in found.paper} == {2}
    # The interval is that of a normal mean.
    samples = pd.read_csv(SAMPLES)
    value = np.where(samples["d0"] < samples["d1"], 1 - samples["judge"], samples["judge"])
    parts = [value[samples["category"] == name] for name in GOLDEN_SAMPLES]
    error = 100 * np.sqrt(sum(part.var(ddof=1) / len(part) for part in parts)) / len(parts)
    half = stats.t(len(samples) - 6).ppf(0.975) * error
    interval = metric.two_afc_interval
    assert (interval.low, interval.high) == pytest.approx((GOLDEN_SCORE - half, GOLDEN_SCORE + half), abs=0.15 * error)


def test_every_figure_is_that_of_a_loop_over_rows(made: pd.DataFrame, table: TripletTable) -> None:
    assert [metric.name for metric in table.metrics] == ["good", "poor", "worse"]
    for metric in table.metrics:
        rows = made[made["metric"] == metric.name]
        assert metric.two_afc == pytest.approx(plain_two_afc(rows), abs=1e-10)
        assert metric.two_afc_interval.estimate == metric.two_afc
        assert metric.ties == (rows["d0"] == rows["d1"]).sum() > 0
        for shift in (1, 2, 3):
            rate, number = plain_flips(rows, shift)
            assert metric.rank_flip_rate[shift] == pytest.approx(rate, abs=1e-10)
            assert metric.rank_flips[shift] == number == metric.rank_flips_interval[shift].estimate
            low, high = metric.rank_flips_interval[shift].low, metric.rank_flips_interval[shift].high
            assert low is not None
            assert high is not None
            assert 0 <= low < number < high
        for row in metric.rows:
            kind = rows[rows["category"] == row.category]
            assert row.two_afc == pytest.approx(plain_two_afc(kind), abs=1e-10)
            assert row.rank_flip_rate[2] == pytest.approx(plain_flips(kind, 2)[0], abs=1e-10)


def test_a_result_comes_back_from_json_and_has_a_line_for_each_figure(table: TripletTable) -> None:
    document = json.loads(json.dumps(table.to_json()))
    assert TripletTable.from_json(document) == table
    assert document["metrics"][0]["rank_flip_rate"].keys() == {"1", "2", "3"}
    frame = table.to_frame()
    ours = frame[(frame["source"] == "here") & (frame["metric"] == "poor")]
    assert len(ours) == (1 + 3) * (1 + 3) + 3
    (score,) = ours[(ours["outcome"] == "two_afc") & (ours["category"] == "all")]["estimate"]
    assert score == table.metrics[1].two_afc


def test_the_same_seed_gives_the_same_and_another_nearly_the_same(made: pd.DataFrame, tmp_path: Path) -> None:
    scores = read(made, tmp_path)
    one, same, other = (triplet_table(scores, replicates=1_000, seed=seed) for seed in (1, 1, 2))
    assert one == same
    assert other.metrics[0].two_afc_interval != one.metrics[0].two_afc_interval
    assert other.metrics[0].two_afc_interval.low == pytest.approx(one.metrics[0].two_afc_interval.low, abs=1)


def test_differences_are_paired(made: pd.DataFrame, table: TripletTable) -> None:
    first, second = (made[made["metric"] == name].reset_index(drop=True) for name in ("good", "worse"))
    one = next(c for c in table.comparisons if (c.first, c.second, c.outcome) == ("good", "worse", "two_afc"))
    assert one.difference.estimate == pytest.approx(plain_two_afc(first) - plain_two_afc(second), abs=1e-10)

    def agreement(rows: pd.DataFrame) -> pd.Series[float]:
        nearer = np.sign(rows["d1"] - rows["d0"])
        return 0.5 + nearer * (0.5 - rows["judge"])

    away = (agreement(first) - agreement(second)).groupby(first["category"])
    error = 100 * np.sqrt((away.var() / away.count()).sum()) / 3
    half = stats.t(190 - 3).ppf(0.975) * error
    estimate = one.difference.estimate or 0.0
    assert (one.difference.low, one.difference.high) == pytest.approx(
        (estimate - half, estimate + half), abs=0.15 * error
    )
    assert one.verdict == "better"
    assert one.sentence.startswith("good is better than worse in 2AFC (+")


def test_p_values_are_corrected_within_an_outcome(table: TripletTable) -> None:
    assert len(table.comparisons) == 3 * 4
    for outcome, shift in (("two_afc", None), ("rank_flip_rate", 1), ("rank_flip_rate", 2), ("rank_flip_rate", 3)):
        family = [c for c in table.comparisons if (c.outcome, c.shift_px) == (outcome, shift)]
        p_values = sorted((c.p_value or 1.0, c.p_holm or 1.0) for c in family)
        highest = 0.0
        for place, (p_value, p_holm) in enumerate(p_values):
            highest = max(highest, min(1.0, p_value * (3 - place)))
            assert p_holm == pytest.approx(highest)
        for one in family:
            assert (one.p_holm is not None and one.p_holm < 0.05) == (one.verdict in ("better", "worse"))
            low, high = one.difference.low, one.difference.high
            assert low is not None
            assert high is not None
            assert one.p_value is not None
            assert (low > 0 or high < 0) == (one.p_value < 0.05)


def test_fewer_flips_are_better() -> None:
    steady = np.arange(60.0)
    flipping = np.where(np.arange(60) < 20, -1.0, 1.0)
    metrics = [
        MetricDistances("steady", steady, steady + 1, {0: (steady, steady + 1), 1: (steady, steady + 1)}),
        MetricDistances("shaky", steady, steady + 1, {0: (steady, steady + 1), 1: (steady, steady + flipping)}),
    ]
    found = triplet_table(TripletScores.from_arrays(["a"] * 60, np.full(60, 0.2), metrics), replicates=500)
    score, flips = found.comparisons
    assert (score.verdict, score.p_value) == ("alike", None)
    assert "alike in 2AFC on each sample" in score.sentence
    assert flips.verdict == "better"
    assert flips.difference.estimate == pytest.approx(-100 / 3)
    # None of 60 flips: an interval all the same, of SciPy's making.
    none = found.metrics[0].rank_flip_rate_interval[1]
    wilson = stats.binomtest(0, 60).proportion_ci(method="wilson")
    assert (none.low, none.high) == pytest.approx((0.0, 100 * wilson.high))
    assert "Wilson" in none.method
    assert found.metrics[0].two_afc_interval.low is None


@pytest.mark.parametrize(("count", "verdict"), [(9, "undecided"), (10, "better")])
def test_metrics_that_differ_on_few_samples_are_not_told_apart(count: int, verdict: str) -> None:
    d0 = np.zeros(60)
    metrics = [MetricDistances("one", d0, np.ones(60), {})]
    metrics.append(MetricDistances("other", d0, np.where(np.arange(60) < count, -1.0, 1.0), {}))
    (found,) = triplet_table(TripletScores.from_arrays(["a"] * 60, np.zeros(60), metrics), replicates=500).comparisons
    assert found.difference.estimate == pytest.approx(100 * count / 60)
    assert found.verdict == verdict
    assert ("the two differ on 9 of 60 only" in found.sentence) == (count == 9)


def test_too_few_draws_for_so_many_comparisons_are_said_to_be(made: pd.DataFrame, tmp_path: Path) -> None:
    found = triplet_table(read(made, tmp_path), replicates=100)
    assert "100 draws are too few; take 120 or more" in found.comparisons[1].sentence
    assert {one.verdict for one in found.comparisons} <= {"undecided", "alike"}


def test_triplets_that_share_a_reference_are_drawn_together(tmp_path: Path) -> None:
    shared = triplet_table(read(made_triplets(references=5), tmp_path), replicates=500)
    assert shared.clusters == "references"
    assert "over 38 references within their categories" in shared.metrics[0].two_afc_interval.method
    references = {row.category: row.two_afc_interval for row in shared.metrics[0].rows}
    assert references["traditional"].method == "no interval: 8 are too few to draw from (of a category 10 or more)"
    assert references["cnn"].method == "95% bootstrap interval over 12 references, 500 draws"


def test_without_unshifted_crops_flips_are_counted_against_whole_images(tmp_path: Path) -> None:
    made = made_triplets(("good",), shifts=(1,))
    found = triplet_table(read(made, tmp_path), replicates=100)
    assert found.baseline == "whole"
    assert found.metrics[0].rank_flip_rate[1] == pytest.approx(plain_flips(made, 1, baseline="")[0], abs=1e-10)
    assert any("counted against whole images" in note for note in found.notes)


def test_arrays_make_the_same_table(made: pd.DataFrame, table: TripletTable) -> None:
    rows = [made[made["metric"] == metric.name] for metric in table.metrics]
    metrics = [
        MetricDistances(
            metric.name,
            part["d0"].to_numpy(),
            part["d1"].to_numpy(),
            {shift: (part[f"d0_n{shift}"].to_numpy(), part[f"d1_n{shift}"].to_numpy()) for shift in (3, 2, 1, 0)},
        )
        for metric, part in zip(table.metrics, rows, strict=True)
    ]
    given = rows[0]["category"].tolist(), rows[0]["judge"], metrics
    scores = TripletScores.from_arrays(*given)
    assert triplet_table(scores, replicates=2_000).metrics == table.metrics
    references = [f"r{place // 2}" for place in range(190)]
    assert TripletScores.from_arrays(
        rows[0]["category"].tolist(), rows[0]["judge"], metrics, reference=references
    ).shares_references
    for arguments, says in (
        ((["a"], [0.5, 0.5], metrics), "category has 1 values for 2 samples"),
        ((["a"], [0.5], []), "no metric or no sample"),
        ((["a"], [0.5], [metrics[0], MetricDistances("other", np.ones(1), np.ones(1), {})]), "at other shifts"),
    ):
        with pytest.raises(AnalysisError, match=says):
            TripletScores.from_arrays(*arguments)  # type: ignore[arg-type]

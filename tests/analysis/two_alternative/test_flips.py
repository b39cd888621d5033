"""Flips of people and metrics, against ten lines of pandas, pairs counted one by one, and two-way clusters."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.errors import AnalysisError
from analysis.exclusions.marking import mark
from analysis.two_alternative.answer_values import flip_pairs, retest_pairs
from analysis.two_alternative.choices import Choices
from analysis.two_alternative.disagreement import disagreement
from analysis.two_alternative.flips import FlipTable, flip_table
from analysis.two_alternative.majorities import majority_changes
from analysis.two_alternative.score_files import read_study_distances
from made_choices import made_choices, made_distances


def plain_flips(table: pd.DataFrame, shift: int) -> float:
    first = table[(table["repetition"] == 1) & table["catch_answer"].isna()]
    chosen = first.pivot(index=["triplet", "participant"], columns="shift_px", values="preferred")[[0, shift]].dropna()
    return 100 * float((chosen[0] != chosen[shift]).groupby("triplet").mean().mean())


def plain_retest(table: pd.DataFrame) -> float:
    judged = table[table["catch_answer"].isna()]
    index = ["triplet", "shift_px", "participant"]
    chosen = judged.pivot(index=index, columns="repetition", values="preferred").dropna()
    return 100 * float((chosen[1] != chosen[2]).groupby("triplet").mean().mean())


def test_rates_are_those_of_ten_lines_of_pandas() -> None:
    table = made_choices(flips={1: 0.1, 3: 0.4}, answered=0.7, catch=3)
    found = flip_table(Choices.of(table), replicates=200)
    assert [row.shift_px for row in found.rows] == [1, 3]
    for row in found.rows:
        assert row.flip_rate.estimate == pytest.approx(plain_flips(table, row.shift_px))
        assert row.excess.estimate == pytest.approx(plain_flips(table, row.shift_px) - plain_retest(table))
    assert found.retest_rate.estimate == pytest.approx(plain_retest(table))
    assert FlipTable.from_json(found.to_json()) == found


def test_known_flip_rates_are_found_again() -> None:
    table = made_choices(people=60, triplets=100, flips={1: 0.15, 2: 0.15}, retest=0.15, seed=4)
    found = flip_table(Choices.of(table), replicates=200)
    for row in found.rows:
        assert row.flip_rate.estimate == pytest.approx(15, abs=1.5)
        assert row.excess.low < 0 < row.excess.high
        assert row.excess_p > 0.05
    more = flip_table(Choices.of(made_choices(people=60, triplets=100, flips={1: 0.3}, retest=0.1)), replicates=200)
    assert more.rows[0].excess.low > 15
    assert more.rows[0].excess_p < 0.05


def test_whom_validation_leaves_out_makes_no_flips_of_a_shift_that_does_nothing() -> None:
    """A floor of those alone who agree with themselves would be six points too low here."""
    table = made_choices(people=300, triplets=20, flips={1: 0.3}, retest=0.3, repeated=0.2, catch=4)
    careless = table["participant"].isin(["p0007", "p0100"]) & table["catch_answer"].notna()
    table.loc[careless, "preferred"] = "first"
    found = flip_table(Choices.of(mark(table, ["validation"])), replicates=200)
    assert found.participants == 298
    assert found.retest_rate.estimate == pytest.approx(30, abs=2.5)
    assert found.rows[0].excess.estimate == pytest.approx(0, abs=2.5)


def test_intervals_are_as_wide_as_two_way_clusters_make_them() -> None:
    table = made_choices(people=40, triplets=60, flips={1: 0.2}, seed=2)
    pairs = flip_pairs(Choices.of(table), 1)
    fit = sm.OLS(100 * pairs.value, np.ones(len(pairs.value))).fit(
        cov_type="cluster", cov_kwds={"groups": np.column_stack([pairs.person, pairs.triplet])}, use_t=True
    )
    low, high = fit.conf_int()[0]
    found = flip_table(Choices.of(table), replicates=4000).rows[0].flip_rate
    assert found.estimate == pytest.approx(fit.params[0])
    assert found.high - found.low == pytest.approx(high - low, rel=0.12)


def test_triplets_of_one_photograph_are_drawn_together() -> None:
    rng = np.random.default_rng(0)
    person, triplet = (part.ravel() for part in np.indices((30, 40)))
    rate = np.repeat(rng.beta(0.3, 1.2, 10), 4)  # four triplets of a photograph flip alike
    before = rng.random(1200) < 0.5
    after = before != (rng.random(1200) < rate[triplet])
    doubled = {
        "person": np.tile(person, 2),
        "triplet": np.tile(triplet, 2),
        "shift_px": np.repeat([0, 1], 1200),
        "second": np.concatenate([before, after]),
    }
    alone = flip_table(Choices.from_arrays(**doubled), replicates=1000).rows[0].flip_rate
    together = (
        flip_table(Choices.from_arrays(**doubled, photograph=np.arange(40) // 4), replicates=1000).rows[0].flip_rate
    )
    assert "10 photographs" in together.method
    assert together.high - together.low > 1.5 * (alone.high - alone.low)


def brute(choices: Choices, shift: int) -> tuple[float, float]:
    """Disagreement across versions and within them, by every two different people one by one."""
    across, within = [], []
    rows = list(zip(choices.person, choices.triplet, choices.shift_px, choices.second, choices.repetition, strict=True))
    for triplet in range(len(choices.triplets)):
        of = {
            version: [(p, s) for p, t, v, s, r in rows if t == triplet and v == version and r == 1]
            for version in (0, shift)
        }

        def rate(one: int, other: int, of: dict[int, list[tuple[int, bool]]] = of) -> float:
            differ = [s != q for (p, s), (o, q) in product(of[one], of[other]) if p != o]
            return float(np.mean(differ)) if differ else np.nan

        both = rate(0, shift), (rate(0, 0) + rate(shift, shift)) / 2
        if np.isfinite(both).all():
            across.append(both[0])
            within.append(both[1])
    return 100 * float(np.mean(across)), 100 * float(np.mean(within))


def test_disagreement_is_that_of_every_two_people() -> None:
    choices = Choices.of(made_choices(people=9, triplets=12, flips={2: 0.3}, answered=0.6, seed=7))
    found = disagreement(choices, 2, replicates=200, seed=0)
    across, within = brute(choices, 2)
    assert found.across.estimate == pytest.approx(across)
    assert found.within.estimate == pytest.approx(within)
    assert found.share_change.estimate == pytest.approx(across - within)
    same = disagreement(choices, 0, before_px=0, replicates=200, seed=0)
    assert same.across.estimate == pytest.approx(same.within.estimate)


def test_what_shares_change_is_found_without_bias() -> None:
    """(p − q)² of known shares, by other people in each version, in the mean of many studies."""
    rng = np.random.default_rng(3)
    p, q = 0.7, 0.4
    found = []
    for _ in range(400):
        second = np.concatenate([rng.random(30) < p, rng.random(30) < q])
        choices = Choices.from_arrays(
            person=np.arange(60), triplet=np.tile(np.arange(6), 10), shift_px=np.repeat([0, 1], 30), second=second
        )
        found.append(disagreement(choices, 1, replicates=100, seed=0).share_change.estimate)
    assert np.mean(found) == pytest.approx(100 * (p - q) ** 2, abs=4 * np.std(found) / 20)


def test_majorities_change_by_chance_as_often_as_in_all_exchanges() -> None:
    choices = Choices.of(made_choices(people=7, triplets=8, flips={1: 0.4}, answered=0.8, seed=5))
    changed, chance = majority_changes(choices, 1)
    first = choices.repetition == 1
    for place, triplet in enumerate(changed.triplet):
        answers = [
            {
                int(person): bool(second)
                for person, second in zip(choices.person[here], choices.second[here], strict=True)
            }
            for here in ((choices.triplet == triplet) & first & (choices.shift_px == shift) for shift in (0, 1))
        ]

        def majority(of: dict[int, bool]) -> float:
            return float(np.sign(2 * sum(of.values()) - len(of)))

        assert changed.value[place] == abs(majority(answers[0]) - majority(answers[1])) / 2
        both = sorted(answers[0].keys() & answers[1].keys())
        values = []
        for exchange in product((False, True), repeat=len(both)):
            swapped = [dict(one) for one in answers]
            for person, swap in zip(both, exchange, strict=True):
                if swap:
                    swapped[0][person], swapped[1][person] = answers[1][person], answers[0][person]
            values.append(abs(majority(swapped[0]) - majority(swapped[1])) / 2)
        assert chance.value[place] == pytest.approx(np.mean(values))


def files(table: pd.DataFrame, folder: Path, **metrics: dict[str, float]) -> list[str]:
    paths = []
    for name, how in metrics.items():
        made_distances(table, **how).to_csv(folder / f"{name}.csv", index=False)
        paths.append(str(folder / f"{name}.csv"))
    return paths


def test_metrics_flip_as_eq_2_says_on_the_triplets_of_people(tmp_path: Path) -> None:
    table = made_choices(triplets=60, catch=2)
    choices = Choices.of(table)
    given = files(table, tmp_path, steady={"shaken": 0.01}, shaky={"shaken": 5.0})
    found = flip_table(choices, read_study_distances(given, choices), replicates=500)
    for one in found.metrics:
        scores = pd.read_csv(tmp_path / f"{one.name}.csv", dtype={"sample": str})
        scores = scores[scores["sample"].isin(choices.triplets)]
        flips = (scores["d0_n0"] < scores["d1_n0"]) != (scores["d0_n1"] < scores["d1_n1"])
        assert (one.triplets, one.rank_flips) == (60, int(flips.sum()))
        assert one.rank_flip_rate.estimate == pytest.approx(100 * flips.mean())
        against = next(c for c in found.comparisons if (c.first, c.second) == (one.name, "people"))
        assert against.difference.estimate == pytest.approx(100 * flips.mean() - plain_flips(table, 1))
    verdicts = {(c.first, c.second): c.verdict for c in found.comparisons}
    assert verdicts == {
        ("steady", "people"): "better",
        ("shaky", "people"): "worse",
        ("steady", "shaky"): "better",
    }


def test_of_a_metric_that_never_flips_the_draws_say_that_it_may_elsewhere(tmp_path: Path) -> None:
    table = made_choices(triplets=20, flips={1: 0.1})
    choices = Choices.of(table)
    given = files(table, tmp_path, still={"shaken": 0.0}, other={"shaken": 0.0, "seed": 1})
    found = flip_table(choices, read_study_distances(given, choices), replicates=1000)
    assert [one.rank_flips for one in found.metrics] == [0, 0]
    against = next(c for c in found.comparisons if c.second == "people").difference
    people = found.rows[0].flip_rate
    assert against.estimate == pytest.approx(-people.estimate)
    assert against.high > -people.low + 1
    assert found.comparisons[-1].verdict == "alike"
    assert found.comparisons[-1].sentence == "still and other are alike in flips at 1 px on each triplet."


def test_without_repetitions_or_pairs_a_sentence_says_what_is_not_known() -> None:
    table = made_choices(repeated=0.0)
    found = flip_table(Choices.of(table), replicates=200)
    assert found.retest_rate.estimate is None
    assert found.rows[0].excess.estimate is None
    assert any("No stimulus was asked twice" in note for note in found.notes)
    parity = table["participant"].str[-1].astype(int) % 2
    apart = table[(parity == 0) == (table["shift_px"] == 0)]
    found = flip_table(Choices.of(apart), replicates=200)
    assert found.rows[0].flip_rate.estimate is None
    assert found.rows[0].disagreement_across.estimate is not None
    assert any("Nobody answered a triplet both unshifted and shifted by 1 px" in note for note in found.notes)


def test_answers_to_one_version_alone_have_no_flips() -> None:
    table = made_choices()
    with pytest.raises(AnalysisError, match="to versions of 0 px alone"):
        flip_table(Choices.of(table[table["shift_px"] == 0]))


def test_of_unknown_people_nothing_is_paired() -> None:
    table = made_choices()
    table["participant"] = pd.NA
    choices = Choices.of(table.astype({"participant": "string"}))
    found = flip_table(choices, replicates=200)
    assert (found.participants, found.retest_pairs) == (0, 0)
    assert found.rows[0].flip_rate.estimate is None
    assert "participants" not in found.rows[0].disagreement_across.method


def test_the_same_stimulus_twice_as_one_repetition_is_refused() -> None:
    table = made_choices(people=3, triplets=4)
    with pytest.raises(AnalysisError, match=r"the stimulus 00001_n-0 twice as repetition 1"):
        Choices.of(pd.concat([table, table.iloc[[0]]], ignore_index=True))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.floats(0, 1), st.integers(1, 4))
def test_nobody_flips_more_than_always_and_exchanging_images_changes_nothing(
    seed: int, chance: float, versions: int
) -> None:
    flips = dict.fromkeys(range(1, versions + 1), chance)
    choices = Choices.of(made_choices(people=4, triplets=5, flips=flips, answered=0.9, seed=seed))
    turned = Choices(
        choices.person,
        choices.triplet,
        choices.shift_px,
        ~choices.second,
        choices.repetition,
        choices.triplets,
        choices.photograph,
    )
    for shift in choices.shifts:
        rate = flip_pairs(choices, shift).by_triplet.mean
        assert rate is None or 0 <= rate <= 1
        assert flip_pairs(turned, shift).by_triplet.mean == rate
    assert retest_pairs(turned).by_triplet.mean == retest_pairs(choices).by_triplet.mean


def test_what_people_and_photographs_add_makes_up_the_mean_however_unbalanced() -> None:
    choices = Choices.of(made_choices(people=8, triplets=9, answered=0.5, triplets_a_photograph=2, seed=3))
    pairs = flip_pairs(choices, 1)
    assert len(np.unique(np.bincount(pairs.triplet))) > 2
    for table in (pairs.by_person(8), pairs.by_triplet.by_photograph(choices)):
        hits, total = table.sum(axis=0)
        assert total == pytest.approx(len(pairs.by_triplet.value))
        assert hits / total == pytest.approx(pairs.by_triplet.mean)

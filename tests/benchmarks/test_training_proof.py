"""What the benchmark of trainings counts, when it sees the paper's order, and that it goes on where it was broken."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from benchmarks import training_proof
from benchmarks.training_figures import Outcomes, figures, order
from benchmarks.training_proof import ANTI_ALIASED, QUICK, TOLERANT, VANILLA, Proof, table

N = 600


def made(share_right: float, *flips: float, seeds: int = 3) -> Outcomes:
    """Outcomes of which so many of a hundred agree, and flip at each shift, in each of two categories alike."""
    place = np.arange(N) // 2 % 100
    columns = [place < round(100 * share) for share in (share_right, *flips)]
    values = np.repeat(np.column_stack(columns)[None].astype(float), seeds, axis=0)
    return Outcomes(values, np.arange(N) % 2, np.arange(N))


def test_the_order_is_half_of_the_flips_at_each_shift_and_1_5_points() -> None:
    plain = made(0.80, 0.10, 0.20, 0.30)
    found = order(plain, made(0.79, 0.04, 0.08, 0.12))
    assert [one["estimate"] for one in found["flips"].values()] == pytest.approx([0.4, 0.4, 0.4])
    assert found["2AFC"]["estimate"] == pytest.approx(-1.0)
    assert found["shows"]
    assert not order(plain, made(0.79, 0.04, 0.08, 0.15))["shows"], "half at one shift is not below half"
    assert not order(plain, made(0.78, 0.04, 0.08, 0.12))["shows"], "2 points apart"
    assert not order(plain, made(0.82, 0.04, 0.08, 0.12))["shows"], "2 points apart, the other way"


def test_an_order_of_the_estimates_alone_is_told_from_a_sure_one() -> None:
    plain = made(0.80, 0.10, 0.20, 0.30)
    assert order(plain, made(0.80, 0.01, 0.02, 0.03))["surely"]
    near = order(plain, made(0.80, 0.04, 0.09, 0.14))
    assert (near["shows"], near["surely"]) == (True, False)


def test_without_flips_of_the_plain_network_there_is_no_order() -> None:
    found = order(made(0.80, 0.0, 0.20, 0.30), made(0.80, 0.0, 0.08, 0.12))
    assert found["flips"]["1 px"]["low"] is None
    assert (found["shows"], found["surely"]) == (False, None)


def test_figures_are_means_over_seeds_with_their_deviation() -> None:
    first, second = made(0.8, 0.1, 0.2, 0.3, seeds=1), made(0.6, 0.3, 0.2, 0.1, seeds=1)
    both = replace(first, values=np.concatenate([first.values, second.values]))
    found = figures({"one": both})["one"]
    assert found["2AFC"]["estimate"] == pytest.approx(70)
    assert found["2AFC"]["over_seeds"] == pytest.approx(np.std([80, 60], ddof=1))
    assert found["flips 1 px"]["by_seed"] == pytest.approx([10, 30])
    assert found["flips 1 px"]["low"] < 20 < found["flips 1 px"]["high"]


def test_all_networks_of_a_part_have_one_budget() -> None:
    ways = [QUICK.settings(name, 0, "scratch") for name in (VANILLA, ANTI_ALIASED, TOLERANT)]
    assert len({tuple(way[1:]) for way in ways}) == 1
    assert "--set=network.trunk=fixed" in QUICK.settings(VANILLA, 0, "linear")


class Verbs:
    """Stands for `shift-study`: notes what is made and scored, and writes what the benchmark reads of it."""

    def __init__(self) -> None:
        self.made: dict[str, dict[str, object]] = {}
        self.scored: list[tuple[str, object]] = []

    def __call__(self, *words: object) -> str:
        options = {str(one): two for one, two in pairwise(words)}
        output = Path(str(options["-o"]))
        if words[:2] == ("bapps", "make"):
            judged = output / "2afc" / "val" / "cnn" / "judge"
            judged.mkdir(parents=True)
            (judged / "000000.npy").write_text(f"votes by {options['--votes']} at {options['--size']} px")
            said = {"votes": f"rule: {options['--votes']}", "rule": options["--votes"], "seed": 1}
            (output / "made.json").write_text(json.dumps(said | {"enlarged": options["--enlarge"]}))
            self.made[output.name] = options
        elif words[:2] == ("bapps", "score"):
            self.scored.append((Path(str(words[2])).name, options["--size"]))
        else:
            output.mkdir(parents=True)
        return json.dumps({"seconds": 1.0})


@pytest.fixture
def verbs(monkeypatch: pytest.MonkeyPatch) -> Verbs:
    standing_in = Verbs()
    monkeypatch.setattr(training_proof, "verb", standing_in)
    return standing_in


def test_a_folder_belongs_to_one_plan(tmp_path: Path, verbs: Verbs) -> None:
    Proof(QUICK, tmp_path).make()
    verbs.made.clear()
    Proof(QUICK, tmp_path).make()
    assert not verbs.made, "made once"
    with pytest.raises(SystemExit, match="another plan"):
        Proof(replace(QUICK, batch=7), tmp_path).make()


def test_networks_are_scored_on_enlarged_patches_with_the_votes_on_these_as_they_were_made(
    tmp_path: Path, verbs: Verbs
) -> None:
    proof = Proof(replace(QUICK, made_px=64, shown_px=32, shown=8, votes="lpips-alex"), tmp_path)
    proof.make()
    made = verbs.made
    assert [(made[name]["--size"], made[name]["--enlarge"]) for name in ("made", "judged", "shown")] == [
        (64, 1), (32, 1), (32, 8),
    ]  # fmt: skip
    assert made["made"]["--votes"] == made["judged"]["--votes"] == "lpips-alex"
    for same in ("--seed", "--hold-out", "--count"):
        assert made["made"][same] == made["judged"][same] == made["shown"][same]
    judged = tmp_path / "shown" / "2afc" / "val" / "cnn" / "judge" / "000000.npy"
    assert judged.read_text() == "votes by lpips-alex at 32 px"
    assert json.loads((tmp_path / "shown" / "made.json").read_text()) == {
        "votes": "rule: lpips-alex", "rule": "lpips-alex", "seed": 1, "enlarged": 8,
    }  # fmt: skip
    proof.train("scratch", VANILLA, 0)
    proof.train("linear", VANILLA, 0)
    assert verbs.scored == [("shown", 256), ("made", 64)]


def test_what_is_trained_and_scored_is_not_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[object] = []

    def verb(*words: object) -> str:
        called.append(words[0])
        output = Path(str(words[words.index("-o") + 1]))
        (output if words[0] == "train" else output.parent).mkdir(parents=True, exist_ok=True)
        if words[0] == "bapps":
            output.touch()
        return json.dumps({"seconds": 3.5})

    monkeypatch.setattr(training_proof, "verb", verb)
    proof = Proof(QUICK, tmp_path)
    assert proof.train("scratch", VANILLA, 0) == proof.train("scratch", VANILLA, 0) == 3.5
    assert called == ["train", "bapps"]


def test_the_table_says_whether_the_order_is_there() -> None:
    plain, tolerant = made(0.80, 0.10, 0.20, 0.30), made(0.79, 0.04, 0.08, 0.12)
    part = {
        "figures": figures({TOLERANT: tolerant, VANILLA: plain}),
        "against_plain": {TOLERANT: order(plain, tolerant)},
        "training_s": {VANILLA: (1.0, 2.0, 3.0)},
        "seconds": 9.0,
    }
    text = table({"plan": asdict(QUICK), "processes": 2, "making_s": 1.0, "seconds": 10.0, "scratch": part})
    assert f"{TOLERANT} over {VANILLA}: flips 0.40" in text
    assert "within 1.5 points: yes" in text


@pytest.mark.slow
def test_the_benchmark_trains_and_scores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(training_proof.NETWORKS, "scratch", (VANILLA,))
    plan = replace(QUICK, made_px=48, train_count=1, test_count=2)
    found = training_proof.run(Proof(plan, tmp_path), ["scratch"], 1)
    assert 0 <= found["scratch"]["figures"][VANILLA]["2AFC"]["estimate"] <= 100
    assert found["scratch"]["training_s"][VANILLA][0] > 0

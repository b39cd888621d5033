"""A training from begin to end: broken off, killed, shared among processes, and ended by what goes wrong."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import weakref
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import shift_study
from metric.errors import MetricError
from metric.networks.variant import Variant
from metric.training.about import about_training
from metric.training.checkpoint import FILE_NAME
from metric.training.configuration import (
    ComputingPart,
    Configuration,
    DataPart,
    LossPart,
    NetworkPart,
    SchedulePart,
)
from metric.training.judged_folders_set import read_judged_folders
from metric.training.judged_set import JudgedSet
from metric.training.outcome import RESULT
from metric.training.step import Step
from metric.training.trained_file import write_trained
from metric.training.trainee import Trainee
from metric.training.trainer import Trainer

SMALL = Configuration(
    NetworkPart(Variant("alexnet", blur=3)),
    DataPart(size_px=40),
    LossPart("ranking", hidden=4, dropout=0.5),
    SchedulePart(seed=1, batch=4, epochs=1, decay_epochs=1),
)
"""Two steps an epoch, the second of two samples."""


class Broken(Exception):
    pass


class BreaksOff:
    """Ends a training after some steps, before any of its checkpoints that are due later."""

    def __init__(self, after: int) -> None:
        self.left = after
        self.seen: list[tuple[int, int]] = []

    def begin(self, steps: int, done: int) -> None:
        self.seen.append((steps, done))

    def step(self, epoch: int, loss: float, two_afc: float) -> None:
        self.left -= 1
        if not self.left:
            raise Broken


@pytest.fixture(scope="module")
def judged(noise_set_once: Path) -> JudgedSet:
    return replace(read_judged_folders(noise_set_once, SMALL.data), weights=[1.5, 0.5, 1, 1, 1, 1])


@pytest.fixture(scope="module")
def whole(judged: JudgedSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a training that nothing broke off."""
    folder = tmp_path_factory.mktemp("whole")
    Trainer().train(SMALL, judged, folder)
    return folder


def digest(folder: Path) -> str:
    return sha256((folder / RESULT).read_bytes()).hexdigest()


def test_it_says_what_came_of_it(judged: JudgedSet, whole: Path, tmp_path: Path) -> None:
    found = Trainer().train(SMALL, judged, tmp_path)
    assert (found.file, found.steps, found.resumed) == (tmp_path / RESULT, 4, 0)
    assert 0 < found.loss < 2 and 0 <= found.two_afc <= 1 and found.seconds > 0
    assert digest(tmp_path) == digest(whole)  # from one seed the same
    assert not (tmp_path / FILE_NAME).exists()


LONGER = replace(SMALL, schedule=replace(SMALL.schedule, decay_epochs=3))
"""Eight steps, at a learning rate that falls twice."""


@pytest.fixture(scope="module")
def longer(judged: JudgedSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as `whole`, of the longer training."""
    folder = tmp_path_factory.mktemp("longer")
    Trainer().train(LONGER, judged, folder)
    return folder


@pytest.mark.parametrize("after", [1, 4, 6, 8])  # before all, in the middle of an epoch, at its end, in the last one
def test_broken_off_and_resumed_it_ends_at_the_same_weights(
    judged: JudgedSet, longer: Path, tmp_path: Path, after: int
) -> None:
    with pytest.raises(Broken):
        Trainer(checkpoint_every=0, watch=BreaksOff(after)).train(LONGER, judged, tmp_path)
    watch = BreaksOff(99)
    # The step at whose end it was broken off was not kept yet.
    found = Trainer(watch=watch).train(LONGER, judged, tmp_path)
    assert watch.seen == [(8, after - 1)] and (found.steps, found.resumed) == (8, after - 1)
    assert digest(tmp_path) == digest(longer)  # what it says of its last epoch too


def test_without_time_for_others_checkpoints_are_of_epochs(judged: JudgedSet, tmp_path: Path) -> None:
    with pytest.raises(Broken):
        Trainer(checkpoint_every=1e9, watch=BreaksOff(4)).train(SMALL, judged, tmp_path)
    torch_file = torch.load(tmp_path / FILE_NAME, weights_only=True)
    assert torch_file["step"] == 2


def test_it_is_not_trained_twice_nor_over_another(judged: JudgedSet, tmp_path: Path) -> None:
    Trainer().train(SMALL, judged, tmp_path)
    before = digest(tmp_path)
    found = Trainer(watch=BreaksOff(1)).train(SMALL, judged, tmp_path)
    assert (found.steps, found.resumed, found.seconds) == (4, 4, 0)
    other = replace(SMALL, schedule=replace(SMALL.schedule, seed=2))
    with pytest.raises(MetricError, match=r"its configuration\.schedule\.seed is 1 instead of 2"):
        Trainer().train(other, judged, tmp_path)
    with pytest.raises(MetricError, match=r"its data\.sha256 is"):
        Trainer().train(SMALL, replace(judged, sha256="0" * 64), tmp_path)
    assert digest(tmp_path) == before
    Trainer(force=True).train(other, judged, tmp_path)
    assert digest(tmp_path) != before


def test_the_learning_rate_stays_and_then_falls_in_equal_steps(judged: JudgedSet, tmp_path: Path) -> None:
    part = SchedulePart(batch=6, epochs=2, decay_epochs=4, learning_rate=0.01)
    Trainer().train(replace(SMALL, schedule=part), judged, tmp_path)
    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    rates = [event.value for event in events.Scalars("step/learning rate")]
    assert rates == pytest.approx([0.01, 0.01, 0.01, 0.0075, 0.005, 0.0025])
    assert [event.step for event in events.Scalars("epoch/loss")] == [1, 2, 3, 4, 5, 6]


def test_curves_of_a_resumed_training_have_each_step_once(judged: JudgedSet, tmp_path: Path) -> None:
    with pytest.raises(Broken):
        Trainer(checkpoint_every=1e9, watch=BreaksOff(3)).train(SMALL, judged, tmp_path)
    Trainer().train(SMALL, judged, tmp_path)
    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [event.step for event in events.Scalars("step/loss")] == [1, 2, 3, 4]
    assert [event.step for event in events.Scalars("epoch/2AFC")] == [2, 4]


def test_parts_of_a_batch_give_the_gradient_of_the_whole(judged: JudgedSet, tmp_path: Path, whole: Path) -> None:
    Trainer().train(replace(SMALL, computing=ComputingPart(at_once=3)), judged, tmp_path)
    ours, theirs = load_file(tmp_path / RESULT), load_file(whole / RESULT)
    # Adam's first steps turn on the sign of a gradient, which rounding decides where it is next to nothing.
    for name in ours:
        apart = (ours[name] - theirs[name]).abs()
        assert float(apart.max()) <= 4 * 2 * 1e-4 + 1e-6 and float(apart.mean()) < 1e-6, name


def test_weights_of_votes_are_followed(judged: JudgedSet, tmp_path: Path) -> None:
    schedule = SchedulePart(batch=6, epochs=1, decay_epochs=0)
    plain = replace(SMALL, schedule=schedule, loss=LossPart("mse", dropout=0))
    losses = {}
    for name, weights in {"even": [1] * 6, "first": [6, 0, 0, 0, 0, 0], "second": [0, 6, 0, 0, 0, 0]}.items():
        losses[name] = Trainer().train(plain, replace(judged, weights=weights), tmp_path / name).loss
    assert losses["first"] != pytest.approx(losses["second"], rel=1e-3)
    alone = []
    for place in (0, 1):
        one = replace(judged, triplets=[judged.triplets[place]], weights=[1])
        alone.append(Trainer().train(plain, one, tmp_path / f"alone{place}").loss)
    assert [losses["first"], losses["second"]] == pytest.approx(alone, rel=1e-5)


def test_it_learns(judged: JudgedSet, tmp_path: Path) -> None:
    schedule = SchedulePart(batch=6, epochs=16, decay_epochs=0, learning_rate=3e-3)
    plain = replace(SMALL, schedule=schedule, loss=LossPart("mse", dropout=0))
    judges = [0.1, 0.9, 0.2, 0.8, 0.3, 0.7]
    triplets = [replace(one, judge=judge) for one, judge in zip(judged.triplets, judges, strict=True)]
    found = Trainer().train(plain, replace(judged, triplets=triplets), tmp_path)
    constant = np.var(judges)  # the loss of whoever always says a half
    assert found.loss < 0.5 * constant and found.two_afc > 0.75


def test_a_loss_that_is_no_number_ends_it_and_keeps_the_last_checkpoint(judged: JudgedSet, tmp_path: Path) -> None:
    with pytest.raises(Broken):
        Trainer(checkpoint_every=0, watch=BreaksOff(2)).train(SMALL, judged, tmp_path)
    checkpoint = torch.load(tmp_path / FILE_NAME, weights_only=True)
    name = "metric.network.levels.0.conv1.weight"
    checkpoint["model"][name][0, 0, 0, 0] = float("nan")
    torch.save(checkpoint, tmp_path / FILE_NAME)
    before = (tmp_path / FILE_NAME).read_bytes()
    with pytest.raises(
        MetricError,
        match=r"At step 2 \(epoch 1\) the loss is no longer a number; the checkpoint of step 1 in .* is kept as it is"
        r"\. Try a lower schedule\.learning_rate than 0\.0001",
    ):
        Trainer(checkpoint_every=0).train(SMALL, judged, tmp_path)
    assert (tmp_path / FILE_NAME).read_bytes() == before and not (tmp_path / RESULT).exists()


def test_weights_that_are_no_numbers_do_not_replace_a_good_checkpoint(
    judged: JudgedSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Broken):
        Trainer(checkpoint_every=0, watch=BreaksOff(2)).train(SMALL, judged, tmp_path)
    before = (tmp_path / FILE_NAME).read_bytes()
    step = torch.optim.Adam.step

    def and_overflow(optimizer: torch.optim.Adam) -> None:
        step(optimizer)
        optimizer.param_groups[0]["params"][0].data[0] = float("inf")

    monkeypatch.setattr(torch.optim.Adam, "step", and_overflow)
    with pytest.raises(MetricError, match=r"At step 2 .* weights are no longer numbers; the checkpoint of step 1"):
        Trainer().train(SMALL, judged, tmp_path)
    assert (tmp_path / FILE_NAME).read_bytes() == before


def test_who_ran_out_of_memory_goes_on_with_fewer_at_once(judged: JudgedSet, tmp_path: Path) -> None:
    with pytest.raises(Broken):
        Trainer(checkpoint_every=0, watch=BreaksOff(3)).train(SMALL, judged, tmp_path)
    fewer = replace(SMALL, computing=ComputingPart(at_once=1))
    assert Trainer().train(fewer, judged, tmp_path).resumed == 2
    assert Trainer().train(SMALL, judged, tmp_path).resumed == 4


def test_a_learning_rate_that_is_far_too_large_ends_it(judged: JudgedSet, tmp_path: Path) -> None:
    wild = replace(SMALL, schedule=replace(SMALL.schedule, learning_rate=1e30))
    with pytest.raises(MetricError, match=r"At step \d \(epoch 1\) .*; there was no checkpoint yet"):
        Trainer(checkpoint_every=1e9).train(wild, judged, tmp_path)


def test_a_gpu_that_is_too_small_is_told_with_what_fits(
    judged: JudgedSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forward = Step._forward

    def with_little_memory(step: Step, module: torch.nn.Module, batch: object, part: slice, epoch: int) -> object:
        if part.stop - part.start > room:
            raise torch.OutOfMemoryError
        return forward(step, module, batch, part, epoch)  # type: ignore[arg-type]

    monkeypatch.setattr(Step, "_forward", with_little_memory)
    room = 1
    with pytest.raises(MetricError, match=r"does not take 4 triplets at once, but 1: add --set computing\.at_once=1"):
        Trainer().train(SMALL, judged, tmp_path)
    room = 0
    with pytest.raises(MetricError, match=r"nor one alone; make data\.size_px smaller"):
        Trainer().train(SMALL, judged, tmp_path)


def test_what_fits_is_looked_for_in_free_memory(
    judged: JudgedSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error of the step that did not fit would hold its features, and too little would seem to fit."""
    forward = Step._forward
    held: list[weakref.ref[torch.Tensor]] = []

    def with_little_memory(step: Step, module: torch.nn.Module, batch: object, part: slice, epoch: int) -> object:
        assert not any(features() is not None for features in held)
        features = torch.zeros(3)
        if not held:
            held.append(weakref.ref(features))
            raise torch.OutOfMemoryError
        return forward(step, module, batch, part, epoch)  # type: ignore[arg-type]

    monkeypatch.setattr(Step, "_forward", with_little_memory)
    with pytest.raises(MetricError, match=r"but 2: add --set computing\.at_once=2, for the same gradient"):
        Trainer().train(SMALL, judged, tmp_path)


def test_a_forced_training_that_is_broken_off_is_gone_on_with(judged: JudgedSet, whole: Path, tmp_path: Path) -> None:
    other = replace(SMALL, schedule=replace(SMALL.schedule, seed=2))
    Trainer().train(other, judged, tmp_path)
    with pytest.raises(Broken):
        Trainer(force=True, checkpoint_every=0, watch=BreaksOff(3)).train(SMALL, judged, tmp_path)
    found = Trainer().train(SMALL, judged, tmp_path)
    assert found.resumed == 2 and digest(tmp_path) == digest(whole)


def test_force_forgets_a_checkpoint_at_once(judged: JudgedSet, tmp_path: Path) -> None:
    with pytest.raises(Broken):
        Trainer(checkpoint_every=0, watch=BreaksOff(2)).train(SMALL, judged, tmp_path)
    with pytest.raises(Broken):
        Trainer(force=True, checkpoint_every=1e9, watch=BreaksOff(1)).train(SMALL, judged, tmp_path)
    assert not (tmp_path / FILE_NAME).exists()


def test_a_checkpoint_that_does_not_fit_is_refused_in_a_sentence(judged: JudgedSet, tmp_path: Path) -> None:
    with pytest.raises(Broken):
        Trainer(checkpoint_every=0, watch=BreaksOff(2)).train(SMALL, judged, tmp_path)
    checkpoint = torch.load(tmp_path / FILE_NAME, weights_only=True)
    del checkpoint["model"]["metric.network.levels.0.conv1.weight"]
    torch.save(checkpoint, tmp_path / FILE_NAME)
    with pytest.raises(MetricError, match=r"checkpoint\.pt does not fit what is trained.*Remove it to begin anew"):
        Trainer().train(SMALL, judged, tmp_path)


def test_a_result_that_does_not_say_how_it_was_trained_is_not_taken(judged: JudgedSet, tmp_path: Path) -> None:
    about = about_training(SMALL, judged, {"steps": 4})
    write_trained(tmp_path / RESULT, Trainee(SMALL).metric, about)
    with pytest.raises(MetricError, match=r"metric\.safetensors does not say its training_loss"):
        Trainer().train(SMALL, judged, tmp_path)


def test_others_get_the_name_of_the_set_alone(
    judged: JudgedSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine").mkdir()
    monkeypatch.chdir(tmp_path / "mine")
    for origin, name in ((".", "mine"), ("a/b", "b"), ("postgresql://host/study", "study")):
        assert about_training(SMALL, replace(judged, origin=origin), {})["data"]["origin"] == name


def test_an_image_that_goes_bad_is_named_and_the_checkpoint_kept(noise_set: Path, tmp_path: Path) -> None:
    judged = read_judged_folders(noise_set, SMALL.data)
    for path in noise_set.glob("2afc/train/*/p1/*2.png"):
        path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(MetricError, match=r"p1/000002\.png"):
        Trainer().train(SMALL, judged, tmp_path / "run")


def test_batch_normalisation_is_not_shared_by_processes_without_gpus(judged: JudgedSet, tmp_path: Path) -> None:
    from metric.scoring.processes import Processes

    resnet = replace(SMALL, network=NetworkPart(Variant("resnet18")))
    with pytest.raises(MetricError, match=r"resnet18 has batch normalisation, which torch shares .* on GPUs only"):
        Trainer(processes=Processes(0, 2)).train(resnet, judged, tmp_path)


@pytest.mark.parametrize("verb", [["train", "paper"], ["ablate", "table5"]])
def test_what_is_shown_is_not_set_otherwise(verb: list[str]) -> None:
    found = CliRunner().invoke(shift_study.main, [*verb, "--show", "--set", "schedule.batch=3"])
    assert found.exit_code == 2 and "as it is: leave --set to" in found.output


def test_what_an_earlier_run_trained_is_said(noise_set_once: Path, tmp_path: Path) -> None:
    given = arguments(noise_set_once, tmp_path, "schedule.epochs=1", "schedule.decay_epochs=0")
    first, again = (CliRunner().invoke(shift_study.main, given, env=dict.fromkeys(ALONE)) for _ in range(2))
    assert first.output.startswith("2 steps in ") and again.output.startswith("2 steps by an earlier run. In the last")


def arguments(data: Path, output: Path, *settings: str) -> list[str]:
    given = ["network.name=alex-blur", "data.size_px=40", "schedule.batch=4", "schedule.epochs=2", *settings]
    named = [part for setting in given for part in ("--set", setting)]
    return ["train", "lpips", "--data", str(data), "-o", str(output), "--set", "network.trunk=scratch", *named]


ALONE = {"RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", "LOCAL_RANK"}
ENVIRONMENT = {name: value for name, value in os.environ.items() if name not in ALONE} | {"OMP_NUM_THREADS": "1"}


@pytest.mark.slow
def test_killed_and_begun_again_it_writes_the_same_file(noise_set_once: Path, tmp_path: Path) -> None:
    def run(output: Path) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "shift_study", *arguments(noise_set_once, output), "--checkpoint-every", "0"]
        return subprocess.Popen(command, env=ENVIRONMENT, text=True, stderr=subprocess.PIPE, stdout=subprocess.PIPE)

    killed = run(tmp_path / "killed")
    while not (tmp_path / "killed" / FILE_NAME).exists():
        assert killed.poll() is None, killed.communicate()
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert not (tmp_path / "killed" / RESULT).exists()
    for folder in ("killed", "whole"):
        process = run(tmp_path / folder)
        _, told = process.communicate()
        assert process.returncode == 0, told
        assert ("are done already; going on" in told) == (folder == "killed")
    assert digest(tmp_path / "killed") == digest(tmp_path / "whole")


@pytest.mark.slow
def test_two_processes_train_as_one_does(noise_set_once: Path, tmp_path: Path) -> None:
    torchrun = ["-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone"]
    for folder, starter in (("one", []), ("two", torchrun)):
        # Five samples a step: one process has three, the other two.
        given = arguments(noise_set_once, tmp_path / folder, "schedule.batch=5", "schedule.learning_rate=1e-6")
        command = [sys.executable, *starter, "-m", "shift_study", *given]
        subprocess.run(command, env=ENVIRONMENT, text=True, check=True, capture_output=True)
    one, two = (load_file(tmp_path / folder / RESULT) for folder in ("one", "two"))
    assert max(float((one[name] - two[name]).abs().max()) for name in one) < 1e-5


def test_a_checkpoint_of_another_network_is_refused_by_name(judged: JudgedSet, tmp_path: Path) -> None:
    with pytest.raises(Broken):
        Trainer(checkpoint_every=0, watch=BreaksOff(2)).train(SMALL, judged, tmp_path)
    other = replace(SMALL, network=NetworkPart(Variant("alexnet")))
    with pytest.raises(MetricError, match=r"another training: its configuration\.network\.\S*blur is 3 instead of 0"):
        Trainer().train(other, judged, tmp_path)
    assert (tmp_path / FILE_NAME).exists()

"""The file of a trained metric: written and read back, refused where it is not whole, and a metric by its name."""

from __future__ import annotations

import json
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

import shift_study
from metric import load
from metric.errors import MetricError
from metric.learned.lpips import LPIPS
from metric.learned.trained import build
from metric.learned.trained_record import KEY, describe_trained, read_record
from metric.loading import find_spec, load_metric
from metric.networks.build import build_network, smallest_image
from metric.networks.variant import Variant
from metric.networks.weights import fill_weights
from metric.registry import METRICS
from metric.training.trained_file import write_trained
from metric.weights.finding import Weights

BLURRED = Variant("alexnet", blur=3, padding=2, conv1_stride=1, location="blur-before-activation")
ABOUT = {
    "configuration": {
        "network": {"trunk": "scratch"},
        "loss": {"kind": "ranking"},
        "schedule": {"betas": [0.5, 0.999]},
    },
    "data": {"origin": "sets/bapps", "sha256": "ab" * 32, "votes": "human", "triplets": 100},
    "versions": {"shift-study": "0.1.0", "torch": "2.6"},
    "seed": 3,
    "steps": 20,
    "epochs": 2,
    "device": "cpu",
    "training loss": 0.69,
}


def random_metric(variant: Variant = BLURRED, seed: int = 3) -> LPIPS:
    metric = LPIPS(METRICS["lpips-alex"], build_network(variant))
    fill_weights(metric.network, seed, random=True)
    generator = torch.Generator().manual_seed(seed)
    for weights in metric.channel_weights:
        weights.data.uniform_(0, 1, generator=generator)
    return metric.eval()


@pytest.fixture(scope="module")
def metric() -> LPIPS:
    return random_metric()


@pytest.fixture(scope="module")
def written(metric: LPIPS, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("run") / "metric.safetensors"
    write_trained(path, metric, ABOUT)
    return path


def images(seed: int = 0, size: int = 32) -> torch.Tensor:
    return torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(seed))


@torch.inference_mode()
def test_what_is_read_back_is_what_was_written(written: Path, metric: LPIPS) -> None:
    found = load_metric(str(written))
    assert isinstance(found, LPIPS)
    tensors = safetensors.torch.load_file(written)
    state = metric.state_dict()
    assert set(tensors) == set(state) - {"mean", "deviation"}
    assert all(torch.equal(tensor, state[name]) for name, tensor in tensors.items())
    assert torch.equal(found(images(0), images(1)), metric(images(0), images(1)))
    assert found(images(0), images(1)).min() > 0


@pytest.mark.parametrize(
    "variant", [Variant("resnet18", blur=2), Variant("squeezenet"), Variant("alexnet", 3, 1, True)]
)
def test_every_kind_of_tensor_is_kept(variant: Variant, tmp_path: Path) -> None:
    """Statistics of batches, which are whole numbers too; fixed and predicted filters."""
    metric = random_metric(variant)
    for layer in metric.network.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            assert layer.running_mean is not None and layer.num_batches_tracked is not None
            layer.running_mean.uniform_(-1, 1)
            layer.num_batches_tracked.fill_(2**40)
    metric = metric.to(memory_format=torch.channels_last)
    path = str(tmp_path / "m.safetensors")
    write_trained(Path(path), metric, ABOUT)
    spec = find_spec(path)
    assert spec.smallest_px == smallest_image(variant)
    found = build(spec, Weights(path, spec.weights, {})).state_dict()
    assert all(torch.equal(found[name], tensor) for name, tensor in metric.state_dict().items())


def test_the_same_metric_gives_the_same_bytes(written: Path, metric: LPIPS, tmp_path: Path) -> None:
    again = tmp_path / "again.safetensors"
    write_trained(again, metric.to(memory_format=torch.channels_last), dict(reversed(ABOUT.items())))
    assert again.read_bytes() == written.read_bytes()
    write_trained(again, metric, {**ABOUT, "seed": 4})
    assert again.read_bytes() != written.read_bytes()


def test_a_file_says_what_it_is(written: Path, metric: LPIPS) -> None:
    record = read_record(written)
    assert record.variant == BLURRED
    assert record.smallest_px == 21
    assert record.parameters == sum(parameter.numel() for parameter in metric.parameters())
    assert record.about == ABOUT
    spec = describe_trained(str(written))
    assert spec.name == str(written)
    assert spec.summary == "LPIPS on alexnet (blur 3 before ReLU, pad 2, stride 1), trained on sets/bapps"
    assert spec.note == ""


def test_votes_that_are_not_of_people_are_said(metric: LPIPS, tmp_path: Path) -> None:
    path = tmp_path / "made.safetensors"
    write_trained(path, metric, {**ABOUT, "data": {**ABOUT["data"], "votes": "made by a rule"}})  # type: ignore[dict-item]
    assert find_spec(str(path)).note == "Its training set was not judged by people (votes: made by a rule)."


def test_it_is_a_loss(written: Path) -> None:
    found = load(written, device="cpu")
    image = images(1).requires_grad_()
    found(images(0), image).sum().backward()
    assert image.grad is not None and image.grad.abs().max() > 0


@torch.inference_mode()
def test_as_a_part_of_what_it_trains_it_stays_as_it_was_trained(tmp_path: Path) -> None:
    """Statistics of batches are those of its training, whatever mode the module around it is in."""
    write_trained(tmp_path / "m.safetensors", random_metric(Variant("resnet18")), ABOUT)
    found = load(tmp_path / "m.safetensors", device="cpu")
    before = found(images(0), images(1))
    around = torch.nn.ModuleDict({"loss": found}).train()
    assert torch.equal(found(images(0), images(1)), before)
    assert torch.equal(found(images(0), images(1)), before)
    assert not around["loss"].training
    assert random_metric(Variant("alexnet")).train().training


# What cannot be written


def poison(name: str, value: float) -> Callable[[LPIPS], None]:
    def change(metric: LPIPS) -> None:
        metric.state_dict()[name].view(-1)[7] = value

    return change


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (poison("channel_weights.2", -1e-9), '"channel_weights.2" has a negative channel weight'),
        (poison("channel_weights.0", float("nan")), '"channel_weights.0" in the checkpoint has values that are not'),
        (poison("network.levels.1.conv2.weight", float("inf")), "has values that are not finite"),
        (LPIPS.arrange, "cannot be written of a metric that is arranged"),
    ],
)
def test_what_could_not_be_read_is_not_written(change: Callable[[LPIPS], None], sentence: str, tmp_path: Path) -> None:
    metric = random_metric()
    change(metric)
    with pytest.raises(MetricError, match=sentence):
        write_trained(tmp_path / "m.safetensors", metric, ABOUT)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("about", "sentence"),
    [
        ({**ABOUT, "training loss": float("nan")}, "not JSON compliant"),
        ({name: part for name, part in ABOUT.items() if name != "data"}, "does not say its data"),
        ({**ABOUT, "data": {"origin": "x"}}, "does not say its votes"),
        ({**ABOUT, "configuration": []}, "damaged"),
    ],
)
def test_it_has_to_say_how_it_was_trained(about: dict[str, Any], sentence: str, metric: LPIPS, tmp_path: Path) -> None:
    with pytest.raises(MetricError, match=sentence):
        write_trained(tmp_path / "m.safetensors", metric, about)
    assert not list(tmp_path.iterdir())


def test_a_failed_writing_leaves_the_file_as_it_was(written: Path, metric: LPIPS, tmp_path: Path) -> None:
    with pytest.raises(MetricError, match=r"let it end in \.safetensors"):
        write_trained(tmp_path / "metric.pt", metric, ABOUT)
    with pytest.raises(MetricError, match="cannot be written: No such file or directory"):
        write_trained(tmp_path / "no" / "metric.safetensors", metric, ABOUT)
    assert not list(tmp_path.iterdir())


# What cannot be read


def with_text(path: Path, source: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """`source` with what it says of itself changed."""
    tensors = safetensors.torch.load_file(source)
    content = json.loads(read_text(source))
    change(content)
    safetensors.torch.save_file(tensors, path, {KEY: json.dumps(content)})
    return path


def read_text(path: Path) -> str:
    with safetensors.safe_open(path, "pt") as file:
        text: str = file.metadata()[KEY]
    return text


def with_tensors(path: Path, source: Path, change: Callable[[dict[str, torch.Tensor]], None]) -> Path:
    """`source` with its tensors changed."""
    tensors = safetensors.torch.load_file(source)
    change(tensors)
    safetensors.torch.save_file(tensors, path, {KEY: read_text(source)})
    return path


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda c: c.update(schema="shift-study/trained-metric/2"), 'of the schema .*/2", and this version reads'),
        (lambda c: c.pop("schema"), "damaged"),
        (lambda c: c.pop("variant"), "does not say its variant"),
        (lambda c: c["variant"].update(backbone="mlp"), 'cannot be built. A network has no backbone "mlp"'),
        (lambda c: c["variant"].update(full_convolution=True, backbone="resnet18"), "cannot be built"),
        (lambda c: c["variant"].update(blur=True), "damaged"),
        (lambda c: c["variant"].update(dilation=2), "damaged"),
        (lambda c: c["variant"].pop("skips"), "damaged"),
        (lambda c: c.update(smallest_px=0), "damaged"),
        (lambda c: c.update(about=[]), "damaged"),
        (lambda c: c["about"].pop("data"), "does not say its data"),
        (lambda c: c["about"]["data"].update(origin=3), "damaged"),
        (lambda c: c["about"].update(seed=float("inf")), "damaged"),
    ],
)
def test_a_file_that_says_what_cannot_be_is_refused(
    change: Callable[[dict[str, Any]], None], sentence: str, written: Path, tmp_path: Path
) -> None:
    path = with_text(tmp_path / "m.safetensors", written, change)
    with pytest.raises(MetricError, match=sentence) as error:
        find_spec(str(path))
    assert str(error.value).startswith(f"{path} is no metric that can be read: ")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda t: t.pop("channel_weights.1"), 'no "channel_weights.1"'),
        (lambda t: t.update(more=torch.zeros(1)), 'has "more", which this network does not'),
        (lambda t: t.update({"channel_weights.1": torch.zeros(1, 3, 1, 1)}), '"channel_weights.1" .* has shape'),
        (lambda t: t.update({"channel_weights.1": torch.full((1, 192, 1, 1), -1.0)}), '1" has a negative channel'),
        (lambda t: t["channel_weights.1"].fill_(float("nan")), '1" in the checkpoint has values that are not finite'),
        (lambda t: t.update({"channel_weights.1": torch.zeros(1, 192, 1, 1, dtype=torch.int32)}), "is of torch.int32"),
        (lambda t: t["channel_weights.1"].add_(1e-3), "is not as it was written"),
    ],
)
def test_tensors_of_another_network_are_refused(
    change: Callable[[dict[str, torch.Tensor]], None], sentence: str, written: Path, tmp_path: Path
) -> None:
    path = with_tensors(tmp_path / "m.safetensors", written, change)
    with pytest.raises(MetricError, match=sentence) as error:
        load_metric(str(path))
    assert str(error.value).startswith(f"{path} is not ")


def test_a_smallest_image_that_is_not_the_networks_is_refused(written: Path, tmp_path: Path) -> None:
    path = with_text(tmp_path / "m.safetensors", written, lambda content: content.update(smallest_px=3))
    with pytest.raises(MetricError, match="is not as it was written"):
        load_metric(str(path))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK\x03\x04" + bytes(100),
        struct.pack("<Q", 2**60) + b"{}",
        struct.pack("<Q", 2**64 - 1) + b"{}",
        struct.pack("<Q", 2) + b"[]",
        struct.pack("<Q", 2) + b"\xff\xff",
        struct.pack("<Q", 100_000) + b"[" * 100_000,
        *(
            struct.pack("<Q", len(header)) + header
            for header in (
                b"17",
                b'{"__metadata__": [1]}',
                b'{"__metadata__": {"shift-study": 1}}',
                b'{"w": {"dtype": "F32", "shape": [], "data_offsets": [0]}}',
                b'{"w": {"dtype": "F32", "shape": [], "data_offsets": [0, 1e999]}}',
                b'{"w": {"dtype": "F32", "shape": {"0": 1}, "data_offsets": [0, 0]}}',
                b'{"w": [1, 2]}',
                b'{"w": 1',
            )
        ),
    ],
)
def test_what_is_no_safetensors_file_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(content)
    with pytest.raises(MetricError, match=r"m\.safetensors is damaged, or not a safetensors file"):
        find_spec(str(path))


@pytest.mark.parametrize(("length", "size"), [(99_000_000, 100), (2**33, 2**33 + 8)])
def test_a_length_of_a_header_is_not_believed(length: int, size: int, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    with path.open("wb") as file:
        file.write(struct.pack("<Q", length))
        file.truncate(size)  # which takes no room on the disk
    tracemalloc.start()
    try:
        with pytest.raises(MetricError, match="is damaged, or not a safetensors file"):
            find_spec(str(path))
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_a_file_whose_end_is_missing_is_refused_without_its_tensors_being_read(written: Path, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(written.read_bytes()[:-1])
    with pytest.raises(MetricError, match="is damaged, or not a safetensors file"):
        find_spec(str(path))


def test_other_files_are_refused(written: Path, tmp_path: Path) -> None:
    other = tmp_path / "language-model.safetensors"
    safetensors.torch.save_file({"weight": torch.zeros(3)}, other, {"format": "pt"})
    with pytest.raises(MetricError, match="is a safetensors file, but of no metric"):
        find_spec(str(other))
    with pytest.raises(MetricError, match=r"There is no file .*absent\.safetensors"):
        find_spec(str(tmp_path / "absent.safetensors"))
    (tmp_path / "folder.safetensors").mkdir()
    with pytest.raises(MetricError, match=r"There is no file .*folder\.safetensors"):
        find_spec(str(tmp_path / "folder.safetensors"))
    with pytest.raises(MetricError, match=r"has its weights itself; leave out .*language-model"):
        load(written, device="cpu", weights=other)


def test_what_a_stranger_wrote_is_printed_and_not_obeyed(written: Path, tmp_path: Path) -> None:
    path = with_text(
        tmp_path / "m.safetensors", written, lambda c: c["about"]["data"].update(origin="\x1b[2Jx\ud800", votes="\x07")
    )
    assert find_spec(str(path)).summary.endswith("trained on \\x1b[2Jx\\ud800")
    run = CliRunner().invoke(shift_study.main, ["metrics", str(path)])
    assert run.exit_code == 0 and "\x1b" not in run.output and "\x07" not in run.output


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_damaged_file_is_refused_or_as_it_was(written: Path, metric: LPIPS, data: st.DataObject) -> None:
    content = bytearray(written.read_bytes())
    header = 8 + int.from_bytes(content[:8], "little")
    places = st.one_of(st.integers(0, header - 1), st.integers(0, len(content) - 1))
    damaged = written.with_name("damaged.safetensors")
    if data.draw(st.booleans()):
        content = content[: data.draw(places)]
    else:
        for _ in range(data.draw(st.integers(1, 3))):
            content[data.draw(places)] = data.draw(st.integers(0, 255))
    damaged.write_bytes(content)
    try:
        found = load_metric(str(damaged))
    except MetricError as error:
        assert str(error).startswith(f"{damaged} is ")
    else:
        assert isinstance(found, LPIPS)
        state = safetensors.torch.load_file(damaged)
        assert all(torch.equal(state[name], tensor) for name, tensor in metric.state_dict().items() if name in state)

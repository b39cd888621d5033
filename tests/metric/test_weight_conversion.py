"""`shift-study convert-weights`: published files, as their authors lay them out, become ours, or are refused."""

from __future__ import annotations

import _codecs
import json
import pickle
import re
import zipfile
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from torch import Tensor

import shift_study
from metric import weight_conversion as converting
from metric.errors import MetricError
from metric.loading import load_metric
from metric.registry import METRICS
from metric.weight_conversion import CONVERTERS, convert_weights, read_published_tensors
from metric.weights.finding import cache_folder
from tensor_bundle_writer import write_bundle
from tests.metric.given_weights import WRITERS

State = dict[str, Tensor]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SHIFT_STUDY_CACHE", str(tmp_path / "cache"))
    return cache_folder()


def run(*arguments: object) -> Result:
    return CliRunner().invoke(shift_study.main, ["convert-weights", *(str(argument) for argument in arguments)])


def _as_published(state: State) -> dict[str, np.ndarray]:
    """PIM's tensors under the names and in the layout of the authors' checkpoints, written out by hand."""
    published = {}
    for name, tensor in state.items():
        array = tensor.numpy()
        part, level, *inner, kind = name.split(".")
        kind = {"weight": "kernel", "bias": "bias"}[kind]
        layer = {"0": 0, "2": 1, "4": 2, "6": 3}[inner[-1]]
        if part == "convolutions":
            path = f"frontend/cnns/{level}/layer_with_weights-{layer}"
            array = array.transpose(2, 3, 1, 0) if kind == "kernel" else array
        else:
            branch = "base" if "means" in inner else "mix"
            path = f"marginal_encoder/encoders/{level}/{branch}/{layer}"
            if (branch, layer) == ("mix", 2):
                path = f"marginal_encoder/encoders/{level}/logit_layer"
            array = array[:, :, 0, 0].T if kind == "kernel" else array
        published[f"{path}/{kind}/.ATTRIBUTES/VARIABLE_VALUE"] = array
    published["joint_encoder/encoders/0/base/0/bias/.ATTRIBUTES/VARIABLE_VALUE"] = np.zeros(10, dtype=np.float32)
    published["save_counter/.ATTRIBUTES/VARIABLE_VALUE"] = np.array(1)
    return published


@pytest.fixture(scope="module", params=["pim-1", "pim-5"])
def pim(request: pytest.FixtureRequest) -> tuple[str, State]:
    return request.param, WRITERS[request.param]()["all"]


def _write(folder: Path, state: State) -> Path:
    folder.mkdir()
    for name, content in write_bundle(_as_published(state), text="_CHECKPOINTABLE_OBJECT_GRAPH").items():
        (folder / name).write_bytes(content)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("form", ["index", "folder", "SavedModel", "zip"])
def test_a_checkpoint_of_tensorflow_makes_pim_available(
    form: str, pim: tuple[str, State], tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, state = pim
    folder = _write(tmp_path / ("variables" if form == "SavedModel" else name), state)
    source = {"index": folder / "weights.index", "folder": folder, "SavedModel": tmp_path}.get(form)
    if source is None:
        source = tmp_path / f"{name}.zip"
        with zipfile.ZipFile(source, "w") as archive:
            for file in folder.iterdir():
                archive.write(file, f"{name}/{file.name}")
        monkeypatch.delitem(converting.PUBLISHED_ARCHIVES, name)
    result = run(name, source)
    assert result.exit_code == 0, result.output
    assert result.output.splitlines()[-1] == f"Found from now on by: {name}."
    assert METRICS[name].describe()["available"]
    written = torch.load(cache / f"{name}.pt", weights_only=True)
    assert written.keys() == state.keys()
    assert all(torch.equal(written[key], tensor) for key, tensor in state.items())
    generator = torch.Generator().manual_seed(0)
    assert load_metric(name)(*torch.rand(2, 1, 3, 16, 16, generator=generator)).item() > 0


def test_another_archive_is_refused(tmp_path: Path) -> None:
    archive = tmp_path / "pim-1.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("pim-1/weights.index", b"")
    result = run("pim-1", archive)
    assert result.exit_code == 1
    assert "is not the published archive (SHA-512 " in result.output
    assert "436b4a95e667" in result.output


def test_the_first_tensor_that_does_not_fit_is_named(tmp_path: Path, cache: Path) -> None:
    source = _write(tmp_path / "pim-5", WRITERS["pim-5"]()["all"])
    result = run("pim-1", source)
    assert result.exit_code == 1
    assert '"marginal_encoder/encoders/0/base/0/kernel" in the checkpoint has shape (50, 3, 1, 1)' in result.output
    assert not cache.exists()


def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets `pim-1` take any tensors, so that a test of files needs no network."""
    monkeypatch.setitem(CONVERTERS, "pim-1", "builtins:dict")


_ARRAYS = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.ones(1, dtype=np.float32)}


@pytest.mark.parametrize("form", ["checkpoint.pth", "arrays.npz", "arrays.pkl", "arrays.npy"])
def test_other_files_of_tensors_are_read(form: str, tmp_path: Path) -> None:
    file = tmp_path / form
    if form.endswith(".pth"):
        torch.save({name: torch.from_numpy(array) for name, array in _ARRAYS.items()}, file)
    elif form.endswith(".npz"):
        np.savez(file, **_ARRAYS)  # type: ignore[arg-type]
    elif form.endswith(".npy"):
        np.save(file, _ARRAYS)  # type: ignore[arg-type]
    else:
        file.write_bytes(pickle.dumps(_ARRAYS))
    found = read_published_tensors(file)
    assert found.keys() == _ARRAYS.keys()
    assert all(np.array_equal(found[name].numpy(), array) for name, array in _ARRAYS.items())


def _save_as_numpy_1_16(path: Path, content: object) -> None:
    """A `.npy` file by the protocol of that time, in which bytes are text that is to be encoded."""
    header = {"descr": "|O", "fortran_order": False, "shape": ()}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        pickle.dump(np.array(content, dtype=object), file, protocol=2)


def test_the_file_of_elpips_is_converted(tmp_path: Path, cache: Path) -> None:
    ours = WRITERS["elpips-vgg"]()["linear"]
    published = {name: tensor.permute(0, 2, 1, 3).numpy() for name, tensor in ours.items()}
    _save_as_numpy_1_16(tmp_path / "vgg_full_avg.npy", published)
    result = run("elpips-vgg", tmp_path / "vgg_full_avg.npy")
    assert result.exit_code == 0, result.output
    assert result.output.splitlines()[-1] == "Found from now on by: elpips-vgg."
    written = torch.load(cache / METRICS["elpips-vgg"].weights[0].cache_name, weights_only=True)
    assert written.keys() == ours.keys()
    assert all(torch.equal(written[name], tensor) for name, tensor in ours.items())


def test_what_was_written_is_said(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _small(monkeypatch)
    source = tmp_path / "arrays.npz"
    np.savez(source, **_ARRAYS)  # type: ignore[arg-type]
    found = json.loads(run("pim-1", source, "--json").output)
    assert found == {
        "metric": "pim-1",
        "source": str(source),
        "tensors_read": 2,
        "output": str(cache / "pim-1.pt"),
        "tensors": 2,
        "parameters": 7,
        "serves": ["pim-1"],
    }
    elsewhere = tmp_path / "mine.pt"
    result = run("pim-1", source, "-o", elsewhere)
    assert result.output.splitlines()[-1] == f"To use it: --weights pim-1={elsewhere}"
    assert torch.load(elsewhere, weights_only=True)["a"].shape == (2, 3)
    assert [file.name for file in cache.iterdir()] == ["pim-1.pt"]


def test_a_file_that_exists_is_kept_unless_forced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _small(monkeypatch)
    source, output = tmp_path / "arrays.npz", tmp_path / "mine.pt"
    np.savez(source, **_ARRAYS)  # type: ignore[arg-type]
    output.write_text("precious")
    result = run("pim-1", source, "-o", output)
    assert result.exit_code == 1
    assert "mine.pt exists already; give another name with -o, or --force to replace it." in result.output
    assert output.read_text() == "precious"
    assert run("pim-1", source, "-o", output, "--force").exit_code == 0
    assert torch.load(output, weights_only=True).keys() == _ARRAYS.keys()


class _Harm:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("harm",)


class _Codec:
    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return _codecs.encode, ("harm", "rot13")


def test_files_that_are_no_weights_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = tmp_path / "weights.pth"
    text.write_text("no weights")
    harm = tmp_path / "harm.npz"
    np.savez(harm, a=np.array([_Harm()], dtype=object))
    pickled_harm = tmp_path / "harm.npy"
    _save_as_numpy_1_16(pickled_harm, {"a": _Harm()})
    codec = tmp_path / "codec.npy"
    _save_as_numpy_1_16(codec, {"a": _Codec()})
    array = tmp_path / "array.npy"
    np.save(array, np.zeros(3))
    words = tmp_path / "words.npz"
    np.savez(words, a=np.array(["word"]))
    no_array = tmp_path / "text.npz"
    with zipfile.ZipFile(no_array, "w") as members:
        members.writestr("a.txt", "word")
    one_byte = tmp_path / "one.pth"
    one_byte.write_bytes(b"\x80")
    index = tmp_path / "alone.index"
    index.write_bytes(write_bundle(_ARRAYS, "alone")["alone.index"])
    empty = tmp_path / "empty"
    empty.mkdir()
    for path, sentence in [
        (tmp_path / "nowhere.pth", "There is no file .*nowhere.pth; give the file that the authors publish"),
        (text, "not a file of weights that torch can read safely"),
        (harm, "not a file of NumPy arrays that can be read safely"),
        (pickled_harm, r"harm\.npy asks for \w+\.print, which is no part of an array"),
        (codec, r"codec\.npy is not a pickle of NumPy arrays"),
        (array, r"array\.npy is not a pickle of NumPy arrays"),
        (words, '"a" is an array of <U4 instead of numbers'),
        (no_array, r'"a\.txt" is an array of \|S4 instead of numbers'),
        (one_byte, r"one\.pth is damaged or not a file of weights"),
        (index, "alone.data-00000-of-00001 cannot be read: No such file or directory; a checkpoint needs it"),
        (empty, "empty has 0 checkpoints of TensorFlow"),
    ]:
        with pytest.raises(MetricError, match=sentence):
            read_published_tensors(path)
    assert "harm" not in capsys.readouterr().out


def test_a_damaged_archive_is_refused(tmp_path: Path) -> None:
    npz, checkpoint = tmp_path / "arrays.npz", tmp_path / "pim-1.zip"
    numbers = np.arange(1000, dtype=np.float32)
    np.savez(npz, a=numbers)
    with zipfile.ZipFile(checkpoint, "w") as archive:
        for name, content in write_bundle({"a": numbers}).items():
            archive.writestr(name, content)
    for path, sentence in [
        (npz, r"arrays\.npz is not a file of NumPy arrays that can be read safely"),
        (checkpoint, r"pim-1\.zip has no readable weights\.data-00000-of-00001; fetch it again"),
    ]:
        content = path.read_bytes()
        assert np.array_equal(read_published_tensors(path)["a"].numpy(), numbers)
        middle = content.index(numbers[500:510].tobytes())
        path.write_bytes(content[:middle] + b"\xff" + content[middle + 1 :])
        with pytest.raises(MetricError, match=sentence):
            read_published_tensors(path)
        for damaged in (content[:-9], content.replace(b"PK\1\2", b"PK\1\3")):  # the list of members, at the end
            path.write_bytes(damaged)
            with pytest.raises(MetricError, match="read safely"):
                read_published_tensors(path)


def test_numbers_of_another_byte_order_are_read(tmp_path: Path) -> None:
    np.savez(tmp_path / "arrays.npz", a=np.arange(3, dtype=">f4"), one=np.array(2.5))
    found = read_published_tensors(tmp_path / "arrays.npz")
    assert found["a"].tolist() == [0, 1, 2]
    assert found["one"].shape == ()


@pytest.mark.parametrize(
    ("metric", "sentence"),
    [
        ("ssim", "ssim takes no published file to convert; those that do are"),
        ("no-such", 'There is no metric "no-such"'),
    ],
)
def test_a_metric_without_a_published_file_is_refused(metric: str, sentence: str, tmp_path: Path) -> None:
    result = run(metric, tmp_path / "file")
    assert result.exit_code == 1
    assert sentence in result.output


def test_an_output_in_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MetricError, match=r"There is no folder .*nowhere to write mine\.pt into"):
        convert_weights("pim-1", tmp_path / "file", tmp_path / "nowhere" / "mine.pt")


@pytest.mark.parametrize("converter", CONVERTERS.values())
def test_converters_exist(converter: str) -> None:
    module, _, function = converter.partition(":")
    assert callable(getattr(import_module(module), function))


def test_the_verb_converts_what_the_metrics_say_that_it_converts() -> None:
    said = {
        metric
        for spec in METRICS.values()
        for need in spec.weights
        for metric in re.findall(r"shift-study convert-weights (\S+)", need.published)
    }
    assert {"pim-1", "pim-5", "pieapp-dense"} <= said <= set(CONVERTERS)

"""Metrics that are not of this project: functions, pyiqa (a stand-in for it), and metrics of installed packages.

The stand-in for pyiqa has what was seen of pyiqa 0.1.16 itself: `create_metric(name, device, as_loss,
loss_reduction)`, a model called as `model(image, reference)` that gives (N,) or (N, 1), a table of `metric_mode`
and `lower_better` in `pyiqa.default_model_configs`, words on stdout, and downloads without asking.
"""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from torch import Tensor, nn

import shift_study
from metric.errors import MetricError
from metric.loading import find_spec, load_metric
from metric.outside import resolving
from metric.registry import METRICS
from metric.registry.spec import MetricSpec

_PAIR = (torch.zeros(2, 3, 16, 16), torch.full((2, 3, 16, 16), 0.5))

_FUNCTIONS = """
import torch

def mean_difference(reference, images):
    return (reference - images).abs().mean(dim=(1, 2, 3))

def one_number(reference, images):
    return (reference - images).abs().mean()

def a_list(reference, images):
    return [0.0] * len(images)

def whole_numbers(reference, images):
    return torch.zeros(len(images), dtype=torch.long)

def not_a_number(reference, images):
    return torch.full((len(images),), float("nan"))

def failing(reference, images):
    raise IndexError("no such thing")

number = 3

class Module(torch.nn.Module):
    def forward(self, reference, images):
        return (reference - images).abs().mean(dim=(1, 2, 3))

class Demanding:
    def __init__(self, size):
        pass

class NotCallable:
    pass
"""

_FILE = """
from beside import SCALE
from metric.interface import FeatureMetric

class Scaled(FeatureMetric):
    def features(self, images):
        return (images,)

    def distance(self, reference, images):
        return SCALE * (reference[0] - images[0]).abs().mean(dim=(1, 2, 3))
"""


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A module `my_metrics` in the current folder, which is not otherwise on Python's path."""
    (tmp_path / "my_metrics.py").write_text(_FUNCTIONS)
    (tmp_path / "my_broken.py").write_text("1 / 0")
    (tmp_path / "my_empty.py").write_text("import torch\n_hidden = torch.nn.ReLU")
    monkeypatch.chdir(tmp_path)
    yield
    sys.modules.pop("my_metrics", None)


def test_a_function_meets_one_image_of_either_kind_with_many(tmp_path: Path) -> None:
    file = tmp_path / "difference.py"
    file.write_text(
        "def difference(references, images): return (references[:, 0] - images[:, 0]).abs().mean(dim=(1, 2))"
    )
    metric = load_metric(str(file))
    one, many = torch.zeros(1, 3, 8, 8), torch.tensor([0.25, 0.5])[:, None, None, None].expand(2, 3, 8, 8)
    assert metric(one, many).tolist() == metric(many, one).tolist() == [0.25, 0.5]
    assert metric(one.double(), many.double()).dtype == torch.float64


def test_a_function_is_a_metric(mine: None) -> None:
    metric = load_metric("my_metrics:mean_difference")
    assert metric(*_PAIR).tolist() == [0.5, 0.5]
    assert metric(_PAIR[0], _PAIR[0]).tolist() == [0.0, 0.0]
    one_reference = metric.distance(metric.features(_PAIR[0][:1]), metric.features(_PAIR[1]))
    assert one_reference.tolist() == [0.5, 0.5]


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        ("one_number", r"one_number gives shape \(\) for 2 pairs instead of \(2,\)"),
        ("a_list", "a_list gives a list instead of a tensor"),
        ("whole_numbers", r"whole_numbers gives type torch\.int64 instead of float"),
        ("not_a_number", "not_a_number gives a distance that is not a finite number"),
        ("failing", "my_metrics:failing failed with IndexError: no such thing"),
    ],
)
def test_what_a_function_does_wrong_is_said(function: str, sentence: str, mine: None) -> None:
    metric = load_metric(f"my_metrics:{function}")
    with pytest.raises(MetricError, match=sentence):
        metric(*_PAIR)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("my_metrics:gone", 'module my_metrics has no "gone"'),
        ("my_metrics:number", "my_metrics:number is not a function"),
        ("my_metrics.py", "my_metrics.py has several: mean_difference, .*Module, .*; say which one"),
        ("my_metrics.py:gone", 'file my_metrics.py has no "gone"'),
        ("my_empty.py", "my_empty.py has no function or class; say which one"),
        ("my_broken.py:f", "my_broken.py:f cannot be imported: ZeroDivisionError"),
        ("no_such_file.py:f", "no_such_file.py:f cannot be read: No such file"),
        ("no_such_module:f", "cannot be imported: there is no module no_such_module"),
        ("my_broken:f", "my_broken:f cannot be imported: ZeroDivisionError"),
        ("my-metrics:f", 'There is no metric "my-metrics:f"'),
    ],
)
def test_a_function_that_is_not_there_is_said(name: str, sentence: str, mine: None) -> None:
    with pytest.raises(MetricError, match=sentence):
        find_spec(name)


@pytest.mark.parametrize("name", ["my_metrics:Module", "my_metrics.py:Module", "my_metrics.py:mean_difference"])
def test_a_class_and_what_is_in_a_file_are_metrics_too(name: str, mine: None) -> None:
    metric = load_metric(name)
    assert metric(*_PAIR).tolist() == [0.5, 0.5]
    assert metric(_PAIR[0], _PAIR[0]).tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("my_metrics:Demanding", "my_metrics:Demanding cannot be made with no arguments: TypeError: .*size"),
        ("my_metrics.py:NotCallable", "my_metrics.py:NotCallable makes what cannot be called with a reference and"),
    ],
)
def test_a_class_that_makes_no_metric_is_said(name: str, sentence: str, mine: None) -> None:
    with pytest.raises(MetricError, match=sentence):
        load_metric(name)


def test_a_feature_metric_of_a_file_is_taken_as_it_is_with_what_lies_beside_it(tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("SCALE = 2")
    file = tmp_path / "metric.py"  # a name that is taken
    file.write_text(_FILE)
    metric = load_metric(str(file))
    assert type(metric).__name__ == "Scaled"
    assert metric(*_PAIR).tolist() == [1.0, 1.0]
    (tmp_path / "beside.py").write_text("SCALE = 4")
    file.write_text(_FILE.replace("SCALE *", "0 *"))
    assert load_metric(f"{file}:Scaled")(*_PAIR).tolist() == [0.0, 0.0]
    sys.modules.pop("beside")


def test_an_edited_function_has_another_version(mine: None, tmp_path: Path) -> None:
    version = find_spec("my_metrics:a_list").version
    assert version == find_spec("my_metrics:a_list").version != ""
    (tmp_path / "my_metrics.py").write_text(_FUNCTIONS + "# something else\n")
    assert find_spec("my_metrics:a_list").version != version


def test_distance_takes_a_function(mine: None) -> None:
    for name, grey in (("a.png", 0), ("b.png", 255)):
        Image.new("RGB", (16, 16), (grey, grey, grey)).save(name)
    arguments = ["distance", "a.png", "b.png", "--metric", "my_metrics:mean_difference", "--json"]
    result = CliRunner().invoke(shift_study.main, arguments)
    assert json.loads(result.stdout)["distance"] == 1.0


class _Similarity(nn.Module):
    def __init__(self, fetches: bool) -> None:
        super().__init__()
        self.fetches = fetches

    def forward(self, image: Tensor, reference: Tensor) -> Tensor:
        print("a word on stdout")
        if self.fetches:
            socket.create_connection(("127.0.0.1", 9))
        return 1 - (image - reference).abs().mean(dim=(1, 2, 3)).unsqueeze(1)


@pytest.fixture
def pyiqa(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for pyiqa."""

    def create_metric(name: str, *, device: Any, as_loss: bool, loss_reduction: str) -> nn.Module:
        print("another word on stdout")
        if name == "fetching":
            socket.getaddrinfo("localhost", 80)
        if name == "broken":
            raise TypeError("cannot be built")
        return _Similarity(fetches=name == "fetching-later")

    package, configurations = ModuleType("pyiqa"), ModuleType("pyiqa.default_model_configs")
    package.create_metric = create_metric  # type: ignore[attr-defined]
    package.__path__ = []
    package.__version__ = "0.1"  # type: ignore[attr-defined]
    full_reference = ("alike", "fetching", "fetching-later", "broken")
    configurations.DEFAULT_CONFIGS = {  # type: ignore[attr-defined]
        "alone": {"metric_mode": "NR"},
        "distant": {"metric_mode": "FR", "lower_better": True},
    } | {name: {"metric_mode": "FR"} for name in full_reference}
    monkeypatch.setitem(sys.modules, "pyiqa", package)
    monkeypatch.setitem(sys.modules, "pyiqa.default_model_configs", configurations)


def test_pyiqa_says_its_direction_and_licence(pyiqa: None, capsys: pytest.CaptureFixture[str]) -> None:
    metric = load_metric("pyiqa:alike")
    assert metric.spec.lower_is_more_similar is False
    assert metric.spec.identical is None
    assert metric(*_PAIR).tolist() == [0.5, 0.5]
    assert metric(_PAIR[0], _PAIR[0]).tolist() == [1.0, 1.0]
    said = capsys.readouterr()
    assert said.out == ""  # stdout is for figures
    assert "non-commercial use only (PolyForm-Noncommercial-1.0.0)" in said.err
    assert find_spec("pyiqa:distant").lower_is_more_similar is True
    assert find_spec("pyiqa:distant").code_licence == "PolyForm-Noncommercial-1.0.0"


def test_gradients_reach_the_image_through_pyiqa(pyiqa: None) -> None:
    metric = load_metric("pyiqa:alike")
    image = _PAIR[1].clone().requires_grad_()
    metric(_PAIR[0], image).sum().backward()
    assert image.grad is not None
    assert image.grad.abs().sum() > 0


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("gone", 'pyiqa has no metric "gone"'),
        ("alone", "pyiqa:alone compares no image with a reference"),
        ("fetching", "pyiqa wants to download weights for pyiqa:fetching; allow it with --download"),
        ("broken", r"pyiqa cannot build pyiqa:broken \(TypeError: cannot be built\)"),
    ],
)
def test_what_pyiqa_cannot_do_is_said(name: str, sentence: str, pyiqa: None) -> None:
    with pytest.raises(MetricError, match=sentence):
        load_metric(f"pyiqa:{name}")


def test_pyiqa_opens_no_connection_later_either(pyiqa: None) -> None:
    with pytest.raises(MetricError, match=r"fetching-later failed with .*the network is not used without --download"):
        load_metric("pyiqa:fetching-later")(*_PAIR)


def test_the_network_is_free_again_afterwards(pyiqa: None) -> None:
    before = (socket.getaddrinfo, socket.socket.connect)
    load_metric("pyiqa:alike")(*_PAIR)
    assert (socket.getaddrinfo, socket.socket.connect) == before


def test_pyiqa_may_download_where_it_is_told_to(pyiqa: None) -> None:
    assert load_metric("pyiqa:fetching", download=True)(*_PAIR).tolist() == [0.5, 0.5]


def test_pyiqa_that_is_not_installed_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])
    for name in [name for name in sys.modules if name.partition(".")[0] == "pyiqa"]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(MetricError, match=r"pyiqa is not installed: pip install pyiqa; .*non-commercial"):
        find_spec("pyiqa:ssim")


SPEC = MetricSpec("theirs", "of another package", "them", "metric.classical.pixel_error:build_l2", smallest_px=1)


def a_spec() -> MetricSpec:
    return SPEC


def broken() -> MetricSpec:
    raise OSError("no disk")


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch) -> None:
    """What installed packages offer as entry points: two metrics that work, and three that do not."""
    module = ModuleType("their_metrics")
    vars(module).update(SPEC=SPEC, a_spec=a_spec, broken=broken)
    monkeypatch.setitem(sys.modules, "their_metrics", module)
    targets = {"theirs": "SPEC", "called": "a_spec", "broken": "broken", "gone": "gone", "odd": "__name__"}
    entries = [EntryPoint(name, f"their_metrics:{target}", resolving.GROUP) for name, target in targets.items()]
    monkeypatch.setattr(resolving, "entry_points", lambda group: entries)


def test_a_package_offers_a_metric(offered: None) -> None:
    assert find_spec("theirs") == SPEC
    assert load_metric("theirs")(*_PAIR).tolist() == [0.25, 0.25]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("broken", r'"broken" of the package .* is broken \(OSError: no disk\)'),
        ("gone", r'"gone" of the package .* is broken \(AttributeError'),
        ("odd", "is a str instead of a MetricSpec"),
        ("called", 'offers "called", but the metric calls itself "theirs"'),
    ],
)
def test_a_broken_metric_of_a_package_is_said(name: str, sentence: str, offered: None) -> None:
    with pytest.raises(MetricError, match=sentence):
        find_spec(name)


def test_metrics_lists_what_packages_offer_and_what_is_broken(offered: None) -> None:
    result = CliRunner().invoke(shift_study.main, ["metrics", "--json"])
    listed = json.loads(result.stdout)
    names = [metric["metric"] for metric in listed["metrics"]]
    assert names == [*METRICS, "theirs"]
    assert set(listed["broken"]) == {"called", "broken", "gone", "odd"}
    table = CliRunner().invoke(shift_study.main, ["metrics"])
    assert table.exit_code == 0
    assert "(OSError: no disk)" in table.stdout

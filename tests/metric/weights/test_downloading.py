"""Downloads: only when asked, by torchvision's own mechanism, from a server of this test."""

from __future__ import annotations

import hashlib
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from metric.errors import MetricError
from metric.loading import load_metric
from metric.registry import METRICS, backbones
from metric.weights.finding import Weights, find_weights, torch_cache_folder
from metric.weights.needs import TorchvisionWeights

pytestmark = pytest.mark.slow  # to import torchvision takes longer than most tests


@dataclass
class Publisher:
    """A local server of one file; `content` None answers 404, `cut` leaves out the last bytes of it."""

    address: str
    content: bytes | None = None
    cut: int = 0
    requests: int = 0


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            published.requests += 1
            if published.content is None:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(published.content)))
            self.end_headers()
            self.wfile.write(published.content[: len(published.content) - published.cut])

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    published = Publisher(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=partial(server.serve_forever, poll_interval=0.01))
    thread.start()
    yield published
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def need(publisher: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> backbones.WeightsNeed:
    """SqueezeNet's convolutions, published by the local server under torchvision's rules and found nowhere else."""
    import torchvision

    monkeypatch.setenv("SHIFT_STUDY_CACHE", str(tmp_path / "ours"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    source = tmp_path / "squeezenet.pth"
    torch.save(torchvision.models.squeezenet1_1(weights=None).state_dict(), source)
    publisher.content = source.read_bytes()
    file = f"squeezenet-{hashlib.sha256(publisher.content).hexdigest()[:8]}.pth"
    entry = torchvision.models.Weights(
        url=f"{publisher.address}/{file}", transforms=SimpleNamespace, meta={"_file_size": 4.7}
    )
    enum = torchvision.models.WeightsEnum("Published_Weights", {"IMAGENET1K_V1": entry})
    monkeypatch.setattr(torchvision.models, "Published_Weights", enum, raising=False)
    return replace(backbones.SQUEEZENET, download=TorchvisionWeights("Published_Weights.IMAGENET1K_V1", file))


def test_a_download_says_what_comes_from_where_and_is_made_once(
    need: backbones.WeightsNeed, publisher: Publisher, capfd: pytest.CaptureFixture[str]
) -> None:
    read = Weights("lpips-squeeze", (need,), {}, download=True).read("backbone")
    assert "features.0.weight" in read
    assert not any(name.startswith("classifier.") for name in read)
    said = capfd.readouterr().err.splitlines()[0]
    assert said == (
        "Downloading the convolutions of torchvision's SqueezeNet 1.1 "
        "(Published_Weights.IMAGENET1K_V1, 5 MB) from 127.0.0.1"
    )
    again = Weights("lpips-squeeze", (need,), {}, download=True).read("backbone")
    assert torch.equal(again["features.0.weight"], read["features.0.weight"])
    assert publisher.requests == 1
    found = find_weights(need)
    assert found is not None
    assert found.how == "torch's cache"


def test_nothing_is_downloaded_unasked(need: backbones.WeightsNeed, publisher: Publisher) -> None:
    with pytest.raises(MetricError, match="have torchvision download them, once, with --download"):
        Weights("lpips-squeeze", (need,), {}).read("backbone")
    assert publisher.requests == 0


def test_a_metric_is_loaded_with_a_download(
    need: backbones.WeightsNeed, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = METRICS["lpips-squeeze"]
    monkeypatch.setitem(METRICS, "lpips-squeeze", replace(spec, weights=(need, spec.weights[1])))
    load_metric("lpips-squeeze", download=True)
    assert publisher.requests == 1


@pytest.mark.parametrize("fault", ["other content", "cut off", "missing"])
def test_a_faulty_answer_is_refused_and_leaves_nothing(
    fault: str, need: backbones.WeightsNeed, publisher: Publisher
) -> None:
    assert publisher.content is not None
    if fault == "other content":
        publisher.content = publisher.content[:-1] + b"?"
    elif fault == "cut off":
        publisher.cut = 1000
    else:
        publisher.content = None
    sentence = (
        "does not give .*404" if fault == "missing" else "is damaged or not the published file; download it again"
    )
    with pytest.raises(MetricError, match=sentence):
        Weights("lpips-squeeze", (need,), {}, download=True).read("backbone")
    assert find_weights(need) is None
    assert not list(torch_cache_folder().glob("*"))


def test_no_network_is_said(need: backbones.WeightsNeed, monkeypatch: pytest.MonkeyPatch) -> None:
    import torchvision

    enum = torchvision.models.Published_Weights  # type: ignore[attr-defined]
    port_of_nobody = "http://127.0.0.1:1/squeezenet.pth"
    monkeypatch.setattr(enum["IMAGENET1K_V1"].value, "url", port_of_nobody)
    with pytest.raises(MetricError, match=r"127\.0\.0\.1 cannot be reached .*check the network, or give the file"):
        Weights("lpips-squeeze", (need,), {}, download=True).read("backbone")


def test_a_full_disk_is_said(need: backbones.WeightsNeed, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("torch.hub.download_url_to_file", full)
    with pytest.raises(MetricError, match=r"cannot be written \(No space left on device\); make room"):
        Weights("lpips-squeeze", (need,), {}, download=True).read("backbone")


def test_a_folder_that_cannot_be_made_is_said(need: backbones.WeightsNeed, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "torch", ignore_errors=True)
    (tmp_path / "torch").write_text("a file where torch wants its folder")
    with pytest.raises(MetricError, match=r"cannot be written .*set TORCH_HOME"):
        Weights("lpips-squeeze", (need,), {}, download=True).read("backbone")

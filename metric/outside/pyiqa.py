"""The full-reference metrics of the package pyiqa, where the user has installed it.

Its licence, PolyForm Noncommercial 1.0.0, allows no commercial use, so this project neither depends on it nor
has any of its code; it says so whenever one of its metrics is used.
"""

from __future__ import annotations

import contextlib
import socket
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from unittest import mock

import torch
from torch import Tensor, nn

from metric.errors import MetricError
from metric.outside.function import FunctionMetric
from metric.registry.spec import MetricSpec

if TYPE_CHECKING:
    from metric.weights.finding import Weights

LICENCE = "PolyForm-Noncommercial-1.0.0"
_PREFIX = "pyiqa:"


class PyiqaMetric(FunctionMetric):
    """A model of pyiqa; as there, its value may grow or shrink with similarity (`spec.lower_is_more_similar`)."""

    def __init__(self, spec: MetricSpec, model: nn.Module, download: bool) -> None:
        super().__init__(spec, self._evaluate)
        self.model = model
        self._download = download

    def _evaluate(self, reference: Tensor, images: Tensor) -> Tensor:
        with _quietly(self._download):
            values: Tensor = self.model(images, reference)
        # The models give (N,), (N, 1) or, of one pair, a number.
        return values.reshape(len(images)) if values.numel() == len(images) else values


def describe_pyiqa(name: str) -> MetricSpec:
    """The record of `pyiqa:NAME`.

    Raises:
        MetricError: where pyiqa is not installed or broken, has no such metric, or has one that takes no reference.
    """
    wanted = name.removeprefix(_PREFIX)
    configurations = _configurations()
    import pyiqa

    if wanted not in configurations:
        raise MetricError(f'pyiqa has no metric "{wanted}"; pyiqa.list_models() lists those that it has.')
    configuration = configurations[wanted]
    if configuration.get("metric_mode") != "FR":
        raise MetricError(f"{name} compares no image with a reference; name a full-reference metric of pyiqa.")
    return MetricSpec(
        name=name,
        summary=f"{wanted} of the package pyiqa",
        source="the package pyiqa",
        factory=f"{__name__}:build",
        smallest_px=1,
        code_licence=LICENCE,
        converts_to="as pyiqa does",
        lower_is_more_similar=bool(configuration.get("lower_better", False)),
        deterministic=False,
        version=f"pyiqa {pyiqa.__version__}",
        note="pyiqa is for non-commercial use only. It finds its weights itself, and fetches them only with "
        "--download. Whether the same pair always has the same value it does not say.",
    )


def build(spec: MetricSpec, weights: Weights) -> PyiqaMetric:
    """The metric on the CPU.

    Raises:
        MetricError: where pyiqa cannot build it, which without `download` may be because weights are missing.
    """
    import pyiqa

    print(f"{spec.name} is of the package pyiqa, which is for non-commercial use only ({LICENCE}).", file=sys.stderr)
    download = weights.may_download
    try:
        with _quietly(download):
            # As a loss, so that gradients flow; unreduced, so that there is a value for each pair.
            model = pyiqa.create_metric(
                spec.name.removeprefix(_PREFIX), device=torch.device("cpu"), as_loss=True, loss_reduction="none"
            )
    except _NetworkRefusedError as error:
        raise MetricError(f"pyiqa wants to download weights for {spec.name}; allow it with --download.") from error
    except Exception as error:
        raise MetricError(
            f"pyiqa cannot build {spec.name} ({type(error).__name__}: {error}).{_hint(download)}"
        ) from error
    return PyiqaMetric(spec, model, download)


def _hint(download: bool) -> str:
    return "" if download else " If it lacks weights, allow their download with --download."


def _configurations() -> dict[str, dict[str, Any]]:
    try:
        with _quietly(download=False):
            from pyiqa.default_model_configs import DEFAULT_CONFIGS
    except ModuleNotFoundError as error:
        if error.name == "pyiqa":
            raise MetricError(
                f"pyiqa is not installed: pip install pyiqa; mind that it is for non-commercial use only ({LICENCE})."
            ) from error
        raise MetricError(f"pyiqa cannot be imported: it lacks the module {error.name}.") from error
    except Exception as error:
        raise MetricError(f"pyiqa cannot be imported ({type(error).__name__}: {error}).") from error
    return dict(DEFAULT_CONFIGS)


class _NetworkRefusedError(RuntimeError):
    """Something wanted to use the network. No OSError: those are taken for a passing fault, and tried again."""


@contextlib.contextmanager
def _quietly(download: bool) -> Iterator[None]:
    """What is printed goes to stderr, since stdout is for figures; without `download`, no connection is opened.

    pyiqa fetches weights by four libraries, some of them at the first call only, and has no switch for it. So
    it is done where all four pass.
    """

    def refuse(*_: object, **__: object) -> None:
        raise _NetworkRefusedError("the network is not used without --download")

    with contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.redirect_stdout(sys.stderr))
        if not download:
            if "huggingface_hub" in sys.modules:  # so that it takes what its cache has without asking
                stack.enter_context(mock.patch("huggingface_hub.constants.HF_HUB_OFFLINE", True))
            stack.enter_context(mock.patch.object(socket, "getaddrinfo", refuse))
            stack.enter_context(mock.patch.object(socket.socket, "connect", refuse))
        yield

"""SSIM and its kin of large images, computed in strips, are those of the whole."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from examples import examples
from metric.classical import similarity_maps
from metric.interface import FeatureMetric
from metric.loading import load_metric


def _values(metric: FeatureMetric, reference: torch.Tensor, images: torch.Tensor) -> list[torch.Tensor]:
    """A distance, its gradients to both, and where there is one the map and its gradient."""
    both = [tensor.clone().requires_grad_() for tensor in (reference, images)]
    distances = metric(*both)
    found = [distances.detach(), *torch.autograd.grad(distances.square().sum(), both)]
    if metric.spec.name in ("ssim", "dssim"):
        maps = metric.map(*both)
        found += [maps.detach(), *torch.autograd.grad(maps.square().sum(), both)]
    return found


@pytest.mark.parametrize("name", ["ssim", "dssim", "ms-ssim", "ssim-y", "ms-ssim-y"])
@settings(max_examples=examples(2), deadline=None)
@given(strips=st.integers(2, 5), more=st.integers(0, 20), references=st.integers(1, 2))
def test_strips_are_the_whole(name: str, strips: int, more: int, references: int) -> None:
    metric = load_metric(name)
    height, width = max(metric.spec.smallest_px, 30) + more, max(metric.spec.smallest_px, 31)
    at_once = height * width // strips
    random = torch.Generator().manual_seed(height)
    reference = torch.rand(references, 3, height, width, generator=random, dtype=torch.float64)
    images = (reference + 0.1 * torch.randn(2, 3, height, width, generator=random, dtype=torch.float64)).clamp(0, 1)
    expected = _values(metric, reference, images)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(similarity_maps, "_AT_ONCE", at_once)
        found = _values(metric, reference, images)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-11, atol=1e-13 * float(other.abs().max()))
    torch.testing.assert_close(found[0], expected[0], rtol=1e-13, atol=0)


def test_only_the_image_is_kept_of_a_large_one() -> None:
    large = torch.zeros(1, 3, 800, 700)
    for name in ("ssim", "ms-ssim"):
        (kept,) = load_metric(name).features(large)
        assert kept is large


@pytest.mark.slow
def test_a_large_image_takes_less_than_one_of_its_maps_would() -> None:
    program = """
import resource, torch
from metric import load
image = torch.rand(1, 3, 2000, 2000)
other = (0.9 * image).requires_grad_()
metric = load("ssim", device="cpu")
small = torch.zeros(1, 3, 32, 32, requires_grad=True)
metric(small, small).backward()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
metric(image, other).backward()
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 2**10)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    # Each of two dozen maps in float64 is 92 MiB, and the gradient itself 46.
    assert float(done.stdout) < 250

"""The benchmark of training steps compares two ways that compute the same."""

from __future__ import annotations

import pytest

from benchmarks.training_speed import _kind, compare, differences, triplets


def test_both_ways_have_the_same_loss_and_gradient() -> None:
    found = differences("alex", 64, triplets(64, 2))
    assert found["loss_difference"] < 1e-5
    assert found["gradient_difference"] < 1e-2


def test_a_blur_is_told_from_a_convolution() -> None:
    assert _kind("aten::mkldnn_convolution", [[2, 64, 30, 30], [64, 1, 3, 3]]) == "blur and pooling"
    assert _kind("aten::convolution_backward", [[2, 192, 8, 8], [2, 64, 8, 8], [192, 64, 5, 5]]) == "convolution"
    assert _kind("aten::max_pool2d_with_indices", [[2, 64, 8, 8]]) == "blur and pooling"
    assert _kind("aten::mul", [[2, 64, 8, 8]]) == "rest"


@pytest.mark.slow
def test_both_ways_take_turns() -> None:
    found = compare("alex-before-activation-stride1", 64, 1, seconds=0)
    assert found["turns"] == 3
    assert sum(found["shares"].values()) == pytest.approx(1)
    assert found["loss_difference"] < 1e-5

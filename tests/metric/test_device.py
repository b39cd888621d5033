"""What a computation sets for itself."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
import torch

from metric.device import exact_float32


def _set() -> tuple[bool, bool, bool]:
    cudnn = torch.backends.cudnn
    return cudnn.deterministic, cudnn.allow_tf32, cudnn.benchmark


@pytest.mark.skipif(torch.cuda.is_initialized(), reason="a GPU is in use")
def test_threads_on_a_cpu_leave_the_settings_of_gpus_as_they_were(request: pytest.FixtureRequest) -> None:
    request.addfinalizer(partial(sys.setswitchinterval, sys.getswitchinterval()))
    sys.setswitchinterval(1e-5)

    def compute(_: int) -> None:
        with exact_float32():
            sum(range(200))

    before = _set()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(compute, range(1000)))
    assert _set() == before

"""Which device computes, and with which precision."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, TypeAlias

import torch
from torch import Tensor
from torch.autograd import forward_ad

from metric.errors import MetricError

Precision: TypeAlias = Literal["float32", "bfloat16"]


def choose_device(name: str = "auto") -> torch.device:
    """`cpu`, `cuda` or `cuda:N`; `auto` takes a GPU where there is one.

    Raises:
        MetricError: for any other name, and for a GPU that is not there.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name == "cpu":
        return torch.device("cpu")
    kind, _, index = name.partition(":")
    if kind != "cuda" or (index and not index.isdecimal()) or name.endswith(":"):
        raise MetricError(f'There is no device "{name}"; use auto, cpu, cuda or cuda:N.')
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if int(index or 0) >= count:
        found = f"only {count} GPU(s)" if count else "no GPU"
        raise MetricError(f'The device "{name}" is not available, torch finds {found}; use --device cpu.')
    return torch.device(name)


def is_recorded() -> bool:
    """Whether a call is recorded, by `torch.compile`, `torch.export` or `torch.jit.trace`, for images of other sizes.

    What is recorded may branch on no size and on no value.
    """
    return torch.compiler.is_compiling() or is_traced()


def is_traced() -> bool:
    """Whether a call is recorded by `torch.jit.trace`, for which every size is a number that it has seen."""
    traced: bool = torch.jit.is_tracing()  # type: ignore[attr-defined, no-untyped-call]
    return traced


def is_transformed(tensor: Tensor) -> bool:
    """Whether a tensor is more than its values: of `torch.func`, or with a derivative along it (`forward_ad`)."""
    if torch._C._functorch.peek_interpreter_stack() is not None:
        return True
    along = forward_ad.unpack_dual(tensor).tangent  # type: ignore[no-untyped-call]
    return along is not None


@contextmanager
def exact_float32() -> Iterator[None]:
    """Convolutions in float32 that is float32: by default a GPU rounds their input to 10 bits (TF32).

    A compiled metric computes as `torch.backends.cudnn` is set when it runs.
    """
    # What is set is the process's, and of several threads one would put back what another set: only where it matters.
    if is_recorded() or not torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        yield
        return
    with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
        yield

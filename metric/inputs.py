"""What a metric may be called with: tensors, arrays, PIL images or files, one or many."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from metric.errors import MetricError
from metric.pixels import image_pixels, read_image, to_tensor

Picture: TypeAlias = Tensor | npt.NDArray[Any] | Image.Image | str | PathLike[str]
"""One image or a batch.

A tensor is (3, H, W) or (N, 3, H, W), of grey (H, W), (1, H, W) or (N, 1, H, W); an array is (H, W, 3) or
(N, H, W, 3), of grey (H, W), (H, W, 1) or (N, H, W, 1); both float in [0, 1] or 8-bit. A path names an image file
that `metric.pixels.read_pixels` reads.
"""

Pictures: TypeAlias = Picture | Sequence[Picture]


def as_batch(pictures: Pictures, name: str) -> Tensor:
    """Any `Pictures` as a tensor (N, 3, H, W); values, range and size are for the metric to check.

    Grey is repeated, and 8-bit values are divided by 255.

    Args:
        pictures: several must be of one size.
        name: what to call them in an error.

    Raises:
        MetricError: for anything else, and for a file that is no image.

    >>> as_batch(np.zeros((20, 30), np.uint8), "image").shape
    torch.Size([1, 3, 20, 30])
    """
    if isinstance(pictures, Tensor):
        return _from_tensor(pictures)
    if isinstance(pictures, np.ndarray):
        return _from_array(pictures, name)
    if isinstance(pictures, Image.Image):
        return to_tensor(image_pixels(pictures, f"The {name}"))
    if isinstance(pictures, str | PathLike):
        return read_image(Path(pictures))
    if isinstance(pictures, Sequence) and pictures:
        batches = [as_batch(picture, name) for picture in pictures]
        if any(batch.ndim != 4 for batch in batches):
            raise MetricError(f"A tensor among the {name}s is not (3, H, W) or (N, 3, H, W).")
        if any(batch.shape[1:] != batches[0].shape[1:] for batch in batches):
            raise MetricError(f"The {name}s have different shapes; give those of one size together.")
        return torch.cat(batches)
    raise MetricError(f"The {name} is a {type(pictures).__name__}; give a tensor, an array, a PIL image or a path.")


def _from_tensor(images: Tensor) -> Tensor:
    if images.layout != torch.strided:
        return images
    if images.ndim in (2, 3):
        images = images[(None,) * (4 - images.ndim)]
    if images.ndim == 4 and images.shape[1] == 1:
        images = images.expand(-1, 3, -1, -1)
    return _scaled(images)


def _from_array(array: npt.NDArray[Any], name: str) -> Tensor:
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim not in (3, 4) or array.shape[-1] not in (1, 3):
        raise MetricError(
            f"The {name} is an array of shape {array.shape} instead of (H, W, 3), (N, H, W, 3) or, of grey, (H, W)."
        )
    if array.dtype != np.uint8 and array.dtype.kind != "f":
        raise MetricError(f"The {name} is an array of {array.dtype}; give 8-bit values, or float in [0, 1].")
    known = array.dtype if array.dtype == np.uint8 else np.float64 if array.dtype.itemsize > 4 else np.float32
    values = torch.from_numpy(np.array(array, known))  # a copy: torch wants what it may write, in this machine's order
    batch = (values if array.ndim == 4 else values.unsqueeze(0)).permute(0, 3, 1, 2)
    return _scaled(batch.expand(-1, 3, -1, -1))


def _scaled(images: Tensor) -> Tensor:
    return images.float().div(255) if images.dtype == torch.uint8 else images

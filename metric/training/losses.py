"""What is made small: how far a metric's two distances are from what people said, triplet by triplet."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from metric.training.configuration import LossPart

_RANKING_EPSILON = 0.1
"""Added to what is divided by, as Zhang et al. 2018 do: ratios of tiny distances stay tame."""

_SHARE_EPSILON = 1e-10
"""Of two images that both are the reference, neither is nearer: a half."""


class RankingLoss(nn.Module):
    """The cross-entropy of what a small network guesses people prefer, from both distances (Zhang et al. 2018, Eq. 2).

    It sees d0, d1, d0 − d1, d0 / (d1 + ε) and d1 / (d0 + ε), and is trained along with the metric, of which it is no
    part.

    Args:
        hidden: units of each of its two layers.
    """

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(5, hidden), nn.LeakyReLU(0.2), nn.Linear(hidden, hidden), nn.LeakyReLU(0.2), nn.Linear(hidden, 1)
        )

    def forward(self, first: Tensor, second: Tensor, judge: Tensor) -> Tensor:
        """Distances (N,) of both images, and shares (N,) who prefer the second → losses (N,)."""
        ratios = (first / (second + _RANKING_EPSILON), second / (first + _RANKING_EPSILON))
        seen = torch.stack([first, second, first - second, *ratios], dim=1)
        return functional.binary_cross_entropy_with_logits(self.layers(seen).squeeze(1), judge, reduction="none")


class ShareLoss(nn.Module):
    """The squared difference of d0 / (d0 + d1) and the share who prefer the second (Ghildyal & Liu 2022, Section 6).

    >>> ShareLoss()(torch.tensor([3.0, 0.0]), torch.tensor([1.0, 0.0]), torch.tensor([0.75, 0.5])).tolist()
    [0.0, 0.0]
    """

    def forward(self, first: Tensor, second: Tensor, judge: Tensor) -> Tensor:
        """Distances (N,) of both images, and shares (N,) who prefer the second → losses (N,)."""
        share = (first + _SHARE_EPSILON) / (first + second + 2 * _SHARE_EPSILON)
        return (share - judge).square()


def build_loss(part: LossPart) -> nn.Module:
    """The loss that a configuration names."""
    return RankingLoss(part.hidden) if part.kind == "ranking" else ShareLoss()

"""A metric that is being trained: from a batch of triplets to their losses."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from math import sqrt

import torch
from torch import Tensor, nn

from metric.device import Precision, exact_float32
from metric.errors import MetricError
from metric.learned.lpips import LPIPS
from metric.networks.build import build_network, smallest_image
from metric.networks.configurations import describe_elements
from metric.networks.fast import arrange
from metric.networks.network import FeatureNetwork
from metric.networks.weights import fill_weights
from metric.registry.spec import MetricSpec
from metric.training.configuration import Configuration, NetworkPart
from metric.training.differences import kept_differences, mean_differences
from metric.training.losses import build_loss


class Trainee(nn.Module):
    """A metric and its loss.

    Attributes:
        metric: LPIPS on the network that is trained.
        loss: see `metric.training.losses`.
        untrained: the parts of a fixed network that are random, one phrase, or "".
    """

    def __init__(self, configuration: Configuration, *, download: bool = False) -> None:
        """A new one, its random numbers from the configuration's seed.

        Args:
            configuration: of the training.
            download: whether trained convolutions that are nowhere here may be downloaded.

        Raises:
            MetricError: where trained convolutions are asked for that are not here, or images are too small.
        """
        super().__init__()
        part, seed = configuration.network, configuration.schedule.seed
        smallest = smallest_image(part.variant)
        if configuration.data.size_px < smallest:
            raise MetricError(
                f"data.size_px is {configuration.data.size_px}, too small for {part.variant.backbone} with these "
                f"elements; it needs at least {smallest}."
            )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = build_network(part.variant)
            self.loss = build_loss(configuration.loss)
            self.untrained = _fill(network, part, seed, download)
            self.metric = LPIPS(_spec(part, smallest), network)
            for weights in self.metric.channel_weights:
                # As a layer of torch begins, but for the sign: weights below 0 would give no distance.
                nn.init.uniform_(weights, 0, 1 / sqrt(weights.numel()))
        self._dropout = configuration.loss.dropout
        self._precision: Precision = configuration.computing.precision
        self._fixed = part.trunk == "fixed"
        if self._fixed:
            network.requires_grad_(False)
        # What computes the features; not a part of the state. A fixed network takes the form that is fastest.
        self._compute: list[nn.Module] = [network]
        self._compile = configuration.computing.compile
        # Statistics of a batch are those of what is trained from scratch; what was trained before keeps its own.
        self._keeps_statistics = part.trunk != "scratch"

    @property
    def has_batch_statistics(self) -> bool:
        """Whether a triplet's loss depends on the others of its batch."""
        return not self._keeps_statistics and any(isinstance(m, nn.BatchNorm2d) for m in self.metric.modules())

    def prepare(self) -> None:
        """Arranges what computes the features, once the weights are on their device and loaded."""
        network = self.metric.network
        if self._fixed:
            # `train` does not reach this copy, and its statistics are not those of a batch.
            computing: nn.Module = arrange(deepcopy(network).eval(), self._precision)
        else:
            network.to(memory_format=torch.channels_last)
            computing = network
        if self._compile:
            computing = torch.compile(computing)  # type: ignore[assignment]
        self._compute = [computing]

    def train(self, mode: bool = True) -> Trainee:
        super().train(mode)
        if self._keeps_statistics:
            self.metric.network.eval()
        return self

    def forward(self, images: Tensor, judge: Tensor, keys: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Losses (N,) and distances (N, 2) of both images from the reference.

        Args:
            images: (N, 3, 3, H, W), 8-bit RGB: reference, first and second image of each triplet.
            judge: (N,), share of people who prefer the second.
            keys: N whole numbers, of which each triplet's dropout is drawn.
        """
        number = len(images)
        # References first, then the first images, then the second; each goes through the network once.
        stacked = images.transpose(0, 1).reshape(3 * number, *images.shape[2:]).float() / 255
        levels = self._features(stacked)
        kept: Sequence[Tensor | None] = [None] * len(levels)
        if self._dropout and self.training:
            kept = kept_differences([maps.shape[1:] for maps in levels], keys, self._dropout, images.device)
        by_level = zip(levels, kept, self.metric.channel_weights, strict=True)
        distances = torch.stack([mean_differences(maps, k) @ w.flatten() for maps, k, w in by_level]).sum(dim=0)
        return self.loss(distances[:, 0], distances[:, 1], judge), distances

    def _features(self, images: Tensor) -> tuple[Tensor, ...]:
        metric = self.metric
        scaled = ((images * 2 - 1 - metric.mean) / metric.deviation).contiguous(memory_format=torch.channels_last)
        mixed = self._precision == "bfloat16" and not self._fixed
        with (
            torch.set_grad_enabled(torch.is_grad_enabled() and not self._fixed),
            exact_float32(),
            torch.autocast(images.device.type, torch.bfloat16, enabled=mixed),
        ):
            first = next(self._compute[0].parameters())
            levels: tuple[Tensor, ...] = self._compute[0](scaled if mixed else scaled.to(first.dtype))
        return tuple(maps.to(metric.mean.dtype) for maps in levels)

    @torch.no_grad()
    def clamp(self) -> None:
        """Puts channel weights that fell below 0 back to it; no other 1 × 1 convolution is touched.

        The code of Zhang et al. clamps whatever has 1 × 1 filters, those of SqueezeNet's fire modules too.
        """
        for weights in self.metric.channel_weights:
            weights.clamp_(min=0)


def _fill(network: FeatureNetwork, part: NetworkPart, seed: int, download: bool) -> str:
    if part.trunk == "scratch":
        fill_weights(network, seed, random=True)
        return ""
    return fill_weights(network, seed, required=True, download=download).untrained


def _spec(part: NetworkPart, smallest: int) -> MetricSpec:
    elements = describe_elements(part.variant)
    return MetricSpec(
        name="the metric that is trained",
        summary=f"LPIPS on {part.variant.backbone} ({elements})",
        source="Ghildyal & Liu 2022, Section 5",
        factory="",
        smallest_px=smallest,
        identical=0.0,
    )

"""A network that gives levels of features, and the names under which others publish its weights."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from metric.networks.adaptive import AdaptiveBlurPool
from metric.networks.blurpool import BlurPool
from metric.networks.layers import ContiguousConv2d, Named
from metric.networks.variant import Variant
from metric.weights.strict import rename_strictly

_CLASSIFIERS = ("classifier.", "fc.")


class FeatureNetwork(nn.Module):
    """Levels of features of normalised images; the output of each level is a feature and the next one's input.

    Attributes:
        variant: what it was built from.
        levels: each a flat `nn.Sequential` of named layers.
        channels: of each level's features.
    """

    def __init__(
        self,
        variant: Variant,
        levels: Sequence[Sequence[Named]],
        channels: tuple[int, ...],
        torchvision: Mapping[str, str],
    ) -> None:
        """`torchvision` gives torchvision's name of each layer (or block) that it has too, by our name."""
        super().__init__()
        self.variant = variant
        self.levels = nn.ModuleList(nn.Sequential(OrderedDict(level)) for level in levels)
        self.channels = channels
        self._torchvision = dict(torchvision)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Normalised images (N, 3, H, W) → the features of each level, (N, C, h, w)."""
        features = []
        maps = images
        for level in self.levels:
            maps = level(maps)
            features.append(maps)
        return tuple(features)

    def torchvision_names(self) -> dict[str, str]:
        """Our state name → torchvision's, for every tensor that torchvision's network has.

        Filters, whether fixed or predicted, and the projections of skips are not among them.
        """
        ours_only = {
            f"{path}.{tensor}"
            for path, module in self.named_modules()
            if isinstance(module, (BlurPool, AdaptiveBlurPool))
            for tensor in module.state_dict()
        }
        names = {}
        for path, layer in self.named_modules():
            published = self._torchvision.get(path.partition(".")[2].partition(".")[2])  # after "levels.K."
            if published:
                for tensor in layer.state_dict():
                    names[f"{path}.{tensor}"] = f"{published}.{tensor}"
        return {ours: published for ours, published in names.items() if ours not in ours_only}

    def stlpips_names(self) -> dict[str, str]:
        """Our state name → that in the checkpoints of `stlpips_pytorch`, less its prefix `net.`.

        They count the layers of all levels through, those without weights too: `slice2.5.weight`. The package has
        checkpoints of AlexNet and VGG-16.
        """
        names = {}
        position = 0
        for number, level in enumerate(self.levels):
            for layer, module in level.named_children():
                for tensor in module.state_dict():
                    published = "filt" if tensor == "kernel" else tensor
                    names[f"levels.{number}.{layer}.{tensor}"] = f"slice{number + 1}.{position}.{published}"
                position += 1
        return names

    def load_torchvision(self, checkpoint: Mapping[str, Tensor]) -> None:
        """Takes the convolutions (and batch norms) of torchvision's network, whole; a classifier is left out.

        Raises:
            MetricError: names the first tensor that is missing, left over or of another shape.
        """
        state = self.state_dict()
        names = self.torchvision_names()
        features = {name: tensor for name, tensor in checkpoint.items() if not name.startswith(_CLASSIFIERS)}
        renamed = rename_strictly(features, names, {ours: state[ours] for ours in names})
        self.load_state_dict(state | renamed, strict=True)

    def arrange(self) -> None:
        """Lays the weights out with channels last, which a CPU reads faster."""
        for module in self.modules():
            if not isinstance(module, ContiguousConv2d) and not list(module.children()):
                module.to(memory_format=torch.channels_last)

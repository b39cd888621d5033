"""What a training is: the network, the judgments that it sees, the loss, the schedule, and how it is computed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from metric.device import Precision
from metric.networks.variant import Variant

Trunk: TypeAlias = Literal["scratch", "pretrained", "fixed"]
LossKind: TypeAlias = Literal["ranking", "mse"]
Filter: TypeAlias = Literal["bicubic", "bilinear"]


@dataclass(frozen=True)
class NetworkPart:
    """The network.

    Attributes:
        variant: backbone and elements.
        trunk: `scratch`, random convolutions that are trained; `pretrained`, torchvision's, trained on; `fixed`,
            torchvision's as they are, so that only the channel weights are trained.
    """

    variant: Variant
    trunk: Trunk = "scratch"


@dataclass(frozen=True)
class DataPart:
    """The images.

    Attributes:
        size_px: shorter side that images are resized to.
        resize: how.
        categories: of a set of folders; none stands for all.
        shifts: versions of a study's triplets, by the shift of the distorted images in pixels.
    """

    size_px: int = 64
    resize: Filter = "bilinear"
    categories: tuple[str, ...] = ()
    shifts: tuple[int, ...] = (0,)


@dataclass(frozen=True)
class LossPart:
    """What is made small.

    Attributes:
        kind: `ranking`, the cross-entropy of a small network's guess from both distances (Zhang et al. 2018); `mse`,
            the squared difference of d0 / (d0 + d1) and the judgment (Ghildyal & Liu 2022, Section 6).
        hidden: channels of the small network.
        dropout: chance that a difference of features is left out, in [0, 1).
    """

    kind: LossKind = "ranking"
    hidden: int = 32
    dropout: float = 0.5


@dataclass(frozen=True)
class SchedulePart:
    """How often and how fast.

    Attributes:
        seed: of what is random: weights, the order of samples, dropout.
        batch: triplets a step.
        epochs: at the full learning rate.
        decay_epochs: those that follow, in which it falls to 0 in equal steps.
        learning_rate, betas: of Adam.
    """

    seed: int = 0
    batch: int = 50
    epochs: int = 5
    decay_epochs: int = 5
    learning_rate: float = 1e-4
    betas: tuple[float, float] = (0.5, 0.999)


@dataclass(frozen=True)
class ComputingPart:
    """How it is computed.

    Attributes:
        at_once: triplets of a step that are computed together, 0 for all of them: fewer take less memory, and give
            the same gradient but for rounding. Statistics of batches are those of what is computed together.
        precision: `float32`, or `bfloat16` for the network's products (mixed precision).
        compile: the network by `torch.compile`.
    """

    at_once: int = 0
    precision: Precision = "float32"
    compile: bool = False


@dataclass(frozen=True)
class Configuration:
    """All of it."""

    network: NetworkPart
    data: DataPart = field(default_factory=DataPart)
    loss: LossPart = field(default_factory=LossPart)
    schedule: SchedulePart = field(default_factory=SchedulePart)
    computing: ComputingPart = field(default_factory=ComputingPart)

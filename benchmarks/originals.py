"""The implementations that others published, built so that nothing is downloaded, as functions of two images.

Each takes a reference and an image, (1, 3, H, W) RGB in [0, 1], and gives a number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest import mock

import torch
from torch import Tensor

from benchmarks.published import import_stlpips, published_stlpips

Distance = Callable[[Tensor, Tensor], float]
_CPU = torch.device("cpu")


def original_stlpips(network: str, *, dtype: torch.dtype = torch.float32, device: torch.device = _CPU) -> Distance:
    """The authors' shift-tolerant LPIPS, `alex` or `vgg`."""
    return _normalized(published_stlpips(network), dtype, device)


def original_lpips(
    network: str,
    backbone: Mapping[str, Tensor],
    *,
    dtype: torch.dtype = torch.float32,
    device: torch.device = _CPU,
) -> Distance:
    """The package `lpips` 0.1.4 with its own channel weights, and the convolutions given by torchvision's names."""
    return _normalized(lpips_model(network, backbone), dtype, device)


def lpips_model(network: str, backbone: Mapping[str, Tensor]) -> Any:
    """The same as a module, which takes (N, 3, H, W) RGB in [0, 1] with `normalize=True` and gives (N, 1, 1, 1)."""
    import lpips

    with _without_downloads():
        model = lpips.LPIPS(net=network, pnet_rand=True, verbose=False)
    model.net.load_state_dict(_sliced(model.net, backbone), strict=True)
    return model.eval()


def original_lpips_map(reference: Tensor, image: Tensor) -> Tensor:
    """The map (N, H, W) of the package `lpips` on AlexNet, with torchvision's convolutions."""
    import lpips

    from metric.loading import find_spec
    from metric.weights.finding import Weights

    backbone = Weights("lpips-alex", find_spec("lpips-alex").weights, {}).read("backbone")
    with _without_downloads():
        model = lpips.LPIPS(net="alex", pnet_rand=True, spatial=True, verbose=False)
    model.net.load_state_dict(_sliced(model.net, backbone), strict=True)
    with torch.no_grad():
        found: Tensor = model.eval()(reference, image, normalize=True)
    return found[:, 0]


def original_vanilla(
    network: str, seed: int, *, dtype: torch.dtype = torch.float32
) -> tuple[Distance, dict[str, Tensor]]:
    """The plain network of `stlpips_pytorch`, random, and its weights: the package carries none for it."""
    with torch.random.fork_rng(), _without_downloads():
        torch.manual_seed(seed)
        model = import_stlpips().LPIPS(net=network, variant="vanilla", pretrained=False, verbose=False).eval()
    for layer in model.lins:  # channel weights of training are kept at 0 or more
        layer.model[1].weight.data.abs_()
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    return _normalized(model, dtype), state


def original_dists(backbone: Mapping[str, Tensor], *, dtype: torch.dtype = torch.float32) -> Distance:
    """The package `DISTS_pytorch` 0.1 with its own alpha and beta, and convolutions by torchvision's names."""
    from importlib.metadata import distribution

    import torchvision
    from DISTS_pytorch import DISTS

    def vgg16(pretrained: bool = False) -> Any:
        network = torch.nn.Module()
        network.features = torchvision.models.vgg.make_layers(torchvision.models.vgg.cfgs["D"])
        network.load_state_dict(dict(backbone), strict=True)
        return network

    with mock.patch("torchvision.models.vgg16", vgg16):
        model = DISTS(load_weights=False)
    path = distribution("DISTS_pytorch").locate_file("DISTS_pytorch/weights.pt")
    published = torch.load(str(path), map_location="cpu", weights_only=True)  # saved on a GPU
    model.alpha.data, model.beta.data = published["alpha"], published["beta"]
    model = model.to(dtype).eval()

    def distance(reference: Tensor, image: Tensor) -> float:
        return float(model(reference.to(dtype), image.to(dtype)).detach())

    return distance


def seeded_squeezenet(seed: int = 7) -> dict[str, Tensor]:
    """Random convolutions of SqueezeNet 1.1 under torchvision's names; no installed package carries trained ones."""
    import torchvision

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        features = torchvision.models.squeezenet1_1(weights=None).features
    return {f"features.{name}": tensor for name, tensor in features.state_dict().items()}


def _normalized(model: Any, dtype: torch.dtype, device: torch.device = _CPU) -> Distance:
    model = model.to(device, dtype)

    def distance(reference: Tensor, image: Tensor) -> float:
        with torch.no_grad():
            return float(model(reference.to(dtype), image.to(dtype), normalize=True))

    return distance


def _sliced(network: torch.nn.Module, backbone: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The convolutions under the package's names: `slice2.3.weight` is torchvision's `features.3.weight`."""
    return {name: backbone["features." + name.partition(".")[2]] for name in network.state_dict()}


@contextmanager
def _without_downloads() -> Iterator[None]:
    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("An original wanted to download its weights.")

    import warnings

    with mock.patch("torch.hub.load_state_dict_from_url", refuse), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torchvision deprecates the argument `pretrained`, which originals give
        yield

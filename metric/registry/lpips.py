"""LPIPS and its kin: distances between the features of a network."""

from __future__ import annotations

from metric.registry.spec import MetricSpec
from metric.weights.needs import InstalledFile, WeightsNeed

_PAPER = "Ghildyal & Liu 2022, Section 5"


def _shift_tolerant(network: str, sha256: str) -> WeightsNeed:
    return WeightsNeed(
        role="all",
        what="the trained weights of the package stlpips_pytorch",
        licence="BSD-2-Clause",
        cache_name=f"stlpips-{network}.pt",
        installed=(
            InstalledFile(
                distribution="stlpips_pytorch",
                path=f"stlpips_pytorch/weights/vST0.0/{network}_shift_tolerant.pth",
                sha256=sha256,
            ),
        ),
    )


SPECS = (
    MetricSpec(
        name="stlpips-alex",
        summary="shift-tolerant LPIPS on AlexNet",
        source=_PAPER,
        factory="metric.learned.lpips:build_alex",
        smallest_px=21,
        converts_to="normalised by the channel statistics in the checkpoint",
        weights=(_shift_tolerant("alex", "b356b382f96010f77d085ee8343ecd9fd322d0a56e8de2b2d0549fafcad8b9ee"),),
    ),
    MetricSpec(
        name="stlpips-vgg",
        summary="shift-tolerant LPIPS on VGG-16",
        source=_PAPER,
        factory="metric.learned.lpips:build_vgg",
        smallest_px=18,
        converts_to="normalised by the channel statistics in the checkpoint",
        weights=(_shift_tolerant("vgg", "44597da68f49c1837c100ff52299050f274d102eb102e5837178c79be6f0e250"),),
    ),
)

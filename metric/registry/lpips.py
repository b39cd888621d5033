"""LPIPS and its kin: distances between the features of a network."""

from __future__ import annotations

from metric.registry.backbones import ALEXNET, SQUEEZENET, VGG16
from metric.registry.spec import MetricSpec
from metric.weights.needs import InstalledFile, WeightsNeed

_PAPER = "Ghildyal & Liu 2022, Section 5"
_ZHANG = "Zhang et al. 2018, Eq. 1; v0.1"
_RETRAINED = "Ghildyal & Liu 2022, Section 6"
_DING = "Ding et al. 2020, Eq. 7"
_IN_CHECKPOINT = "(2x − 1) normalised by the channel statistics in the checkpoint"
_SCALED = "(2x − 1) normalised by LPIPS's channel statistics"
_IMAGENET = "normalised by the channel statistics of ImageNet"


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


def _linear(network: str, sha256: str) -> WeightsNeed:
    return WeightsNeed(
        role="linear",
        what="the channel weights of the package lpips",
        licence="BSD-2-Clause",
        cache_name=f"lpips-{network}-linear.pt",
        installed=(InstalledFile(distribution="lpips", path=f"lpips/weights/v0.1/{network}.pth", sha256=sha256),),
    )


def _retrained(network: str) -> WeightsNeed:
    return WeightsNeed(
        role="all",
        what="weights that were all trained as those of stlpips_pytorch were",
        licence="its trainer's",
        cache_name=f"vanilla-{network}.pt",
        published=(
            "the authors publish none; train the network that stlpips_pytorch calls "
            f'LPIPS(net="{network}", variant="vanilla"), and save its state_dict()'
        ),
        # A state dict of that package lists each channel weight twice, the second time as `lins.0.model.1.weight`.
        ignored_prefix="lins.",
    )


_ALPHA_AND_BETA = WeightsNeed(
    role="linear",
    what="alpha and beta of the package DISTS_pytorch",
    licence="MIT",
    cache_name="dists-linear.pt",
    installed=(
        InstalledFile(
            distribution="DISTS_pytorch",
            path="DISTS_pytorch/weights.pt",
            sha256="f5e65c96230b7f6ca995691647d482237e4cab8a50c5c4a5784f219ef0748218",
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
        identical=0.0,
        converts_to=_IN_CHECKPOINT,
        weights=(_shift_tolerant("alex", "b356b382f96010f77d085ee8343ecd9fd322d0a56e8de2b2d0549fafcad8b9ee"),),
    ),
    MetricSpec(
        name="stlpips-vgg",
        summary="shift-tolerant LPIPS on VGG-16",
        source=_PAPER,
        factory="metric.learned.lpips:build_vgg",
        smallest_px=18,
        identical=0.0,
        converts_to=_IN_CHECKPOINT,
        weights=(_shift_tolerant("vgg", "44597da68f49c1837c100ff52299050f274d102eb102e5837178c79be6f0e250"),),
    ),
    MetricSpec(
        name="lpips-alex",
        summary="LPIPS on AlexNet",
        source=_ZHANG,
        factory="metric.learned.vanilla:build_alex",
        smallest_px=31,
        identical=0.0,
        converts_to=_SCALED,
        weights=(
            ALEXNET,
            _linear("alex", "df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0"),
        ),
    ),
    MetricSpec(
        name="lpips-vgg",
        summary="LPIPS on VGG-16",
        source=_ZHANG,
        factory="metric.learned.vanilla:build_vgg",
        smallest_px=16,
        identical=0.0,
        converts_to=_SCALED,
        weights=(
            VGG16,
            _linear("vgg", "a78928a0af1e5f0fcb1f3b9e8f8c3a2a5a3de244d830ad5c1feddc79b8432868"),
        ),
    ),
    MetricSpec(
        name="lpips-squeeze",
        summary="LPIPS on SqueezeNet 1.1",
        source=_ZHANG,
        factory="metric.learned.vanilla:build_squeeze",
        smallest_px=17,
        identical=0.0,
        converts_to=_SCALED,
        weights=(
            SQUEEZENET,
            _linear("squeeze", "4a5350f23600cb79923ce65bb07cbf57dca461329894153e05a1346bd531cf76"),
        ),
    ),
    MetricSpec(
        name="vanilla-alex",
        summary="LPIPS on AlexNet, trained from scratch",
        source=_RETRAINED,
        factory="metric.learned.vanilla:build_retrained_alex",
        smallest_px=31,
        identical=0.0,
        converts_to=_IN_CHECKPOINT,
        weights=(_retrained("alex"),),
    ),
    MetricSpec(
        name="vanilla-vgg",
        summary="LPIPS on VGG-16, trained from scratch",
        source=_RETRAINED,
        factory="metric.learned.vanilla:build_retrained_vgg",
        smallest_px=16,
        identical=0.0,
        converts_to=_IN_CHECKPOINT,
        weights=(_retrained("vgg"),),
    ),
    MetricSpec(
        name="dists",
        summary="DISTS, texture and structure on VGG-16",
        source=_DING,
        factory="metric.learned.dists:build",
        # The deepest maps then have 2 × 2 positions; with one there is no structure to compare.
        smallest_px=17,
        identical=0.0,
        converts_to=_IMAGENET,
        weights=(VGG16, _ALPHA_AND_BETA),
    ),
)

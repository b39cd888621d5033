"""Metrics in closed form; none has weights."""

from __future__ import annotations

from metric.registry.spec import MetricSpec

_LUMA = "luma in [0, 1], as MATLAB's rgb2gray without rounding"
_PAPERS = "What most papers on TID2013, KADID-10k and the like report."

SPECS = (
    MetricSpec(
        name="ssim",
        summary="1 − SSIM of RGB, Gaussian of 11 × 11",
        source="Wang et al. 2004, Eq. 13",
        factory="metric.classical.ssim:build_ssim",
        smallest_px=11,
        identical=0.0,
    ),
    MetricSpec(
        name="dssim",
        summary="(1 − SSIM) / 2, uniform window of 7 × 7",
        source="LPIPS's scripts (package lpips 0.1.4), in RGB",
        factory="metric.classical.ssim:build_dssim",
        smallest_px=7,
        identical=0.0,
    ),
    MetricSpec(
        name="ms-ssim",
        summary="1 − MS-SSIM of RGB, five scales",
        source="Wang, Simoncelli & Bovik 2003, Eq. 7",
        factory="metric.classical.ms_ssim:build_ms_ssim",
        smallest_px=161,
        identical=0.0,
    ),
    MetricSpec(
        name="ssim-y",
        summary="1 − SSIM of luma, shrunk from 384 px on",
        source="Wang et al. 2004, with their code's shrinking",
        factory="metric.classical.ssim:build_ssim_y",
        smallest_px=11,
        identical=0.0,
        converts_to=f"{_LUMA}, made smaller by the lesser side / 256, rounded",
        note=f"{_PAPERS} The form without shrinking, of each of R, G and B, is ssim.",
    ),
    MetricSpec(
        name="ms-ssim-y",
        summary="1 − MS-SSIM of luma, five scales",
        source="Wang, Simoncelli & Bovik 2003, Eq. 7",
        factory="metric.classical.ms_ssim:build_ms_ssim_y",
        smallest_px=161,
        identical=0.0,
        converts_to=_LUMA,
        note=f"{_PAPERS} The form of each of R, G and B is ms-ssim.",
    ),
    MetricSpec(
        name="cw-ssim",
        summary="1 − complex wavelet SSIM",
        source="Sampat et al. 2009, Eq. 6",
        factory="metric.classical.cw_ssim:build_cw_ssim",
        smallest_px=49,  # the coarsest band, an eighth of it, holds one window
        identical=0.0,
        converts_to="luma in [0, 255]",
    ),
    MetricSpec(
        name="l2",
        summary="mean squared difference, no root",
        source="closed form",
        factory="metric.classical.pixel_error:build_l2",
        smallest_px=1,
        identical=0.0,
    ),
    MetricSpec(
        name="rmse",
        summary="root of the mean squared difference",
        source="closed form",
        factory="metric.classical.pixel_error:build_rmse",
        smallest_px=1,
        identical=0.0,
    ),
    MetricSpec(
        name="psnr",
        summary="peak signal-to-noise ratio of RGB, dB",
        source="closed form",
        factory="metric.classical.pixel_error:build_psnr",
        smallest_px=1,
        lower_is_more_similar=False,
        identical=120.0,
    ),
    MetricSpec(
        name="psnr-y",
        summary="peak signal-to-noise ratio of luma, dB",
        source="closed form",
        factory="metric.classical.pixel_error:build_psnr_y",
        smallest_px=1,
        lower_is_more_similar=False,
        identical=120.0,
        converts_to=_LUMA,
        note=f"{_PAPERS} The form of R, G and B together is psnr.",
    ),
    MetricSpec(
        name="lpips-l2",
        summary="half the squared difference in Lab / 100",
        source="LPIPS's scripts (package lpips 0.1.4)",
        factory="metric.classical.lab:build_lpips_l2",
        smallest_px=1,
        identical=0.0,
        converts_to="CIE Lab / 100",
    ),
)

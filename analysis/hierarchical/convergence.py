"""Whether chains have met: R̂, and of how many independent draws theirs are worth."""

from __future__ import annotations

import numpy as np

from analysis.psychometric.cores import Floats


def r_hat(draws: Floats) -> Floats:
    """Of `(chains, draws, …)`, about 1 where the chains agree; each is cut in two.

    Source: Gelman et al. 2013, "Bayesian Data Analysis", Section 11.4.
    """
    half = draws.shape[1] // 2
    parts = np.concatenate([draws[:, :half], draws[:, half : 2 * half]])
    within = parts.var(axis=1, ddof=1).mean(axis=0)
    between = half * parts.mean(axis=1).var(axis=0, ddof=1)
    return np.asarray(np.sqrt(((half - 1) / half * within + between / half) / within), dtype=np.float64)


def effective(draws: Floats) -> float:
    """Number of independent draws that `(chains, draws)` are worth, by the first runs of their correlation.

    Source: Geyer 1992, the initial positive sequence, with the variance between chains as in Gelman et al. 2013,
    Section 11.5.
    """
    count = draws.shape[1]
    centred = draws - draws.mean(axis=1, keepdims=True)
    spectrum = np.fft.rfft(centred, 2 * count, axis=1)
    within = np.fft.irfft(np.abs(spectrum) ** 2, axis=1)[:, :count].mean(axis=0) / count
    total = within[0] + draws.mean(axis=1).var(ddof=1)
    correlation = 1 - (within[0] - within) / total
    pairs = correlation[: count // 2 * 2].reshape(-1, 2).sum(axis=1)
    run = pairs[: int(np.argmax(pairs <= 0))] if np.any(pairs <= 0) else pairs
    return float(draws.size / max(2 * run.sum() - 1, 1 / np.log10(draws.size)))

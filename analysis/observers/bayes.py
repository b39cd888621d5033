"""The model of `mixed` as a full Bayesian one, sampled with bambi where that is installed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.errors import AnalysisError
from analysis.observers.accepted_answers import AcceptedAnswers
from analysis.observers.mixed import FEWEST_CLUSTERS
from analysis.observers.predictors import MEANING, predictors_of
from analysis.results import Estimate, Result


@dataclass(frozen=True)
class Posterior(Result):
    """A figure of the posterior: mean of the log odds as a factor, or mean of a standard deviation in log odds.

    `r_hat`: about 1 where the chains agree.
    """

    name: str
    meaning: str
    value: Estimate
    r_hat: float


@dataclass(frozen=True)
class BayesianModel(Result):
    """Odds ratios and standard deviations; these are of a participant and an image, not of the pooled answers."""

    rows: tuple[Posterior, ...]
    answers: int
    notes: tuple[str, ...]


def bayesian_model(responses: pd.DataFrame, *, draws: int = 1000, chains: int = 4, seed: int = 0) -> BayesianModel:
    """The predictors of `mixed_model` with crossed effects as there; priors as bambi sets them.

    Args:
        responses: a tidy response table.
        draws: draws of each chain that are kept; as many before are not.
        chains: number of chains.
        seed: of the sampler.

    Raises: `AnalysisError` where bambi is not installed, and where no response is left or they are of several studies.

    Source: Capretto et al. 2022, "Bambi".
    """
    try:
        import bambi
    except ImportError:
        raise AnalysisError(
            "The full Bayesian model takes the package bambi; install it with pip install 'shift-study[bayes]', or "
            "leave --bayes out."
        ) from None
    answers = AcceptedAnswers.of(responses)
    predictors = predictors_of(answers)
    names = [name for name in predictors.names if name != "intercept"]
    columns: dict[str, Any] = {name: predictors.values[:, predictors.names.index(name)] for name in names}
    columns["different"] = answers.different.astype(np.int64)
    columns["shifted"] = np.asarray(answers.shift_px > 0, dtype=np.float64)
    terms, sds = list(names), {}
    groups = {
        "participant": (answers.participant, answers.participants, "1"),
        "photograph": (answers.photograph, answers.photographs, "shifted"),
    }
    for group, (codes, listed, of) in groups.items():
        if codes is not None and len(listed) >= FEWEST_CLUSTERS:
            columns[group] = np.array(listed)[codes]
            terms.append(f"({'1' if of == '1' else f'0 + {of}'}|{group})")
            sds[f"{of}|{group}_sigma"] = f"{group}_sd"
    model = bambi.Model(f"different ~ {' + '.join(terms) or '1'}", pd.DataFrame(columns), family="bernoulli")
    fitted = model.fit(draws=draws, tune=draws, chains=chains, random_seed=seed, progressbar=False)
    method = f"posterior mean, central 95% interval, {chains} chains of {draws:,} draws"
    rows = []
    for name in ["Intercept", *names, *sds]:
        values = fitted["posterior"][name].to_numpy().astype(np.float64)
        mean, (low, high) = float(values.mean()), np.quantile(values, (0.025, 0.975))
        sd = name in sds
        plain = name.lower() if name == "Intercept" else name
        label = sds.get(name, plain)
        estimate = Estimate(mean, float(low), float(high), method)
        if not sd:
            estimate = Estimate(math.exp(mean), math.exp(low), math.exp(high), method)
        rows.append(
            Posterior(
                label,
                "standard deviation, log odds" if sd else MEANING[plain],
                estimate,
                _r_hat(values),
            )
        )
    return BayesianModel(tuple(rows), len(answers.different), predictors.notes)


def _r_hat(values: NDArray[np.float64]) -> float:
    """Of `(chains, draws)`, each chain cut in two (Gelman et al. 2013, "Bayesian Data Analysis", Section 11.4)."""
    half = values.shape[1] // 2
    parts = np.concatenate([values[:, :half], values[:, half : 2 * half]])
    within = parts.var(axis=1, ddof=1).mean()
    between = half * parts.mean(axis=1).var(ddof=1)
    return float(np.sqrt(((half - 1) / half * within + between / half) / within))

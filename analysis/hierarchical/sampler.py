"""Draws from a posterior: Hamiltonian Monte Carlo, with several chains at once, and steps of the centred kind."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.linalg import solve_triangular

from analysis.hierarchical.centred import centred_step
from analysis.hierarchical.posterior import Posterior
from analysis.hierarchical.step_size import StepSize
from analysis.psychometric.cores import Floats

_PATH = 2.5  # length of a trajectory, in units of the metric; π/2 takes a normal variable to an independent value
_MOST_STEPS = 20
# Of each phase of the warm-up, after which the metric is made anew of where the chains are.
WARM_UP = (30, 50, 80)
_FIRST_STEP = 0.15


def sample(
    posterior: Posterior,
    start: Floats,
    *,
    draws: int,
    generator: np.random.Generator,
    step: Callable[[], object] = lambda: None,
) -> Floats:
    """`(C, draws, size)` states of C chains after a warm-up, from the states `start` `(C, size)`.

    The metric is Fisher's information, averaged over where the chains are. `step` is called after each trajectory.

    Source: Duane et al. 1987; Neal 2011, "MCMC using Hamiltonian dynamics"; the step size as in Hoffman & Gelman 2014.
    """
    state, size = start, _FIRST_STEP
    for phase in WARM_UP:
        factor = np.linalg.cholesky(posterior.information(state))
        inverse = solve_triangular(factor, np.eye(len(factor)), lower=True)
        search = StepSize(size)
        for _ in range(phase):
            state = centred_step(posterior, state, generator)
            state, chance = _trajectory(posterior, inverse, state, size, generator)
            size = search.next(chance)
            step()
        size = search.settled
    kept = np.empty((len(start), draws, posterior.size))
    for index in range(draws):
        state = centred_step(posterior, state, generator)
        state, _ = _trajectory(posterior, inverse, state, size * generator.uniform(0.8, 1.0), generator)
        kept[:, index] = state
        step()
    return kept


def _trajectory(
    posterior: Posterior, inverse: Floats, state: Floats, length: float, generator: np.random.Generator
) -> tuple[Floats, float]:
    """Where each chain is afterwards, and the mean chance of having moved.

    Velocities are in coordinates in which the metric is 1; `inverse` is that of its lower factor.
    """
    height, slope = posterior.height_and_slope(state)
    velocity = generator.standard_normal(state.shape)
    energy = height - 0.5 * (velocity**2).sum(axis=1)
    there = state
    steps = int(np.clip(round(_PATH * generator.uniform(0.7, 1.3) / length), 1, _MOST_STEPS))
    velocity = velocity + 0.5 * length * slope @ inverse.T
    # A trajectory that goes astray leaves the numbers; it is not taken.
    with np.errstate(over="ignore", invalid="ignore"):
        for index in range(steps):
            there = there + length * velocity @ inverse
            height, slope = posterior.height_and_slope(there)
            velocity = velocity + (length if index < steps - 1 else 0.5 * length) * slope @ inverse.T
        gain = height - 0.5 * (velocity**2).sum(axis=1) - energy
    chance = np.exp(np.minimum(np.where(np.isfinite(gain), gain, -np.inf), 0.0))
    go = generator.random(len(state)) < chance
    return np.where(go[:, np.newaxis], there, state), float(chance.mean())

"""A long run of NumPyro's NUTS, by the Python of its own environment: data.npz draws.npz number-of-draws."""

from __future__ import annotations

import sys

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from numpyro.diagnostics import effective_sample_size
from numpyro.infer import MCMC, NUTS

numpyro.enable_x64()
source, target, count = sys.argv[1:]
data = np.load(source)
who, what, position = data["who"], data["what"], data["position"]
shifted = np.isfinite(position)
logs = np.where(shifted, position, 0.0)


def model() -> None:
    """The log-normal core; effects in units of their standard deviations."""
    fixed = numpyro.sample("fixed", dist.Normal(data["mean"], data["spread"]).to_event(1))
    sds = numpyro.sample("sds", dist.HalfNormal(data["scale"]).to_event(1))
    people = numpyro.sample("people", dist.Normal(0, 1).expand([who.max() + 1, 4]).to_event(2))
    pictures = numpyro.sample("pictures", dist.Normal(0, 1).expand([what.max() + 1, 2]).to_event(2))
    eta = fixed + sds[:4] * people[who] + jnp.pad(sds[4:] * pictures[what], ((0, 0), (0, 2)))
    seen = jnp.where(shifted, jax.scipy.stats.norm.cdf((logs - eta[:, 0]) * jnp.exp(-eta[:, 1])), 0.0)
    false_alarm, lapse = 0.5 * jax.nn.sigmoid(eta[:, 2]), 0.5 * jax.nn.sigmoid(eta[:, 3])
    share = jnp.clip(false_alarm + (1 - false_alarm - lapse) * seen, 1e-12, 1 - 1e-12)
    numpyro.sample("different", dist.Bernoulli(share), obs=data["different"])


run = MCMC(NUTS(model, target_accept_prob=0.9), num_warmup=1500, num_samples=int(count), progress_bar=False)
run.run(jax.random.PRNGKey(0))
sds = np.asarray(run.get_samples()["sds"])
np.savez(target, sds=sds, effective=effective_sample_size(sds[np.newaxis]))

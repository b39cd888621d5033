"""An analysis plan that is written down, with a hash, before the data are seen; and whether an analysis followed it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.agreement.comparison import CONCORDANCE_MARGIN, MAP_MARGIN
from analysis.agreement.conclusion import Outcome
from analysis.atomic_file import replacing
from analysis.errors import AnalysisError
from analysis.exclusions.marking import known_rules
from analysis.psychometric.cores import core_named
from analysis.results import Result

SCHEMA = "shift-study/plan/2"
# Of the first version, what its plans did not say, and what was done.
_FIRST_SCHEMA = "shift-study/plan/1"
_NOT_IN_THE_FIRST: dict[str, Any] = {
    "primary_outcome": "jnd_map",
    "concordance_margin": CONCORDANCE_MARGIN,
    "map_margin": MAP_MARGIN,
}

_NAMES = {
    "rules": "exclusion rules",
    "core": "core of the psychometric function",
    "d_prime_model": "model of d′",
    "min_responses": "fewest responses of a pair",
    "replicates": "bootstrap draws",
    "permutations": "permutations",
    "seed": "seed",
    "concordance_margin": "margin of equivalence in γ",
    "map_margin": "margin of equivalence in JND mAP",
}


@dataclass(frozen=True)
class Plan(Result):
    """What will be analysed, and how.

    `rules`: exclusion rules, in their order. `metrics`: names of the metrics that will be compared, first of all by the
    `primary_outcome`, `concordance` (γ within shifts) or `jnd_map`. `…_margin`: within which metrics count as
    equivalent. `hypotheses`: in the researcher's own words. `registered_at`: ISO 8601, UTC. `sha256`: of all other
    fields.
    """

    schema: str
    study: str
    registered_at: str
    rules: tuple[str, ...]
    core: str
    d_prime_model: str
    min_responses: int
    metrics: tuple[str, ...]
    primary_outcome: Outcome
    concordance_margin: float
    map_margin: float
    replicates: int
    permutations: int
    seed: int
    hypotheses: tuple[str, ...]
    sha256: str = ""

    def hashed(self) -> Plan:
        """The plan with the hash of its fields."""
        return replace(self, sha256=_sha256(self.to_json()))


def _sha256(document: dict[str, Any]) -> str:
    content = {name: value for name, value in document.items() if name != "sha256"}
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


@dataclass(frozen=True)
class Adherence(Result):
    """Whether an analysis followed its plan.

    `deviations`: what was planned and done otherwise or not at all, a sentence each. `added`: what was not planned.
    `answered_before`: responses that had been given before the plan was registered; None where times are unknown.
    """

    sha256: str
    registered_at: str
    followed: bool
    deviations: tuple[str, ...]
    added: tuple[str, ...]
    answered_before: int | None
    responses: int


def new_plan(
    *,
    study: str = "",
    rules: Sequence[str],
    metrics: Sequence[str] = (),
    primary_outcome: Outcome = "concordance",
    concordance_margin: float = CONCORDANCE_MARGIN,
    map_margin: float = MAP_MARGIN,
    core: str = "log-normal",
    d_prime_model: str = "differencing",
    min_responses: int = 3,
    replicates: int = 10_000,
    permutations: int = 2_000,
    seed: int = 0,
    hypotheses: Sequence[str] = (),
    now: datetime | None = None,
) -> Plan:
    """A plan, dated and hashed.

    Raises: `AnalysisError` where a rule or a core is unknown, and where a metric is named twice.
    """
    core_named(core)
    for name in metrics:
        if list(metrics).count(name) > 1:
            raise AnalysisError(f"The metric {name} is named twice; name it once.")
    return Plan(
        schema=SCHEMA,
        study=study,
        registered_at=(now or datetime.now(UTC)).isoformat(timespec="seconds"),
        rules=tuple(known_rules(rules)),
        core=core,
        d_prime_model=d_prime_model,
        min_responses=min_responses,
        metrics=tuple(metrics),
        primary_outcome=primary_outcome,
        concordance_margin=concordance_margin,
        map_margin=map_margin,
        replicates=replicates,
        permutations=permutations,
        seed=seed,
        hypotheses=tuple(hypotheses),
    ).hashed()


def write_plan(plan: Plan, path: Path) -> None:
    """Write a plan as JSON; an existing file is never replaced.

    Raises: `AnalysisError` where the file exists or cannot be written.
    """
    if path.exists():
        raise AnalysisError(f"{path} exists already, and a registered plan is not replaced; give another name.")
    with replacing(path) as draft:
        draft.write_text(json.dumps(plan.to_json(), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def read_plan(path: Path) -> Plan:
    """The plan in a file.

    Raises: `AnalysisError` where the file cannot be read, is no plan, or was changed after it was written.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise AnalysisError(f"{path} cannot be read: {error.strerror or error}.") from error
    except (ValueError, RecursionError) as error:
        raise AnalysisError(
            f"{path} is not JSON ({error}); give the file that `shift-study preregister` wrote."
        ) from None
    plan = _restored(document, path)
    found = _sha256(document)
    if found != plan.sha256:
        raise AnalysisError(
            f"{path} was changed after it was registered: its hash is {found[:12]}…, not {plan.sha256[:12]}…; give the "
            "file as it was, or register a new plan."
        )
    return plan


def _restored(document: Any, path: Path) -> Plan:
    names = {field.name for field in fields(Plan)}
    if isinstance(document, dict) and document.get("schema") == _FIRST_SCHEMA:
        document = _NOT_IN_THE_FIRST | document
    if (
        not isinstance(document, dict)
        or document.get("schema") not in (SCHEMA, _FIRST_SCHEMA)
        or set(document) != names
    ):
        raise AnalysisError(
            f"{path} is not an analysis plan ({SCHEMA}); give the file that `shift-study preregister` wrote."
        )
    return Plan.from_json(document)


def adherence(
    plan: Plan, *, settings: dict[str, Any], metrics: Sequence[str], responses: pd.DataFrame, study: str
) -> Adherence:
    """How an analysis compares with its plan.

    Args:
        settings: what was used in place of the plan's `rules`, `core`, `d_prime_model`, `min_responses`, `replicates`,
            `permutations`, `seed` and margins; all of them.
        metrics: that were compared.
        responses: the tidy response table.
        study: its name.
    """
    deviations = [
        f"Planned {meaning}: {_listed(getattr(plan, name))}; used: {_listed(settings[name])}."
        for name, meaning in _NAMES.items()
        if _listed(getattr(plan, name)) != _listed(settings[name])
    ]
    if plan.study and plan.study != study:
        deviations.append(f"The plan is of the study {plan.study}, the responses are of {study}.")
    deviations += [f"The planned metric {name} was not compared." for name in plan.metrics if name not in metrics]
    added = [f"The metric {name} was added after the plan." for name in metrics if name not in plan.metrics]
    times = pd.to_datetime(responses["answered_at"], utc=True, errors="coerce", format="ISO8601")
    before = None if times.isna().all() else int((times < pd.Timestamp(plan.registered_at)).sum())
    return Adherence(
        sha256=plan.sha256,
        registered_at=plan.registered_at,
        followed=not deviations and not added,
        deviations=tuple(deviations),
        added=tuple(added),
        answered_before=before,
        responses=len(responses),
    )


def _listed(value: Any) -> str:
    return (", ".join(value) or "none") if isinstance(value, tuple | list) else str(value)

"""How long will it take? What is asked of an estimator and what it answers; values between packages.

An estimator is found through the entry point group `wfexec.estimators`: a callable from `EstimateRequest` to `Estimate`
or None, when it cannot say. The same request gives the same answer.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from wfexec.model.facts import TargetFacts, TargetRef
from wfexec.model.status import WorkflowExecution
from wfexec.settings import Settings


class EstimateRequest(NamedTuple):
    """`targets` are those that were looked at. `document` is the world's own file where that is no list of objects."""

    workflow: WorkflowExecution
    settings: Settings
    targets: Mapping[TargetRef, TargetFacts]
    document: Any
    runs: int
    seed: int


class Estimate(NamedTuple):
    """Milliseconds from creation to completion over the `completed` of `runs` runs; None where none completed."""

    runs: int
    completed: int
    seed: int
    p50_ms: int | None
    p90_ms: int | None
    p99_ms: int | None

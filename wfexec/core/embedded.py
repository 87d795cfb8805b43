"""Conditions that hold for an action where nobody laid down others (BR-WF-053). Setting `embedded-conditions`.

Only what can be judged from facts that the controller has: no look into Secrets, no guess at what a pod needs. One
entry per canonical action; an entry of the registry for the same action replaces all of it, an empty one switches it
off. The expressions read `input`, and let pass what they were not told.
"""

from typing import Final

from wfexec.model.bearings import ConditionSet, Policies
from wfexec.model.workflow import StepCondition

VERSION: Final = "embedded"
_MINUTE: Final = 60_000

_EXISTS: Final = StepCondition(
    type="deployment_exists", description="the deployment is there and not going away",
    expr="input.deployment_found && !input.terminating",
)  # fmt: skip
_AVAILABLE: Final = StepCondition(
    type="deployment_health_check", description="the deployment is available again",
    expr="input.deployment_available", timeout=2 * _MINUTE,
)  # fmt: skip
_REPLICAS: Final = StepCondition(
    type="desired_replicas_running", description="as many pods are ready as the step asked for",
    expr="!has(input.target_replicas) || (has(input.ready_pods) ? input.ready_pods : 0) >= input.target_replicas",
    timeout=2 * _MINUTE,
)  # fmt: skip

EMBEDDED: Final = Policies(
    VERSION,
    {
        "scale-deployment": ConditionSet(VERSION, (_EXISTS,), (_REPLICAS, _AVAILABLE)),
        "restart-deployment": ConditionSet(VERSION, (_EXISTS,), (_AVAILABLE,)),
        "update-image": ConditionSet(VERSION, (_EXISTS,), (_AVAILABLE,)),
    },
)

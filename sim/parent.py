"""What does a parent do with its workflows? The rules of a small orchestrator that plays Kubernaut's own.

Called by `sim.orchestrator`, which sees RemediationRequests through beside the controller. Pure and without memory:
from the objects as they stand to the next write, so a crash between any two leads to the same end. It reads phases,
never conditions: a workflow has failed once its rollback is over. It must never write a workflow after making it.
"""

import copy
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from wfexec.model.meta import ANNOTATION_FINGERPRINT, REMEDIATION_API, REMEDIATION_KIND, WORKFLOW_API, WORKFLOW_KIND
from wfexec.units import format_instant, parse_instant

Json = dict[str, Any]

# The first workflow is no recovery.
RECOVERIES_MAX: Final = 3
# Where so much of all that ended within the last hour has failed, another workflow would make it worse.
FAILURE_RATE_MAX: Final = 0.1
RATE_WINDOW_MS: Final = 3_600_000
# Of fewer workflows a rate says nothing.
RATE_SAMPLES_MIN: Final = 10
_ENDED: Final = ("completed", "failed", "cancelled")


class Turn(NamedTuple):
    """`create` is a workflow to be made, None for none; `status` is what the request's status is to say."""

    create: Json | None
    status: Json


def turn(request: Json, workflows: Iterable[Json], ways: Sequence[Json], now: int) -> Turn:
    """What a parent does next; `ways` are the specs it knows, the usual one first, the others for its recoveries."""
    every = list(workflows)
    mine = sorted((one for one in every if _owned(one, request)), key=lambda one: _number(one, request))
    if not mine:
        return _made(request, ways, 0, "executing", now)
    last = mine[-1]
    status, phase = last.get("status") or {}, _phase(last)
    if phase not in _ENDED:
        return Turn(None, _told(request, "executing" if len(mine) == 1 else "recovering", last, ""))
    if phase == "completed":
        return Turn(None, _ended(request, "completed", last, "", now))
    reason = status.get("failureReason", "")
    if phase == "cancelled":
        return Turn(None, _ended(request, "failed", last, "a person cancelled it", now))
    others = [one for one in every if not _owned(one, request)]
    why = _why_not(mine, others, ways, now)
    if why:
        return Turn(None, _ended(request, "failed", last, f"a person is needed: {why}; {reason}", now))
    return _made(request, ways, len(mine), "recovering", now)


def failure_rate(workflows: Iterable[Json], now: int) -> float:
    """How many of those that ended within the last hour have failed; 0 of too few to tell."""
    ended = [one for one in workflows if _phase(one) in _ENDED and now - _end(one) <= RATE_WINDOW_MS]
    failed = sum(1 for one in ended if _phase(one) == "failed")
    return failed / len(ended) if len(ended) >= RATE_SAMPLES_MIN else 0.0


def _why_not(mine: Sequence[Json], others: Sequence[Json], ways: Sequence[Json], now: int) -> str:
    """Why there is no recovery from the failure of the last; "" where there is one."""
    failures = [_failure(one) for one in mine]
    if failures[-1] in failures[:-1]:
        return "the same failure twice"
    if len(mine) > RECOVERIES_MAX:
        return f"{RECOVERIES_MAX} recoveries failed"
    rate = failure_rate(others, now)
    if rate >= FAILURE_RATE_MAX:
        return f"{rate:.0%} of all workflows of the last hour failed"
    if len(mine) >= len(ways):
        return "no other way is known"
    return ""


def _failure(workflow: Json) -> tuple[Any, ...]:
    """What makes two failures the same one."""
    status = workflow["status"]
    return status.get("failedStep"), status.get("failedAction", ""), status.get("errorType", "")


def _made(request: Json, ways: Sequence[Json], attempt: int, phase: str, now: int) -> Turn:
    meta = request["metadata"]
    name = workflow_name(meta["name"], attempt)
    owner = {"apiVersion": REMEDIATION_API, "kind": REMEDIATION_KIND, "name": meta["name"], "uid": meta["uid"]}
    reference = {**owner, "namespace": meta["namespace"]}
    fingerprint = (request.get("spec") or {}).get("signalFingerprint", "")
    body = {
        "apiVersion": WORKFLOW_API,
        "kind": WORKFLOW_KIND,
        "metadata": {
            "name": name,
            "namespace": meta["namespace"],
            "annotations": {ANNOTATION_FINGERPRINT: fingerprint} if fingerprint else {},
            "ownerReferences": [{**owner, "controller": True}],
        },
        "spec": {**copy.deepcopy(ways[attempt]), "remediationRequestRef": reference},
    }
    known = request.get("status") or {}
    told = {"overallPhase": phase, "workflowExecutionRef": {"name": name, "namespace": meta["namespace"]}}
    return Turn(body, {"startTime": format_instant(now), **known, **told, "message": ""})


def _told(request: Json, phase: str, workflow: Json, message: str) -> Json:
    meta = workflow["metadata"]
    reference = {"name": meta["name"], "namespace": meta["namespace"]}
    known = request.get("status") or {}
    return {**known, "overallPhase": phase, "workflowExecutionRef": reference, "message": message[:4096]}


def _ended(request: Json, phase: str, workflow: Json, message: str, now: int) -> Json:
    known = (request.get("status") or {}).get("completedAt")
    return {**_told(request, phase, workflow, message), "completedAt": known or format_instant(now)}


def workflow_name(request: str, attempt: int) -> str:
    """Of the workflow that the request of this name makes at its first (0) or a later attempt."""
    base = f"{request}-workflow"
    return f"{base}-{attempt + 1}" if attempt else base


def _number(workflow: Json, request: Json) -> int:
    names = [workflow_name(request["metadata"]["name"], attempt) for attempt in range(RECOVERIES_MAX + 1)]
    name = workflow["metadata"]["name"]
    return names.index(name) if name in names else -1


def _owned(workflow: Json, request: Json) -> bool:
    uid = request["metadata"]["uid"]
    return any(owner["uid"] == uid for owner in workflow["metadata"].get("ownerReferences", ()))


def _phase(workflow: Json) -> str:
    return str((workflow.get("status") or {}).get("phase", ""))


def _end(workflow: Json) -> int:
    text = workflow["status"].get("completionTime")
    return parse_instant(text) if text else 0

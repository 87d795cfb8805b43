"""How is a workflow that executes doing? One word in status, and why in the condition Degraded (BR-EXECUTION-002).

healthy: every attempt so far did what it should. degraded: something is tried again, failed without being critical, or
a child is not taken up, or may not be made yet. unhealthy: a step failed that ends the execution.
"""

from typing import Final

from wfexec.core.draft import Draft
from wfexec.model.phases import FailurePolicy, ResourceHealth, StepState
from wfexec.units import format_duration, so_many

HEALTHY: Final = ResourceHealth.HEALTHY
CONDITION: Final = "Degraded"
THROTTLED: Final = "Throttled"


def judge_health(draft: Draft) -> None:
    """Costs nothing while all is well: only trouble, or what is left of it, is looked at."""
    if not draft.unwell and not draft.troubles and draft.get("health") in (None, HEALTHY):
        return
    terminate = draft.workflow.spec.failure_policy is FailurePolicy.TERMINATE
    health, reason, messages = HEALTHY, "", [message for _, message in draft.troubles]
    if messages:
        health, reason = ResourceHealth.DEGRADED, draft.troubles[0][0]
    for step in draft.recipe.steps:
        state = draft.steps[step.position]
        fatal = state.status is StepState.BLOCKED or (state.status is StepState.FAILED and (terminate or step.critical))
        if not fatal and state.status not in (StepState.FAILED, StepState.RETRYING):
            continue
        why = state.error_type or state.error_message or "no reason given"
        messages.append(f"step {step.number} ({step.name}) is {state.status}: {why}")
        if fatal:
            health, reason = ResourceHealth.UNHEALTHY, "StepFailed"
        elif health is HEALTHY or (health is ResourceHealth.DEGRADED and state.status is StepState.FAILED):
            health = ResourceHealth.DEGRADED
            reason = "StepFailed" if state.status is StepState.FAILED else "StepRetrying"
    draft.set(health=health)
    if health is not HEALTHY:
        draft.condition(CONDITION, True, reason, "; ".join(messages[:8]))
    elif any(one.type == CONDITION for one in draft.get("conditions")):
        draft.condition(CONDITION, False, "Recovered", "")


def tell_pressure(draft: Draft, places: int, most: int) -> None:
    """Steps wait since the API server throttles (BR-WF-024d); an event when that begins or gets worse."""
    said = f"the API server asks to slow down: {places} of {so_many(most, 'step')} at a time"
    draft.troubles.append((THROTTLED, said))
    if not any(one.type == CONDITION and said in one.message for one in draft.get("conditions")):
        draft.event("Warning", "ParallelismReduced", said)


def watch_for_silence(draft: Draft, name: str, started: int) -> None:
    """A child that nobody takes up: said after a while, and looked at again until somebody does."""
    silence = draft.settings.executor_silence
    if draft.now <= started + silence:
        draft.wake(started + silence + 1)
        return
    said = f"KubernetesExecution {name} has not been taken up for {format_duration(silence)}; is its executor running?"
    draft.troubles.append(("ExecutorSilent", said))
    draft.wake(draft.now + silence)

"""What does a program want to know about a run? One JSON document: phases, children, events, objects, digest.

Called by `sim run --json`. Keys follow the CRD; instants are RFC 3339, offsets are milliseconds since the run began.
"""

from typing import Any

from sim.history import History
from sim.trace import VERBS, Incident, TraceRecord, Version, Written, canonical, is_undo, name_of, rendered
from wfexec.core.secrecy import hide, secrets_of
from wfexec.model.execution import KubernetesExecution
from wfexec.model.meta import ANNOTATION_ATTEMPT
from wfexec.model.status import WorkflowExecution
from wfexec.units import format_instant


def phases(history: History) -> dict[str, list[dict[str, Any]]]:
    """Per workflow every phase it was in, in order."""
    seen: dict[str, list[dict[str, Any]]] = {}
    for move in history.workflows:
        after = move.after
        if after is None:
            continue
        told = seen.setdefault(f"{after.metadata.namespace}/{after.metadata.name}", [])
        if after.status.phase and (not told or told[-1]["phase"] != after.status.phase):
            told.append({"phase": str(after.status.phase), "at": format_instant(move.at)})
    return seen


def children(history: History) -> list[dict[str, Any]]:
    """Every child that ever was, in the order of creation."""
    told: dict[str, dict[str, Any]] = {}
    for move in history.children:
        child = move.child
        entry = told.setdefault(child.metadata.uid, _child(child, move.at))
        entry["phase"] = str(child.status.phase)
        entry["deleted"] = move.after is None
    return list(told.values())


def events(history: History) -> list[dict[str, Any]]:
    """Every Event as it was last written, in the order of first appearance."""
    told: dict[str, dict[str, Any]] = {}
    for _at, event in history.events():
        told[event.name] = {
            "regarding": f"{event.regarding.metadata.namespace}/{event.regarding.metadata.name}",
            "type": event.type,
            "reason": event.reason,
            "message": event.message,
            "count": event.times,
            "firstTimestamp": format_instant(event.first_ms),
            "lastTimestamp": format_instant(event.last_ms),
        }
    return list(told.values())


def objects(history: History) -> dict[str, list[dict[str, Any]]]:
    """What is left at the end, as the API server would print it, but for what nobody is to read."""
    secrets = _secrets(history)

    def hidden(value: Any) -> Any:
        if isinstance(value, str):
            return hide(value, secrets)
        if isinstance(value, dict):
            return {key: hidden(one) for key, one in value.items()}
        return [hidden(one) for one in value] if isinstance(value, list) else value

    return {
        "workflows": [hidden(rendered(thing)) for thing in history.finals if isinstance(thing, WorkflowExecution)],
        "executions": [hidden(rendered(thing)) for thing in history.finals if isinstance(thing, KubernetesExecution)],
    }


def _secrets(history: History) -> tuple[str, ...]:
    definitions = [thing.spec.workflow_definition for thing in history.finals if isinstance(thing, WorkflowExecution)]
    return secrets_of(step for each in definitions if each is not None for step in each.steps)


def trace_line(record: TraceRecord, epoch_ms: int) -> str:
    """One record for a person: when, who, what, how it went."""
    at = f"{record.at - epoch_ms:>9} ms"
    match record:
        case Written(_, actor, body, code):
            return f"{at}  {actor:<14} {VERBS[type(body)]:<15} {name_of(body)}  {code}"
        case Incident(_, actor, what):
            return f"{at}  {actor:<14} {what}"
        case Version(_, change, thing, version):
            meta, kind = thing.metadata, thing.__class__.__name__
            phase = thing.status.phase or "-"
            return f"{at}  {'store':<14} {change.lower():<15} {kind} {meta.namespace}/{meta.name} v{version}  {phase}"


def trace_entries(records: list[TraceRecord]) -> list[list[Any]]:
    """All records as the digest sees them."""
    return list(canonical(records))


def _child(child: KubernetesExecution, at: int) -> dict[str, Any]:
    return {
        "name": child.metadata.name,
        "namespace": child.metadata.namespace,
        "step": child.spec.step_number,
        "attempt": child.metadata.annotations.get(ANNOTATION_ATTEMPT, ""),
        "action": child.spec.action,
        "rollback": is_undo(child),
        "created": format_instant(at),
        "phase": "",
        "deleted": False,
    }

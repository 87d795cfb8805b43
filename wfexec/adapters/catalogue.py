"""Which metrics are there? Names, labels and buckets, as data; `docs/metrics.md` is generated from it.

Called by `wfexec.adapters.metrics`. The families of the Kubernaut services keep their names; what only we have is
`kubernaut_workflowexecution_*` where it speaks of workflows and `wfexec_*` where it speaks of this process. No
fact has two names, and no label holds an object's name but those of the two `*_timestamp` gauges, which the stuck
alerts need.
"""

from typing import Final, Literal, NamedTuple

from wfexec.core.progress import BATCHES_TOLD
from wfexec.model.phases import TERMINAL, CheckType, ErrorType, Phase
from wfexec.model.requests import Code

Type = Literal["counter", "gauge", "histogram"]


class Label(NamedTuple):
    """`values` empty: not known before."""

    name: str
    values: tuple[str, ...] = ()


class Family(NamedTuple):
    name: str
    type: Type
    help: str
    labels: tuple[Label, ...] = ()
    buckets: tuple[float, ...] = ()


def doubling(first: float, count: int) -> tuple[float, ...]:
    return tuple(round(first * 2**power, 6) for power in range(count))


# Of a label whose values are not known before, so many have series of their own; all others share one.
NAMES_MAX: Final = 500
OTHER: Final = "other"
WORKFLOW_NAME: Final = Label("workflow_name")
ACTION: Final = Label("action")
PHASE: Final = Label("phase", tuple(phase.value for phase in Phase if phase and phase not in TERMINAL))
OUTCOME: Final = Label("outcome", ("success", "failed", "partial", "unknown", "cancelled"))
VERB: Final = Label(
    "verb", ("list", "watch", "get", "patch", "patch_status", "create", "delete", "event", "lease", "ask")
)
CODE: Final = Label("code", tuple(code.value for code in Code))
_STEPS: Final = tuple(float(count) for count in range(1, 11))
_K: Final = "kubernaut_workflowexecution_"
_W: Final = "workflowexecution_"

FAMILIES: Final = (
    Family(
        "wfexec_condition_evaluations_total",
        "counter",
        "Conditions judged for good: before a step, after it (BR-WF-052b).",
        (
            Label("kind", ("pre", "post")),
            Label("result", ("passed", "failed")),
            Label("required", ("true", "false")),
        ),
    ),
    Family(f"{_K}executions_total", "counter", "Workflows that ended.", (WORKFLOW_NAME, OUTCOME)),
    Family(
        f"{_K}retried_executions_total",
        "counter",
        "Ends of workflows that a person had tried again after they failed.",
        (WORKFLOW_NAME, OUTCOME),
    ),
    Family(
        f"{_K}phase_duration_seconds",
        "histogram",
        "Time spent in a phase until it was left for good, pauses left out; each pause is one of its own.",
        (PHASE,),
        (1, 5, 10, 30, 60, 120, 300, 600),
    ),
    Family(
        f"{_K}batch_duration_seconds",
        "histogram",
        "Time from a batch's first start to its last end, by its place in the plan (BR-WF-024).",
        (Label("batch", (*(str(number) for number in range(1, BATCHES_TOLD)), f"{BATCHES_TOLD}+")),),
        (1, 5, 10, 30, 60, 120, 300, 600),
    ),
    Family(f"{_K}active_executions", "gauge", "Workflows in phase executing; 0 where we do not lead."),
    Family(f"{_K}active_steps", "gauge", "Steps whose children run, of all workflows; 0 where we do not lead."),
    Family(
        f"{_K}queued_steps",
        "gauge",
        "Steps that could start and wait for a place under their workflow's limit; 0 where we do not lead.",
    ),
    Family(
        f"{_K}parallel_execution_efficiency",
        "histogram",
        "Share of a planned workflow's steps that stand in a batch with others, 0 to 1 (BR-WF-030).",
        (),
        (0.0, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0),
    ),
    Family(f"{_K}steps_created_total", "counter", "Children created, one per attempt.", (WORKFLOW_NAME, ACTION)),
    Family(
        f"{_K}steps_completed_total",
        "counter",
        "Steps that ended.",
        (WORKFLOW_NAME, ACTION, Label("status", ("success", "failed"))),
    ),
    Family(
        f"{_K}rollbacks_total",
        "counter",
        "Rollbacks begun: after a step or the time failed, because what was done did not hold, at somebody's wish.",
        (WORKFLOW_NAME, Label("reason", ("step_failure", "validation_failure", "manual"))),
    ),
    Family(
        f"{_K}effectiveness_score",
        "histogram",
        "How well ended workflows worked, 0 to 1.",
        (),
        (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0),
    ),
    Family(
        f"{_K}safety_validation_total",
        "counter",
        "Safety checks judged, once for each workflow.",
        (Label("check_type", tuple(CheckType)), Label("result", ("pass", "fail"))),
    ),
    Family(
        f"{_K}adaptive_adjustments_total",
        "counter",
        "Adjustments made at planning and while a workflow ran.",
        (
            Label(
                "adjustment_type",
                ("timeout", "retry", "estimate", "skip", "inject", "reorder", "parameter", "throttle"),
            ),
        ),
    ),
    Family(
        f"{_K}errors_total",
        "counter",
        "What went wrong for good, by class and phase: steps, undos, limits, refusals.",
        (Label("error_type", tuple(ErrorType)), PHASE),
    ),
    Family(
        f"{_K}step_execution_duration_seconds",
        "histogram",
        "Time from the start of the last attempt of a step that completed to its end.",
        (ACTION,),
        doubling(0.5, 10),
    ),
    Family(
        f"{_K}step_retry_exhausted_total",
        "counter",
        "Steps that failed with an error that may pass, and had made all further attempts that they had.",
        (ACTION,),
    ),
    Family(
        f"{_K}dependency_resolution_duration_seconds",
        "histogram",
        "Time to make the graph of a definition: its checks, edges, order and batches (BR-WF-030).",
        (),
        doubling(0.01, 10),
    ),
    Family(f"{_K}circular_dependency_detected_total", "counter", "Definitions refused because of a cycle."),
    Family(f"{_W}created_total", "counter", "Workflows seen for the first time."),
    Family(f"{_W}deleted_total", "counter", "Workflows let go."),
    Family(f"{_W}active_total", "gauge", "Workflows that have not ended; 0 where we do not lead."),
    Family(f"{_W}lifecycle_duration_seconds", "histogram", "Time from creation to the end.", (), doubling(5, 10)),
    Family(f"{_W}validation_failures_total", "counter", "Workflows refused in planning or validating."),
    Family(
        f"{_W}validation_status",
        "gauge",
        "Live workflows by result of their validation; 0 where we do not lead.",
        (Label("status", ("passed", "failed")),),
    ),
    Family(f"{_W}workflow_steps_total", "histogram", "Steps in a planned workflow.", (), (*_STEPS, 20, 50, 100)),
    Family(
        f"{_W}phase_start_timestamp",
        "gauge",
        "When the phase of a workflow that has not ended began, seconds since 1970; none where we do not lead.",
        (Label("namespace"), Label("name"), Label("phase")),
    ),
    Family(
        f"{_W}start_timestamp",
        "gauge",
        "When a workflow that has not ended was first planned, seconds since 1970; none where we do not lead.",
        (Label("namespace"), Label("name")),
    ),
    Family(
        f"{_K}audit_storage_operations_total",
        "counter",
        "Requests to the audit store, each with all rows that waited.",
        (Label("status", ("success", "error")),),
    ),
    Family(
        f"{_K}audit_records_lost_total",
        "counter",
        "Workflows let go without their final record in the audit store: it kept none within audit-grace (BR-WF-001).",
    ),
    Family("wfexec_leader", "gauge", "1 where we may write."),
    Family("wfexec_synced", "gauge", "1 once both kinds have been listed."),
    Family("wfexec_audit_enabled", "gauge", "1 where there is an audit store."),
    Family(
        "wfexec_clock_ahead_seconds",
        "gauge",
        "By how much the clock we go by is ahead of the API server's, negative if behind; 0 if by less than 2 s.",
    ),
    Family(
        "wfexec_clock_set_back_seconds", "gauge", "By how much this machine's clock was found to be ahead at the start."
    ),
    Family("wfexec_workflows", "gauge", "Workflows known, ended ones too."),
    Family("wfexec_workqueue_depth", "gauge", "Workflows waiting to be looked at."),
    Family("wfexec_requests_in_flight", "gauge", "Requests without a reply, watches and leases apart."),
    Family(
        "wfexec_throttle_pressure",
        "gauge",
        "How often each workflow halves its steps at a time just now, since the API server answers 429.",
    ),
    Family("wfexec_events_waiting", "gauge", "Kubernetes Events not sent yet; beyond 8192 some are given up."),
    Family("wfexec_looks_total", "counter", "Decisions made."),
    Family("wfexec_write_conflicts_total", "counter", "Writes refused because the object had moved on."),
    Family("wfexec_lost_replies_total", "counter", "Writes without a reply: carried out or not."),
    Family("wfexec_lists_total", "counter", "Lists; more than one of each kind means a watch could not be resumed."),
    Family("wfexec_watch_restarts_total", "counter", "Watches begun after the first of their kind."),
    Family("wfexec_watch_renewals_total", "counter", "Watches opened anew because they had been silent for long."),
    Family("wfexec_events_dropped_total", "counter", "Kubernetes Events given up."),
    Family("wfexec_turn_duration_seconds", "histogram", "Work of one turn of the engine.", (), doubling(0.0005, 12)),
    Family("wfexec_api_requests_total", "counter", "Requests to the API server by their end.", (VERB, CODE)),
    Family(
        "wfexec_api_request_duration_seconds",
        "histogram",
        "Time to a reply; watches are not counted.",
        (Label("verb", tuple(verb for verb in VERB.values if verb != "watch")),),
        doubling(0.001, 14),
    ),
    Family(
        "wfexec_api_limiter_wait_seconds",
        "histogram",
        "How long there was no place for a request that was due: by kubernetes-qps, too many in flight, or a 429.",
        (),
        doubling(0.001, 14),
    ),
)


def reference() -> str:
    """The Markdown page of all families."""
    rows = [
        "# Metrics",
        "",
        "Served as Prometheus text on `/metrics` (port 9090). Written by `wfexec reference metrics`; do not edit.",
        "",
        f"`workflow_name` is the name of the definition. Of it and of `action` {NAMES_MAX} values each have series of"
        f" their own, further ones share `{OTHER}`.",
        "",
        "| name | type | labels | buckets | meaning |",
        "|---|---|---|---|---|",
    ]
    for family in FAMILIES:
        labels = "<br>".join(_label(label) for label in family.labels)
        buckets = ", ".join(f"{bucket:g}" for bucket in family.buckets)
        rows.append(f"| `{family.name}` | {family.type} | {labels} | {buckets} | {family.help} |")
    return "\n".join(rows) + "\n"


def _label(label: Label) -> str:
    return f"`{label.name}`" + (f": {', '.join(label.values)}" if label.values else "")

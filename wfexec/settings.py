"""Every limit of the controller, once: default, unit, bounds, and the checks between them (BR-WF-169).

Loaded at start from flags, a ConfigMap folder and WFEXEC_ environment variables by `wfexec.adapters.config`; the core
and the engine get the finished value. Keys are the field names in kebab case.
"""

import re
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from wfexec.units import Duration, parse_hours, parse_zone

# Steps in a workflow decide its deadline: up to 3 are simple, 4 to 10 medium, more are complex (BR-WF-TIMEOUT-001).
SIMPLE_STEPS_MAX = 3
MEDIUM_STEPS_MAX = 10
_BASE_URL = re.compile(r"https?://[^/?#@\s]+(/[^?#@\s]*)?")
# Of 0 seconds nothing would ever be done in time, or something would be done without end.
_SOME_TIME = (
    "planning_timeout",
    "validation_timeout",
    "approval_timeout",
    "dry_run_timeout",
    "condition_poll_interval",
    "step_timeout",
    "workflow_timeout_simple",
    "workflow_timeout_medium",
    "workflow_timeout_complex",
    "monitoring_timeout",
    "monitoring_interval",
    "rollback_step_timeout",
    "rollback_total_timeout",
    "requeue_approval",
    "requeue_error",
    "executor_silence",
    "lease_retry_period",
    "request_timeout",
    "watch_timeout",
)
NamespaceList = Annotated[tuple[str, ...], Field(max_length=64)]
NameList = Annotated[tuple[str, ...], Field(max_length=256)]


def to_kebab(name: str) -> str:
    return name.replace("_", "-")


class Settings(BaseModel):
    """Frozen; durations are milliseconds in memory and `30s`, `5m` outside."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_kebab,
        validate_by_name=True,
        validate_by_alias=True,
        validate_default=True,
    )

    max_parallel_steps: int = Field(5, ge=1, le=10, description="Active children per workflow (BR-WF-166).")
    complexity_approval_threshold: int = Field(
        10, ge=1, le=100, description="More steps than this need approval (BR-WF-169)."
    )
    kubernetes_qps: float = Field(
        100.0, ge=0, le=10_000, description="Requests per second; 0: no limit. Events: as many again."
    )
    kubernetes_burst: int = Field(200, ge=1, le=20_000, description="Requests that may exceed the rate for a moment.")
    planning_timeout: Duration = Field(30_000, description="Limit of the planning phase (BR-WF-016a).")
    validation_timeout: Duration = Field(300_000, description="Limit of the validating phase without approval.")
    approval_timeout: Duration = Field(300_000, description="How long an approval is waited for.")
    dry_run_timeout: Duration = Field(
        30_000, description="How long the dry run waits for what it must see (BR-WF-017)."
    )
    condition_poll_interval: Duration = Field(5_000, description="Between two looks at a condition that does not hold.")
    precondition_timeout: Duration = Field(30_000, description="How long a precondition that names none is waited for.")
    postcondition_timeout: Duration = Field(
        120_000, description="How long a postcondition that names none is waited for."
    )
    embedded_conditions: bool = Field(
        True, description="Conditions of our own for steps whose action the registry does not name (BR-WF-053)."
    )
    step_timeout: Duration = Field(300_000, description="Limit of one attempt of a step that names none.")
    step_timeout_max: Duration = Field(900_000, description="Longest timeout a step may ask for.")
    monitoring_timeout: Duration = Field(600_000, description="Limit of the monitoring phase.")
    stabilization_window: Duration = Field(30_000, description="How long targets must stay healthy.")
    workflow_timeout_simple: Duration = Field(600_000, description="Deadline with up to 3 steps.")
    workflow_timeout_medium: Duration = Field(1_200_000, description="Deadline with 4 to 10 steps.")
    workflow_timeout_complex: Duration = Field(2_700_000, description="Deadline with more than 10 steps.")
    max_retries: int = Field(2, ge=0, le=10, description="Further attempts of a step that names none.")
    retry_base_delay: Duration = Field(30_000, description="Delay before the first further attempt; doubles.")
    retry_max_delay: Duration = Field(300_000, description="Longest delay between attempts.")
    approvers: NameList = Field(
        (), description="User names that may approve where no admission policy guards it, beside the access review."
    )
    requeue_approval: Duration = Field(
        30_000, description="Look again while an answer or the right of an approver is missing."
    )
    requeue_error: Duration = Field(30_000, description="Look again after a refused write or an unknown phase.")
    monitoring_interval: Duration = Field(10_000, description="Between two looks at the targets.")
    executor_silence: Duration = Field(60_000, description="A child nobody takes up for this long is told of.")
    alertmanager_url: str = Field(
        "",
        max_length=2_048,
        description="Asked for new alerts on what a workflow changed (BR-WF-051s); empty means that nobody is asked.",
    )
    alertmanager_watchdog: str = Field(
        "",
        max_length=253,
        description="An alert that always fires; where it does not, new alerts are unknown. Empty means none.",
    )
    alertmanager_token_file: str = Field(
        "", max_length=4_096, description="File with the bearer token for the Alertmanager, read at every request."
    )
    alertmanager_ca_file: str = Field(
        "", max_length=4_096, description="File with the certificates that the Alertmanager's is checked with."
    )
    watch_side_effects: bool = Field(
        False, description="Look for what falls ill near the targets, where a workflow does not say (BR-WF-051s)."
    )
    rollback_step_timeout: Duration = Field(300_000, description="Limit of one undo that names none.")
    rollback_total_timeout: Duration = Field(1_800_000, description="Limit of a whole rollback.")
    rollback_parallel: bool = Field(
        False, description="Undo independent branches at the same time, within max-parallel-steps."
    )
    drain_on_failure: bool = Field(
        True, description="Wait for running children before a fatal failure ends the execution."
    )
    local_cluster_names: NamespaceList = Field(("",), description="targetCluster values that mean this cluster.")
    protected_namespaces: NamespaceList = Field(
        ("kube-system", "kube-public", "kube-node-lease", "kubernaut-system"),
        description="Namespaces no step may touch.",
    )
    production_namespaces: NamespaceList = Field(
        (), description="Name patterns such as prod-*: production beside those labelled environment=production."
    )
    business_hours: str = Field(
        "09:00-17:00",
        max_length=63,
        description="When destructive actions are refused in production; Mon-Fri 09:00-17:00; empty means never.",
    )
    time_zone: str = Field("UTC", min_length=1, max_length=63, description="IANA name; where business-hours are told.")
    production_replicas_max: int = Field(20, ge=1, le=1_000, description="No step scales higher in production.")
    production_replicas_min: int = Field(1, ge=0, le=1_000, description="No step scales lower in production.")
    critical_deployments: NamespaceList = Field(
        ("api-server", "auth-service", "payment-service"),
        description="Deployments (name or namespace/name) that keep critical-replicas-min in production.",
    )
    critical_replicas_min: int = Field(
        3, ge=0, le=1_000, description="No step scales a critical deployment lower in production."
    )
    executor_namespace: str = Field(
        "kubernaut-system", max_length=63, description="Namespace of the executor's identities."
    )
    controller_namespace: str = Field(
        "kubernaut-system", max_length=63, description="Namespace of lease and snapshots."
    )
    learning_min_samples: int = Field(
        10, ge=1, le=1_000, description="Fewer earlier runs than this teach nothing (BR-ORCHESTRATION-020)."
    )
    learning_min_confidence: float = Field(
        0.8, ge=0, le=1, description="Least confidence in earlier runs or in a suggestion before it is used."
    )
    adaptation: bool = Field(True, description="Off: no workflow is changed, whatever its adaptiveOrchestration says.")
    adaptations_max: int = Field(
        32, ge=0, le=50, description="Changes of one workflow while it runs; then it goes on as it is."
    )
    manage_orphan_retention: bool = Field(
        False, description="Delete workflows that have ended and have no living parent; needs the right to."
    )
    orphan_retention: Duration = Field(86_400_000, description="How long such a workflow stays readable.")
    audit_grace: Duration = Field(
        300_000,
        description="How long a deletion waits for an audit store to keep the final record; then it goes on without,"
        " and that is told (BR-WF-001). `wfexec run` has no audit store yet: there it has no effect, and says so when"
        " it is set.",
    )
    workers: int = Field(8, ge=1, le=64, description="Requests in flight at once.")
    request_timeout: Duration = Field(10_000, description="How long a reply is waited for.")
    watch_timeout: Duration = Field(300_000, description="The server ends a watch after this long; then it is renewed.")
    watch_silence: Duration = Field(
        10_000,
        description="A watch that brings nothing for this long while workflows are under way is opened anew; else"
        " and for what surrounds workflows after three times as long (BR-WF-025).",
    )
    list_page_size: int = Field(500, ge=1, le=5_000, description="Objects per page of a list.")
    lease_duration: Duration = Field(15_000, description="A lease not renewed for this long may be taken.")
    lease_renew_deadline: Duration = Field(10_000, description="Stop writing when not renewed for this long.")
    lease_retry_period: Duration = Field(2_000, description="Between two tries to take or renew the lease.")
    event_dedupe_window: Duration = Field(600_000, description="Same event within this time counts up.")
    log_level: str = Field("info", pattern="^(debug|info|warning|error)$", description="Least level that is logged.")
    log_format: str = Field("json", pattern="^(json|console)$", description="How log lines look.")

    @field_validator("business_hours")
    @classmethod
    def _hours(cls, given: str) -> str:
        parse_hours(given)
        return given

    @field_validator("time_zone")
    @classmethod
    def _zone(cls, given: str) -> str:
        parse_zone(given)
        return given

    @field_validator("alertmanager_url")
    @classmethod
    def _alertmanager(cls, given: str) -> str:
        """The value itself is not repeated: somebody may have put a password into it."""
        if given and _BASE_URL.fullmatch(given) is None:
            raise ValueError(
                "must look like http://alertmanager.monitoring:9093, without user, password or query;"
                " a token belongs into alertmanager-token-file"
            )
        return given.rstrip("/")

    @field_validator("alertmanager_watchdog")
    @classmethod
    def _watchdog(cls, given: str) -> str:
        if '"' in given or "\\" in given:
            raise ValueError("must be the plain name of an alert, such as Watchdog")
        return given

    @model_validator(mode="after")
    def _relations(self) -> Self:
        """Values that only make sense together."""
        if not self.lease_retry_period < self.lease_renew_deadline < self.lease_duration:
            raise ValueError("lease-retry-period < lease-renew-deadline < lease-duration must hold")
        if self.retry_base_delay > self.retry_max_delay:
            raise ValueError("retry-base-delay must not exceed retry-max-delay")
        if self.step_timeout > self.step_timeout_max:
            raise ValueError("step-timeout must not exceed step-timeout-max")
        if self.stabilization_window > self.monitoring_timeout:
            raise ValueError("stabilization-window must not exceed monitoring-timeout")
        if self.production_replicas_min > self.production_replicas_max:
            raise ValueError("production-replicas-min must not exceed production-replicas-max")
        for name in _SOME_TIME:
            if getattr(self, name) < 1:
                raise ValueError(f"{to_kebab(name)} must be longer than 0s")
        if self.watch_silence < 1_000:
            raise ValueError("watch-silence must be at least 1s")
        return self


DEFAULTS = Settings()

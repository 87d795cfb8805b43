"""The three parameter unions: what a step asks, how it is undone, what the executor is told.

Each union is one object with exactly one member set; a CEL rule says so to the API server, `set_members` to us.
"""

import re
from enum import StrEnum
from typing import Annotated, Any

from pydantic import ConfigDict, Field, PlainSerializer, ValidatorFunctionWrapHandler, WithJsonSchema, WrapValidator

from wfexec.model.base import Count, DataMap, Document, Namespace, ObjectName, TextMap, Value, Word, rules

RequiredNamespace = Annotated[Namespace, Field(min_length=1)]
Replicas = Annotated[int, Field(ge=0, le=1000)]
GraceText = Annotated[str, Field(max_length=32)]
Seconds = Annotated[int, Field(ge=0, le=3600)]


class ScaleDeployment(Value):
    namespace: RequiredNamespace
    deployment: ObjectName
    replicas: Replicas


REFERENCE_PATTERN = r"^\{\{.*\}\}$"
_REFERENCE = re.compile(REFERENCE_PATTERN, re.DOTALL)


def _reference_or(value: Any, whole_number: ValidatorFunctionWrapHandler) -> Any:
    return value if isinstance(value, str) and _REFERENCE.match(value) else whole_number(value)


def _as_it_is(value: Any) -> Any:
    return value


# A `{{ … }}` may stand for the number. It stays text until planning has put its value in; only planning sees it so.
ReferredReplicas = Annotated[
    Replicas,
    WrapValidator(_reference_or),
    PlainSerializer(_as_it_is),
    WithJsonSchema(
        {
            "x-kubernetes-int-or-string": True,
            "minimum": 0,
            "maximum": 1000,
            "pattern": REFERENCE_PATTERN,
            "maxLength": 2048,
        }
    ),
]


class ScaleStep(ScaleDeployment):
    """What a step says of scaling (BR-WF-007)."""

    replicas: ReferredReplicas


class RestartDeployment(Value):
    namespace: RequiredNamespace
    deployment: ObjectName
    grace_period: GraceText | None = None


class UpdateImage(Value):
    namespace: RequiredNamespace
    deployment: ObjectName
    container: ObjectName
    new_image: Annotated[str, Field(min_length=1, max_length=1024)]


class RestartPod(Value):
    model_config = ConfigDict(
        json_schema_extra=rules(("has(self.podName) || has(self.selector)", "set podName or selector"))
    )
    namespace: RequiredNamespace
    pod_name: Word | None = None
    selector: Annotated[str, Field(max_length=1024)] | None = None
    grace_period: GraceText | None = None


class DeletePod(Value):
    namespace: RequiredNamespace
    pod_name: ObjectName
    grace_period: GraceText | None = None


class UpdateConfigMap(Value):
    namespace: RequiredNamespace
    name: ObjectName
    data_updates: DataMap


class UpdateSecret(Value):
    namespace: RequiredNamespace
    name: ObjectName
    data_updates: DataMap


class CordonNode(Value):
    node_name: ObjectName


class DrainNode(Value):
    node_name: ObjectName
    grace_period: GraceText | None = None
    ignore_daemon_sets: bool = False
    delete_local_data: bool = False


class CustomAction(Value):
    action_type: Word
    config: DataMap = Field(default_factory=dict)


def one_of(*members: str) -> dict[str, Any]:
    """The CEL rule of a union: exactly one of these members is set."""
    count = " + ".join(f"(has(self.{member}) ? 1 : 0)" for member in members)
    return rules((f"{count} == 1", f"set exactly one of {', '.join(members)}"))


class StepParameters(Value):
    """Exactly one member, the one that the step's action takes."""

    model_config = ConfigDict(
        json_schema_extra=one_of(
            "scaleDeployment",
            "restartDeployment",
            "updateImage",
            "restartPod",
            "deletePod",
            "updateConfigMap",
            "updateSecret",
            "cordonNode",
            "drainNode",
            "custom",
        )
    )
    scale_deployment: ScaleStep | None = None
    restart_deployment: RestartDeployment | None = None
    update_image: UpdateImage | None = None
    restart_pod: RestartPod | None = None
    delete_pod: DeletePod | None = None
    update_config_map: UpdateConfigMap | None = None
    update_secret: UpdateSecret | None = None
    cordon_node: CordonNode | None = None
    drain_node: DrainNode | None = None
    custom: CustomAction | None = None


class RestorePreviousDeployment(Value):
    """`revision` 0 is the one before the current."""

    namespace: RequiredNamespace
    deployment: ObjectName
    revision: Count = 0


class ScaleToPrevious(Value):
    namespace: RequiredNamespace
    deployment: ObjectName
    previous_replicas: Replicas


class ConfigKind(StrEnum):
    CONFIG_MAP = "ConfigMap"
    SECRET = "Secret"


class RestorePreviousConfig(Value):
    """`snapshot` names where the earlier content is kept; the content itself is never here."""

    namespace: RequiredNamespace
    name: ObjectName
    type: ConfigKind
    snapshot: Word


class UncordonNode(Value):
    node_name: ObjectName


class RollbackParameters(Value):
    """Exactly one member."""

    model_config = ConfigDict(
        json_schema_extra=one_of(
            "restorePreviousDeployment", "scaleToPrevious", "restorePreviousConfig", "uncordonNode", "custom"
        )
    )
    restore_previous_deployment: RestorePreviousDeployment | None = None
    scale_to_previous: ScaleToPrevious | None = None
    restore_previous_config: RestorePreviousConfig | None = None
    uncordon_node: UncordonNode | None = None
    custom: CustomAction | None = None


class RolloutRestartAction(Value):
    deployment: ObjectName
    namespace: RequiredNamespace


class DeletePodAction(Value):
    """One pod by name, or all that match `label_selector`."""

    model_config = ConfigDict(
        json_schema_extra=rules(("has(self.pod) != has(self.labelSelector)", "set exactly one of pod, labelSelector"))
    )
    pod: ObjectName | None = None
    namespace: RequiredNamespace
    label_selector: Annotated[str, Field(max_length=1024)] | None = None
    grace_period_seconds: Seconds | None = None


class PatchType(StrEnum):
    STRATEGIC = "strategic"
    MERGE = "merge"
    JSON = "json"


class PatchDeploymentAction(Value):
    deployment: ObjectName
    namespace: RequiredNamespace
    patch_type: PatchType
    patch: Document


class NodeAction(Value):
    node: ObjectName


class DrainNodeAction(Value):
    node: ObjectName
    grace_period_seconds: Seconds = 30
    force: bool = False
    delete_local_data: bool = False
    ignore_daemon_sets: bool = False


class UpdateConfigMapAction(Value):
    config_map: ObjectName
    namespace: RequiredNamespace
    data: DataMap


class UpdateSecretAction(Value):
    secret: ObjectName
    namespace: RequiredNamespace
    data: DataMap


class ApplyManifestAction(Value):
    manifest: Document


class RollbackDeploymentAction(Value):
    deployment: ObjectName
    namespace: RequiredNamespace
    revision: Count = 0


class ActionParameters(Value):
    """What a KubernetesExecution is told to do: exactly one member."""

    model_config = ConfigDict(
        json_schema_extra=one_of(
            "scaleDeployment",
            "rolloutRestart",
            "deletePod",
            "patchDeployment",
            "cordonNode",
            "uncordonNode",
            "drainNode",
            "updateConfigMap",
            "updateSecret",
            "applyManifest",
            "rollbackDeployment",
        )
    )
    scale_deployment: ScaleDeployment | None = None
    rollout_restart: RolloutRestartAction | None = None
    delete_pod: DeletePodAction | None = None
    patch_deployment: PatchDeploymentAction | None = None
    cordon_node: NodeAction | None = None
    uncordon_node: NodeAction | None = None
    drain_node: DrainNodeAction | None = None
    update_config_map: UpdateConfigMapAction | None = None
    update_secret: UpdateSecretAction | None = None
    apply_manifest: ApplyManifestAction | None = None
    rollback_deployment: RollbackDeploymentAction | None = None


class UndoScale(Value):
    deployment: ObjectName
    namespace: RequiredNamespace
    previous_replicas: Replicas


class UndoConfig(Value):
    """`previous_spec` is the JSON text of what stood there before."""

    resource_kind: Word
    name: ObjectName
    namespace: Namespace = ""
    previous_spec: Document


class UndoNode(Value):
    node: ObjectName


class UndoCustom(Value):
    description: Annotated[str, Field(max_length=1024)]
    parameters: TextMap = Field(default_factory=dict)


class UndoParameters(Value):
    """How the executor says a step of its own can be undone: exactly one member."""

    model_config = ConfigDict(
        json_schema_extra=one_of("scaleToPrevious", "restorePreviousConfig", "uncordonNode", "custom")
    )
    scale_to_previous: UndoScale | None = None
    restore_previous_config: UndoConfig | None = None
    uncordon_node: UndoNode | None = None
    custom: UndoCustom | None = None


def set_members(union: Value) -> tuple[str, ...]:
    """Python names of the members that are set; a legal union has exactly one."""
    return tuple(name for name, member in union.__dict__.items() if member is not None)

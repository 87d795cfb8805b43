"""What a child reports, folded into the step's own result (BR-WF-012)."""

import json
from collections.abc import Mapping
from typing import Any, Final

from wfexec.model.base import clip, compact, evolve
from wfexec.model.execution import AffectedResource, ExecutionResults, KubernetesExecution
from wfexec.model.recipe import RecipeStep
from wfexec.model.redact import MARK, is_secret_name, readable
from wfexec.model.status import (
    CustomResult,
    RestartResult,
    ResultResource,
    ScaleResult,
    StepExecutionResult,
    UpdateResult,
)
from wfexec.units import DURATION_MAX, so_many

OUTPUTS_MAX: Final = 32
_CHANGES: Final = {"scale": "scaled", "scaled": "scaled", "restart": "restarted", "restarted": "restarted"}
NO_RESULTS: Final = ExecutionResults()
_BLANK_RESULT: Final = compact(StepExecutionResult(success=True))
_BLANK_RESOURCE: Final = compact(ResultResource(resource_type="", name="", change_type="modified"))
_BLANK_SCALE: Final = compact(
    ScaleResult(previous_replicas=0, new_replicas=0, scaled_namespace="", scaled_deployment="")
)


def fold_results(
    step: RecipeStep, child: KubernetesExecution, took_ms: int, pre_state: Mapping[str, str], *, success: bool
) -> StepExecutionResult:
    """`took_ms` is used when the child does not say how long it took; `pre_state`: facts from before the step."""
    results = child.status.execution_results or NO_RESULTS
    duration = results.duration
    if duration is None:
        duration = took_ms
    warnings, outputs = step.warnings, results.outputs
    if outputs:
        if len(outputs) > OUTPUTS_MAX:
            warnings = (*warnings, f"{so_many(len(outputs) - OUTPUTS_MAX, 'output')} beyond {OUTPUTS_MAX} not kept")
        shown = sorted(outputs.items())[:OUTPUTS_MAX]
        outputs = {key: MARK if is_secret_name(key) else readable(value) for key, value in shown}
    fields: dict[str, Any] = _typed_result(step, child, results, pre_state)
    return evolve(
        _BLANK_RESULT,
        success=success,
        execution_time=min(max(0, duration), DURATION_MAX),
        resources_affected=tuple([_resource(one) for one in results.resources_affected[:256]]),
        warnings=tuple([clip(text) for text in warnings]) if warnings else (),
        outputs=outputs,
        **fields,
    )


def _resource(given: AffectedResource) -> ResultResource:
    return evolve(
        _BLANK_RESOURCE,
        resource_type=given.kind,
        name=given.name,
        namespace=given.namespace,
        change_type=_CHANGES.get(given.action, "modified"),
    )


def _told_image(child: KubernetesExecution) -> str | None:
    """The image that a child was really told, where the step's parameters hold only a reference."""
    patch = child.spec.parameters.patch_deployment if child.spec.parameters is not None else None
    try:
        image = json.loads(patch.patch)["spec"]["template"]["spec"]["containers"][0]["image"] if patch else None
    except (ValueError, LookupError, TypeError):
        return None
    return clip(str(image), 4096) if image else None


def _previous_replicas(child: KubernetesExecution, before: str, seen: str) -> int:
    """What the executor would scale back to; else the number it names as the state before; else what we saw; else 0."""
    information = child.status.rollback_information
    undo = information.rollback_parameters if information is not None else None
    if undo is not None and undo.scale_to_previous is not None:
        return undo.scale_to_previous.previous_replicas
    return next((int(text) for text in (before, seen) if text.isdecimal() and len(text) < 10), 0)


def _typed_result(
    step: RecipeStep, child: KubernetesExecution, results: ExecutionResults, pre_state: Mapping[str, str]
) -> dict[str, Any]:
    """The one typed result that fits the step's parameters, from the first resource the child names."""
    p = step.spec.parameters
    if p is None:
        return {}
    first = results.resources_affected[0] if results.resources_affected else None
    if p.scale_deployment is not None:
        scale = evolve(
            _BLANK_SCALE,
            previous_replicas=_previous_replicas(
                child, first.before if first is not None else "", pre_state.get("replicas", "")
            ),
            new_replicas=p.scale_deployment.replicas,
            scaled_namespace=p.scale_deployment.namespace,
            scaled_deployment=p.scale_deployment.deployment,
        )
        return {"scale_result": scale}
    restarted = p.restart_deployment or p.restart_pod or p.delete_pod
    if restarted is not None:
        pods = tuple(one.name for one in results.resources_affected if one.kind == "Pod")[:256]
        restart = RestartResult(pods_restarted=len(pods), restarted_pods=pods, namespace=restarted.namespace)
        return {"restart_result": restart}
    if p.update_image is not None:
        update = UpdateResult(
            resource_type="Deployment",
            resource_name=p.update_image.deployment,
            namespace=p.update_image.namespace,
            update_type="image",
            previous_value=pre_state.get(f"image:{p.update_image.container}"),
            new_value=_told_image(child) if step.late else p.update_image.new_image,
        )
        return {"update_result": update}
    # Values of ConfigMaps and Secrets stay out of status, logs and events.
    config = p.update_config_map or p.update_secret
    if config is not None:
        kind = "ConfigMap" if p.update_config_map is not None else "Secret"
        changed = UpdateResult(
            resource_type=kind, resource_name=config.name, namespace=config.namespace, update_type="config"
        )
        return {"update_result": changed}
    return {"custom_result": CustomResult(action_type=p.custom.action_type)} if p.custom is not None else {}

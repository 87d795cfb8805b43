"""What do the tests here send to the server? Smallest valid objects, as JSON."""

import copy
from typing import Any

WORKFLOW_GROUP = "workflowexecution.kubernaut.io"
WORKFLOWS = f"workflowexecutions.{WORKFLOW_GROUP}"
EXECUTIONS = "kubernetesexecutions.kubernetesexecution.kubernaut.io"

_SCALE = {"scaleDeployment": {"namespace": "shop", "deployment": "checkout", "replicas": 4}}


def workflow(name: str = "recover-checkout", annotations: dict[str, str] | None = None) -> dict[str, Any]:
    """A WorkflowExecution of one step."""
    return {
        "apiVersion": f"{WORKFLOW_GROUP}/v1",
        "kind": "WorkflowExecution",
        "metadata": {"name": name, "annotations": dict(annotations or {})},
        "spec": {
            "remediationRequestRef": {"name": "checkout-memory-pressure"},
            "workflowDefinition": {
                "name": "recover-checkout",
                "version": "1.0.0",
                "steps": [
                    {
                        "stepNumber": 1,
                        "name": "scale out",
                        "action": "scale-deployment",
                        "parameters": copy.deepcopy(_SCALE),
                    }
                ],
            },
        },
    }


def path(namespace: str, name: str = "", *, dry: bool = False) -> str:
    """Address of one workflow, or of all of them in a namespace."""
    base = f"/apis/{WORKFLOW_GROUP}/v1/namespaces/{namespace}/workflowexecutions"
    return f"{base}{'/' if name else ''}{name}?fieldValidation=Strict{'&dryRun=All' if dry else ''}"


def execution(name: str = "recover-checkout-step-1") -> dict[str, Any]:
    """A KubernetesExecution."""
    return {
        "apiVersion": "kubernetesexecution.kubernaut.io/v1",
        "kind": "KubernetesExecution",
        "metadata": {"name": name},
        "spec": {
            "workflowExecutionRef": {"name": "recover-checkout"},
            "stepNumber": 1,
            "action": "scale_deployment",
            "parameters": copy.deepcopy(_SCALE),
        },
    }

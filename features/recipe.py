"""How does a scenario write down a workflow? Sentences of the features become a manifest and a target world.

Called by the steps before the workflow is applied. It must never know a back-end, and never judge what it writes: a
scenario may want a wrong manifest.
"""

import copy
from dataclasses import dataclass, field
from typing import Any, Final

from features.cluster import Json

NAME: Final = "recover"
# Every deployment begins with so many replicas, and a step scales it to so many.
REPLICAS_BEFORE: Final = 3
REPLICAS_AFTER: Final = 5
IMAGE: Final = "registry.example/app:1"
NEW_IMAGE: Final = "registry.example/app:2"
STEP_TAKES: Final = "4s"
NODES: Final = ("node-1", "node-2", "node-3")


@dataclass
class Step:
    """`after` holds names; `parameters` None: those of the action, under `told`; `fields` is laid over all at last.

    `replicas` is what a scale asks for. None in `fields` takes a key away.
    """

    name: str
    after: list[str] = field(default_factory=list)
    action: str = "scale-deployment"
    namespace: str = ""
    replicas: int = REPLICAS_AFTER
    parameters: Json | None = None
    told: Json = field(default_factory=dict)
    fields: Json = field(default_factory=dict)


@dataclass
class Recipe:
    """A workflow under construction and the world it will meet. `named_after`: dependencies by name.

    `deployments` changes the deployment of a step, `pods` are more of them: keys and values as in the executor file.
    `template`: the reference that stands in place of the definition; `steps` are then those it is expected to make.
    """

    steps: list[Step] = field(default_factory=list)
    name: str = NAME
    strategy: Json = field(default_factory=dict)
    spec: Json = field(default_factory=dict)
    definition: Json = field(default_factory=dict)
    template: Json | None = None
    annotations: dict[str, str] = field(default_factory=dict)
    owners: list[Json] = field(default_factory=list)
    finalizers: list[str] = field(default_factory=list)
    named_after: dict[str, list[str]] = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)
    deployments: dict[str, Json] = field(default_factory=dict)
    pods: dict[str, Json] = field(default_factory=dict)
    namespace_labels: dict[str, str] = field(default_factory=dict)
    rules: dict[str, Json] = field(default_factory=dict)
    undo_rules: dict[str, Json] = field(default_factory=dict)
    default_rule: Json = field(default_factory=lambda: {"duration": STEP_TAKES})

    def step(self, name: str) -> Step:
        return next(step for step in self.steps if step.name == name)

    def number(self, name: str) -> int:
        return 1 + next(place for place, step in enumerate(self.steps) if step.name == name)

    def rule(self, name: str) -> Json:
        """How the executor carries out this step; to be filled in."""
        return self.rules.setdefault(name, {})

    def undo_rule(self, name: str) -> Json:
        return self.undo_rules.setdefault(name, {})

    def manifest(self, namespace: str) -> Json:
        numbers = {step.name: number for number, step in enumerate(self.steps, 1)}
        made: list[Json] = []
        for number, step in enumerate(self.steps, 1):
            one: Json = {"stepNumber": number, "name": step.name, "action": step.action}
            one["parameters"] = step.parameters or _parameters(step, step.namespace or namespace)
            for member in one["parameters"].values() if step.told else ():
                member |= step.told
            if step.after:
                one["dependsOn"] = [numbers[other] for other in step.after]
            fields = one | step.fields
            made.append({key: value for key, value in fields.items() if value is not None})
        definition: Json = {"name": "recover-shop", "version": "1.0.0", "steps": made, **self.definition}
        if self.named_after:
            definition["dependencies"] = copy.deepcopy(self.named_after)
        spec = {
            "remediationRequestRef": {"name": "shop-is-slow"},
            **({"workflowDefinition": definition} if self.template is None else {"templateRef": self.template}),
            **({"executionStrategy": self.strategy} if self.strategy else {}),
            **self.spec,
        }
        return {
            "apiVersion": "workflowexecution.kubernaut.io/v1",
            "kind": "WorkflowExecution",
            "metadata": {
                "name": self.name,
                "annotations": dict(self.annotations),
                **({"ownerReferences": self.owners} if self.owners else {}),
                **({"finalizers": self.finalizers} if self.finalizers else {}),
            },
            "spec": spec,
        }

    def executor(self, namespace: str) -> Json:
        """The executor file: rules by step number, and a target of its own for every step."""
        targets = [step.name for step in self.steps if step.name not in self.missing]
        deployment: Json = {"replicas": REPLICAS_BEFORE, "image": IMAGE, "container": "app"}
        return {
            "defaults": self.default_rule,
            "steps": {f"*/{self.number(name)}": rule for name, rule in self.rules.items()},
            "undo": {
                "defaults": {"duration": STEP_TAKES},
                "steps": {f"*/{self.number(name)}": rule for name, rule in self.undo_rules.items()},
            },
            "cluster": {
                "namespaces": {namespace: {"labels": self.namespace_labels} if self.namespace_labels else {}},
                "nodes": {name: {} for name in NODES},
                "deployments": {f"{namespace}/{name}": deployment | self.deployments.get(name, {}) for name in targets},
                "pods": {f"{namespace}/{name}": pod for name, pod in self.pods.items()},
                "configMaps": {f"{namespace}/{name}": {"data": {"mode": "fast"}} for name in targets},
            },
        }


def _parameters(step: Step, namespace: str) -> Any:
    there: Json = {"namespace": namespace, "deployment": step.name}
    match step.action:
        case "restart-deployment":
            return {"restartDeployment": there}
        case "update-image":
            return {"updateImage": there | {"container": "app", "newImage": NEW_IMAGE}}
        case "update-configmap":
            changes = {"mode": "careful"}
            return {"updateConfigMap": {"namespace": namespace, "name": step.name, "dataUpdates": changes}}
        case "delete-pod":
            return {"deletePod": {"namespace": namespace, "podName": step.name}}
        case _:
            return {"scaleDeployment": there | {"replicas": step.replicas}}


def parse_steps(text: str) -> list[Step]:
    """`a, b after a, c after a+b` in the order of their numbers."""
    made = []
    for part in text.split(","):
        name, _, after = part.strip().partition(" after ")
        made.append(Step(name.strip(), [other.strip() for other in after.split("+") if other.strip()]))
    return made


def names(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]

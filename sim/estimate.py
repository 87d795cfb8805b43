"""How long will this workflow take, and on which world may it be planned? What the simulation adds to `wfexec plan`.

Reached through the entry points `wfexec.estimators` and `wfexec.worlds`. Runs are numbered under one seed, so the same
question has the same answer. It must never wait for a person: who estimates is given the approval.
"""

from typing import Any, Final

from pydantic import ValidationError

from sim.driver import EPOCH_MS, Options
from sim.executor.files import findings_of
from sim.executor.objects import initial_objects, namespaces
from sim.executor.outcomes import Outcomes
from sim.executor.targets import DataTarget, DeploymentTarget, NodeTarget, PodTarget, TargetCluster
from sim.scenario import Scenario, play
from wfexec.core.graph import compile_recipe
from wfexec.crd.offline import Offline
from wfexec.engine.history import quantile
from wfexec.errors import BadInput
from wfexec.model.base import evolve
from wfexec.model.estimate import Estimate, EstimateRequest
from wfexec.model.facts import AskAccess, TargetFacts, TargetRef
from wfexec.model.meta import ANNOTATION_APPROVAL_SOURCE, ANNOTATION_PRE_APPROVED
from wfexec.model.phases import Phase
from wfexec.model.recipe import Recipe
from wfexec.model.status import WorkflowExecution

# A drain needs three nodes; one more, so that what it moves finds room.
NODES: Final = ("spare-1", "spare-2", "spare-3", "spare-4")
IMAGE: Final = "registry.example/app:1"
_KEYS: Final = frozenset({"cluster", "actions", "steps", "defaults", "storms", "denied", "undo"})


def world(value: Any, source: str) -> Offline | None:
    """The world of an executor file; None when it is none."""
    if not isinstance(value, dict) or not _KEYS & value.keys():
        return None
    outcomes = _outcomes(value, source)
    spaces = ({"kind": "Namespace", "metadata": {"name": n, "labels": labels}} for n, labels in namespaces(outcomes))
    objects = (*spaces, *(body for _, body in initial_objects(outcomes, EPOCH_MS)))

    def denied(question: AskAccess) -> str:
        denial = outcomes.denial(question)
        return denial.reason if denial is not None else ""

    return Offline(objects, denied)


def estimate(request: EstimateRequest) -> Estimate | None:
    """None when the definition cannot be planned or its targets cannot be played."""
    recipe = compile_recipe(request.workflow.spec, request.settings)
    if not isinstance(recipe, Recipe):
        return None
    try:
        outcomes = _assumed(recipe, request) if request.document is None else _outcomes(request.document, "world")
    except ValidationError:
        return None
    workflow = _approved(request.workflow)
    took = []
    for number in range(request.runs):
        options = Options(request.settings, outcomes, request.seed, ("estimate", number))
        (end,) = play(Scenario((workflow,), options)).workflows
        if end.status.phase == Phase.COMPLETED and end.status.completion_time is not None:
            took.append(end.status.completion_time - EPOCH_MS)
    took.sort()
    figures = (quantile(took, percent) if took else None for percent in (50, 90, 99))
    return Estimate(request.runs, len(took), request.seed, *figures)


def _outcomes(value: Any, source: str) -> Outcomes:
    try:
        return Outcomes.model_validate(value)
    except ValidationError as trouble:
        raise BadInput(findings_of(source, trouble)) from None


def _approved(workflow: WorkflowExecution) -> WorkflowExecution:
    meta = workflow.metadata
    given = {ANNOTATION_PRE_APPROVED: "true", ANNOTATION_APPROVAL_SOURCE: "estimate"}
    metadata = evolve(meta, namespace=meta.namespace or "default", annotations={**meta.annotations, **given})
    spec = evolve(workflow.spec, suspend=False, cancel=False)
    return evolve(workflow, metadata=metadata, spec=spec)


def _assumed(recipe: Recipe, request: EstimateRequest) -> Outcomes:
    """A calm world in which every target is there and well; as it was looked at, where it was."""
    found: dict[str, dict[str, Any]] = {"Deployment": {}, "ConfigMap": {}, "Secret": {}, "Node": {}, "Pod": {}}
    for ref in recipe.targets:
        if ref.kind in found:
            key = ref.name if ref.kind == "Node" else f"{ref.namespace}/{ref.name}"
            found[ref.kind][key] = _target(ref, recipe, request.targets.get(ref))
    nodes = {name: NodeTarget() for name in NODES} | found["Node"]
    cluster = TargetCluster(
        deployments=found["Deployment"],
        nodes=nodes,
        config_maps=found["ConfigMap"],
        secrets=found["Secret"],
        pods=found["Pod"],
    )
    return Outcomes(cluster=cluster)


def _target(ref: TargetRef, recipe: Recipe, fact: TargetFacts | None) -> Any:
    state = fact.state if fact is not None else {}
    if ref.kind == "Node":
        return NodeTarget(unschedulable=state.get("unschedulable") == "true")
    if ref.kind == "Pod":
        return PodTarget(node=NODES[0])
    if ref.kind != "Deployment":
        return DataTarget(data={key[5:]: text for key, text in state.items() if key.startswith("data:")})
    updates = (step.spec.parameters for step in recipe.steps if step.target == ref)
    container = next((p.update_image.container for p in updates if p is not None and p.update_image is not None), "")
    replicas = state.get("replicas", "3")
    return DeploymentTarget(
        replicas=min(int(replicas), 1_000) if replicas.isdecimal() else 3,
        image=state.get(f"image:{container}", IMAGE) or IMAGE,
        container=container,
        history=(IMAGE,),
    )

"""Which workflows does the bench run, in which world? Ten steps, a hundred, or a chain; all scale deployments.

Called by every measuring module. It must never measure.
"""

from typing import Final

from sim.executor.outcomes import Outcomes
from wfexec.model.meta import ObjectMeta, ObjectReference
from wfexec.model.parameters import ScaleStep, StepParameters
from wfexec.model.status import WorkflowExecution
from wfexec.model.workflow import WorkflowDefinition, WorkflowExecutionSpec, WorkflowStep
from wfexec.settings import DEFAULTS

Graph = tuple[tuple[int, ...], ...]
NAMESPACE: Final = "bench"
# What each step scales to.
REPLICAS: Final = 5
# A workflow of a hundred steps would wait for an approver.
SETTINGS: Final = DEFAULTS.model_copy(
    # Conditions that nobody wrote down would look at targets between two steps: what is measured is the way itself.
    update={"complexity_approval_threshold": 100, "embedded_conditions": False}
)
# As everybody has it who changes nothing: each step is looked at before and after.
EMBEDDED: Final = SETTINGS.model_copy(update={"embedded_conditions": True})


def fan(lengths: tuple[int, ...]) -> Graph:
    """Per step what it depends on: one step, then chains of these lengths side by side, then one that joins them."""
    graph: list[tuple[int, ...]] = [()]
    ends = []
    for length in lengths:
        for place in range(length):
            graph.append((1,) if place == 0 else (len(graph),))
        ends.append(len(graph))
    return (*graph, tuple(ends))


TEN: Final = fan((3, 3, 2))
HUNDRED: Final = fan((7,) * 14)
CHAIN: Final = fan((8,))


def spec(graph: Graph, namespace: str = NAMESPACE) -> WorkflowExecutionSpec:
    """Shared by all workflows of one kind, as the simulation shares what is equal."""
    steps = tuple(
        WorkflowStep(
            step_number=number,
            name=f"scale-{number}",
            action="scale-deployment",
            parameters=StepParameters(
                scale_deployment=ScaleStep(namespace=namespace, deployment=f"app-{number}", replicas=REPLICAS)
            ),
            depends_on=after,
        )
        for number, after in enumerate(graph, 1)
    )
    definition = WorkflowDefinition(name="bench", version="1.0.0", steps=steps)
    return WorkflowExecutionSpec(remediation_request_ref=ObjectReference(name="bench"), workflow_definition=definition)


def workflow(name: str, shared: WorkflowExecutionSpec, namespace: str = NAMESPACE) -> WorkflowExecution:
    return WorkflowExecution(metadata=ObjectMeta(name=name, namespace=namespace), spec=shared)


def outcomes(
    graph: Graph, least_s: int = 4, most_s: int = 10, namespace: str = NAMESPACE, replicas: int = 3
) -> Outcomes:
    """Every attempt succeeds after `least_s` to `most_s` seconds, on a deployment of its own, with room for all."""
    duration = {"uniform": {"min": f"{least_s}s", "max": f"{most_s}s"}}
    deployment = {"replicas": replicas, "image": "registry.example/app:1", "container": "app"}
    names = [f"{namespace}/app-{number}" for number in range(1, len(graph) + 1)]
    # Room enough for a thousand workflows to scale up what they like.
    cluster = {
        "nodes": {"node-1": {"cpu": "10000", "memory": "100Ti"}},
        "deployments": dict.fromkeys(names, deployment),
    }
    return Outcomes.model_validate({"defaults": {"duration": duration}, "cluster": cluster})

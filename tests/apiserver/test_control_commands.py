"""Do a person's commands reach the shipped controller, and is its answer seen? (BR-WF-005, BR-WF-052, BR-EXECUTION-001)

Nobody executes the children here: a step runs until a person does something about it.
"""

from typing import Any

import pytest
import yaml

from tests.apiserver.test_run import Running, running
from tests.envtest.server import ControlPlane
from tests.unit.cli.test_commands import wfexec

__all__ = ["running"]
STEPS = [
    {"stepNumber": 1, "name": "look", "action": "notify-only"},
    {"stepNumber": 2, "name": "tell", "action": "notify-only", "dependsOn": [1]},
]


class Person:
    """Somebody at a keyboard, and the workflow `recover` in their namespace."""

    def __init__(self, cluster: ControlPlane, namespace: str) -> None:
        self.cluster = cluster
        self.namespace = namespace

    def types(self, command: str, *args: str, user: str = "alice") -> tuple[int, str]:
        """Exit code, and what is said on either stream."""
        where = ("-n", self.namespace, "--kubeconfig", str(self.cluster.kubeconfig(user)))
        code, out, err = wfexec(command, "recover", *args, *where)
        return code, out + err

    def status(self) -> dict[str, Any]:
        path = f"/apis/workflowexecution.kubernaut.io/v1/namespaces/{self.namespace}/workflowexecutions/recover"
        found: dict[str, Any] = self.cluster.request("GET", path)[1].get("status", {})
        return found

    def waits_for(self, phase: str) -> None:
        self.cluster.wait_until(lambda: self.status().get("phase") == phase, f"phase {phase}")

    def state(self, number: int) -> str:
        return str(self.status()["stepStatuses"][number - 1].get("status", "pending"))


def applied(control_plane: ControlPlane, namespace: str, **more: object) -> Person:
    """`more` goes into the strategy."""
    strategy = {"dryRunFirst": False, "rollbackStrategy": "manual", "safetyChecks": [{"type": "network"}], **more}
    workflow = {
        "apiVersion": "workflowexecution.kubernaut.io/v1",
        "kind": "WorkflowExecution",
        "metadata": {"name": "recover", "namespace": namespace},
        "spec": {
            "remediationRequestRef": {"name": "r"},
            "workflowDefinition": {"name": "d", "version": "1", "steps": STEPS},
            "executionStrategy": strategy,
        },
    }
    control_plane.kubectl(["apply", "-f", "-"], check=True, stdin=yaml.safe_dump(workflow))
    return Person(control_plane, namespace)


@pytest.fixture
def person(control_plane: ControlPlane, namespace: str, running: Running) -> Person:
    made = applied(control_plane, namespace)
    made.waits_for("executing")
    return made


def test_a_word_is_said_to_count_once_the_controller_says_so(
    control_plane: ControlPlane, namespace: str, running: Running
) -> None:
    person = applied(control_plane, namespace, approvalRequired=True)
    person.cluster.wait_until(lambda: "Approved" in str(person.status().get("conditions")), "it waits for a word")
    assert person.types("approve") == (0, f"{namespace}/recover: approved by alice\n")
    person.waits_for("executing")
    code, said = person.types("reject")
    assert (code, "already decided: approved by alice; it is executing" in said) == (2, True)
    assert person.types("cancel", "--children", "delete")[0] == 0


def test_a_workflow_in_a_persons_hands(person: Person) -> None:
    assert person.types("pause") == (0, f"{person.namespace}/recover: paused by alice\n")
    person.waits_for("paused")
    assert person.types("resume")[0] == 0
    person.waits_for("executing")

    code, said = person.types("skip", "1")
    assert (code, "step 1 (look) is executing and cannot be skipped" in said) == (3, True)
    code, said = person.types("complete", "look")
    assert (code, "taken, asked by alice" in said) == (0, True)
    assert person.state(1) == "completed"
    person.cluster.wait_until(lambda: person.state(2) == "executing", "the second step runs")

    code, said = person.types("describe")
    assert code == 0
    assert "1 of 2 steps" in said
    assert "Intervened" in said

    code, said = person.types("rollback", user="mallory")
    assert (code, "needs the verb approve" in said) == (2, True)
    code, said = person.types("rollback", "--to", "7")
    assert (code, "rollback-to '7' is no step number; use one of 1 to 2" in said) == (3, True)
    code, said = person.types("retry")
    assert (code, "it is executing; only a failed workflow is tried again" in said) == (2, True)

    # Step 2 runs, and nobody ends it: accepted all the same, and known to be.
    code, said = person.types("rollback")
    assert (code, "accepted, asked by alice; it is executing" in said) == (0, True), said
    code, said = person.types("rollback")
    assert (code, "a rollback is accepted already, by alice" in said) == (2, True), said

    assert person.types("cancel", "--children", "delete")[0] == 0
    code, said = person.types("watch")
    assert (code, said.splitlines()[-1].partition(",")[0]) == (3, f"{person.namespace}/recover: cancelled")

"""A parent sees its requests through, whatever is lost, refused or forgotten on the way (BR-WF-050)."""

from typing import Any

import orjson
import pytest

from sim.cluster.cluster import Depth
from sim.cluster.requests import ListRequests, MakeWorkflow, TargetOutcome, TargetReplied, TellRequest
from sim.driver import Simulation
from sim.orchestrator import LOOK_MS, Orchestrator, ParentRequest
from sim.parent_wire import decode, encode
from sim.trace import Written
from tests.unit.sim.support import CHAIN, manifest, options
from wfexec.crd.codec import render_workflow
from wfexec.crd.wire import HttpCall
from wfexec.model.base import evolve
from wfexec.model.phases import Phase
from wfexec.model.requests import (
    Change,
    Code,
    Kind,
    Listing,
    ListObjects,
    Outcome,
    Replied,
    StopAsked,
    WatchObjects,
    WatchSeen,
)
from wfexec.model.status import WorkflowExecution

Json = dict[str, Any]
NOW = 1_767_225_600_000
HOUR = 3_600_000
PATH = "/apis/remediation.kubernaut.io/v1alpha1/namespaces/shop/remediationrequests"


def spec(*steps: Json) -> Json:
    found: Json = render_workflow(manifest(list(steps) or CHAIN))["spec"]
    return found


def request(*ways: Json, version: str = "5", **status: Any) -> Json:
    meta = {"name": "rr", "namespace": "shop", "uid": "uid-rr", "resourceVersion": version}
    return {"metadata": meta, "spec": {"workflows": list(ways)}, "status": status}


class Beside:
    """A parent whose requests are answered by hand."""

    def __init__(self, *requests: Json) -> None:
        self.machine = Orchestrator("parent")
        self.now = NOW
        self.machine.start(self.now)
        self.sent: list[ParentRequest] = []
        for asked in self.take():
            if isinstance(asked.body, ListObjects):
                self.say(Replied(asked.id, Outcome(Code.OK, Listing((), "1"))))
            else:
                self.say(TargetReplied(asked.id, TargetOutcome(Code.OK, requests)))

    def take(self) -> list[ParentRequest]:
        taken = self.machine.take()
        self.sent += taken
        return taken

    def say(self, signal: Any) -> None:
        self.machine.feed(signal, self.now)

    def write(self) -> ParentRequest:
        """The one write that was sent since the last look."""
        (found,) = [one for one in self.take() if isinstance(one.body, MakeWorkflow | TellRequest)]
        return found

    def idle(self) -> bool:
        return not [one for one in self.take() if isinstance(one.body, MakeWorkflow | TellRequest)]

    def answer(self, asked: ParentRequest, code: Code = Code.OK, **changes: Any) -> None:
        body = asked.body
        thing: Json | None = None
        if isinstance(body, MakeWorkflow):
            thing = {**body.content, "metadata": {**body.content["metadata"], "uid": "uid-w", "resourceVersion": "7"}}
        elif isinstance(body, TellRequest):
            thing = request(spec(), version="8", **body.status)
        message = changes.get("message", "")
        self.say(TargetReplied(asked.id, TargetOutcome(code, thing if code is Code.OK else None, message)))

    def looks(self, *requests: Json) -> None:
        """Its next look for requests finds these."""
        self.now += LOOK_MS
        self.machine.tick(self.now)
        (asked,) = [one for one in self.take() if isinstance(one.body, ListRequests)]
        self.say(TargetReplied(asked.id, TargetOutcome(Code.OK, requests)))
        self.take()


def test_it_makes_the_workflow_and_tells_of_it_once_it_is_made() -> None:
    beside = Beside(request(spec()))
    made = beside.write()
    assert isinstance(made.body, MakeWorkflow)
    assert (made.body.namespace, made.body.name) == ("shop", "rr-workflow")
    beside.looks(request(spec()))
    assert isinstance(beside.sent[-1].body, ListRequests), "one write at a time"
    beside.answer(made)
    told = beside.write()
    assert isinstance(told.body, TellRequest)
    assert told.body.status["overallPhase"] == "executing"
    assert told.body.status["workflowExecutionRef"] == {"name": "rr-workflow", "namespace": "shop"}
    beside.answer(told)
    beside.looks(request(spec(), version="5"))
    assert isinstance(beside.sent[-1].body, ListRequests), "an older version is not believed"


def test_a_workflow_that_is_there_already_is_taken_for_its_own_when_it_is_seen() -> None:
    beside = Beside(request(spec()))
    made = beside.write()
    assert isinstance(made.body, MakeWorkflow)
    beside.answer(made, Code.CONFLICT)
    assert beside.idle()
    watch = next(one.id for one in beside.sent if isinstance(one.body, WatchObjects))
    there = manifest(CHAIN, name="rr-workflow")
    owners = _owners(made.body.content["metadata"]["ownerReferences"])
    meta = evolve(there.metadata, uid="uid-w", resource_version="6", owner_references=owners)
    beside.say(WatchSeen(watch, Kind.WORKFLOW, Change.ADDED, evolve(there, metadata=meta), "6"))
    told = beside.write().body
    assert isinstance(told, TellRequest)
    assert told.status["workflowExecutionRef"]["name"] == "rr-workflow"


def _owners(raw: list[Json]) -> Any:
    there = render_workflow(manifest(CHAIN))
    there["metadata"]["ownerReferences"] = raw
    return WorkflowExecution.model_validate(there).metadata.owner_references


@pytest.mark.parametrize("code", [Code.INVALID, Code.FORBIDDEN])
def test_a_workflow_that_is_refused_for_good_ends_the_request(code: Code) -> None:
    beside = Beside(request(spec()))
    beside.answer(beside.write(), code, message="steps: is required")
    told = beside.write()
    assert isinstance(told.body, TellRequest)
    assert told.body.status["overallPhase"] == "failed"
    assert told.body.status["message"] == "its workflow was refused: steps: is required"


@pytest.mark.parametrize("code", [Code.LOST, Code.UNAVAILABLE, Code.THROTTLED])
def test_a_write_that_came_to_nothing_is_made_again(code: Code) -> None:
    beside = Beside(request(spec()))
    first = beside.write()
    beside.answer(first, code)
    assert beside.idle(), "not at once"
    beside.looks(request(spec()))
    assert beside.sent[-1].body == first.body


def test_requests_that_have_ended_or_ask_for_nothing_are_left_alone() -> None:
    assert Beside(request()).idle()
    assert Beside(request(spec(), overallPhase="completed")).idle()
    assert Beside(request(spec(), overallPhase="failed")).idle()
    beside = Beside(request(spec()))
    beside.say(StopAsked())
    assert beside.machine.stopped
    assert beside.machine.wake_at() is None


def test_nothing_is_made_before_it_is_known_what_there_is() -> None:
    machine = Orchestrator("parent")
    machine.start(NOW)
    asked = next(one for one in machine.take() if isinstance(one.body, ListRequests))
    machine.feed(TargetReplied(asked.id, TargetOutcome(Code.OK, (request(spec()),))), NOW)
    assert [one for one in machine.take() if isinstance(one.body, MakeWorkflow)] == []


def at_work(*ways: Json) -> Simulation:
    """A simulated cluster with a parent and one request."""
    killed = 'steps: {"*/1": {attempts: [{result: failure, error: {type: oom_killed}}]}}'
    simulation = Simulation(options(killed if len(ways) > 1 else "")._replace(depth=Depth.WIRE))
    simulation.world.namespace("shop")
    simulation.start(parent=True)
    body = {
        "apiVersion": "remediation.kubernaut.io/v1alpha1",
        "kind": "RemediationRequest",
        "metadata": {"name": "rr"},
        "spec": {"workflows": list(ways)},
    }
    call = HttpCall("POST", PATH, (), "application/json", orjson.dumps(body))
    assert simulation.cluster.http(call, "admin", simulation.now).status == 201
    return simulation


def seen(simulation: Simulation) -> Json:
    reply = simulation.cluster.http(HttpCall("GET", f"{PATH}/rr"), "admin", simulation.now)
    found: Json = orjson.loads(reply.payload)
    return found.get("status") or {}


def end(simulation: Simulation) -> tuple[str, list[tuple[str, str]]]:
    """How the request ended, and its workflows by name."""
    assert simulation.run_until(lambda: seen(simulation).get("overallPhase") in ("completed", "failed"), 6 * HOUR)
    listed = simulation.cluster.http(
        HttpCall("GET", "/apis/workflowexecution.kubernaut.io/v1/workflowexecutions"), "admin", simulation.now
    )
    items = orjson.loads(listed.payload)["items"]
    found = sorted((one["metadata"]["name"], one["status"]["phase"]) for one in items)
    return seen(simulation)["overallPhase"], found


def test_it_sees_a_request_through_beside_the_controller() -> None:
    assert end(at_work(spec())) == ("completed", [("rr-workflow", Phase.COMPLETED)])


def test_killed_at_any_of_its_writes_it_makes_no_workflow_twice_and_ends_the_same() -> None:
    ways = (spec({}), spec({"name": "again"}), spec({"name": "never"}))
    calm = at_work(*ways)
    expected = end(calm)
    assert expected == ("failed", [("rr-workflow", "failed"), ("rr-workflow-2", "failed")])
    writes = [one.at for one in calm.records if isinstance(one, Written) and one.actor == "parent"]
    assert len(writes) >= 4
    for at in writes:
        for before_ms in (0, 1):
            simulation = at_work(*ways)
            simulation.run_until(lambda at=at, sim=simulation, ms=before_ms: sim.now >= at - ms, HOUR)  # type: ignore[misc] # bound at once
            simulation.parent.crash()
            assert end(simulation) == expected, at


@pytest.mark.parametrize(
    ("status", "payload", "code"),
    [(200, b"{", Code.LOST), (409, b"{}", Code.CONFLICT), (504, b"", Code.LOST), (403, b"{}", Code.FORBIDDEN)],
)
def test_replies_are_read_as_what_they_are(status: int, payload: bytes, code: Code) -> None:
    assert decode(TellRequest("shop", "rr", {}), status, payload, None).code is code


def test_a_list_that_failed_at_a_gateway_is_no_doubtful_write() -> None:
    assert decode(ListRequests(""), 504, b"", None).code is Code.UNAVAILABLE
    assert encode(ListRequests("")).path == "/apis/remediation.kubernaut.io/v1alpha1/remediationrequests"
    assert encode(TellRequest("shop", "rr", {})).path == f"{PATH}/rr/status"

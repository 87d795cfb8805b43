"""RemediationRequests of a run: read from manifests, put before the simulated parent, and what became of them.

Called by the command and by `sim.scenario`. Only a request that says which workflows it knows (`spec.workflows`) is
one for the parent; any other stands beside its workflow as in a cluster, and nobody acts on it.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson

from sim.cluster.rbac import ADMIN
from sim.driver import Simulation
from sim.parent import RECOVERIES_MAX, workflow_name
from wfexec.crd.documents import parse_documents, read_bytes
from wfexec.crd.wire import JSON, HttpCall, place
from wfexec.errors import BadInput, Finding, OurBug
from wfexec.model.meta import REMEDIATION_API, REMEDIATION_KIND, REMEDIATION_PLURAL

Json = dict[str, Any]
_ROOT: Final = f"/apis/{REMEDIATION_API}"


class Answered(NamedTuple):
    """`phase` is what the parent says of the request: completed, failed, or where it was when the run was cut."""

    namespace: str
    name: str
    phase: str
    message: str


def load_requests(file: Path) -> tuple[Json, ...]:
    """Those of a file that ask for workflows; `default` is their namespace."""
    found = []
    for document in parse_documents(read_bytes(file), str(file)):
        body = document.value
        if not isinstance(body, dict) or body.get("kind") != REMEDIATION_KIND:
            continue
        ways = (body.get("spec") or {}).get("workflows")
        if ways is None:
            continue
        meta = body.get("metadata")
        if not isinstance(meta, dict) or not isinstance(meta.get("name"), str):
            where = document.where(("metadata",))
            raise BadInput((Finding(where, "metadata", "", "is required and must be an object with a name"),))
        if not isinstance(ways, list) or not ways or not all(isinstance(way, dict) for way in ways):
            where = document.where(("spec", "workflows"))
            fix = "must be a list of specs of WorkflowExecutions, the usual one first"
            raise BadInput((Finding(where, "spec.workflows", "", fix),))
        found.append(body | {"apiVersion": REMEDIATION_API, "metadata": {"namespace": "default", **meta}})
    return tuple(found)


def put_before(simulation: Simulation, requests: Iterable[Json]) -> None:
    """Somebody makes these requests; BadInput for one that the API server refuses."""
    for request in requests:
        meta = request["metadata"]
        simulation.world.namespace(meta["namespace"])
        for attempt, way in enumerate(request["spec"]["workflows"][: RECOVERIES_MAX + 1]):
            simulation.name_steps(workflow_name(meta["name"], attempt), way)
        path = place(_ROOT, REMEDIATION_PLURAL, meta["namespace"], "")
        call = HttpCall("POST", path, (), JSON, orjson.dumps(request))
        reply = simulation.cluster.http(call, ADMIN, simulation.now)
        if reply.status >= 300:
            why = str(orjson.loads(reply.payload).get("message", reply.status))
            raise BadInput((Finding(REMEDIATION_KIND, f"{meta['namespace']}/{meta['name']}", "", why),))


def answered(simulation: Simulation, requests: Iterable[Json]) -> tuple[Answered, ...]:
    """How it stands with them now."""
    found = []
    for meta in (request["metadata"] for request in requests):
        path = place(_ROOT, REMEDIATION_PLURAL, meta["namespace"], meta["name"])
        reply = simulation.cluster.http(HttpCall("GET", path), ADMIN, simulation.now)
        if reply.status != 200:
            raise OurBug(f"request {meta['namespace']}/{meta['name']} is gone: {reply.status}")
        status = orjson.loads(reply.payload).get("status") or {}
        phase, message = status.get("overallPhase", ""), status.get("message", "")
        found.append(Answered(meta["namespace"], meta["name"], phase, message))
    return tuple(found)

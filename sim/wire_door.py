"""How does a typed request get into the cluster in wire depth? As the HTTP request that production would send.

The twin of `sim.doors.SharedDoor`, chosen by the driver. Requests are encoded and replies read by production's own
code. It must never take a shorter way: what the schema, the rights or the codec would refuse must be refused here.
"""

from collections.abc import Mapping
from typing import Any, Final

import orjson

from sim import parent_wire
from sim.answers import Alarms, Recall
from sim.audit import AuditStore
from sim.cluster.api import HttpReply
from sim.cluster.cluster import Cluster
from sim.cluster.requests import (
    CreateTarget,
    CreateWorkflow,
    DeleteObject,
    DeleteTarget,
    EditWorkflow,
    GetTarget,
    ListRequests,
    ListTargets,
    MakeWorkflow,
    PatchExecutionStatus,
    PatchTarget,
    TellRequest,
)
from sim.cluster.store import Watch
from sim.doors import Hear
from sim.executor import wire as targets
from sim.executor.outcomes import Outcomes
from wfexec.crd import questions, wire
from wfexec.crd.codec import Decoder, render_workflow
from wfexec.crd.tables import table_of
from wfexec.crd.wire import HttpCall
from wfexec.errors import OurBug
from wfexec.model.facts import AccessFacts, Answer, AskAccess, AskAlerts, AskHistory, Facts, Question
from wfexec.model.requests import (
    Ask,
    Change,
    Code,
    GetObject,
    KeepRows,
    Kind,
    ListObjects,
    ObjectKey,
    Outcome,
    WatchObjects,
    WatchSeen,
)
from wfexec.model.workflow import WorkflowExecutionSpec

_TARGETS: Final = (CreateTarget, DeleteTarget, GetTarget, ListTargets, PatchTarget)
_PARENTS: Final = (ListRequests, MakeWorkflow, TellRequest)
_ALIASES: Final = {field.name: (field.alias, field.encode) for field in table_of(WorkflowExecutionSpec)}


class WireDoor:
    """One decoder serves all processes: it keeps only what the same text would give again."""

    def __init__(self, cluster: Cluster, outcomes: Outcomes, recall: Recall, alarms: Alarms, audit: AuditStore) -> None:
        self._cluster = cluster
        self._outcomes = outcomes
        self._recall = recall
        self._alarms = alarms
        self._audit = audit
        self._decoder = Decoder()

    def execute(self, body: Any, user: str, now: int) -> Any:
        """The outcome of any request but a watch."""
        if isinstance(body, Ask):
            return Outcome(Code.OK, {asked: Answer(now, self._facts(asked, user, now)) for asked in body.questions})
        if isinstance(body, KeepRows):
            return self._audit.keep(body, now)
        if isinstance(body, ListObjects):
            return self._list(body, user, now)
        if isinstance(body, _TARGETS):
            reply = self._cluster.http(targets.encode(body), user, now)
            return targets.decode(body, reply.status, reply.payload, reply.headers.get("Retry-After"))
        if isinstance(body, _PARENTS):
            reply = self._cluster.http(parent_wire.encode(body), user, now)
            return parent_wire.decode(body, reply.status, reply.payload, reply.headers.get("Retry-After"))
        call, read_as = _encoded(body)
        reply = self._cluster.http(call, user, now)
        return wire.decode(read_as, reply.status, reply.payload, reply.headers.get("Retry-After"), self._decoder)

    def watch(self, body: WatchObjects, user: str, hear: Hear) -> Watch | Outcome:
        """`hear` is called inside each write with the decoded object; an Outcome says why there is no watch."""
        kind = body.kind

        def told(_change: Change, line: bytes, _version: str) -> None:
            seen = wire.decode_watch_line(0, kind, line, self._decoder)
            if not isinstance(seen, WatchSeen):
                raise OurBug(f"the fake cluster ended a watch by itself: {seen}")
            hear(seen.change, seen.object, seen.resource_version)

        opened = self._cluster.http_watch(wire.encode(body), user, told)
        if isinstance(opened, HttpReply):
            return wire.refusal(None, opened.status, opened.payload, opened.headers.get("Retry-After"))
        return opened

    def _list(self, body: ListObjects, user: str, now: int) -> Outcome:
        pages, token = [], ""
        while True:
            reply = self._cluster.http(wire.encode_page(body, token), user, now)
            retry_after = reply.headers.get("Retry-After")
            page = wire.decode_page(body, reply.status, reply.payload, retry_after, self._decoder)
            pages.append(page.outcome)
            token = page.token
            if not token:
                return wire.join_pages(pages)

    def _facts(self, question: Question, user: str, now: int) -> Facts:
        if isinstance(question, AskHistory):
            return self._recall(question)
        if isinstance(question, AskAlerts):
            return self._alarms(question, now)
        if isinstance(question, AskAccess) and self._outcomes.denied:
            denial = self._outcomes.denial(question)
            if denial is not None:
                return AccessFacts(False, denial.reason)
        replies = [self._cluster.http(call, user, now) for call in questions.calls(question)]
        return questions.facts(question, tuple((reply.status, reply.payload) for reply in replies))


def _encoded(body: Any) -> tuple[HttpCall, Any]:
    """The request, and the body whose kind of reply it gets."""
    match body:
        case PatchExecutionStatus():
            written = targets.status_write(body)
            return wire.encode(written), written
        case CreateWorkflow(workflow):
            meta = workflow.metadata
            key = ObjectKey(Kind.WORKFLOW, meta.namespace, meta.name)
            path = wire.object_path(key.kind, key.namespace)
            return _call("POST", path, render_workflow(workflow), wire.JSON), GetObject(key)
        case EditWorkflow(key, spec, annotations):
            patch = {"spec": _rendered(spec), "metadata": {"annotations": dict(annotations)}}
            path = wire.object_path(key.kind, key.namespace, key.name)
            return _call(
                "PATCH", path, {part: patch[part] for part in patch if patch[part]}, wire.MERGE_PATCH
            ), GetObject(key)
        case DeleteObject(key):
            path = wire.object_path(key.kind, key.namespace, key.name)
            return HttpCall("DELETE", path), body
        case _:
            return wire.encode(body), body


def _rendered(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Changes of a spec by their names in JSON; None removes a field."""
    made = {}
    for name, value in spec.items():
        alias, encode = _ALIASES[name]
        made[alias] = value if encode is None or value is None else encode(value)
    return made


def _call(method: str, path: str, content: Any, content_type: str) -> HttpCall:
    return HttpCall(method, path, (), content_type, orjson.dumps(content))

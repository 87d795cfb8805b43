"""What does a person ask of the API server from the command line? Who they are, one workflow, one change of it.

Called by the commands that act on a running workflow. Every request is sent once, with the person's own credentials;
what the server refuses becomes a sentence, never a traceback. It must never decide what may be asked for.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Final

import orjson

from wfexec.adapters.kube import Connection, Reply, connect
from wfexec.crd.wire import JSON, MERGE_PATCH, HttpCall, object_path
from wfexec.errors import BadInput, Finding
from wfexec.model.meta import WORKFLOW_API, WORKFLOW_PLURAL
from wfexec.model.requests import Code, Kind, Outcome

Json = dict[str, Any]
TIMEOUT_S: Final = 15.0
# As many as kubectl asks for at once.
PAGE: Final = 500
# A watch is renewed after this long; whoever looks on does not notice.
WATCH_S: Final = 240.0
# So long a cluster that was there is waited for, and looked for again this often.
AWAY_S: Final = 60.0
AGAIN_S: Final = 1.0
# What an API server says that starts, ends or has too much to do.
GONE: Final = frozenset({429, 500, 502, 503, 504})
OWN_NAME: Final = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
_MOUNTED: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
_DENIED: Final = "denied request: "
# So many bytes of an answer that is no API server's are shown.
TOLD_MAX: Final = 120


class Unreachable(BadInput):
    """Nobody has said no: it may work in a moment."""

    def __init__(self, what: str, message: str) -> None:
        super().__init__((Finding(what, "", "", message),))


class Person:
    """`namespace` is where they work when they name none."""

    def __init__(self, connection: Connection, namespace: str) -> None:
        self.namespace = namespace
        self._connection = connection

    def name(self) -> str:
        """As the server knows them."""
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        reply = self._call(HttpCall("POST", OWN_NAME, (), JSON, orjson.dumps(review)), "who you are")
        if reply.status not in (200, 201):
            raise _refused("who you are", f"the cluster does not say: {_told(reply)}; give --kubeconfig with a user")
        return str(orjson.loads(reply.payload)["status"]["userInfo"]["username"])

    def workflow(self, namespace: str, name: str) -> Json:
        """As it stands in the cluster."""
        what = f"{namespace}/{name}"
        reply = self._call(HttpCall("GET", object_path(Kind.WORKFLOW, namespace, name)), what)
        if reply.status == 404 and _status(reply):
            raise _refused(what, "there is no such WorkflowExecution; look with: kubectl get wfe -A")
        return self._accepted(reply, what)

    def patch(self, workflow: Json, change: Json) -> bool:
        """A merge patch of exactly that version; False: it has moved on since."""
        meta = workflow["metadata"]
        asked = {**change, "metadata": {**change.get("metadata", {}), "resourceVersion": meta["resourceVersion"]}}
        path = object_path(Kind.WORKFLOW, meta["namespace"], meta["name"])
        what = f"{meta['namespace']}/{meta['name']}"
        reply = self._call(HttpCall("PATCH", path, (), MERGE_PATCH, orjson.dumps(asked)), what)
        if reply.status == 409:
            return False
        self._accepted(reply, what)
        return True

    def workflows(self, namespace: str | None) -> list[Json]:
        """All of a namespace; None: of the cluster. In pages, for thousands in one reply may take too long."""
        what, found, token = namespace or "all namespaces", list[Json](), ""
        while True:
            query = (("limit", str(PAGE)), *((("continue", token),) if token else ()))
            page = self._accepted(self._call(HttpCall("GET", _collection(namespace), query), what), what)
            found += page["items"]
            token = page["metadata"].get("continue", "")
            if not token:
                return found

    def events(self, workflow: Json) -> list[Json] | str:
        """Events about it, oldest first; why not, where the person may not read them."""
        meta = workflow["metadata"]
        query = (("fieldSelector", f"involvedObject.uid={meta['uid']}"),)
        reply = self._call(HttpCall("GET", f"/api/v1/namespaces/{meta['namespace']}/events", query), meta["name"])
        if reply.status != 200:
            return _told(reply)
        items: list[Json] = orjson.loads(reply.payload)["items"]
        mine = [item for item in items if item["involvedObject"].get("uid") == meta["uid"]]
        return sorted(mine, key=_order)

    def follow(
        self,
        namespace: str,
        name: str,
        left_s: Callable[[], float] = lambda: WATCH_S,
        lost: Callable[[str], None] = lambda why: None,
    ) -> Iterator[Json | None]:
        """The workflow now and after every change; None when it is deleted, and then no more. Ends with `left_s`.

        A cluster that was there and goes away is waited for; `lost` hears why, once for each time.
        """
        seen, away_since = False, 0.0
        while (patience := min(WATCH_S, left_s())) > 0:
            try:
                workflow = self.workflow(namespace, name)
            except Unreachable as trouble:
                if not seen or (away_since and monotonic() - away_since > AWAY_S):
                    raise
                if not away_since:
                    away_since = monotonic()
                    lost(trouble.findings[0].message)
                sleep(min(AGAIN_S, patience))
                continue
            seen, away_since = True, 0.0
            yield workflow
            version = workflow["metadata"]["resourceVersion"]
            query = (
                ("watch", "true"),
                ("fieldSelector", f"metadata.name={name}"),
                ("resourceVersion", version),
                ("timeoutSeconds", str(max(1, int(patience)))),
            )
            watching = self._connection.watch(HttpCall("GET", _collection(namespace), query), patience, TIMEOUT_S)
            if isinstance(watching, Outcome) or (isinstance(watching, Reply) and watching.status in GONE):
                # The next look tells what is the matter.
                sleep(min(AGAIN_S, patience))
                continue
            if isinstance(watching, Reply):
                raise _refused(f"{namespace}/{name}", f"cannot be watched: {_told(watching)}")
            try:
                for line in watching.lines():
                    if isinstance(line, Outcome):
                        break
                    event = orjson.loads(line)
                    if event["type"] == "DELETED":
                        yield None
                        return
                    if event["type"] not in ("ADDED", "MODIFIED"):
                        break
                    yield event["object"]
            finally:
                watching.stop()

    def close(self) -> None:
        self._connection.close()

    def _call(self, call: HttpCall, what: str) -> Reply:
        reply = self._connection.call(call, TIMEOUT_S)
        if isinstance(reply, Outcome) and reply.code is Code.LOST and call.method == "PATCH":
            fix = f"look with: wfexec describe {what.rpartition('/')[2]}"
            raise _refused(what, f"no reply came, so nobody knows whether it was changed: {reply.message}; {fix}")
        if isinstance(reply, Outcome):
            raise Unreachable(
                what, f"the cluster cannot be reached: {reply.message}; look at --kubeconfig and --context"
            )
        return reply

    def _accepted(self, reply: Reply, what: str) -> Json:
        if reply.status == 401:
            fix = "log in again, or look at the user that --kubeconfig and --context name"
            raise _refused(what, f"the cluster does not take these credentials: {_told(reply)}; {fix}")
        if reply.status == 404 and not _status(reply):
            raise _refused(what, "the cluster knows no WorkflowExecutions; run: wfexec crds | kubectl apply -f -")
        if reply.status in GONE:
            raise Unreachable(what, f"the cluster cannot answer now: {_told(reply)}")
        if reply.status >= 300:
            raise _refused(what, f"refused by the cluster: {_told(reply)}")
        found: Json = orjson.loads(reply.payload)
        return found


def person(kubeconfig: str | None, context: str | None) -> Person:
    """The user of the kubeconfig, or of the pod we run in; BadInput when there is no cluster to talk to."""
    connection = connect(kubeconfig, context, 1)
    mounted = _MOUNTED.read_text().strip() if connection.in_cluster and _MOUNTED.is_file() else ""
    return Person(connection, mounted or connection.namespace or "default")


def _collection(namespace: str | None) -> str:
    where = f"/namespaces/{namespace}" if namespace else ""
    return f"/apis/{WORKFLOW_API}{where}/{WORKFLOW_PLURAL}"


def _refused(what: str, message: str) -> BadInput:
    return BadInput((Finding(what, "", "", message),))


def _order(event: Json) -> tuple[str, int]:
    """Their times are whole seconds; within one the server's versions tell what came first."""
    version = str(event["metadata"].get("resourceVersion", ""))
    return event.get("lastTimestamp") or "", int(version) if version.isdecimal() else 0


def _status(reply: Reply) -> str:
    """The message of the Status that an API server answers with; "" when it is something else."""
    try:
        return str(orjson.loads(reply.payload)["message"])
    except (ValueError, KeyError, TypeError):
        return ""


def _told(reply: Reply) -> str:
    """The server's words; of an admission policy its own alone, of what is no API server the first ones."""
    message = _status(reply)
    if message:
        return message.partition(_DENIED)[2] or message
    words = " ".join(reply.payload[:TOLD_MAX].decode(errors="replace").split())
    return f"HTTP {reply.status}" + (f": {words}" if words.isprintable() and words else "")

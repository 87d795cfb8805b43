"""What does a person ask of the API server from the command line? Who they are, one workflow, one change of it.

Called by the commands that act on a running workflow. Every request is sent once, with the person's own credentials;
what the server refuses becomes a sentence, never a traceback. It must never decide what may be asked for.
"""

from pathlib import Path
from typing import Any, Final

import orjson
from kubernetes import config

from wfexec.adapters.kube import Connection, Reply, connect
from wfexec.crd.wire import JSON, MERGE_PATCH, HttpCall, object_path
from wfexec.errors import BadInput, Finding
from wfexec.model.requests import Kind, Outcome

Json = dict[str, Any]
TIMEOUT_S: Final = 15.0
OWN_NAME: Final = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
_MOUNTED: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
_DENIED: Final = "denied request: "


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
        if reply.status == 404:
            raise _refused(what, "there is no such WorkflowExecution; look with: kubectl get wfe -A")
        return self._accepted(reply, what)

    def annotate(self, workflow: Json, annotations: dict[str, str | None]) -> bool:
        """Change annotations of exactly that version (None removes one); False: it has moved on since."""
        meta = workflow["metadata"]
        patch = {"metadata": {"resourceVersion": meta["resourceVersion"], "annotations": annotations}}
        path = object_path(Kind.WORKFLOW, meta["namespace"], meta["name"])
        what = f"{meta['namespace']}/{meta['name']}"
        reply = self._call(HttpCall("PATCH", path, (), MERGE_PATCH, orjson.dumps(patch)), what)
        if reply.status == 409:
            return False
        self._accepted(reply, what)
        return True

    def close(self) -> None:
        self._connection.close()

    def _call(self, call: HttpCall, what: str) -> Reply:
        reply = self._connection.call(call, TIMEOUT_S)
        if isinstance(reply, Outcome):
            raise _refused(what, f"the cluster cannot be reached: {reply.message}; look at --kubeconfig and --context")
        return reply

    def _accepted(self, reply: Reply, what: str) -> Json:
        if reply.status >= 300:
            raise _refused(what, f"refused by the cluster: {_told(reply)}")
        found: Json = orjson.loads(reply.payload)
        return found


def person(kubeconfig: str | None, context: str | None) -> Person:
    """The user of the kubeconfig, or of the pod we run in; BadInput when there is no cluster to talk to."""
    connection = connect(kubeconfig, context, 1)
    return Person(connection, _namespace(connection.in_cluster, kubeconfig, context))


def _namespace(in_cluster: bool, kubeconfig: str | None, context: str | None) -> str:
    if in_cluster:
        return _MOUNTED.read_text().strip() if _MOUNTED.is_file() else "default"
    # It was readable a moment ago: the connection was made from it.
    listed: Any = config.list_kube_config_contexts
    contexts, current = listed(config_file=kubeconfig)
    chosen = next((each for each in contexts if each["name"] == context), current) if context else current
    return str(chosen["context"].get("namespace") or "default")


def _refused(what: str, message: str) -> BadInput:
    return BadInput((Finding(what, "", "", message),))


def _told(reply: Reply) -> str:
    """The server's words; of an admission policy its own alone."""
    try:
        message = str(orjson.loads(reply.payload)["message"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP {reply.status}"
    return message.partition(_DENIED)[2] or message

"""Which world is a plan tried on? A cluster, a file of objects, or a file that another package understands.

Called by `wfexec plan --against`. Reading only: the questions are those of the controller, asked once each as the
person whose kubeconfig it is. Other packages read further kinds of files through the entry point group
`wfexec.worlds`: a callable that takes the value of a YAML document and its name, and gives an `Offline` or None.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson

from wfexec.adapters.kube import Connection, Reply, connect
from wfexec.adapters.workers import look
from wfexec.core.policies import vetted
from wfexec.crd.documents import Document, flat, parse_documents, read_bytes
from wfexec.crd.landmarks import guards, landmark
from wfexec.crd.offline import Offline, OfflineCluster, namespace_facts
from wfexec.crd.policies import parse_policies
from wfexec.crd.wire import ADMISSION, JSON, HttpCall, place
from wfexec.errors import BadInput, Finding
from wfexec.model.bearings import Bearings, Policies, RegistryData
from wfexec.model.facts import AskAlerts, AskHistory, Facts, Question, Unknown
from wfexec.model.meta import ADMISSION_POLICY_NAME, REGISTRY_NAME
from wfexec.model.phases import CheckType
from wfexec.model.requests import Kind, Landmark

GROUP: Final = "wfexec.worlds"
LIVE: Final = "live"
MAY_I: Final = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
TIMEOUT_S: Final = 10.0
CONNECTIONS: Final = 2
# What these checks read with. Where a person lacks it they say nothing here: the controller has rights of its own.
NEEDS: Final = {
    CheckType.RBAC: ("create", "authorization.k8s.io", "subjectaccessreviews"),
    CheckType.CAPACITY: ("list", "", "nodes"),
    CheckType.HEALTH: ("get", "apps", "deployments"),
}


class World(NamedTuple):
    """`blind` are checks that this world can say nothing about; `document` is the file's value, None where live."""

    name: str
    answer: Callable[[Question], Facts]
    bearings: Bearings
    blind: frozenset[CheckType]
    document: Any = None


Reader = Callable[[Any, str], Any]


def open_world(
    text: str,
    kubeconfig: str | None,
    context: str | None,
    readers: Sequence[Reader] = (),
    home: str = "",
    namespaces: frozenset[str] = frozenset(),
) -> World:
    """`live` or a file; BadInput when it cannot be read. `readers` understand files that hold no objects.

    `home` is the controller's namespace, `namespaces` are those of the workflows.
    """
    if text != LIVE:
        return _file(Path(text), readers)
    return _live(connect(kubeconfig, context, CONNECTIONS), home, sorted(namespaces))


def _live(connection: Connection, home: str, namespaces: Sequence[str]) -> World:
    def answer(question: Question) -> Facts:
        if isinstance(question, AskHistory | AskAlerts):
            return Unknown(f"the {question.about} are known to the controller alone")
        return look(connection, question, TIMEOUT_S)

    found = connection.call(HttpCall("GET", "/api/v1/namespaces"), TIMEOUT_S)
    if not isinstance(found, Reply):
        raise BadInput((Finding(LIVE, "", "", f"the cluster does not answer: {found.message}"),))
    if found.status not in (200, 403):
        raise BadInput((Finding(LIVE, "", "", _no_answer(found.status)),))
    spaces = None
    if found.status == 200:
        spaces = {one["metadata"]["name"]: namespace_facts(one) for one in orjson.loads(found.payload)["items"]}
    bearings = Bearings(namespaces=spaces, policies=_registry(connection, home), guarded=_guarded(connection))
    blind = {check for check in NEEDS if not all(_may(connection, check, each) for each in namespaces)}
    return World(LIVE, answer, bearings, frozenset(blind))


def _no_answer(status: int) -> str:
    if status == 401:
        return "the cluster does not take these credentials; log in again, or look at --kubeconfig and --context"
    return f"the cluster answers HTTP {status}; look at --kubeconfig and --context, or try again"


def _may(connection: Connection, check: CheckType, namespace: str) -> bool:
    """Does this person have the right that the check reads with? Nobody knows better than the server."""
    verb, group, resource = NEEDS[check]
    asked = {"verb": verb, "group": group, "resource": resource}
    if check is CheckType.HEALTH:
        asked["namespace"] = namespace
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": asked},
    }
    reply = connection.call(HttpCall("POST", MAY_I, (), JSON, orjson.dumps(body)), TIMEOUT_S)
    if not isinstance(reply, Reply) or reply.status not in (200, 201):
        # Nobody says no: the question itself will show.
        return True
    return bool(orjson.loads(reply.payload)["status"]["allowed"])


def _registry(connection: Connection, home: str) -> Policies | None:
    """The registry of conditions (BR-WF-053). None: there is none, or this person may not read it."""
    call = HttpCall("GET", place("/api/v1", "configmaps", home, REGISTRY_NAME))
    found = landmark(Kind.REGISTRY, _read(connection, call))
    if not isinstance(found, Landmark) or not isinstance(found.facts, RegistryData):
        return None
    return vetted(parse_policies(found.facts.data, found.facts.version))


def _guarded(connection: Connection) -> bool | None:
    """Does an admission policy guard what people decide by? (BR-WF-018) None: this person may not see."""
    path = f"{ADMISSION}/validatingadmissionpolicies/{ADMISSION_POLICY_NAME}"
    policy = connection.call(HttpCall("GET", path), TIMEOUT_S)
    if isinstance(policy, Reply) and policy.status == 404:
        return False
    listed = _read(connection, HttpCall("GET", f"{ADMISSION}/validatingadmissionpolicybindings"))
    if not isinstance(policy, Reply) or policy.status != 200 or listed is None:
        return None
    return guards(landmark(Kind.ADMISSION_BINDING, one) for one in listed["items"])


def _read(connection: Connection, call: HttpCall) -> Any:
    """What a GET brings; None for anything but an answer."""
    reply = connection.call(call, TIMEOUT_S)
    return orjson.loads(reply.payload) if isinstance(reply, Reply) and reply.status == 200 else None


def _file(path: Path, readers: Sequence[Reader]) -> World:
    documents = parse_documents(read_bytes(path), str(path))
    objects = flat(document.value for document in documents)
    offline = Offline(objects) if objects else _foreign(path, documents, readers)
    cluster = OfflineCluster(offline)
    blind = {CheckType.NETWORK}
    if offline.denied is None:
        blind.add(CheckType.RBAC)
    if not cluster.knows("Node"):
        blind.add(CheckType.CAPACITY)
    value = None if objects else documents[0].value
    return World(str(path), cluster.answer, cluster.bearings(), frozenset(blind), value)


def _foreign(path: Path, documents: tuple[Document, ...], readers: Sequence[Reader]) -> Offline:
    """A file that holds no Kubernetes objects: somebody else may know what it is."""
    for reader in readers:
        for document in documents[:1]:
            offline = reader(document.value, str(path))
            if isinstance(offline, Offline):
                return offline
    message = (
        "holds no Kubernetes objects; give the output of `kubectl get deployments,configmaps,nodes,pods -A -o yaml`,"
        " or an executor file with wfexec[sim] installed"
    )
    raise BadInput((Finding(str(path), "", "", message),))

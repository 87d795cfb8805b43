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
from wfexec.crd.documents import Document, parse_documents, read_bytes
from wfexec.crd.offline import Offline, OfflineCluster, flat, namespace_facts
from wfexec.crd.wire import HttpCall
from wfexec.errors import BadInput, Finding
from wfexec.model.bearings import Bearings
from wfexec.model.facts import AskAlerts, AskHistory, Facts, Question, Unknown
from wfexec.model.phases import CheckType

GROUP: Final = "wfexec.worlds"
LIVE: Final = "live"
TIMEOUT_S: Final = 10.0
CONNECTIONS: Final = 2


class World(NamedTuple):
    """`blind` are checks that this world can say nothing about; `document` is the file's value, None where live."""

    name: str
    answer: Callable[[Question], Facts]
    bearings: Bearings
    blind: frozenset[CheckType]
    document: Any = None


Reader = Callable[[Any, str], Any]


def open_world(text: str, kubeconfig: str | None, context: str | None, readers: Sequence[Reader] = ()) -> World:
    """`live` or a file; BadInput when it cannot be read. `readers` understand files that hold no objects."""
    return _live(connect(kubeconfig, context, CONNECTIONS)) if text == LIVE else _file(Path(text), readers)


def _live(connection: Connection) -> World:
    def answer(question: Question) -> Facts:
        if isinstance(question, AskHistory | AskAlerts):
            return Unknown(f"the {question.about} are known to the controller alone")
        return look(connection, question, TIMEOUT_S)

    found = connection.call(HttpCall("GET", "/api/v1/namespaces"), TIMEOUT_S)
    if not isinstance(found, Reply):
        raise BadInput((Finding(LIVE, "", "", f"the cluster does not answer: {found.message}"),))
    spaces = None
    if found.status == 200:
        spaces = {one["metadata"]["name"]: namespace_facts(one) for one in orjson.loads(found.payload)["items"]}
    return World(LIVE, answer, Bearings(namespaces=spaces), frozenset())


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

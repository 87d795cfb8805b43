"""Questions the core asks about the world and the answers it reads in a later snapshot.

Questions and answers are data like writes and outcomes: the core never looks by itself (BR-WF-015, BR-WF-016).
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from wfexec.model.template import Template

# An API server that has just started answers 403 until it has read its roles: believed only when it has lasted.
FORBIDDEN_MS: Final = 25_000


class TargetRef(NamedTuple):
    """An object that steps change; `kind` is Deployment, Pod, Node, ConfigMap or Secret; nodes have no namespace."""

    kind: str
    namespace: str
    name: str


class AskAccess(NamedTuple):
    """May this user do this? (one SubjectAccessReview)"""

    user: str
    verb: str
    group: str
    resource: str
    namespace: str
    name: str


class AskTarget(NamedTuple):
    target: TargetRef


class AskNodes(NamedTuple):
    """How much room have the nodes, and the `named` ones each?"""

    # Named tuples compare as plain tuples: without a word of their own, two questions without details would be one.
    about: str = "nodes"
    named: tuple[str, ...] = ()


class AskNetwork(NamedTuple):
    """Does the API server answer within five seconds?"""

    about: str = "network"


class AskHistory(NamedTuple):
    """How did earlier runs of this definition go, and of these actions (canonical names, sorted)?

    Answered by the history of the controller, not by the cluster (BR-ORCHESTRATION-020).
    """

    definition: str
    actions: tuple[str, ...]
    about: str = "history"


class AskTemplate(NamedTuple):
    """The template of that name (version "" is the highest), in the first of the two namespaces that has one."""

    namespace: str
    home: str
    name: str
    version: str
    about: str = "template"


class AskParent(NamedTuple):
    """Does the RemediationRequest of that name live, which one is it, and how much time does it give?"""

    namespace: str
    name: str
    about: str = "parent"


class AskAlerts(NamedTuple):
    """Which alerts about these objects fire now and began after `since` (milliseconds)?

    Answered by a source of alerts, not by the cluster (BR-WF-051). `watchdog` names an alert that always fires: where
    it does not, the source is not fed, and nobody knows. "" for none. Without targets: does the source answer?
    """

    targets: tuple[TargetRef, ...]
    since: int
    watchdog: str = ""
    about: str = "alerts"


class AskCopy(NamedTuple):
    """What does our copy say, made before the first step?"""

    namespace: str
    name: str
    about: str = "copy"


class AskSurroundings(NamedTuple):
    """Which Deployments and pods of these namespaces, and which nodes, are not well? "" means every namespace."""

    namespaces: tuple[str, ...]
    about: str = "surroundings"


Question = (
    AskCopy
    | AskAccess
    | AskTarget
    | AskNodes
    | AskNetwork
    | AskHistory
    | AskTemplate
    | AskParent
    | AskAlerts
    | AskSurroundings
)


class Unknown(NamedTuple):
    """Nobody could say (no right to look, no answer); never counts as passed for a required check.

    `transient` when asking again soon may help (no answer came, or a refusal that is not believed yet).
    `refused_since`: a right is missing, since this instant as far as anybody counted, 0 where nobody did; None: it is
    something else.
    """

    reason: str
    transient: bool = False
    refused_since: int | None = None


class AccessFacts(NamedTuple):
    allowed: bool
    reason: str


class TargetFacts(NamedTuple):
    """`healthy` None where the kind has no health. `state` holds text facts by key:

    Deployment: replicas, readyReplicas, available (True/False), revision, restarts, paused (true, where it is), and by
    container image:<name>, cpu:<name> and memory:<name> (its requests), memoryLimit:<name>, cpuLimit:<name>
    Node: unschedulable (true/false), ready (True/False); Pod: phase, ready; ConfigMap: data:<key>, resourceVersion,
    immutable (true); Secret: resourceVersion alone.
    """

    exists: bool
    terminating: bool
    healthy: bool | None
    state: Mapping[str, str]
    message: str


class Room(NamedTuple):
    """What one node has free, or what one pod asks for: milli-cores and bytes."""

    cpu_m: int
    memory: int


class NodeRoom(NamedTuple):
    """One node: its free room, and what its pods request that a drain would move elsewhere; `sizes` are those of such
    pods, each size once."""

    name: str
    schedulable: bool
    cpu_free_m: int
    memory_free: int
    cpu_moving_m: int
    memory_moving: int
    sizes: tuple[Room, ...] = ()


class NodesFacts(NamedTuple):
    """Free figures are allocatable minus requested over the schedulable nodes: milli-cores and bytes.

    `named` holds the nodes that were asked for by name, as far as they exist; `rooms` is what each of the other
    schedulable nodes has free, in the order of the list, () where nobody told.
    """

    nodes: int
    schedulable: int
    cpu_free_m: int
    memory_free: int
    named: tuple[NodeRoom, ...] = ()
    rooms: tuple[Room, ...] = ()


class NetworkFacts(NamedTuple):
    reachable: bool
    message: str


class Experience(NamedTuple):
    """What `runs` earlier runs of one action or definition tell; durations in milliseconds, of successes alone.

    `retried` successes needed further attempts, 95 % of all successes at most `retries_p95`. `uses` are the latest runs
    (20 at most) in which something was adjusted because of it, `well` how many of those succeeded.
    """

    runs: int
    successes: int
    p50_ms: int = 0
    p95_ms: int = 0
    retried: int = 0
    retries_p95: int = 0
    uses: int = 0
    well: int = 0


class HistoryFacts(NamedTuple):
    """By action, for those that ever ran; `definition` None: no run of it is known."""

    actions: Mapping[str, Experience]
    definition: Experience | None


class TemplateFacts(NamedTuple):
    """`template` None: `problem` is planning's word for why, `message` its sentence; the others say where."""

    template: Template | None
    namespace: str = ""
    origin: str = ""
    problem: str = ""
    message: str = ""


class ParentFacts(NamedTuple):
    """`uid` "": there is no such RemediationRequest.

    `workflow_timeout` is how long its workflow may take, in milliseconds, None where it does not say so; `complaint`
    says why what it says cannot be read, "" for nothing.
    """

    uid: str
    workflow_timeout: int | None = None
    complaint: str = ""
    about: str = "parent"


class Alert(NamedTuple):
    """One that fires; `began` in milliseconds."""

    name: str
    about: TargetRef
    began: int


class AlertFacts(NamedTuple):
    """The oldest first."""

    alerts: tuple[Alert, ...]


class Unwell(NamedTuple):
    """`message` says what is wrong with it; kinds are those of Kubernetes, also ones that no step changes."""

    object: TargetRef
    message: str


class SurroundingsFacts(NamedTuple):
    """Sorted by kind, namespace and name; `seen` is how many objects were looked at."""

    unwell: tuple[Unwell, ...]
    seen: int


class CopyFacts(NamedTuple):
    """`data` None: there is no such copy."""

    data: Mapping[str, str] | None
    about: str = "copy"


Facts = (
    AccessFacts
    | TargetFacts
    | NodesFacts
    | NetworkFacts
    | HistoryFacts
    | TemplateFacts
    | ParentFacts
    | AlertFacts
    | SurroundingsFacts
    | CopyFacts
    | Unknown
)


class Answer(NamedTuple):
    """`at` is when the world was looked at, in milliseconds."""

    at: int
    facts: Facts

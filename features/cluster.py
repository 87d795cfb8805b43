"""What can a scenario do to a cluster and see of it? The port that the steps speak to, and what it must be told first.

Two back-ends implement it: `features.backends.simulation` and `features.backends.apiserver`. Everything here is what
a person with kubectl could do or see; nothing of it reaches into the controller. Times are milliseconds of the
back-end's own clock, which runs faster than the wall's.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Protocol

from sim.alerts import AlertFeed
from sim.audit import AuditStore
from sim.faults import Fault

Json = dict[str, Any]

WORKFLOWS: Final = "/apis/workflowexecution.kubernaut.io/v1"
EXECUTIONS: Final = "/apis/kubernetesexecution.kubernaut.io/v1"
CORE: Final = "/api/v1"
APPS: Final = "/apis/apps/v1"
WORKFLOW_PLURAL: Final = "workflowexecutions"
EXECUTION_PLURAL: Final = "kubernetesexecutions"

SECOND: Final = 1_000
MINUTE: Final = 60 * SECOND
# Longer than anything a scenario waits for: the deadline of a medium workflow and a rollback after it.
PATIENCE: Final = 60 * MINUTE
# The optional role and its binding.
OBSERVER: Final = "workflowexecution-controller-observer"
MERGE_PATCH: Final = "application/merge-patch+json"


class Seen(NamedTuple):
    """One line of `kubectl get --watch`: ADDED, MODIFIED or DELETED, and the object as it was then."""

    change: str
    object: Json


class Answer(NamedTuple):
    status: int
    body: Any


@dataclass
class Setting:
    """The world before anything is applied.

    executor: an executor file, keys as in the file; its `cluster` part is the target world.
    forbidden: actions that the executor's identities have no right to. strangers: who may edit but not approve.
    labelling: somebody labels the workflow just before every other write of the controller.
    kill_after_write: the controller dies right after this write of its own (1 is the first); None for never.
    trouble: what befalls one write of the controller, or its watches right after it: the number of the write and a
        fault of `sim.faults`. None: nothing.
    replicas: how many controllers there are; more than one share a lease.
    clocks: by how many milliseconds the clock of each controller is ahead, in the order in which they start, and then
        from the beginning again; the first is right. Each asks the API server for the time when it starts.
    executor_at_work: False: nobody takes up the children. parent_at_work: somebody answers RemediationRequests.
    guarded: the shipped admission policy is bound.
    settings: of the controller, keys as in its ConfigMap; what is not named has its default.
    history: runs that ended earlier, as in a history file.
    audited: the controller has an audit store.
    observer: the controller has the optional role that lets it read targets and ConfigMaps everywhere.
    """

    executor: Json = field(default_factory=dict)
    forbidden: tuple[str, ...] = ()
    strangers: tuple[str, ...] = ("mallory",)
    labelling: bool = False
    kill_after_write: int | None = None
    trouble: tuple[int, Fault] | None = None
    replicas: int = 1
    clocks: tuple[int, ...] = ()
    executor_at_work: bool = True
    parent_at_work: bool = False
    guarded: bool = True
    settings: Json = field(default_factory=dict)
    history: list[Json] = field(default_factory=list)
    audited: bool = False
    observer: bool = True


class Cluster(Protocol):
    """One scenario's cluster. `namespace` is the scenario's own, `history` all that a watch of it has shown so far.

    `slack_ms`: by how much something may happen later than it should, because the machine is busy. `alerts`: what the
    Alertmanager at `alerts_url` says, `audit`: what the audit store holds and what befalls it, once the world is built.
    """

    namespace: str
    slack_ms: int
    alerts_url: str

    @property
    def alerts(self) -> AlertFeed: ...

    @property
    def audit(self) -> AuditStore: ...

    @property
    def history(self) -> Sequence[Seen]:
        """Workflows and children of the namespace, in the order of their changes."""

    @property
    def now_ms(self) -> int: ...

    @property
    def refused_writes(self) -> int:
        """How many writes of the controller the server refused because the object had moved on."""

    @property
    def killed(self) -> bool:
        """Whether the moment of `kill_after_write` came."""

    @property
    def troubled(self) -> bool:
        """Whether the moment of `trouble` came."""

    def prepare(self, setting: Setting) -> None:
        """Build the world; call once, before anything else."""

    def request(self, method: str, path: str, body: Json | None = None, user: str = "admin") -> Answer:
        """One request of a person; a PATCH is a merge patch."""

    def vanish(self, ms: int) -> None:
        """The API server is away for the controller alone: its watches end, and nothing is answered for so long."""

    def apply_all(self, bodies: Sequence[Json], user: str) -> None:
        """Create many workflows as fast as people can; each must be taken."""

    def while_away(self, what: Callable[[], object]) -> None:
        """Do this while no controller is at work: those that are go without a word, and others come afterwards."""

    def begin_executor(self) -> None:
        """It takes up what waits for it, if the setting let it stay away until now."""

    def metrics(self) -> str:
        """The metrics page of the controllers, as Prometheus reads it; what other scenarios counted may be in it."""

    def wait_until(self, what: str, done: Callable[[], bool], limit_ms: int = PATIENCE) -> None:
        """Let time pass until `done()`; the scenario fails when the limit comes first."""

    def let_pass(self, duration_ms: int) -> None: ...

    def kill_controller(self) -> None:
        """The one that leads, at once and without a word; another one starts a little later."""

    def stall_watches(self) -> None:
        """The watches that the controller has open bring nothing more from now on, and stay open."""

    def sleep(self, ms: int) -> None:
        """The machine that the controller runs on stands still for so long; the watches it has open do not survive."""

    def refuse(self, kind: type, count: int, status: int) -> None:
        """The next so many of the controller's requests of this type of body are answered with this status."""

    def close(self) -> None:
        """The scenario is over."""


class NotSeen(AssertionError):
    """What a scenario waited for did not happen."""


def path_of(root: str, namespace: str, plural: str, name: str = "", subresource: str = "") -> str:
    """Of a collection, an object, or a subresource of one."""
    parts = [root, "namespaces", namespace, plural, name, subresource]
    return "/".join(part for part in parts if part)

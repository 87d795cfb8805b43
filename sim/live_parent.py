"""How does a parent run against a real API server? The machine of `sim.orchestrator`, driven by threads.

Called by the acceptance tests. Its twin is the parent's part of `sim.driver`.
"""

from typing import Any, Final

from sim import parent_wire
from sim.cluster.requests import ListRequests, MakeWorkflow, TargetOutcome, TellRequest
from sim.live_machine import LiveMachine
from sim.orchestrator import Orchestrator
from wfexec.adapters.clock import WallClock
from wfexec.adapters.kube import Connection
from wfexec.model.requests import Body, Outcome

# Two sets of one thread, and the watch.
CONNECTIONS: Final = 3
IDENTITY: Final = "parent"


class LiveParent(LiveMachine):
    """One parent beside a real API server, of the requests in one namespace; "" means of all."""

    def __init__(self, connection: Connection, *, namespace: str = "", clock: WallClock | None = None) -> None:
        self._connection = connection
        self.machine = Orchestrator(IDENTITY, namespace=namespace)
        super().__init__(self.machine, connection, clock or WallClock(), "parent", 1)

    def typed(self, body: Any) -> Body | None:
        if isinstance(body, ListRequests | MakeWorkflow | TellRequest):
            return None
        found: Body = body
        return found

    def outcome(self, body: Any, timeout_s: float) -> TargetOutcome:
        found = self._connection.call(parent_wire.encode(body), timeout_s)
        if isinstance(found, Outcome):
            return TargetOutcome(found.code, None, found.message)
        return parent_wire.decode(body, *found)

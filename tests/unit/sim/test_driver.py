"""The driver carries, delays, crashes and rests; it never loses, reorders within a watch, or decides."""

from typing import Any

from sim.cluster.requests import DeleteObject, EditWorkflow
from sim.driver import EPOCH_MS, Simulation
from sim.faults import Fault, FaultPlan, crash_after_write, crash_before_write
from sim.history import History
from sim.process import Latencies
from sim.scenario import HORIZON_MS
from sim.trace import Incident, TraceRecord, Version, Written
from tests.unit.sim.support import CHAIN, manifest, options, run
from wfexec.model.phases import Phase
from wfexec.model.requests import Change, Kind, ObjectKey, PatchStatus, WatchSeen

KEY = ObjectKey(Kind.WORKFLOW, "shop", "repair")


class Listening:
    """A machine with an ear at its door: versions of children as they come in."""

    def __init__(self, machine: Any, heard: list[int]) -> None:
        self.start, self.tick, self.take, self.wake_at = machine.start, machine.tick, machine.take, machine.wake_at
        self._feed = machine.feed
        self._heard = heard

    def feed(self, signal: Any, now: int) -> None:
        if isinstance(signal, WatchSeen) and signal.kind is Kind.EXECUTION:
            self._heard.append(int(signal.resource_version))
        self._feed(signal, now)


def test_a_remediation_runs_in_virtual_time_from_2026_on() -> None:
    result = run()
    assert result.completed
    assert result.epoch_ms == EPOCH_MS == 1_767_225_600_000
    # Three steps of ten seconds and thirty seconds of stable health; the rest is latency.
    assert 60_000 <= result.now_ms - EPOCH_MS < 61_000


def test_several_workflows_run_side_by_side() -> None:
    one, two = manifest(CHAIN, "one"), manifest([{}], "two")
    result = run(one, two)
    assert [workflow.status.phase for workflow in result.workflows] == [Phase.COMPLETED, Phase.COMPLETED]


def test_events_of_one_watch_keep_their_order_although_delays_differ() -> None:
    simulation = Simulation(options(latencies=Latencies(request=(1, 3), watch=(1, 400))))
    simulation.submit(manifest(CHAIN))
    simulation.start()
    process = simulation.controllers[0]
    heard: list[int] = []
    process.machine = Listening(process.machine, heard)
    assert simulation.run(HORIZON_MS)
    assert len(heard) >= 9
    assert heard == sorted(heard)


def test_a_run_ends_at_its_limit_and_says_so() -> None:
    result = run(until_ms=25_000)
    assert not result.completed
    assert result.now_ms - EPOCH_MS == 25_000
    assert result.complaints == ()


def test_a_crashed_controller_forgets_everything_and_a_fresh_one_finishes() -> None:
    calm, crashed = run(), run(with_=options(faults=crash_after_write(9)))
    incidents = [record for record in crashed.records if isinstance(record, Incident)]
    assert [incident.what for incident in incidents] == ["crashed", "started again"]
    assert crashed.completed and crashed.complaints == ()
    assert _children(crashed.history) == _children(calm.history)


def test_a_write_that_never_left_is_not_in_the_store() -> None:
    calm = run()
    number, lost = next(
        (n, write) for n, write in enumerate(_controllers(calm.records), 1) if isinstance(write.body, PatchStatus)
    )
    crashed = run(with_=options(faults=crash_before_write(number)))
    crash = next(at for at, record in enumerate(crashed.records) if isinstance(record, Incident))
    before = [write for write in _controllers(crashed.records[:crash]) if isinstance(write.body, PatchStatus)]
    assert before == []
    assert lost.at == crashed.records[crash].at
    assert crashed.completed


def test_a_lost_reply_is_noticed_after_the_request_timeout_and_read_again() -> None:
    calm = run()
    number = next(n for n, write in enumerate(_controllers(calm.records), 1) if isinstance(write.body, PatchStatus))
    result = run(with_=options(faults=FaultPlan(((number, Fault.LOSE_REPLY),))))
    assert result.completed and result.complaints == ()
    assert result.now_ms - calm.now_ms >= 9_900


def test_a_dropped_write_is_done_again() -> None:
    result = run(with_=options(faults=FaultPlan(((4, Fault.DROP),))))
    assert result.completed and result.complaints == ()


def test_two_replicas_share_the_work_by_lease_and_only_one_writes() -> None:
    result = run(with_=options(replicas=2))
    assert result.completed and result.complaints == ()
    writers = {write.actor for write in _controllers(result.records) if isinstance(write.body, PatchStatus)}
    assert len(writers) == 1


def test_a_person_suspends_and_resumes() -> None:
    simulation = Simulation(options())
    simulation.submit(manifest(CHAIN))
    simulation.act(EditWorkflow(KEY, {"suspend": True}, {}), 5_000)
    simulation.act(EditWorkflow(KEY, {"suspend": False}, {}), 60_000)
    simulation.start()
    assert simulation.run(HORIZON_MS)
    phases = [
        r.object.status.phase
        for r in simulation.records
        if isinstance(r, Version) and r.object.metadata.name == "repair"
    ]
    assert Phase.PAUSED in phases
    assert phases[-1] == Phase.COMPLETED


def test_children_go_when_their_workflow_goes() -> None:
    simulation = Simulation(options())
    simulation.submit(manifest(CHAIN))
    simulation.act(DeleteObject(KEY), 120_000)
    simulation.start()
    assert simulation.run(HORIZON_MS)
    gone = [
        record.object.metadata.name
        for record in simulation.records
        if isinstance(record, Version) and record.change is Change.DELETED
    ]
    assert sorted(gone) == ["repair", "repair-step-1", "repair-step-2", "repair-step-3"]


def _controllers(records: list[TraceRecord]) -> list[Written]:
    return [record for record in records if isinstance(record, Written) and record.actor.startswith("controller")]


def _children(history: History) -> list[str]:
    return [move.child.metadata.name for move in history.children if move.before is None]

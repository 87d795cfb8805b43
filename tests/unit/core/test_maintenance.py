"""While a namespace is in maintenance nothing begins there, and no clock runs out (BR-WF-005)."""

from tests.unit.core.world import World, completed, failed, spec, step
from wfexec.model.bearings import NO_BEARINGS, Bearings, NamespaceFacts
from wfexec.model.meta import LABEL_MAINTENANCE
from wfexec.model.status import WorkflowExecutionStatus

HELD = NamespaceFacts({LABEL_MAINTENANCE: "true"})
OPEN = NamespaceFacts({})
HOUR = 3_600_000


def label(world: World, **namespaces: NamespaceFacts) -> None:
    known = {"ns": OPEN, "shop": OPEN, "kubernaut-system": OPEN, "kube-system": OPEN}
    given = {name.replace("_", "-"): facts for name, facts in namespaces.items()}
    world.bearings = Bearings(namespaces={**known, **given})


def status(world: World) -> WorkflowExecutionStatus:
    return world.workflow.status


def test_only_true_in_the_workflows_or_the_controllers_namespace_counts() -> None:
    for namespaces in ({"ns": HELD}, {"kubernaut_system": HELD}):
        world = World(spec(step(1)))
        label(world, **namespaces)
        world.run()
        assert (status(world).phase, world.created) == ("paused", [])
    for other in ({"shop": HELD}, {"ns": NamespaceFacts({LABEL_MAINTENANCE: "yes"})}):
        world = World(spec(step(1)))
        label(world, **other)
        assert world.run().phases[-1] == "completed"


def test_where_namespaces_cannot_be_seen_nothing_is_held_up() -> None:
    world = World(spec(step(1)))
    world.bearings = NO_BEARINGS
    assert world.run().phases[-1] == "completed"


def test_it_holds_up_in_every_phase_that_may_pause_and_gives_the_time_back() -> None:
    for phase in ("planning", "validating", "executing", "monitoring"):
        world = World(spec(step(1), step(2, 1), timeout="2m"))
        world.run(stop=lambda w, phase=phase: w.workflow.status.phase == phase)  # type: ignore[misc] # a bound default
        created = len(world.created)
        label(world, ns=HELD)
        world.run(until_ms=HOUR)
        assert (status(world).phase, status(world).paused_from, len(world.created)) == ("paused", phase, created)
        assert [(one.status, one.reason) for one in status(world).conditions if one.type == "Paused"] == [
            ("True", "Maintenance")
        ]
        label(world)
        world.run()
        assert status(world).phase == "completed"


def test_a_retry_by_hand_waits_as_well() -> None:
    world = World(spec(step(1, criticalStep=True, maxRetries=0), strategy={"rollbackStrategy": "manual"}))
    world.say("wf-step-1", failed("forbidden"))
    world.run()
    assert status(world).phase == "failed"
    label(world, ns=HELD)
    world.annotate(manual_retry="true", intervened_by="alice")
    world.run(until_ms=HOUR)
    assert (status(world).phase, world.created) == ("paused", ["wf-step-1"])
    label(world)
    world.run()
    assert (status(world).phase, world.created) == ("completed", ["wf-step-1", "wf-step-1-r1"])


def test_an_undo_that_runs_ends_and_the_next_waits_while_the_clock_stands_still() -> None:
    world = World(spec(step(1), step(2, 1), step(3, 2, criticalStep=True, maxRetries=0)))
    world.say("wf-step-3", failed("forbidden"))
    world.say("wf-rollback-2", completed(60_000))
    world.run(stop=lambda w: "wf-rollback-2" in w.created)
    label(world, ns=HELD)
    world.run(until_ms=5 * HOUR)
    assert status(world).phase == "rolling_back"
    assert (world.states()[2], world.states()[1]) == ("rolled_back", "completed")
    assert "wf-rollback-1" not in world.created
    label(world)
    world.run()
    assert (status(world).phase, world.states()[1]) == ("failed", "rolled_back")
    assert status(world).paused_at is None
    assert world.reasons().count("Paused") == world.reasons().count("Resumed") == 1


def test_a_rollback_whose_last_undo_runs_ends_in_the_middle_of_it() -> None:
    world = World(spec(step(1), step(2, 1, criticalStep=True, maxRetries=0)))
    world.say("wf-step-2", failed("forbidden"))
    world.run(stop=lambda w: "wf-rollback-1" in w.created)
    label(world, kubernaut_system=HELD)
    world.run()
    assert (status(world).phase, status(world).paused_at) == ("failed", None)
    assert [one.status for one in status(world).conditions if one.type == "Paused"] == ["False"]

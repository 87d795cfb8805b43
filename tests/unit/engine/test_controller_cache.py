"""What it knows: listings, events, echoes, deletions, and what cannot be read."""

from tests.unit.engine.support import (
    T0,
    Brain,
    Hand,
    child,
    no,
    ok,
    status,
    unreadable,
    workflow,
)
from wfexec.model.base import evolve
from wfexec.model.meta import OwnerReference
from wfexec.model.plan import CountRecord, DeleteChild, EventRecord, Plan
from wfexec.model.requests import (
    Change,
    Code,
    CreateExecution,
    DeleteExecution,
    EventWrites,
    Kind,
    Listing,
    ListObjects,
    PatchStatus,
    WatchObjects,
)

CREATE = Plan(creates=(child(),))
START = Plan(status=status("executing"), creates=(child(),))
EVENT = EventRecord("Normal", "PhaseTransition", "planning -> executing")
COUNT = CountRecord("phases_total", ("executing",))


def test_the_echo_of_our_own_write_wakes_nobody() -> None:
    brain = Brain(START)
    hand = Hand(brain)
    hand.boot([workflow()])
    written, made = workflow(version=101, phase="executing"), child(version=102)
    hand.reply(PatchStatus, ok(written))
    hand.reply(CreateExecution, ok(made))
    looks = len(brain.looks)
    hand.seen(Change.MODIFIED, written)
    hand.seen(Change.ADDED, made)
    assert len(brain.looks) == looks
    assert hand.controller.stats()["known_already"] == 2


def test_an_older_event_after_the_reply_changes_nothing() -> None:
    """A burst on the watch lags behind our own write: acting on it would repeat the step."""
    brain = Brain(Plan(status=status("executing")))
    hand = Hand(brain)
    hand.boot([workflow(version=50)])
    hand.reply(PatchStatus, ok(workflow(version=103, phase="executing")))
    looks = len(brain.looks)
    hand.seen(Change.MODIFIED, workflow(version=102, phase="planning"))
    assert len(brain.looks) == looks


def test_a_childs_progress_wakes_its_workflow_and_nobody_else() -> None:
    brain = Brain()
    hand = Hand(brain)
    hand.boot([workflow("wf"), workflow("other")])
    brain.looks.clear()
    hand.seen(Change.ADDED, child(version=101))
    hand.seen(Change.MODIFIED, child(version=102, phase="completed"))
    hand.seen(Change.ADDED, child("stray", 103, owner=""))
    hand.seen(Change.ADDED, child("orphan", 104, owner="nobody"))
    assert [look.workflow.metadata.name for look in brain.looks] == ["wf", "wf"]


def test_a_created_child_survives_a_listing_that_began_before_it() -> None:
    """Otherwise the child would be created again because the lister lacks it."""
    brain = Brain(CREATE)
    hand = Hand(brain)
    hand.boot([workflow()], at=100)
    hand.reply(CreateExecution, ok(child(version=110)))
    hand.reply(WatchObjects, no(Code.GONE), Kind.EXECUTION)
    hand.reply(ListObjects, ok(Listing((), "105")), Kind.EXECUTION)
    hand.seen(Change.MODIFIED, workflow(version=120))
    assert list(brain.looks[-1].children) == ["wf-step-1"]


def test_a_relist_finds_what_was_deleted_meanwhile() -> None:
    brain = Brain()
    hand = Hand(brain)
    hand.boot([workflow()], [child(version=90)])
    hand.reply(WatchObjects, no(Code.GONE), Kind.EXECUTION)
    hand.reply(ListObjects, ok(Listing((), "200")), Kind.EXECUTION)
    assert brain.looks[-1].children == {}
    assert brain.looks[-1].gone == {"wf-step-1": "uid-wf-step-1"}
    hand.reply(WatchObjects, no(Code.GONE), Kind.WORKFLOW)
    hand.reply(ListObjects, ok(Listing((), "210")), Kind.WORKFLOW)
    assert hand.controller.stats()["workflows"] == 0


def test_a_child_recreated_under_its_name_is_the_new_one() -> None:
    brain = Brain()
    hand = Hand(brain)
    hand.boot([workflow()], [child(version=90)])
    hand.seen(Change.ADDED, child(version=120, uid="second"))
    hand.seen(Change.DELETED, child(version=110))
    assert brain.looks[-1].children["wf-step-1"].metadata.uid == "second"
    assert brain.looks[-1].gone == {}


def test_a_deleted_child_is_gone_and_forgotten_with_the_workflow() -> None:
    brain = Brain()
    hand = Hand(brain)
    hand.boot([workflow()], [child(version=90)])
    hand.seen(Change.DELETED, child(version=110))
    assert brain.looks[-1].gone == {"wf-step-1": "uid-wf-step-1"}
    hand.seen(Change.DELETED, workflow(version=120))
    hand.seen(Change.ADDED, workflow(version=130, uid="second"))
    assert brain.looks[-1].gone == {}
    assert brain.looks[-1].workflow.metadata.uid == "second"


def test_a_workflow_recreated_under_its_name_inherits_no_child() -> None:
    brain = Brain()
    hand = Hand(brain)
    hand.boot([workflow()], [child(version=90)])
    hand.seen(Change.ADDED, workflow(version=130, uid="second"))
    assert brain.looks[-1].children == {}
    assert hand.controller.stats()["workflows"] == 1


def test_a_child_that_changes_its_owner_leaves_the_family() -> None:
    brain = Brain()
    hand = Hand(brain)
    hand.boot([workflow("wf"), workflow("other")], [child(version=90)])
    brain.looks.clear()
    hand.seen(Change.MODIFIED, child(version=110, owner="uid-other"))
    assert {look.workflow.metadata.name: list(look.children) for look in brain.looks} == {
        "wf": [],
        "other": ["wf-step-1"],
    }


def test_a_deleted_child_is_out_of_the_next_snapshot() -> None:
    brain = Brain(Plan(deletes=(DeleteChild("wf-step-1", "uid-wf-step-1", "90"),)))
    hand = Hand(brain)
    hand.boot([workflow()], [child(version=90)])
    assert hand.one(DeleteExecution).uid == "uid-wf-step-1"
    hand.reply(DeleteExecution, ok())
    assert brain.looks[-1].children == {}
    assert brain.looks[-1].gone == {"wf-step-1": "uid-wf-step-1"}


def test_a_terminating_child_is_seen_as_such() -> None:
    brain = Brain(Plan(deletes=(DeleteChild("wf-step-1", "uid-wf-step-1", "90"),)))
    hand = Hand(brain)
    hand.boot([workflow()], [child(version=90)])
    hand.reply(DeleteExecution, ok(child(version=110, deletion_timestamp=T0, finalizers=("other",))))
    assert brain.looks[-1].children["wf-step-1"].metadata.deletion_timestamp == T0


def test_an_unreadable_workflow_is_reported_once_and_left_alone_until_it_can_be_read() -> None:
    brain = Brain()
    hand = Hand(brain)
    hand.boot([unreadable(Kind.WORKFLOW, "wf", 5)])
    event = hand.one(EventWrites).writes[0]
    assert (event.type, event.reason, event.regarding.metadata.name) == ("Warning", "ObjectUnreadable", "wf")
    hand.reply(EventWrites, ok())
    hand.seen(Change.MODIFIED, unreadable(Kind.WORKFLOW, "wf", 110))
    assert hand.outstanding(EventWrites) == []
    assert brain.looks == []
    hand.seen(Change.MODIFIED, workflow(version=120))
    assert len(brain.looks) == 1


def test_a_workflow_that_becomes_unreadable_is_not_acted_on_by_its_last_good_state() -> None:
    brain = Brain()
    hand = Hand(brain)
    hand.boot([workflow()])
    hand.seen(Change.MODIFIED, unreadable(Kind.WORKFLOW, "wf", 110))
    looks = len(brain.looks)
    hand.seen(Change.ADDED, child(version=120))
    assert len(brain.looks) == looks


def test_an_unreadable_child_is_reported_about_its_workflow_and_keeps_its_last_good_state() -> None:
    brain = Brain()
    hand = Hand(brain)
    hand.boot([workflow()], [child(version=90)])
    hand.seen(Change.MODIFIED, unreadable(Kind.EXECUTION, "wf-step-1", 110))
    event = hand.one(EventWrites).writes[0]
    assert event.regarding.metadata.name == "wf"
    assert "wf-step-1" in event.message
    assert brain.looks[-1].children["wf-step-1"].metadata.resource_version == "90"


def test_an_owner_that_does_not_control_is_no_parent() -> None:
    loose = OwnerReference(api_version="v1", kind="WorkflowExecution", name="wf", uid="uid-wf")
    brain = Brain()
    hand = Hand(brain)
    hand.boot([workflow()])
    stray = child("loose", 120, owner="")
    hand.seen(Change.ADDED, evolve(stray, metadata=evolve(stray.metadata, owner_references=(loose,))))
    assert len(brain.looks) == 1
    assert brain.looks[0].children == {}

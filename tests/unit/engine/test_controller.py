"""The whole engine, request by request: what it looks at, what it writes, and in which order."""

from tests.unit.engine.support import (
    T0,
    Brain,
    Hand,
    bodies,
    child,
    no,
    ok,
    status,
    workflow,
    workflow_key,
)
from wfexec.engine.recorder import TOGETHER_MAX
from wfexec.model.facts import Answer, AskNodes, AskTarget, NodesFacts, TargetRef
from wfexec.model.phases import Priority
from wfexec.model.plan import CountRecord, EventRecord, LogRecord, MetadataChange, Plan
from wfexec.model.requests import (
    Ask,
    Change,
    Code,
    CreateExecution,
    EventWrites,
    Kind,
    Listing,
    ListObjects,
    Outcome,
    PatchMetadata,
    PatchStatus,
    Replied,
)
from wfexec.settings import DEFAULTS, Settings

CREATE = Plan(creates=(child(),))
START = Plan(status=status("executing"), creates=(child(),))
EVENT = EventRecord("Normal", "PhaseTransition", "planning -> executing")
COUNT = CountRecord("phases_total", ("executing",))


def test_nothing_is_decided_before_both_kinds_have_been_listed() -> None:
    brain = Brain(CREATE)
    hand = Hand(brain)
    assert [request.body for request in hand.sent] == [
        ListObjects(Kind.WORKFLOW, 500),
        ListObjects(Kind.EXECUTION, 500),
        ListObjects(Kind.NAMESPACE, 500),
        ListObjects(Kind.REGISTRY, 500, "kubernaut-system", "kubernaut-workflow-conditions"),
        ListObjects(Kind.ADMISSION_POLICY, 500, "", "workflowexecution-approval"),
        ListObjects(Kind.ADMISSION_BINDING, 500),
    ]
    hand.answer_bearings()
    hand.reply(ListObjects, ok(Listing((workflow(),), "100")), Kind.WORKFLOW)
    assert brain.looks == []
    before = hand.controller.synced
    hand.reply(ListObjects, ok(Listing((child(),), "100")), Kind.EXECUTION)
    assert (before, hand.controller.synced) == (False, True)
    assert [list(look.children) for look in brain.looks] == [["wf-step-1"]]


def test_a_plan_is_written_intent_first_and_followed_by_one_look() -> None:
    brain = Brain(START)
    hand = Hand(brain)
    assert bodies(hand.boot([workflow()])) == ["WatchObjects", "PatchStatus"]
    assert hand.one(PatchStatus).resource_version == "1"
    assert bodies(hand.reply(PatchStatus, ok(workflow(version=101, phase="executing")))) == ["CreateExecution"]
    assert len(brain.looks) == 1
    assert hand.reply(CreateExecution, ok(child(version=102))) == []
    assert len(brain.looks) == 2
    assert brain.looks[1].workflow.status.phase == "executing"
    assert list(brain.looks[1].children) == ["wf-step-1"]


def test_a_plan_that_stays_in_its_phase_and_names_its_alarm_rests_until_news_or_the_alarm() -> None:
    brain = Brain(START._replace(status=status("executing", "next"), wake_at=T0 + 5_000))
    hand = Hand(brain)
    hand.boot([workflow(phase="executing")])
    hand.reply(PatchStatus, ok(workflow(version=101, phase="executing", message="next")))
    hand.reply(CreateExecution, ok(child(version=102)))
    assert len(brain.looks) == 1
    assert hand.controller.wake_at() == T0 + 5_000
    hand.seen(Change.MODIFIED, child(version=103, phase="executing"))
    assert len(brain.looks) == 1, "that it runs is what the plan assumed"
    hand.seen(Change.MODIFIED, child(version=104, phase="completed"))
    assert len(brain.looks) == 2


def test_entering_a_phase_is_followed_by_a_look_though_the_plan_named_an_alarm() -> None:
    brain = Brain(Plan(status=status("executing"), wake_at=T0 + 5_000))
    hand = Hand(brain)
    hand.boot([workflow(phase="validating")])
    hand.reply(PatchStatus, ok(workflow(version=101, phase="executing")))
    assert len(brain.looks) == 2


def test_news_during_a_plan_that_would_rest_is_looked_at() -> None:
    brain = Brain(START._replace(status=status("executing", "next"), wake_at=T0 + 5_000))
    hand = Hand(brain)
    hand.boot([workflow(phase="executing")])
    hand.reply(PatchStatus, ok(workflow(version=101, phase="executing", message="next")))
    hand.seen(Change.ADDED, child(version=103, phase="completed"))
    assert len(brain.looks) == 1
    hand.reply(CreateExecution, ok(child(version=102)))
    assert len(brain.looks) == 2
    assert brain.looks[1].children["wf-step-1"].status.phase == "completed"


def test_an_alarm_that_passed_while_the_plan_was_written_is_a_look_at_once() -> None:
    brain = Brain(Plan(status=status("executing", "next"), wake_at=T0 + 50))
    hand = Hand(brain)
    hand.boot([workflow(phase="executing")])
    hand.after(80)
    hand.reply(PatchStatus, ok(workflow(version=101, phase="executing", message="next")))
    assert len(brain.looks) == 2


def test_an_empty_plan_costs_no_request_and_sets_the_alarm() -> None:
    brain = Brain(Plan(wake_at=T0 + 5_000))
    hand = Hand(brain)
    hand.boot([workflow()])
    assert hand.outstanding(PatchStatus) == []
    assert hand.controller.wake_at() == T0 + 5_000
    hand.after(4_999)
    assert len(brain.looks) == 1
    hand.after(1)
    assert len(brain.looks) == 2


def test_signals_during_a_plan_are_one_further_look() -> None:
    brain = Brain(START)
    hand = Hand(brain)
    hand.boot([workflow()], [child("wf-step-0", 80)])
    for version in range(110, 120):
        hand.seen(Change.MODIFIED, child("wf-step-0", version))
    assert len(brain.looks) == 1
    hand.reply(PatchStatus, ok(workflow(version=121, phase="executing")))
    assert len(brain.looks) == 1
    hand.reply(CreateExecution, ok(child(version=122)))
    assert len(brain.looks) == 2
    assert brain.looks[1].children["wf-step-0"].metadata.resource_version == "119"


def rows(hand: Hand) -> list[int]:
    """How many Events each outstanding row of them has."""
    return [len(request.body.writes) for request in hand.sent if isinstance(request.body, EventWrites)]


def test_records_wait_for_the_status_write_and_die_with_it() -> None:
    log = LogRecord("info", "started", ())
    brain = Brain(START._replace(records=(EVENT, COUNT, log)), Plan(records=(COUNT,)))
    hand = Hand(brain)
    hand.boot([workflow()])
    assert hand.controller.take_records() == []
    hand.reply(PatchStatus, no(Code.INVALID))
    assert [type(record) for _, record in hand.controller.take_records()] == [LogRecord]
    assert [write.reason for write in hand.one(EventWrites).writes] == ["WriteRefused"]
    hand.reply(EventWrites, ok((ok(),)))
    hand.sleep()
    assert hand.now == T0 + DEFAULTS.requeue_error
    assert hand.controller.take_records() == [(workflow_key(), COUNT)]


def test_removing_the_last_finalizer_ends_it() -> None:
    brain = Brain(Plan(metadata=MetadataChange(finalizers=()), records=(COUNT,)))
    hand = Hand(brain)
    hand.boot([workflow(deletion_timestamp=T0, finalizers=("ours",))])
    hand.reply(PatchMetadata, ok(workflow(version=120, deletion_timestamp=T0)))
    assert hand.controller.stats()["workflows"] == 0
    assert len(brain.looks) == 1
    assert hand.controller.take_records() == [(workflow_key(), COUNT)]
    hand.seen(Change.DELETED, workflow(version=120))
    assert len(brain.looks) == 1


def test_a_workflow_deleted_in_the_middle_of_its_plan_gets_no_children() -> None:
    brain = Brain(START)
    hand = Hand(brain)
    hand.boot([workflow()])
    hand.seen(Change.DELETED, workflow(version=150))
    assert hand.reply(PatchStatus, ok(workflow(version=140, phase="executing"))) == []
    assert hand.outstanding(CreateExecution) == []


def test_questions_in_flight_are_not_asked_twice_and_answers_stay() -> None:
    target = AskTarget(TargetRef("Deployment", "prod", "web"))
    both = Plan(questions=(AskNodes(), target))
    brain = Brain(Plan(questions=(AskNodes(),)), both, both)
    hand = Hand(brain)
    hand.boot([workflow()])
    hand.seen(Change.ADDED, child(version=110))
    first, second = hand.outstanding(Ask)
    assert (first.body, second.body) == (Ask(workflow_key(), (AskNodes(),)), Ask(workflow_key(), (target,)))
    facts = Answer(T0, NodesFacts(1, 1, 1, 1))
    hand.answer(first, ok({AskNodes(): facts}))
    assert brain.looks[-1].answers == {AskNodes(): facts}
    assert [request.body for request in hand.outstanding(Ask)] == [
        Ask(workflow_key(), (target,)),
        Ask(workflow_key(), (AskNodes(),)),
    ]


def test_answers_for_a_workflow_that_left_are_dropped() -> None:
    brain = Brain(Plan(questions=(AskNodes(),)))
    hand = Hand(brain)
    hand.boot([workflow()])
    hand.seen(Change.DELETED, workflow(version=150))
    assert hand.reply(Ask, ok({})) == []
    assert len(brain.looks) == 1


def test_a_wake_up_in_the_past_does_not_spin() -> None:
    brain = Brain(*[Plan(wake_at=T0 - 5)] * 3)
    hand = Hand(brain)
    hand.boot([workflow()])
    assert hand.controller.wake_at() == T0 + 1
    hand.sleep()
    assert len(brain.looks) == 2


def test_critical_workflows_go_first() -> None:
    brain = Brain()
    hand = Hand(brain, settings=Settings(workers=1))
    hand.boot(
        [workflow("low", priority=Priority.LOW), workflow("n"), workflow("top", priority=Priority.CRITICAL)],
    )
    assert [look.workflow.metadata.name for look in brain.looks] == ["top", "n", "low"]


def test_no_more_requests_are_in_flight_than_workers_and_decisions_are_made_late() -> None:
    brain = Brain(*[Plan(status=status("executing"))] * 3)
    hand = Hand(brain, settings=Settings(workers=2))
    hand.boot([workflow(name, phase="validating") for name in "abc"])
    assert len(hand.outstanding(PatchStatus)) == 2
    assert len(brain.looks) == 2
    hand.answer(hand.outstanding(PatchStatus)[0], ok(workflow("a", 110, phase="executing")))
    assert [look.workflow.metadata.name for look in brain.looks[:3]] == ["a", "b", "c"]


def test_a_workflow_is_planned_before_the_next_is_begun() -> None:
    brain = Brain(Plan(status=status("planning")), Plan(status=status("validating")))
    hand = Hand(brain, settings=Settings(workers=1))
    hand.boot([workflow(name) for name in "abc"])
    hand.answer(hand.outstanding(PatchStatus)[0], ok(workflow("a", 110, phase="planning")))
    hand.answer(hand.outstanding(PatchStatus)[0], ok(workflow("a", 120, phase="validating")))
    assert [look.workflow.metadata.name for look in brain.looks[:3]] == ["a", "a", "b"]


def test_the_rate_limit_holds_requests_back_and_says_when() -> None:
    brain = Brain(*[Plan(status=status("executing"))] * 2)
    hand = Hand(brain, settings=Settings(kubernetes_qps=10, kubernetes_burst=1))
    hand.boot([workflow("a"), workflow("b")])
    assert len(hand.outstanding(PatchStatus)) == 1
    assert hand.controller.wake_at() == T0 + 100
    hand.sleep()
    assert len(hand.outstanding(PatchStatus)) == 2


def test_events_never_stand_before_a_write_nor_fill_all_places() -> None:
    say = Plan(records=tuple(EventRecord("Normal", "R", str(number)) for number in range(3 * TOGETHER_MAX)))
    brain = Brain(say)
    hand = Hand(brain, settings=Settings(workers=4))
    hand.boot([workflow("a")])
    assert rows(hand) == [TOGETHER_MAX] * 2
    brain.plans.append(Plan(status=status("executing")))
    assert bodies(hand.seen(Change.ADDED, workflow("b", 120))) == ["PatchStatus"]


def test_a_refused_event_holds_nothing_back() -> None:
    brain = Brain(Plan(metadata=MetadataChange(finalizers=("ours",)), records=(EVENT,)))
    hand = Hand(brain)
    hand.boot([workflow()])
    hand.reply(PatchMetadata, ok(workflow(version=110, finalizers=("ours",))))
    hand.reply(EventWrites, no(Code.FORBIDDEN))
    assert len(brain.looks) == 2
    assert hand.controller.stats()["events_dropped"] == 1


def test_events_that_were_not_tried_go_with_the_next_row() -> None:
    brain = Brain(Plan(records=tuple(EventRecord("Normal", "R", str(number)) for number in range(3))))
    hand = Hand(brain)
    hand.boot([workflow("a")])
    tried = (ok(), no(Code.THROTTLED, retry_after_ms=3_000))
    assert hand.reply(EventWrites, Outcome(Code.THROTTLED, tried, "", 3_000)) == []
    assert bodies(hand.sleep()) == ["EventWrites"]
    assert hand.now == T0 + 3_000
    assert sorted(write.message for write in hand.one(EventWrites).writes) == ["1", "2"]


def test_a_row_of_events_takes_a_token_for_each() -> None:
    brain = Brain(Plan(records=tuple(EventRecord("Normal", "R", str(number)) for number in range(5))))
    hand = Hand(brain, settings=Settings(kubernetes_qps=10, kubernetes_burst=2))
    hand.boot([workflow("a")])
    assert rows(hand) == [2]


def test_a_load_of_events_takes_no_token_from_the_writes() -> None:
    brain = Brain(Plan(records=tuple(EventRecord("Normal", "R", str(number)) for number in range(5))))
    hand = Hand(brain, settings=Settings(kubernetes_qps=10, kubernetes_burst=1))
    hand.boot([workflow("a")])
    assert rows(hand) == [1]
    assert hand.controller.stats()["events_waiting"] == 4
    brain.plans.append(Plan(status=status("executing")))
    assert bodies(hand.seen(Change.ADDED, workflow("b", 120))) == ["PatchStatus"]
    assert bodies(hand.sleep()) == ["EventWrites"]
    assert hand.now == T0 + 100


def test_a_second_reply_to_the_same_request_is_not_listened_to() -> None:
    brain = Brain(CREATE)
    hand = Hand(brain)
    hand.boot([workflow()])
    request = hand.request(CreateExecution)
    hand.reply(CreateExecution, ok(child(version=110)))
    hand.controller.feed(Replied(request.id, no(Code.CONFLICT)), hand.now)
    assert hand.take() == []
    assert hand.controller.stats()["unasked"] == 1


def test_the_recipe_is_compiled_once_per_generation() -> None:
    brain = Brain()
    hand = Hand(brain)
    hand.boot([workflow()])
    hand.seen(Change.MODIFIED, workflow(version=110))
    assert brain.looks[0].recipe is brain.looks[1].recipe


def test_its_repr_tells_what_it_does() -> None:
    hand = Hand(Brain())
    hand.boot([workflow()])
    assert repr(hand.controller) == (
        "<Controller leading, 6 in flight, <View 1 workflows, 0 executions, "
        "<WorkQueue waiting 0/0/0/0, processing 0, delayed 0>>>"
    )

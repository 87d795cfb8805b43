"""One plan, write by write: order, preconditions, and what each refusal means."""

import pytest

from tests.unit.engine.support import child, child_key, no, ok, status, workflow, workflow_key
from wfexec.engine.applier import Application, Verdict, count_failure
from wfexec.engine.expectations import Expectations
from wfexec.model.base import evolve
from wfexec.model.plan import DeleteChild, MetadataChange, Plan
from wfexec.model.requests import Code, CreateExecution, DeleteExecution, PatchMetadata, PatchStatus
from wfexec.model.snapshot import CreateFailure
from wfexec.model.status import WorkflowExecution

BASE = workflow(version=10)
EXECUTING = status("executing")
FULL = Plan(
    metadata=MetadataChange(finalizers=("ours",)),
    status=EXECUTING,
    creates=(child("wf-step-2"),),
    deletes=(DeleteChild("wf-step-1", "uid-wf-step-1", "7"),),
)
CREATE = CreateExecution(child_key("wf-step-2"), child("wf-step-2"))


def applying(plan: Plan, base: WorkflowExecution = BASE) -> Application:
    return Application(workflow_key(), base, plan, Expectations(), {})


def test_metadata_then_status_with_the_new_version_then_the_deletion_then_the_creation() -> None:
    application = applying(FULL)
    (first,) = application.begin()
    assert isinstance(first, PatchMetadata)
    assert (first.uid, first.resource_version, first.before) == ("uid-wf", "10", BASE)
    (second,) = application.feed(first, ok(workflow(version=11)), 0)
    assert isinstance(second, PatchStatus)
    assert (second.uid, second.resource_version) == ("uid-wf", "11")
    assert second.before is BASE.status
    assert second.after is EXECUTING
    before = application.committed
    (third,) = application.feed(second, ok(evolve(workflow(version=12), status=EXECUTING)), 0)
    assert (before, application.committed) == (False, True)
    assert third == DeleteExecution(child_key("wf-step-1"), "uid-wf-step-1", "7")
    assert application.open == 1
    (fourth,) = application.feed(third, ok(), 0)
    assert isinstance(fourth, CreateExecution)
    assert fourth.key == child_key("wf-step-2")
    assert application.open == 1
    assert application.feed(fourth, ok(child("wf-step-2")), 0) == ()
    assert (application.open, application.verdict) == (0, Verdict.APPLIED)
    assert repr(application) == "<Application wf committed, 0 open, APPLIED>"


@pytest.mark.parametrize("code", [Code.CONFLICT, Code.LOST, Code.FORBIDDEN, Code.UNAVAILABLE])
def test_nothing_takes_the_place_of_a_child_that_may_still_be_there(code: Code) -> None:
    application = applying(FULL._replace(metadata=None))
    (first,) = application.begin()
    (deletion,) = application.feed(first, ok(workflow(version=11)), 0)
    assert application.feed(deletion, no(code), 0) == ()
    assert (application.open, application.committed) == (0, True)
    assert application.verdict is not Verdict.APPLIED


def test_a_child_that_is_gone_already_makes_room() -> None:
    application = applying(FULL._replace(metadata=None))
    (first,) = application.begin()
    (deletion,) = application.feed(first, ok(workflow(version=11)), 0)
    (creation,) = application.feed(deletion, no(Code.NOT_FOUND), 0)
    assert isinstance(creation, CreateExecution)


def test_a_status_that_is_the_one_standing_there_is_not_written() -> None:
    application = applying(Plan(status=BASE.status, creates=(child("wf-step-2"),)))
    (first,) = application.begin()
    assert isinstance(first, CreateExecution)
    assert application.committed


def test_a_plan_of_metadata_alone_is_committed_with_it() -> None:
    application = applying(Plan(metadata=MetadataChange(finalizers=())))
    (first,) = application.begin()
    assert not application.committed
    assert application.feed(first, ok(workflow(version=11)), 0) == ()
    assert application.committed


@pytest.mark.parametrize(
    ("code", "verdict", "doubtful"),
    [
        (Code.CONFLICT, Verdict.CONFLICT, True),
        (Code.NOT_FOUND, Verdict.CONFLICT, True),
        (Code.LOST, Verdict.TROUBLE, True),
        (Code.UNAVAILABLE, Verdict.TROUBLE, False),
        (Code.THROTTLED, Verdict.TROUBLE, False),
        (Code.FORBIDDEN, Verdict.REFUSED, False),
        (Code.INVALID, Verdict.REFUSED, False),
    ],
)
@pytest.mark.parametrize("write", ["metadata", "status"])
def test_a_refused_write_to_the_workflow_ends_the_plan(
    write: str, code: Code, verdict: Verdict, doubtful: bool
) -> None:
    application = applying(FULL if write == "metadata" else FULL._replace(metadata=None))
    (body,) = application.begin()
    assert application.feed(body, no(code, retry_after_ms=9), 0) == ()
    assert (application.open, application.verdict) == (0, verdict)
    assert application.expectations.unmet() == ((workflow_key(),) if doubtful else ())
    assert not application.committed
    assert application.retry_after_ms == 9


def test_a_written_status_nobody_showed_us_is_committed_but_must_be_read() -> None:
    application = applying(FULL._replace(metadata=None))
    (body,) = application.begin()
    assert len(application.feed(body, ok(), 0)) == 1
    assert application.committed
    assert application.expectations.unmet() == (workflow_key(),)


def test_metadata_nobody_showed_us_leaves_no_version_for_the_status() -> None:
    application = applying(FULL)
    (body,) = application.begin()
    assert application.feed(body, ok(), 0) == ()
    assert (application.committed, application.verdict) == (False, Verdict.DOUBTFUL)


@pytest.mark.parametrize(
    ("code", "message", "final"),
    [
        (Code.FORBIDDEN, 'User "wfexec" cannot create resource "kubernetesexecutions"', False),
        (Code.FORBIDDEN, "exceeded quota: objects, requested: count/kubernetesexecutions=1", False),
        (Code.FORBIDDEN, 'admission webhook "deny.example.com" denied the request: no', True),
        (Code.FORBIDDEN, "ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no", True),
        (Code.FORBIDDEN, "unable to create new content in namespace shop because it is being terminated", True),
        (Code.INVALID, "because", True),
        (Code.UNAVAILABLE, "because", False),
        (Code.THROTTLED, "because", False),
        (Code.NOT_FOUND, "because", False),
        (Code.CONFLICT, "because", False),
    ],
)
def test_refused_creations_are_counted_by_name(code: Code, message: str, final: bool) -> None:
    application = applying(Plan(creates=(child("wf-step-2"),)))
    (body,) = application.begin()
    application.feed(body, no(code, message), 50)
    assert application.verdict is (Verdict.CREATE_REFUSED if final else Verdict.CREATE_FAILED)
    assert application.failures["wf-step-2"] == CreateFailure(1, code, message, 50, final, 50)
    again = Application(workflow_key(), BASE, Plan(creates=(child("wf-step-2"),)), Expectations(), application.failures)
    again.begin()
    again.feed(CREATE, no(code, "again"), 60)
    assert again.failures["wf-step-2"][::3] == (2, 60)
    assert again.failures["wf-step-2"].since == 50
    assert application.failures["wf-step-2"].times == 1


def test_how_long_a_creation_is_refused_counts_from_the_first_refusal_of_this_kind() -> None:
    failures = count_failure({}, "wf-step-2", no(Code.UNAVAILABLE), 50)
    failures = count_failure(failures, "wf-step-2", no(Code.FORBIDDEN, "no right"), 60)
    failures = count_failure(failures, "wf-step-2", no(Code.FORBIDDEN, "no right"), 70)
    assert failures["wf-step-2"] == CreateFailure(3, Code.FORBIDDEN, "no right", 70, False, 60)


def test_a_success_ends_the_row_of_failures() -> None:
    application = applying(Plan(creates=(child("wf-step-2"),)))
    application.begin()
    application.feed(CREATE, no(Code.UNAVAILABLE), 0)
    again = Application(workflow_key(), BASE, Plan(creates=(child("wf-step-2"),)), Expectations(), application.failures)
    again.begin()
    again.feed(CREATE, ok(child("wf-step-2")), 0)
    assert again.failures == {}


@pytest.mark.parametrize(("code", "verdict"), [(Code.ALREADY_EXISTS, Verdict.DOUBTFUL), (Code.LOST, Verdict.TROUBLE)])
def test_a_creation_that_may_have_happened_is_no_failure_but_a_doubt_about_the_child(
    code: Code, verdict: Verdict
) -> None:
    application = applying(Plan(creates=(child("wf-step-2"),)))
    application.begin()
    application.feed(CREATE, no(code), 0)
    assert application.failures == {}
    assert application.expectations.unmet() == (child_key("wf-step-2"),)
    # Not applied: its alarm, which may be far away, is not what the read waits for.
    assert application.verdict is verdict


def test_one_refused_child_does_not_hold_back_its_siblings() -> None:
    application = applying(Plan(creates=(child("a"), child("b"))))
    first, second = application.begin()
    application.feed(first, no(Code.INVALID), 0)
    assert application.open == 1
    application.feed(second, ok(child("b")), 0)
    assert application.verdict is Verdict.CREATE_REFUSED


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        (Code.NOT_FOUND, Verdict.APPLIED),
        (Code.CONFLICT, Verdict.DOUBTFUL),
        (Code.LOST, Verdict.DOUBTFUL),
        (Code.UNAVAILABLE, Verdict.TROUBLE),
        (Code.FORBIDDEN, Verdict.REFUSED),
    ],
)
def test_a_refused_deletion(code: Code, verdict: Verdict) -> None:
    application = applying(Plan(deletes=(DeleteChild("wf-step-1", "u", "7"),)))
    (body,) = application.begin()
    application.feed(body, no(code), 0)
    assert application.verdict is verdict
    assert bool(application.expectations) == (verdict is Verdict.DOUBTFUL)


def test_what_was_altered_on_its_way_is_as_good_as_written_and_said() -> None:
    application = applying(FULL._replace(metadata=None))
    (body,) = application.begin()
    (deletion,) = application.feed(body, ok(workflow(version=12)), 0)
    (creation,) = application.feed(deletion, ok(), 0)
    application.feed(creation, ok(child("wf-step-2")), 0)
    assert (application.committed, application.verdict) == (True, Verdict.ALTERED)


def test_fenced_between_status_and_children_it_hands_out_nothing_more() -> None:
    application = applying(FULL._replace(metadata=None))
    (body,) = application.begin()
    application.fence()
    assert application.feed(body, ok(workflow(version=11)), 0) == ()
    assert application.committed
    assert (application.open, application.verdict) == (0, Verdict.FENCED)


def test_fenced_with_writes_not_yet_handed_out_they_are_taken_back() -> None:
    application = applying(Plan(creates=(child("a"), child("b"))))
    application.begin()
    application.fence(unsent=1)
    application.fence(unsent=1)
    assert application.open == 0

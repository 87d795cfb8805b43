"""What is remembered of a workflow is forgotten with it: a controller that runs for months must not grow."""

from tests.unit.engine.support import T0, child, workflow
from wfexec.engine.limiter import Limiter
from wfexec.engine.view import View
from wfexec.model.requests import Kind
from wfexec.settings import DEFAULTS


def test_nothing_is_left_of_a_workflow_that_failed_waits_and_goes() -> None:
    view = View(Limiter(DEFAULTS.kubernetes_qps, DEFAULTS.kubernetes_burst, DEFAULTS.workers))
    view.put_workflow(workflow(version=1), 1)
    view.put_execution(child(version=2), 2)
    tracked = view.tracked["uid-wf"]
    assert view.queue.take() is tracked
    view.queue.retry(tracked, tracked.level, T0, cap_ms=DEFAULTS.requeue_error)
    view.deadlines.set(tracked, T0 + 60_000)
    view.queue.done(tracked)
    waited = (view.queue.failures(tracked), view.queue.next_at() is not None, view.deadlines.next_at())
    assert waited == (1, True, T0 + 60_000)
    view.deleted(Kind.WORKFLOW, "prod", "wf", 3)
    assert tracked.left
    assert (view.queue.failures(tracked), view.queue.next_at(), view.deadlines.next_at()) == (0, None, None)
    assert not view.tracked
    view.deleted(Kind.EXECUTION, "prod", "wf-step-1", 4)
    assert repr(view).startswith("<View 0 workflows, 0 executions")

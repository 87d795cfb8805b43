"""Nobody asked while nobody was there: who comes back looks once before a limit counts (BR-WF-025, BR-WF-045)."""

import pytest

from tests.unit.core.world import World, default_facts, failed, spec, step
from wfexec.core.draft import AWAKE_MS
from wfexec.model.facts import AskTarget, Facts, Question, Unknown
from wfexec.model.phases import Phase
from wfexec.model.snapshot import Snapshot
from wfexec.settings import DEFAULTS

HOUR_MS = 3_600_000


class Left(World):
    """A workflow that its controller leaves for an hour, with what it knew and asked."""

    awake_since = 0
    silent = False

    def snapshot(self) -> Snapshot:
        if self.silent:
            self.answers = {}
        return super().snapshot()._replace(awake_since=self.awake_since)

    def left_alone(self) -> "Left":
        self.now += HOUR_MS
        self.awake_since = self.now
        self.answers = {}
        for at, status in list(self.reports.values()):
            assert at <= self.now, status
        for name, (_, status) in self.reports.items():
            self.reports[name] = (self.now, status)
        return self


def reached(phase: str) -> Left:
    world = Left(spec(step(1)))
    world.run(stop=lambda one: one.workflow.status.phase == phase)
    return world


@pytest.mark.parametrize("phase", [Phase.VALIDATING, Phase.MONITORING])
def test_what_nobody_could_ask_is_asked_before_the_time_for_it_counts_as_over(phase: str) -> None:
    world = reached(phase)
    if phase == Phase.MONITORING:
        world.run(2_000)
        assert world.workflow.status.healthy_since is not None
    world.left_alone().run()
    result = world.workflow.status.workflow_result
    assert result is not None
    assert (world.workflow.status.phase, str(result.outcome)) == ("completed", "success")


def test_an_undo_that_ended_meanwhile_is_verified_all_the_same() -> None:
    world = Left(spec(step(1), step(2, 1, criticalStep=True)))
    world.say("wf-step-2", failed("not found"))
    world.run(stop=lambda one: "wf-rollback-1" in one.children)
    world.settings = world.settings.model_copy(
        update={"rollback_step_timeout": 2 * HOUR_MS, "rollback_total_timeout": 2 * HOUR_MS}
    )
    ended = world.now + 1_000
    world.run(stop=lambda one: (undo := one.step(1).rollback) is not None and undo.end_time is not None)
    world.left_alone()
    assert world.now > ended
    record = world.run().step(1).rollback
    assert record is not None
    assert (record.status, record.message) == ("succeeded", "")


@pytest.mark.parametrize(
    ("phase", "end"), [(Phase.VALIDATING, ("failed", "validation_timeout")), (Phase.MONITORING, ("completed", ""))]
)
def test_that_patience_ends_where_nobody_answers(phase: str, end: tuple[str, str]) -> None:
    world = reached(phase).left_alone()
    world.silent = True
    back = world.now
    while world.workflow.status.phase == phase and world.now <= back + AWAKE_MS + 10:
        plan = world.look()
        assert plan.wake_at is None or plan.wake_at > world.now
        world.now = min(world.now + 1_000 if plan.wake_at is None else plan.wake_at, world.now + 5_000)
    status = world.workflow.status
    assert status.phase == end[0]
    assert status.failure_reason.startswith(end[1])
    assert back + AWAKE_MS < (status.completion_time or 0) <= back + AWAKE_MS + 10


def test_who_was_there_all_the_time_gets_no_more_of_it() -> None:
    def blind(question: Question) -> Facts:
        return Unknown("no word", transient=True) if isinstance(question, AskTarget) else default_facts(question)

    world = reached(Phase.MONITORING)
    world.facts = blind
    world.run()
    status = world.workflow.status
    began = status.monitoring_start_time or 0
    assert (status.completion_time or 0) <= began + DEFAULTS.monitoring_timeout + 1

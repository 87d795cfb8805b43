"""The engine lets a workflow rest after a plan that stayed in its phase and named its alarm. Is the core that thorough?

Whole runs of the real core, with failing, hanging and undone steps: after each such plan, looking again at what it left
must find nothing to do.
"""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.core.world import HANGS, Report, World, completed, failed, spec, step
from wfexec.core.decide import decide
from wfexec.model.plan import Plan

REPORTS: tuple[Report, ...] = (
    completed(),
    completed(20_000),
    failed("connection refused"),
    failed("pods evicted", 7_000),
    failed("forbidden: no right"),
    HANGS,
)
STEPS = 5


class Thorough(World):
    """Looks twice after each plan that would let it rest."""

    def look(self) -> Plan:
        before = self.workflow.status.phase
        plan = super().look()
        stayed = plan.status is None or plan.status.phase == before
        wrote = plan.status is not None or bool(plan.creates)
        # Answers to what it asked are new knowledge.
        rests = plan.metadata is None and not plan.deletes and not plan.questions and plan.wake_at is not None
        if wrote and stayed and rests:
            again = decide(self.snapshot(), self.now, self.settings)
            assert again.metadata is None
            assert (again.status, again.creates, again.deletes) == (None, (), ()), again.records
        return plan


@settings(max_examples=120)
@given(st.data())
def test_in_the_same_phase_with_the_same_knowledge_a_second_look_finds_nothing(data: st.DataObject) -> None:
    steps = [
        step(
            number,
            *data.draw(st.lists(st.integers(1, number - 1), unique=True, max_size=2) if number > 1 else st.just([])),
        )
        for number in range(1, STEPS + 1)
    ]
    policy = data.draw(st.sampled_from(("continue", "terminate", "partial-success")))
    world = Thorough(spec(*steps, failurePolicy=policy))
    for number in range(1, STEPS + 1):
        for name in (f"wf-step-{number}", f"wf-step-{number}-r1", f"wf-rollback-{number}", f"wf-rollback-{number}-r1"):
            world.say(name, data.draw(st.sampled_from(REPORTS)))
    world.run()
    assert world.workflow.status.phase in ("completed", "failed", "cancelled"), world.workflow.status.message

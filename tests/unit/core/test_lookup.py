"""Templates that do not come, that are not kept, and that are lost again (BR-WF-026)."""

from typing import Any

from tests.unit.core.world import World, default_facts, spec, step
from wfexec.core.graph import compile_recipe
from wfexec.core.templates import effective_spec
from wfexec.model.base import evolve
from wfexec.model.facts import AskTemplate, Facts, TemplateFacts, Unknown
from wfexec.model.snapshot import Snapshot
from wfexec.model.template import Template
from wfexec.model.workflow import WorkflowExecutionSpec

SCALE = {"scaleDeployment": {"namespace": "shop", "deployment": "d1", "replicas": 5}}


def template(action: str = "scale-deployment") -> Template:
    made = {"name": "a", "action": action, "parameters": SCALE}
    return Template.model_validate({"name": "grow", "version": "1.0.0", "steps": [made]})


SILENCE = Unknown("no answer", transient=True)


class FromTemplate(World):
    """As the engine does it: what stands in status takes the place of the definition. `keeps` False: the API server
    drops status.template, as one with an older CRD does.
    """

    def __init__(self, found: Facts, *, keeps: bool = True) -> None:
        given = {"remediationRequestRef": {"name": "rr"}, "templateRef": {"name": "grow"}}
        super().__init__(WorkflowExecutionSpec.model_validate(given))
        self.keeps = keeps
        self.facts = lambda question: found if isinstance(question, AskTemplate) else default_facts(question)

    def snapshot(self) -> Snapshot:
        known = super().snapshot()
        kept = self.workflow.status.template
        if kept is None:
            return known
        return known._replace(recipe=compile_recipe(effective_spec(self.workflow.spec, kept.body), self.settings))

    def look(self) -> Any:
        plan = super().look()
        if not self.keeps:
            self.workflow = evolve(self.workflow, status=evolve(self.workflow.status, template=None))
        return plan

    def refused(self) -> tuple[str, str]:
        (planned,) = [one for one in self.workflow.status.conditions if one.type == "Planned"]
        assert planned.status == "False"
        return planned.reason, planned.message


def ended(world: World) -> tuple[str, str]:
    status = world.workflow.status
    assert status.phase == "failed"
    return status.failure_reason.split(":")[0], str(status.error_type)


def found(one: Template) -> TemplateFacts:
    return TemplateFacts(template=one, namespace="ns", origin="ConfigMap ns/grow")


def test_a_template_that_was_found_is_carried_out() -> None:
    world = FromTemplate(found(template())).run()
    assert world.workflow.status.phase == "completed"


def test_an_api_server_that_never_answers_is_not_waited_for_for_ever() -> None:
    world = FromTemplate(SILENCE)
    world.run()
    assert ended(world) == ("planning_timeout", "timeout")
    assert world.workflow.status.failure_reason.endswith(": no answer")
    began = world.workflow.status.planning_start_time
    assert began is not None
    assert 0 < world.now - began - world.settings.planning_timeout <= 2_000


def test_time_in_which_a_workflow_was_paused_does_not_count() -> None:
    world = FromTemplate(SILENCE)
    world.run(until_ms=10_000)
    world.change(suspend=True)
    world.run()
    world.now += 600_000
    world.change(suspend=False)
    world.run(until_ms=15_000)
    assert world.workflow.status.phase == "planning"
    world.run(until_ms=10_000)
    assert ended(world) == ("planning_timeout", "timeout")


def test_whoever_comes_back_after_the_limit_asks_before_it_gives_up() -> None:
    world = FromTemplate(SILENCE)
    world.run(until_ms=10_000)
    # A controller that starts anew knows no answers; one whose machine slept knows those of before.
    world.now += 600_000
    world.facts = lambda question: found(template()) if isinstance(question, AskTemplate) else default_facts(question)
    world.run()
    assert world.workflow.status.phase == "completed"


def test_a_refusal_that_is_not_believed_yet_ends_nothing_and_is_told_once_it_is() -> None:
    world = FromTemplate(Unknown("no right to list", transient=True, refused_since=0))
    world.run(until_ms=50_000)
    assert world.workflow.status.phase == "planning"
    lasting = Unknown("no right to list", refused_since=0)
    world.facts = lambda question: lasting if isinstance(question, AskTemplate) else default_facts(question)
    world.run()
    assert world.refused()[0] == "template_forbidden"


def test_an_api_server_that_does_not_keep_it_is_told_apart() -> None:
    world = FromTemplate(found(template()), keeps=False)
    world.run()
    reason, message = world.refused()
    assert reason == "template_not_kept"
    assert "apply the CRDs of this version" in message


def test_a_workflow_that_loses_its_template_while_it_runs_is_refused_instead_of_guessed() -> None:
    world = FromTemplate(found(template()))
    world.run(stop=lambda one: one.workflow.status.phase == "executing")
    world.keeps = False
    world.run()
    assert world.workflow.status.phase == "failed"
    assert "the template has not been looked up yet" in world.workflow.status.failure_reason


def test_what_is_wrong_with_the_steps_of_a_template_is_told_in_its_name() -> None:
    world = FromTemplate(found(template("scale-deploymnet")))
    world.run()
    reason, message = world.refused()
    assert reason == "unknown_action"
    assert message.startswith("template grow 1.0.0: ") or ": template grow 1.0.0: " in message


def test_ones_own_steps_have_no_such_name() -> None:
    world = World(spec(step(1, action="scale-deploymnet"))).run()
    assert "template" not in world.workflow.status.failure_reason

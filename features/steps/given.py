"""Sentences that set the scene: the recipe, the executor's luck, the state of the targets."""

from typing import Any

from pytest_bdd import given, parsers

from features.recipe import Step, names, parse_steps
from features.story import Story


@given(parsers.parse('a workflow with the steps "{text}"'))
def _steps(story: Story, text: str) -> None:
    story.recipe.steps = parse_steps(text)


@given(parsers.parse("a workflow of {count:d} independent steps"))
def _independent(story: Story, count: int) -> None:
    story.recipe.steps = [Step(f"s{number}") for number in range(1, count + 1)]


@given(parsers.parse("a chain of {count:d} steps"))
def _chain(story: Story, count: int) -> None:
    story.recipe.steps = [Step(f"s{n}", [f"s{n - 1}"] if n > 1 else []) for n in range(1, count + 1)]


@given(parsers.re(r'the field "(?P<field>.*)" of step "(?P<name>.*)" is "(?P<value>.*)"'))
def _field(story: Story, field: str, name: str, value: str) -> None:
    story.recipe.step(name).fields[field] = value


@given(parsers.parse('"{name}" waits for "{other}"'))
def _waits(story: Story, name: str, other: str) -> None:
    story.recipe.named_after.setdefault(name, []).append(other)


@given(parsers.parse('"{name}" uses the action "{action}"'))
def _action(story: Story, name: str, action: str) -> None:
    story.recipe.step(name).action = action


@given(parsers.parse('"{name}" is critical'))
def _critical(story: Story, name: str) -> None:
    story.recipe.step(name).fields["criticalStep"] = True


@given(parsers.parse('"{name}" allows {count:d} retries'))
def _retries(story: Story, name: str, count: int) -> None:
    story.recipe.step(name).fields["maxRetries"] = count


@given(parsers.parse('"{name}" has a timeout of {duration}'))
def _timeout(story: Story, name: str, duration: str) -> None:
    story.recipe.step(name).fields["timeout"] = duration


@given(parsers.parse('"{name}" works in the namespace "{namespace}"'))
def _namespace(story: Story, name: str, namespace: str) -> None:
    story.recipe.step(name).namespace = namespace


@given(parsers.parse('"{name}" runs only if its primary fails'))
def _way_out(story: Story, name: str) -> None:
    story.recipe.step(name).fields["runCondition"] = "if_primary_fails"


@given(parsers.parse('"{name}" wants to be alone'))
def _alone(story: Story, name: str) -> None:
    story.recipe.step(name).fields["metadata"] = {"execution_mode": "sequential"}


@given(parsers.parse("the strategy allows {count:d} retry"))
def _strategy_retries(story: Story, count: int) -> None:
    story.recipe.strategy["maxRetries"] = count


@given(parsers.parse("at most {count:d} steps run at a time"))
def _limit(story: Story, count: int) -> None:
    story.recipe.strategy["maxParallelSteps"] = count


@given(parsers.parse('the rollback strategy is "{strategy}"'))
def _rollback_strategy(story: Story, strategy: str) -> None:
    story.recipe.strategy["rollbackStrategy"] = strategy


@given(parsers.re(r'the only safety check is "(?P<kind>\w+)"(?P<optional>, and it is not required)?'))
def _check(story: Story, kind: str, optional: str | None) -> None:
    story.recipe.strategy["safetyChecks"] = [{"type": kind, "required": not optional}]


@given("it needs an approval")
def _needs_approval(story: Story) -> None:
    story.recipe.strategy["approvalRequired"] = True


@given(parsers.parse('it is approved beforehand by "{user}"'))
def _pre_approved(story: Story, user: str) -> None:
    prefix = "workflowexecution.kubernaut.io"
    story.recipe.annotations |= {f"{prefix}/pre-approved": "true", f"{prefix}/approval-source": user}


@given(parsers.parse("the workflow has a timeout of {duration}"))
def _workflow_timeout(story: Story, duration: str) -> None:
    story.recipe.spec["timeout"] = duration


@given("it is cancelled from the start")
def _cancelled_before(story: Story) -> None:
    story.recipe.spec["cancel"] = True


@given(parsers.parse('the version of its definition is "{version}"'))
def _version(story: Story, version: str) -> None:
    story.recipe.definition["version"] = version


@given(parsers.parse('"{name}" takes {duration}'))
def _takes(story: Story, name: str, duration: str) -> None:
    story.recipe.rule(name)["duration"] = duration


@given(parsers.parse("each of its steps takes {duration}"))
def _all_take(story: Story, duration: str) -> None:
    story.recipe.default_rule["duration"] = duration


def _failing(error: str) -> dict[str, Any]:
    return {"result": "failure", "error": {"type": error}}


@given(parsers.parse('"{name}" always fails with "{error}"'))
def _always_fails(story: Story, name: str, error: str) -> None:
    story.recipe.rule(name)["attempts"] = [_failing(error)]


@given(parsers.parse('every step always fails with "{error}"'))
def _all_fail(story: Story, error: str) -> None:
    story.recipe.default_rule["attempts"] = [_failing(error)]


@given(parsers.parse('"{name}" fails once with "{error}"'))
def _fails_once(story: Story, name: str, error: str) -> None:
    story.recipe.rule(name)["attempts"] = [_failing(error), {"result": "success"}]


@given(parsers.parse('"{name}" never answers'))
def _never_answers(story: Story, name: str) -> None:
    story.recipe.rule(name)["attempts"] = [{"result": "hang-forever"}]


@given(parsers.parse('"{name}" hangs once'))
def _hangs_once(story: Story, name: str) -> None:
    story.recipe.rule(name)["attempts"] = [{"result": "hang-forever"}, {"result": "success"}]


@given(parsers.parse('undoing "{name}" always fails with "{error}"'))
def _undo_fails(story: Story, name: str, error: str) -> None:
    story.recipe.undo_rule(name)["attempts"] = [_failing(error)]


@given(parsers.parse('undoing "{name}" fails once with "{error}"'))
def _undo_fails_once(story: Story, name: str, error: str) -> None:
    story.recipe.undo_rule(name)["attempts"] = [_failing(error), {"result": "success"}]


@given(parsers.parse('the deployment of "{name}" does not exist'))
def _missing(story: Story, name: str) -> None:
    story.recipe.missing.update(names(name))


@given(parsers.parse('the executor has no right to "{action}"'))
def _forbidden(story: Story, action: str) -> None:
    story.setting.forbidden = (*story.setting.forbidden, action)


@given(parsers.parse('somebody else has a KubernetesExecution "{name}"'))
def _foreign(story: Story, name: str) -> None:
    story.foreign.append(name)


@given(parsers.parse("there are {count:d} controllers"))
def _replicas(story: Story, count: int) -> None:
    story.setting.replicas = count


@given("somebody labels the workflow just before every other write of the controller")
def _labelling(story: Story) -> None:
    story.setting.labelling = True


@given("no executor is at work")
def _no_executor(story: Story) -> None:
    story.setting.executor_at_work = False

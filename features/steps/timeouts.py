"""Sentences about limits, and about the states that a step goes through."""

from pytest_bdd import given, parsers, then, when

from features.recipe import names
from features.story import Story
from wfexec.units import parse_duration


@given(parsers.parse("small, middling and large workflows may take {small}, {middling} and {large}"))
def _by_size(story: Story, small: str, middling: str, large: str) -> None:
    limits = {"simple": small, "medium": middling, "complex": large}
    story.setting.settings |= {f"workflow-timeout-{size}": limit for size, limit in limits.items()}


@when(parsers.parse("somebody gives it {duration} in all"))
def _more_time(story: Story, duration: str) -> None:
    answer = story.change({"timeout": duration})
    assert answer.status == 200, answer.body


@given(parsers.parse('the executor itself tries "{name}" {count:d} times more'))
def _by_itself(story: Story, name: str, count: int) -> None:
    story.recipe.rule(name)["selfRetries"] = count


@given(parsers.re(r'"(?P<name>[^"]+)" never (?P<what>comes up to its precondition|keeps its promise)'))
def _in_vain(story: Story, name: str, what: str) -> None:
    kind = "preConditions" if what.startswith("comes") else "postConditions"
    condition = {"type": "checked", "description": what, "expr": "input.current_replicas == 7", "timeout": "1s"}
    story.recipe.step(name).fields[kind] = [condition]


@then(parsers.parse('child "{name}" is given what is left of {duration}'))
def _what_is_left(story: Story, name: str, duration: str) -> None:
    """A machine that is busy takes some of it before the child is created."""
    told, limit = parse_duration(story.ever()[name]["spec"]["timeout"]), parse_duration(duration)
    assert limit - story.cluster.slack_ms <= told <= limit, told


@then(parsers.parse('"{name}" went through "{states}"'))
def _states(story: Story, name: str, states: str) -> None:
    """From version to version; nobody misses one."""
    number = story.recipe.number(name)
    found: list[str] = []
    for version in story.versions():
        for step in version.get("status", {}).get("stepStatuses", []):
            state = step.get("status", "pending")
            if step["stepNumber"] == number and found[-1:] != [state]:
                found.append(state)
    assert found == names(states), found

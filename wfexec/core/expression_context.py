"""What an expression of a workflow sees, and what must be asked before it can (BR-WF-006, BR-WF-010).

Nothing is worked out before it is read: an expression that looks at one step never builds the others.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from wfexec.core.draft import Draft
from wfexec.core.expression_values import Fault
from wfexec.model.expressions import NO_FACTS, Context, Path, Program
from wfexec.model.facts import AskNodes, AskTarget, NodesFacts, Question, TargetFacts, TargetRef, Unknown
from wfexec.model.recipe import Recipe, RecipeStep
from wfexec.model.status import StepExecutionResult

# Facts that are numbers or truths where they are read, text where they are kept.
NUMBERS: Final = ("replicas", "readyReplicas", "restarts")
TRUTHS: Final = ("available", "ready", "unschedulable")
_TRUE: Final = {"True": True, "true": True, "False": False, "false": False}
# Facts of `input` that come from the nodes, not from the target.
NODE_FACTS: Final = ("available_cpu", "available_memory", "matching_nodes")
_RESULT_FIELDS: Final = ("scale_result", "restart_result", "update_result", "custom_result")


class Lazy(Mapping[str, Any]):
    """A map whose values are made when they are first read."""

    __slots__ = ("_made", "_makers")

    def __init__(self, makers: Mapping[str, Callable[[], Any]]) -> None:
        self._makers = makers
        self._made: dict[str, Any] = {}

    def __getitem__(self, key: str) -> Any:
        if key not in self._made:
            self._made[key] = self._makers[key]()
        return self._made[key]

    def __contains__(self, key: object) -> bool:
        return key in self._makers

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)


class Unknowable(Mapping[str, Any]):
    """Facts that nobody could give: reading any of them, or looking for it, has no answer."""

    __slots__ = ("_why",)

    def __init__(self, why: str) -> None:
        self._why = why

    def __getitem__(self, key: str) -> Any:
        raise Fault(self._why)

    def __contains__(self, key: object) -> bool:
        raise Fault(self._why)

    def __iter__(self) -> Iterator[str]:
        raise Fault(self._why)

    def __len__(self) -> int:
        raise Fault(self._why)


def context_of(draft: Draft, position: int | None, now: int | None = None) -> Context:
    """The context of one step, or of the whole workflow when `position` is None (then there is no `input`, and
    `target` is there only when all steps have the same one). `now` None means the draft's."""
    recipe = draft.recipe
    step = None if position is None else recipe.steps[position]
    target = _only_target(recipe) if step is None else step.target
    places = {one.name: one.position for one in recipe.steps}
    return Context(
        input=_input(draft, step),
        variables=draft.workflow.spec.variables,
        steps=Lazy({name: _maker(draft, place) for name, place in places.items()}),
        target=_target(draft, target),
        now=draft.now if now is None else now,
    )


def asks(program: Program, recipe: Recipe, position: int | None) -> tuple[Question, ...]:
    """What must be answered before the expression can be evaluated there, each question once."""
    asked: dict[Question, None] = {}
    step = None if position is None else recipe.steps[position]
    for path in program.paths:
        for question in _asked_by(path, recipe, step):
            asked[question] = None
    return tuple(asked)


def _asked_by(path: Path, recipe: Recipe, step: RecipeStep | None) -> Iterator[Question]:
    root, rest = path.names[0], path.names[1:]
    own = _only_target(recipe) if step is None else step.target
    if root == "input" and (not rest or rest[0] in NODE_FACTS):
        yield AskNodes()
    if root == "target" or (root == "input" and not (rest and rest[0] in NODE_FACTS)):
        if own is not None:
            yield AskTarget(own)
    elif root == "steps" and rest[1:2] == ("target",):
        for other in recipe.steps:
            if rest[0] == other.name and other.target is not None:
                yield AskTarget(other.target)


def _only_target(recipe: Recipe) -> TargetRef | None:
    return recipe.targets[0] if len(recipe.targets) == 1 else None


def _maker(draft: Draft, position: int) -> Callable[[], Mapping[str, Any]]:
    return lambda: _step(draft, position)


def _step(draft: Draft, position: int) -> Mapping[str, Any]:
    state = draft.steps[position]
    facts: dict[str, Callable[[], Any]] = {
        "number": lambda: state.step_number,
        "action": lambda: state.action,
        "status": lambda: str(state.status),
        "outputs": lambda: dict(state.result.outputs) if state.result is not None else {},
        "retries": lambda: state.retries_attempted,
        "errorType": lambda: str(state.error_type or ""),
        "errorMessage": lambda: state.error_message,
        "target": lambda: _target(draft, draft.recipe.steps[position].target),
    }
    result = state.result
    if result is not None:
        facts["result"] = lambda: _result(result)
    return Lazy(facts)


def _result(result: StepExecutionResult) -> dict[str, Any]:
    made: dict[str, Any] = {
        "success": result.success,
        "executionSeconds": result.execution_time / 1_000,
        "warnings": list(result.warnings),
        "resourcesAffected": [one.model_dump(mode="json", by_alias=True) for one in result.resources_affected],
    }
    for field in _RESULT_FIELDS:
        part = getattr(result, field)
        if part is not None:
            made[_camel(field)] = part.model_dump(mode="json", by_alias=True, exclude_none=True)
    return made


def _camel(field: str) -> str:
    head, tail = field.split("_")
    return head + tail.capitalize()


def _facts_of(draft: Draft, ref: TargetRef | None) -> TargetFacts | str:
    """The facts of an object, or why there are none."""
    if ref is None:
        return "the object is not known: the step names none"
    answer = draft.snapshot.answers.get(AskTarget(ref))
    found = answer.facts if answer is not None else Unknown("it was not looked at")
    if isinstance(found, TargetFacts):
        return found
    return f"{ref.kind} {ref.name} is unknown: {found.reason if isinstance(found, Unknown) else 'no facts'}"


def _target(draft: Draft, ref: TargetRef | None) -> Mapping[str, Any]:
    facts = _facts_of(draft, ref)
    if isinstance(facts, str) or ref is None:
        return Unknowable(str(facts))
    return target_facts(ref, facts)


def target_facts(ref: TargetRef, facts: TargetFacts) -> dict[str, Any]:
    """The facts of an object as expressions see them; what the kind does not have, or nobody knows, is left out."""
    made: dict[str, Any] = {
        "kind": ref.kind, "namespace": ref.namespace, "name": ref.name, "exists": facts.exists,
        "terminating": facts.terminating, "message": facts.message, "images": {}, "data": {},
    }  # fmt: skip
    if facts.healthy is not None:
        made["healthy"] = facts.healthy
    for key, value in facts.state.items():
        group, _, name = key.partition(":")
        if name and group == "image":
            made["images"][name] = value
        elif name and group == "data":
            made["data"][name] = value
        elif key in NUMBERS and value.isdecimal() and len(value) < 16:
            made[key] = int(value)
        elif key in TRUTHS:
            if value in _TRUE:
                made[key] = _TRUE[value]
        else:
            made[key] = value
    return made


def _input(draft: Draft, step: RecipeStep | None) -> Mapping[str, Any]:
    """The facts of a step's target under the names that condition policies use."""
    if step is None:
        return NO_FACTS
    target = _facts_of(draft, step.target)
    if isinstance(target, str):
        return Unknowable(target)
    facts = input_facts(step, target)
    nodes = draft.snapshot.answers.get(AskNodes())
    if nodes is not None and isinstance(nodes.facts, NodesFacts):
        facts["available_cpu"] = f"{nodes.facts.cpu_free_m}m"
        facts["available_memory"] = str(nodes.facts.memory_free)
        facts["matching_nodes"] = nodes.facts.schedulable
    return facts


def input_facts(step: RecipeStep, facts: TargetFacts) -> dict[str, Any]:
    """What is known of the target itself; what nobody knows is left out."""
    made: dict[str, Any] = {"found": facts.exists, "terminating": facts.terminating}
    if facts.healthy is not None:
        made["healthy"] = facts.healthy
    state = facts.state
    if step.target is not None and step.target.kind == "Deployment":
        made["deployment_found"] = facts.exists
        made["deployment_available"] = state.get("available") == "True"
        for name, key in (("current_replicas", "replicas"), ("ready_pods", "readyReplicas"), ("restarts", "restarts")):
            if state.get(key, "").isdecimal():
                made[name] = int(state[key])
        wanted = step.spec.parameters.scale_deployment if step.spec.parameters is not None else None
        if wanted is not None and isinstance(wanted.replicas, int):
            made["target_replicas"] = wanted.replicas
            made["additional_replicas"] = max(0, wanted.replicas - made.get("current_replicas", 0))
    return made

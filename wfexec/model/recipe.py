"""The compiled definition: what planning fixed about each step, ready to be walked at every look.

`core.graph` makes it from a spec, the engine keeps it per (uid, generation). Steps are in stepNumber order and refer
to each other by index into `Recipe.steps`, so a look at n steps costs n plain attribute reads.
"""

from typing import NamedTuple

from wfexec.model.execution import KubernetesExecutionSpec
from wfexec.model.expressions import Program
from wfexec.model.facts import AskAccess, AskSurroundings, AskTarget, Question, TargetRef
from wfexec.model.phases import RollbackStrategy, RunCondition, Strategy
from wfexec.model.status import ExecutionPlan, PotentialIssue, StepStatus
from wfexec.model.workflow import SafetyCheck, WorkflowStep


class LateValue(NamedTuple):
    """A text in a step's parameters that is complete only when the child is made; `path` by Python field names."""

    path: tuple[str, ...]
    text: str
    programs: tuple[Program, ...]


class RecipeStep(NamedTuple):
    """`dependencies` and `dependents` are positions in `Recipe.steps`; times are milliseconds.

    `undo` names the undo action known at planning, "" for none; `prototype` is the spec of its children but for the
    reference to the workflow, the remaining time and the approval; `warnings` say what of the parameters has no home.
    `target` is the one object it is about, None where it names none; `ask` asks for it, `watch` the same after the run,
    None where it is not meant to be there any more; `namespace` is where it works, "" for nodes; `when` must hold for
    it to run; `late` are the references in its parameters that wait for the child; `retry_delay_ms` None is the
    setting's delay before its first further attempt; of steps that became ready together the lower `rank` goes first.
    """

    position: int
    number: int
    name: str
    action: str
    spec: WorkflowStep
    dependencies: tuple[int, ...]
    dependents: tuple[int, ...]
    timeout_ms: int
    retries_max: int
    estimate_ms: int
    critical: bool
    barrier: bool
    run_condition: RunCondition | None
    undo: str
    prototype: KubernetesExecutionSpec
    warnings: tuple[str, ...]
    target: TargetRef | None
    ask: AskTarget | None
    watch: AskTarget | None
    namespace: str
    deletes_target: bool
    uncordons: bool
    undo_keys: tuple[str, ...]
    when: Program | None = None
    late: tuple[LateValue, ...] = ()
    retry_delay_ms: int | None = None
    rank: int = 0


class Risk(NamedTuple):
    """What the rules of production look at of one step; `replicas` None when it does not scale (BR-WF-016)."""

    position: int
    namespace: str
    destructive: bool
    image: bool
    config: bool
    drains: bool
    replicas: int | None


class Criterion(NamedTuple):
    """A success criterion; one that is not required is only reported (BR-WF-021)."""

    name: str
    program: Program
    required: bool


class Trigger(NamedTuple):
    """A declared condition that ends the workflow once it is true (BR-WF-022)."""

    name: str
    program: Program


class Suggestion(NamedTuple):
    """One parameter an analysis suggests: `change` says what becomes of it, "" when it is not taken, `reason` why."""

    number: int
    key: str
    change: str
    reason: str


class Recipe(NamedTuple):
    """`batches` and `critical_path` hold positions; `order` is topological, ties by stepNumber.

    `digest` marks what was compiled (BR-WF-025).

    `targets` are the objects of all steps, once each, and `asks` the questions for them; `access` the rights the
    executor needs; `risks` the steps that production has rules for; `checks` the safety checks in their fixed order;
    `questions` all that must be answered before anything runs; `conflicts` steps that may change the same object at the
    same time; `plan` and `pending` what planning writes into status. `suggestions` are those of an analysis with what
    became of them; `written` is the recipe without them, None where none is taken.
    `secrets` are values that nothing we write may show. `near` asks how it looks beside the targets; None: nobody does.
    `firsts` holds per step the first one it depends on, -1 where it depends on none or its `runCondition` says when it
    goes: while that one is undecided, so is the step. `chained`: it depends on that one alone, and on nothing else.
    """

    name: str
    version: str
    digest: str
    steps: tuple[RecipeStep, ...]
    order: tuple[int, ...]
    batches: tuple[tuple[int, ...], ...]
    critical_path: tuple[int, ...]
    strategy: Strategy
    rollback_strategy: RollbackStrategy
    estimate_ms: int
    parallel_max: int
    numbers: list[int]
    targets: tuple[TargetRef, ...]
    asks: tuple[AskTarget, ...]
    access: tuple[AskAccess, ...]
    risks: tuple[Risk, ...]
    checks: tuple[SafetyCheck, ...]
    questions: tuple[Question, ...]
    conflicts: tuple[PotentialIssue, ...]
    plan: ExecutionPlan | None
    pending: tuple[StepStatus, ...]
    criteria: tuple[Criterion, ...] = ()
    triggers: tuple[Trigger, ...] = ()
    suggestions: tuple[Suggestion, ...] = ()
    written: "Recipe | None" = None
    secrets: tuple[str, ...] = ()
    near: AskSurroundings | None = None
    firsts: tuple[int, ...] = ()
    chained: tuple[bool, ...] = ()


class Refusal(NamedTuple):
    """A reasoned no: machine word, where in the spec ("" for nowhere in particular), human sentence with the fix."""

    reason: str
    field: str
    message: str

"""What will happen to each attempt of each step: the executor file, read and asked.

Called by the executor machine (`Outcomes.rule`), by the commands (`load_outcomes`) and by the simulated cluster
(`Outcomes.denial`). A rule for one step beats one for its action, which beats the defaults, field by field. Nothing
here draws a number or looks at a clock.
"""

from collections.abc import Mapping
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field, field_validator

from sim.distributions import Distribution, DurationModel, fixed, uniform
from sim.executor.errors import TEXTS
from sim.executor.targets import Denial, Given, Glob, TargetCluster
from wfexec.core.registry import close_actions, find_action
from wfexec.model.base import Fraction, Text
from wfexec.model.execution import OUTPUTS_MAX
from wfexec.model.facts import AskAccess, TargetRef
from wfexec.model.phases import ErrorType
from wfexec.units import Duration


def _reportable(error: ErrorType) -> ErrorType:
    if error not in TEXTS:
        raise ValueError(f"{error.value!r} is never reported by an executor; use one of {', '.join(sorted(TEXTS))}")
    return error


ReportedError = Annotated[ErrorType, AfterValidator(_reportable)]


class Result(StrEnum):
    """NO_EFFECT reports success and changes nothing; HANG ends by the child's timeout, HANG_FOREVER never."""

    SUCCESS = "success"
    FAILURE = "failure"
    HANG = "hang"
    HANG_FOREVER = "hang-forever"
    NO_EFFECT = "no-effect"


class ErrorModel(Given):
    """`message` "" means what Kubernetes usually says."""

    type: ReportedError = ErrorType.UNKNOWN_ERROR
    message: Text = ""


class FailureModel(Given):
    """Each attempt fails with this probability; `after` is when, as a share of its duration."""

    probability: Fraction
    error: ErrorModel = Field(default_factory=ErrorModel)
    after: Fraction = 1.0


class AttemptModel(Given):
    """One scripted attempt; `duration` None means the rule's; `partial`: the target was changed although it failed."""

    result: Result
    duration: DurationModel | None = None
    error: ErrorModel = Field(default_factory=ErrorModel)
    partial: bool = False


class ChangeModel(Given):
    """A further change on success, for actions whose effect nobody can derive: a merge patch of one target."""

    kind: Annotated[str, Field(pattern="^(Deployment|Node|ConfigMap|Pod)$")]
    namespace: str = ""
    name: Annotated[str, Field(min_length=1, max_length=253)]
    patch: dict[str, Any]
    subresource: Annotated[str, Field(pattern="^(status)?$")] = ""

    @property
    def target(self) -> TargetRef:
        return TargetRef(self.kind, self.namespace, self.name)


class Rule(Given):
    """How attempts of a step go. `attempts` are scripted in order; after the last, it repeats unless `then_model`.

    rollback_information: whether the child says how it can be undone; self_retries: tries the executor made itself.
    """

    duration: DurationModel | None = None
    failure: FailureModel | None = None
    attempts: Annotated[tuple[AttemptModel, ...], Field(max_length=32)] = ()
    then_model: bool = False
    rollback_information: bool = True
    self_retries: int = Field(0, ge=0, le=5)
    outputs: Annotated[dict[str, Text], Field(max_length=OUTPUTS_MAX)] = Field(default_factory=dict)
    changes: Annotated[tuple[ChangeModel, ...], Field(max_length=32)] = ()
    needs_approval: bool = False

    def scripted(self, attempt: int) -> AttemptModel | None:
        """What the script says of this attempt (0 is the first); None where chance decides."""
        if attempt < len(self.attempts):
            return self.attempts[attempt]
        return self.attempts[-1] if self.attempts and not self.then_model else None


def _canonical(word: str) -> str:
    action = find_action(word)
    return action.name if action else word


def known_actions(words: Mapping[str, Any] | tuple[str, ...]) -> None:
    """ValueError for the first word that is no action."""
    for word in words:
        if find_action(word) is None:
            close = ", ".join(close_actions(word))
            raise ValueError(f"{word!r} is no action" + (f"; did you mean {close}?" if close else ""))


class Storm(Given):
    """A correlated fault: from `at` after the executor's start, for `for_`, matching children fail together."""

    at: Duration
    for_: Duration = Field(alias="for")
    actions: Annotated[tuple[str, ...], Field(max_length=64)] = ()
    steps: Annotated[tuple[Glob, ...], Field(max_length=64)] = ()
    probability: Fraction = 1.0
    error: ErrorModel = Field(default_factory=lambda: ErrorModel(type=ErrorType.EVICTED))
    undo: bool = False

    @field_validator("actions")
    @classmethod
    def _actions(cls, actions: tuple[str, ...]) -> tuple[str, ...]:
        known_actions(actions)
        return actions

    def covers(self, workflow: str, step: str, number: int, action: str, *, undo: bool) -> bool:
        if self.undo is not undo:
            return False
        if self.actions and _canonical(action) not in {_canonical(word) for word in self.actions}:
            return False
        names = (f"{workflow}/{step}", f"{workflow}/{number}", step, str(number))
        return not self.steps or any(fnmatchcase(name, glob) for glob in self.steps for name in names)


class Rules(Given):
    """Keys of `actions` are action names, those of `steps` `workflow/step`: either part `*`, step a name or number."""

    defaults: Rule = Field(default_factory=Rule)
    actions: Annotated[dict[str, Rule], Field(max_length=256)] = Field(default_factory=dict)
    steps: Annotated[dict[str, Rule], Field(max_length=1024)] = Field(default_factory=dict)

    @field_validator("actions")
    @classmethod
    def _actions(cls, actions: dict[str, Rule]) -> dict[str, Rule]:
        known_actions(actions)
        return actions

    @field_validator("steps")
    @classmethod
    def _steps(cls, steps: dict[str, Rule]) -> dict[str, Rule]:
        for key in steps:
            workflow, _, step = key.partition("/")
            if not workflow or not step or "/" in step:
                raise ValueError(f"{key!r} names no step; write workflow/step, such as '*/verify' or 'scale-out/3'")
        return steps

    def layers(self, workflow: str, step: str, number: int, action: str) -> tuple[Rule, ...]:
        """The rules that speak of this step, the most particular last."""
        name = _canonical(action)
        found = [self.defaults]
        found += [rule for word, rule in self.actions.items() if _canonical(word) == name]
        for wide in (True, False):
            for key, rule in self.steps.items():
                owner, _, which = key.partition("/")
                if (owner == "*") is wide and fnmatchcase(workflow, owner) and which in (step, str(number)):
                    found.append(rule)
        return tuple(found)


class AlertModel(Given):
    """An alert about one object, from `at` after the beginning of the run, for `for_` or until its end."""

    alert: Annotated[str, Field(min_length=1, max_length=200)]
    kind: Annotated[str, Field(pattern="^(Deployment|Node|ConfigMap|Pod)$")]
    namespace: str = ""
    name: Annotated[str, Field(min_length=1, max_length=253)]
    at: Duration
    for_: Duration | None = Field(None, alias="for")


class Phases(StrEnum):
    """BRIEF writes executing and the end; FULL every phase a real executor goes through."""

    BRIEF = "brief"
    FULL = "full"


class Outcomes(Rules):
    """A whole executor file. `undo` has rules for the children of a rollback; times of phases matter with `full`."""

    description: str = ""
    cluster: TargetCluster = Field(default_factory=TargetCluster)
    denied: Annotated[tuple[Denial, ...], Field(max_length=256)] = ()
    bad_images: Annotated[tuple[Glob, ...], Field(max_length=64)] = ()
    phases: Phases = Phases.BRIEF
    validating: DurationModel = Field(default_factory=lambda: fixed(1_000))
    rollback_ready: DurationModel = Field(default_factory=lambda: fixed(1_000))
    approval_limit: Duration = 3_600_000
    undo: Rules = Field(default_factory=Rules)
    storms: Annotated[tuple[Storm, ...], Field(max_length=64)] = ()
    alerts: Annotated[tuple[AlertModel, ...], Field(max_length=256)] = ()

    def rule(self, workflow: str, step: str, number: int, action: str, *, undo: bool = False) -> Rule:
        """The one rule of a step (or of its undo), every layer folded in; `duration` is always set."""
        rules = self.undo if undo else self
        merged: dict[str, Any] = {}
        for layer in rules.layers(workflow, step, number, action):
            merged |= {name: getattr(layer, name) for name in layer.model_fields_set}
        merged.setdefault("duration", usual(action))
        if merged["duration"] is None:
            merged["duration"] = usual(action)
        return Rule.model_construct(**{**{name: getattr(_PLAIN, name) for name in Rule.model_fields}, **merged})

    def denial(self, question: AskAccess) -> Denial | None:
        """The first entry under `denied` that covers the question."""
        return next((denial for denial in self.denied if denial.covers(question)), None)


_PLAIN: Final = Rule()
CALM: Final = Outcomes()


def usual(action: str) -> Distribution:
    """How long such an action usually takes, evenly between the registry's ends."""
    known = find_action(action)
    return uniform(*known.usual_ms) if known else fixed(10_000)

"""The dry run: every step simulated on a copy of what was observed, later steps seeing earlier effects (BR-WF-017).

Called at the end of validation and by `wfexec plan`. Nothing is created and nothing is asked here; the facts come
from the snapshot, and a target's facts are shared until a step changes them. A step fails when something known speaks
against it, or when its target could not be looked at: a dry run that saw nothing promises nothing.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from wfexec.core.forecast import Forecast, State, beside_target, forecast, issue, presentable, unaddressed, verifies
from wfexec.core.foreseen import Scene, would_run
from wfexec.core.targets import target_text
from wfexec.model.base import clip, compact, evolve
from wfexec.model.bearings import NamespaceFacts
from wfexec.model.expressions import NO_FACTS, Program
from wfexec.model.facts import TargetFacts, TargetRef, Unknown
from wfexec.model.phases import RunCondition
from wfexec.model.recipe import Recipe, RecipeStep
from wfexec.model.status import STATUSES_MAX, DryRunResults, DryRunStep, PotentialIssue, ResourceChange

Facts = Mapping[TargetRef, TargetFacts | Unknown]
Namespaces = Mapping[str, NamespaceFacts]
_BLANK_RESULTS: Final = compact(DryRunResults(overall_success=True))
_UNSEEN: Final = Unknown("nobody looked")
_BLANK_STEP: Final = compact(DryRunStep(step_number=1, action="unset", would_succeed=True))
_BLANK_CHANGE: Final = compact(ResourceChange(resource_type="", resource_name="", change_type="update"))


# Of most steps nothing else is to be said, whichever workflow they are in.
@lru_cache(maxsize=4_096)
def _fine(number: int, action: str, lasts: int) -> DryRunStep:
    return evolve(_BLANK_STEP, step_number=number, action=action, simulated_duration=lasts)


def simulate(
    recipe: Recipe,
    facts: Facts,
    namespaces: Namespaces | None = None,
    protected: tuple[str, ...] = (),
    *,
    variables: Mapping[str, object] = NO_FACTS,
    now: int = 0,
) -> DryRunResults:
    """`facts` holds one entry per target of the recipe; `namespaces` None: nobody knows which there are.

    `variables` and `now` are what expressions read.
    """
    return _Rehearsal(recipe, facts, namespaces, protected, variables, now).results()


class _Rehearsal:
    """The simulated world: what each target looks like by now, None for one that is not there (any more)."""

    def __init__(
        self,
        recipe: Recipe,
        facts: Facts,
        namespaces: Namespaces | None,
        protected: tuple[str, ...],
        variables: Mapping[str, object],
        now: int,
    ) -> None:
        self.recipe = recipe
        self.facts = facts
        self.namespaces = namespaces
        self.protected = protected
        self.world: dict[TargetRef, State | None] = {
            ref: fact.state if isinstance(fact, TargetFacts) and fact.exists else None for ref, fact in facts.items()
        }
        self.changes: list[ResourceChange] = []
        self.issues: list[PotentialIssue] = []
        self.drained: list[str] = []
        # Contradictions between steps that may run at the same time, by the later one's number.
        self.clashes = {one.step_number: one.description for one in recipe.conflicts if one.severity == "high"}
        self.idle: set[int] = set()
        self.changed: set[TargetRef] = set()
        self.vague: set[TargetRef] = set()
        self.scene = Scene(recipe, facts, self.world, self.changed, self.vague, self.idle, variables, now)

    def results(self) -> DryRunResults:
        steps = [self._step(self.recipe.steps[position]) for position in self.recipe.order]
        issues = [*self.issues, *self.recipe.conflicts]
        return evolve(
            _BLANK_RESULTS,
            overall_success=all(step.would_succeed for step in steps),
            steps_simulated=len(steps),
            step_results=tuple(steps),
            resource_changes=tuple(self.changes[:STATUSES_MAX]),
            potential_issues=tuple(issues[:STATUSES_MAX]),
        )

    def _step(self, step: RecipeStep) -> DryRunStep:
        problem, lasts = "", step.estimate_ms
        if self._stands_by(step):
            self.idle.add(step.position)
            lasts = 0
        else:
            problem = self._simulated(step)
        fine = _fine(step.number, step.action, lasts)
        return evolve(fine, would_succeed=False, validation_errors=(clip(problem),)) if problem else fine

    def _stands_by(self, step: RecipeStep) -> bool:
        """Where all goes well, a step for failures does not run, and neither do those behind it."""
        if step.run_condition is None:
            if self.idle and not self.idle.isdisjoint(step.dependencies):
                return True
        elif step.run_condition is RunCondition.IF_PRIMARY_FAILS:
            primary = self.recipe.steps[step.dependencies[0]].name
            text = f"step {step.name!r} runs only if {primary!r} fails; it was not simulated"
            self.issues.append(issue("low", step, text, "plan it alone to see what it would do"))
            return True
        return step.when is not None and self._held_back(step, step.when)

    def _held_back(self, step: RecipeStep, when: Program) -> bool:
        """A step whose `when` is false as things are does not run; one of which that cannot be told is simulated."""
        verdict = would_run(self.scene, step)
        if verdict is True:
            return False
        if verdict is False:
            text = (
                f"step {step.name!r} would not run, its when is false as things are: {when.text}; it was not simulated"
            )
            self.issues.append(issue("low", step, text, "it runs all the same should that have changed by then"))
            return True
        text = (
            f"whether step {step.name!r} runs is not known before the run ({verdict.message}); simulated as if it did"
        )
        self.issues.append(issue("low", step, text, "what it changes may stay as it is"))
        return False

    def _simulated(self, step: RecipeStep) -> str:
        """Why the step would fail, "" when nothing known speaks against it."""
        ref = step.target
        outside, beside = beside_target(step, self.protected)
        self.issues += beside
        problem = self.clashes.get(step.number, "") or outside or self._no_place(step)
        if problem:
            return problem
        if ref is None:
            self.issues.extend(unaddressed(step))
            return ""
        fact = self.facts.get(ref, _UNSEEN)
        if isinstance(fact, Unknown) and ref.kind != "Secret":
            return f"{target_text(ref)} could not be observed: {fact.reason}"
        if isinstance(fact, Unknown):
            text = f"whether {target_text(ref)} exists is not known: Secrets are not looked at"
            self.issues.append(issue("medium", step, text, "look at it yourself before you approve"))
            state: State = {}
        else:
            problem, state = self._present(step, ref, fact)
            if problem:
                return problem
        made = forecast(step, ref, state)
        self.issues += made.issues
        if not made.problem:
            self._apply(step, ref, state, made)
        return made.problem

    def _no_place(self, step: RecipeStep) -> str:
        if self.namespaces is None or not step.namespace:
            return ""
        known = self.namespaces.get(step.namespace)
        if known is None:
            return f"namespace {step.namespace!r} does not exist"
        return f"namespace {step.namespace!r} is being deleted" if known.terminating else ""

    def _present(self, step: RecipeStep, ref: TargetRef, fact: TargetFacts) -> tuple[str, State]:
        """Why the target is no target, and what it looks like by now."""
        state = self.world[ref]
        if state is None:
            ended = " any more: an earlier step deletes it" if fact.exists else ""
            return f"{target_text(ref)} does not exist{ended}", {}
        if fact.terminating:
            return f"{target_text(ref)} is being deleted", {}
        if fact.healthy is False and not self.changes and verifies(step):
            text = f"{target_text(ref)} is not healthy, and no step before {step.name!r} changes anything"
            advice = "put the step that heals it first"
            self.issues.append(issue("high", step, f"{text}: {fact.message}", advice))
        if ref.kind == "Pod" and self.drained:
            text = f"{target_text(ref)} may have another name after the drain of {self.drained[-1]}"
            self.issues.append(issue("medium", step, text, "select the pods by label"))
        return "", state

    def _apply(self, step: RecipeStep, ref: TargetRef, state: State, made: Forecast) -> None:
        """Put the effect into the simulated world and note what changed."""
        p = step.spec.parameters
        if p is not None and p.drain_node is not None:
            self.drained.append(p.drain_node.node_name)
        if not made.change:
            return
        self.changed.add(ref)
        if made.change != "delete" and not made.effect:
            self.vague.add(ref)
        # Its owner makes a new one: the name is gone, later steps cannot use it.
        self.world[ref] = None if made.change == "delete" else {**state, **made.effect}
        before = {key: state[key] for key in made.effect if key in state}
        self.changes.append(
            evolve(
                _BLANK_CHANGE,
                resource_type=ref.kind,
                resource_name=ref.name,
                namespace=ref.namespace,
                change_type=made.change,
                before_state=presentable(ref, before),
                after_state=presentable(ref, made.effect if made.shown is None else made.shown),
            )
        )

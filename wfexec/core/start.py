"""From an object nobody has looked at to a validated plan: phases new, planning, validating.

(BR-WF-001, BR-WF-002, BR-WF-015 to BR-WF-018, BR-WF-169)
"""

from wfexec.core.adaptive import take_suggestions
from wfexec.core.allowance import allow, awaits_word
from wfexec.core.approval import approval, refuse, standing, with_word
from wfexec.core.copies import copy_refused, copy_warnings
from wfexec.core.doubt import ASK_AGAIN_MS, doubted
from wfexec.core.draft import Draft
from wfexec.core.dryrun import simulate
from wfexec.core.execute import enter_executing
from wfexec.core.gates import judge, protected_targets, undo_warnings, unwatched_warnings
from wfexec.core.learning import learned
from wfexec.core.planned import availability
from wfexec.core.policies import idle_overrides
from wfexec.core.production import demands_of
from wfexec.core.reach import ask_source, source_warnings
from wfexec.core.surroundings import awaits_picture
from wfexec.core.targets import target_text
from wfexec.core.verdict import WARNINGS_MAX
from wfexec.model.base import clip, compact, evolve
from wfexec.model.facts import Question, TargetFacts, TargetRef, Unknown
from wfexec.model.phases import ErrorType, Phase
from wfexec.model.status import (
    CheckResult,
    DryRunResults,
    ValidationResults,
)
from wfexec.model.template import TemplateIdentity
from wfexec.units import so_many

_BLANK_RESULTS = compact(ValidationResults())


def new(draft: Draft) -> None:
    """First look: the object is ours from here on (BR-WF-001)."""
    draft.move_phase(Phase.PLANNING, "planning")
    draft.event("Normal", "WorkflowExecutionCreated", f"workflow {draft.workflow.metadata.name} accepted")
    draft.count("workflowexecution_created_total")
    # Answered by the time it is planned.
    awaits_word(draft)


def planning(draft: Draft) -> None:
    """The recipe is there already (a refused one never comes here); write it down where people can read it."""
    learns = draft.workflow.spec.adaptive_orchestration.learning_from_history and draft.settings.adaptation
    if awaits_word(draft) or (learns and not learned(draft)):
        return
    take_suggestions(draft)
    recipe = draft.recipe
    draft.set_steps(recipe.pending)
    count = len(recipe.steps)
    template = draft.status.template
    plan = recipe.plan
    if plan is not None and template is not None:
        plan = evolve(plan, template=TemplateIdentity(name=template.name, version=template.version))
    draft.set(total_steps=count, execution_plan=plan)
    allow(draft)
    built = f"{so_many(count, 'step')} in {so_many(len(recipe.batches), 'batch', 'batches')}, {recipe.strategy}"
    draft.condition("Planned", True, "PlanBuilt", built)
    draft.move_phase(Phase.VALIDATING, f"validating {so_many(count, 'step')}")
    ask_source(draft)
    draft.event("Normal", "PlanCreated", built)
    draft.count("workflowexecution_workflow_steps_total", value=count)
    side_by_side = sum(len(batch) for batch in recipe.batches if len(batch) > 1)
    draft.count("kubernaut_workflowexecution_parallel_execution_efficiency", value=side_by_side / max(1, count))


def validating(draft: Draft) -> None:
    """Ask what is not answered, judge what is; then dry run, approval, and off it goes.

    While a person is waited for nothing is asked; once they said yes, everything is looked at anew.
    """
    entered = draft.get("validation_start_time") or draft.now
    began = standing(draft, entered)
    if began is None:
        return
    deadline = draft.patient(began + draft.settings.validation_timeout + draft.get("paused_total"))
    if not _answered(draft, began) or demands_of(draft).unsure:
        unseen = _unseen(draft)
        dry_by = _dry_run_limit(draft, began) if unseen else deadline
        if draft.now > deadline:
            refuse(draft, "validation_timeout", "no answers from the cluster in time", ErrorType.TIMEOUT)
        elif draft.now > dry_by:
            names = ", ".join(target_text(ref) for ref in unseen)
            refuse(draft, "dry_run_failed", f"could not be looked at in time: {names}", ErrorType.TIMEOUT)
        else:
            draft.wake(min(deadline + 1, dry_by + 1, draft.now + draft.settings.requeue_approval))
        return
    results, again = _judge_all(draft)
    if (again and draft.now <= deadline) or (draft.now <= _dry_run_limit(draft, began) and _seen_badly(draft)):
        # What nobody answered is asked again, for as long as validation may take.
        _ask(draft, draft.recipe.questions, draft.now - ASK_AGAIN_MS)
        draft.wake(draft.now + ASK_AGAIN_MS)
        return
    _tell_availability(draft)
    errors = [*protected_targets(draft.recipe, draft.settings), *demands_of(draft).refusals]
    errors += [
        f"{check.type} check failed: {check.message}" for check in results if check.required and not check.passed
    ]
    if errors:
        _refuse_unsafe(draft, results, errors)
        return
    dry_run = _dry_run(draft)
    if dry_run is not None and not dry_run.overall_success:
        validation = ValidationResults(
            safety_checks_passed=True, dry_run_performed=True, dry_run_results=dry_run, checks=results
        )
        draft.set(validation_results=with_word(draft, validation))
        _count_checks(draft, results)
        _refuse_dry_run(draft, dry_run)
        return
    warnings = _warnings(draft, results)
    validation = evolve(
        _BLANK_RESULTS,
        safety_checks_passed=True,
        dry_run_performed=dry_run is not None,
        dry_run_results=dry_run,
        checks=results,
        validation_errors=_messages(warnings),
    )
    approved = approval(draft, validation, entered)
    if approved is not None and not copy_refused(draft):
        _accept(draft, approved, warnings)
    elif draft.get("validation_results") is None:
        # Who decides can read what will change.
        draft.set(validation_results=validation)


def _warnings(draft: Draft, results: tuple[CheckResult, ...]) -> list[str]:
    warnings = [f"{check.type} check: {check.message}" for check in results if not check.passed]
    warnings += [
        *undo_warnings(draft.recipe),
        *copy_warnings(draft),
        *unwatched_warnings(draft.recipe, draft.snapshot.answers),
        *source_warnings(draft),
    ]
    snapshot = draft.snapshot
    specs, spec = (step.spec for step in draft.recipe.steps), snapshot.workflow.spec
    warnings += [one.text for one in idle_overrides(specs, spec, snapshot.bearings, draft.settings)]
    warnings += [f"step {step.name!r}: {text}" for step in draft.recipe.steps for text in step.warnings]
    return warnings


def _tell_availability(draft: Draft) -> None:
    """The plan says which of its targets were seen (BR-WF-015s)."""
    plan = draft.get("execution_plan")
    if plan is not None and plan.resources is not None:
        told = availability(draft.recipe, plan.resources, draft.snapshot.answers)
        draft.set(execution_plan=evolve(plan, resources=told))


def _messages(texts: list[str]) -> tuple[str, ...]:
    return tuple(clip(text) for text in texts[:WARNINGS_MAX])


def _ask(draft: Draft, questions: tuple[Question, ...], not_before: int) -> bool:
    """Ask what has no answer since `not_before`; true when something had to be asked."""
    answers = draft.snapshot.answers
    missing = [one for one in questions if (known := answers.get(one)) is None or known.at < not_before]
    draft.questions.extend(missing)
    return bool(missing)


def _answered(draft: Draft, began: int) -> bool:
    return not _ask(draft, draft.recipe.questions, draft.seen_since(began))


def _judge_all(draft: Draft) -> tuple[tuple[CheckResult, ...], bool]:
    """All results, and whether a required one failed only for want of an answer, or a refusal may pass."""
    results: list[CheckResult] = []
    again = doubted(draft, draft.recipe.questions)
    for check in draft.recipe.checks:
        result, transient = judge(check, draft.recipe, draft.snapshot.answers)
        results.append(result)
        again = again or (transient and check.required and not result.passed)
    return tuple(results), again


def _dry_run_limit(draft: Draft, began: int) -> int:
    """Until when the dry run waits for what it must see."""
    return draft.patient(began + int(draft.settings.dry_run_timeout) + int(draft.get("paused_total")))


def _unseen(draft: Draft) -> list[TargetRef]:
    """Targets that the dry run still waits for."""
    if not draft.workflow.spec.execution_strategy.dry_run_first:
        return []
    return [ask.target for ask in draft.recipe.asks if ask not in draft.snapshot.answers]


def _seen_badly(draft: Draft) -> bool:
    """Did nobody answer for one of the dry run's targets, or for what is near them, so that asking again may help?"""
    if awaits_picture(draft):
        return True
    if not draft.workflow.spec.execution_strategy.dry_run_first:
        return False
    answers = draft.snapshot.answers
    for ask in draft.recipe.asks:
        fact = answers[ask].facts
        if isinstance(fact, Unknown) and fact.transient:
            return True
    return False


def _dry_run(draft: Draft) -> DryRunResults | None:
    if not draft.workflow.spec.execution_strategy.dry_run_first:
        return None
    facts: dict[TargetRef, TargetFacts | Unknown] = {}
    answers, looked_at = draft.snapshot.answers, draft.now
    for ask in draft.recipe.asks:
        at, fact = answers[ask]
        facts[ask.target] = fact if isinstance(fact, TargetFacts) else Unknown(getattr(fact, "reason", "no facts"))
        if at < looked_at:
            looked_at = at
    found = simulate(
        draft.recipe,
        facts,
        draft.snapshot.bearings.namespaces,
        draft.settings.protected_namespaces,
        variables=draft.workflow.spec.variables,
        now=draft.now,
    )
    return evolve(found, execution_time=draft.now - looked_at)


def _refuse_unsafe(draft: Draft, results: tuple[CheckResult, ...], errors: list[str]) -> None:
    validation = ValidationResults(checks=results, validation_errors=_messages(errors))
    draft.set(validation_results=with_word(draft, validation))
    _count_checks(draft, results)
    refuse(draft, "safety_validation_failed", "; ".join(errors), ErrorType.VALIDATION_ERROR)


def _refuse_dry_run(draft: Draft, dry_run: DryRunResults) -> None:
    first = next(result for result in dry_run.step_results if not result.would_succeed)
    message = f"step {first.step_number} ({first.action}) would fail: {'; '.join(first.validation_errors)}"
    draft.condition("DryRunSucceeded", False, "DryRunFailed", message)
    draft.event("Warning", "DryRunFailed", message)
    draft.set(failed_step=first.step_number, failed_action=first.action)
    refuse(draft, "dry_run_failed", message, ErrorType.VALIDATION_ERROR)


def _accept(draft: Draft, validation: ValidationResults, warnings: list[str]) -> None:
    _count_checks(draft, validation.checks)
    for warning in warnings[:WARNINGS_MAX]:
        draft.event("Warning", "ValidationWarning", warning)
    if validation.dry_run_performed:
        draft.condition("DryRunSucceeded", True, "DryRunSucceeded")
        draft.event("Normal", "DryRunCompleted", f"{so_many(len(draft.recipe.steps), 'step')} would succeed")
    draft.condition("Validated", True, "ChecksPassed")
    draft.event("Normal", "WorkflowValidated", "safety checks passed")
    draft.set(validation_results=validation)
    allow(draft)
    enter_executing(draft)


def _count_checks(draft: Draft, checks: tuple[CheckResult, ...]) -> None:
    """Once for each workflow, whichever way it goes from here."""
    for check in checks:
        draft.count(
            "kubernaut_workflowexecution_safety_validation_total", check.type, "pass" if check.passed else "fail"
        )

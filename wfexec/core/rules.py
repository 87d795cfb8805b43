"""The rules of `wfexec lint` beside what planning refuses: what each finds and how it is mended."""

from typing import Final

from wfexec.core.reasons_planning import PLANNING
from wfexec.model.rule import Rule, Severity


def _warning(word: str, meaning: str, fix: str, requirement: str) -> Rule:
    return Rule(word, Severity.WARNING, meaning, fix, requirement)


def _note(word: str, meaning: str, fix: str, requirement: str) -> Rule:
    return Rule(word, Severity.NOTE, meaning, fix, requirement)


CRITICAL_WITHOUT_ROLLBACK: Final = _warning(
    "critical_without_rollback",
    "A critical step changes something and nothing is known that would undo it",
    "Give it a rollbackSpec, or say criticalStep: false",
    "BR-WF-019",
)
IRREVERSIBLE_EARLY: Final = _warning(
    "irreversible_early",
    "What cannot be undone comes before what can, or before the evidence is collected",
    "Do it as late as possible, after the steps that may still fail and be undone",
    "BR-WF-019",
)
UNREACHABLE_STEP: Final = _warning(
    "unreachable_step", "A step can never run", "Remove it, or mend its condition or dependency", "BR-WF-020"
)
REDUNDANT_STEP: Final = _warning(
    "redundant_step", "Two steps do the same to the same object", "Remove one of them", "BR-WF-005"
)
RETRIES_EXCEED_DEADLINE: Final = _warning(
    "retries_exceed_deadline",
    "All tries of a step together may take longer than the workflow may",
    "Lower timeout or maxRetries, or raise spec.timeout",
    "BR-WF-016a",
)
CRITICAL_PATH_EXCEEDS_DEADLINE: Final = _warning(
    "critical_path_exceeds_deadline",
    "The longest chain of steps usually takes longer than the workflow may",
    "Raise spec.timeout, or let steps run side by side",
    "BR-WF-016a",
)
NO_VERIFICATION: Final = _warning(
    "no_verification",
    "A destructive step has no step after it, no postcondition and no success criterion that verifies it",
    "Add a verify-health step that depends on it, or a postcondition",
    "BR-WF-021",
)
PARALLEL_CONFLICT: Final = _warning(
    "parallel_conflict",
    "Steps may change the same object at the same time",
    "Let one depend on the other",
    "BR-WF-017",
)
RECOMMENDATION_VOID: Final = _warning(
    "recommendation_void",
    "A recommendation speaks of a step or a parameter that the definition does not have",
    "Correct it, or remove it",
    "BR-WF-001",
)
UNDO_DOUBTFUL: Final = _warning(
    "undo_doubtful",
    "The way back of a step is not one that its executor is known to carry out as it is written",
    "Correct action, parameters or timeout of the rollbackSpec",
    "BR-WF-019",
)
NO_EFFECT: Final = _warning(
    "no_effect",
    "Something is written that changes nothing, or not as it is written",
    "Correct it, or leave it out",
    "BR-WF-023",
)
MISSING_TIMEOUT: Final = _note(
    "missing_timeout", "A step names no timeout of its own", "Say how long it may take", "BR-WF-017a"
)
REDUNDANT_DEPENDENCY: Final = _note(
    "redundant_dependency", "A dependency is implied by another", "Remove it", "BR-WF-004"
)
TEMPLATE_UNSEEN: Final = _note(
    "template_unseen",
    "The steps come from a template, which is not looked up here",
    "Give the folder of the templates: --templates DIR",
    "BR-WF-026",
)
# Validation says so of every workflow, whatever its cluster is like.
PROTECTED_NAMESPACE: Final = Rule(
    "protected_namespace",
    Severity.ERROR,
    "A step, its undo or its manifest would work in a protected namespace",
    "Do it elsewhere; which namespaces are protected is a setting of the controller",
    "BR-WF-016",
)
# Said of a file that is no manifest the API server would take.
SCHEMA: Final = Rule("schema", Severity.ERROR, "The API server refuses the object", "See the message", "BR-WF-003")
DEPRECATED_SPELLING: Final = Rule(
    "deprecated_spelling",
    Severity.ERROR,
    "A name of older texts that the API no longer takes",
    "Write the name that the message gives",
    "BR-WF-003",
)
REFUSALS: Final = {
    reason.word: Rule(reason.word, Severity.ERROR, reason.meaning, reason.fix, reason.requirement)
    for reason in PLANNING
}
RULES: Final[tuple[Rule, ...]] = (
    SCHEMA,
    DEPRECATED_SPELLING,
    *REFUSALS.values(),
    PROTECTED_NAMESPACE,
    CRITICAL_WITHOUT_ROLLBACK,
    IRREVERSIBLE_EARLY,
    UNREACHABLE_STEP,
    REDUNDANT_STEP,
    RETRIES_EXCEED_DEADLINE,
    CRITICAL_PATH_EXCEEDS_DEADLINE,
    NO_VERIFICATION,
    PARALLEL_CONFLICT,
    RECOMMENDATION_VOID,
    UNDO_DOUBTFUL,
    NO_EFFECT,
    MISSING_TIMEOUT,
    REDUNDANT_DEPENDENCY,
    TEMPLATE_UNSEEN,
)

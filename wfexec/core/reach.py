"""Will monitoring hear of new alerts? Asked while nothing runs yet, so that people know it before (BR-WF-019).

Called by `start` and by the executing phase, where a source of alerts is configured. Advice only: the question is asked
beside all others and nobody waits for it. What is answered by the time validation is over is one of its warnings; a
later answer is told when it comes, as long as steps run: then monitoring asks by itself.
"""

from typing import Final

from wfexec.core.draft import Draft
from wfexec.core.verdict import WARNINGS_MAX
from wfexec.model.base import clip, evolve
from wfexec.model.facts import AskAlerts, Unknown
from wfexec.model.status import ValidationResults

UNHEARD: Final = "monitoring will not know of new alerts"
FIX: Final = (
    "the outcome stays unknown unless that is mended before the last step ends: see to the Alertmanager, to setting "
    "alertmanager-url, and to the network policy between the controller and it"
)


def ask_source(draft: Draft) -> None:
    """Once per workflow and life of the controller. Alone: beside another question it would hold that up."""
    question = _question_of(draft)
    if question is not None and not draft.questions and question not in draft.snapshot.answers:
        draft.questions.append(question)


def source_warnings(draft: Draft) -> tuple[str, ...]:
    """Why the source of alerts cannot be heard; () where it can, or nobody knows yet."""
    question = _question_of(draft)
    answer = None if question is None else draft.snapshot.answers.get(question)
    if answer is None or not isinstance(answer.facts, Unknown):
        return ()
    return (clip(f"{UNHEARD} ({answer.facts.reason}); {FIX}"),)


def tell_source(draft: Draft) -> None:
    """While steps run: what validation did not wait for."""
    ask_source(draft)
    for warning in source_warnings(draft):
        results: ValidationResults = draft.get("validation_results") or ValidationResults()
        told = results.validation_errors
        # Status remembers that it was said, whoever leads.
        if len(told) < WARNINGS_MAX and not any(one.startswith(UNHEARD) for one in told):
            draft.event("Warning", "ValidationWarning", warning)
            draft.set(validation_results=evolve(results, validation_errors=(*told, warning)))


def _question_of(draft: Draft) -> AskAlerts | None:
    """About nothing: whether there is an answer at all. None where monitoring will not ask either."""
    settings = draft.settings
    if not settings.alertmanager_url or not draft.recipe.targets:
        return None
    return AskAlerts((), draft.get("validation_start_time") or draft.now, settings.alertmanager_watchdog)

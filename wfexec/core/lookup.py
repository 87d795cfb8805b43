"""Planning a workflow that names a template: ask for it and for what it extends, render it, keep the result.

Read once per planning; what was found is written into status and used from then on, also after a crash or a restart
(BR-WF-025, BR-WF-026). Planning has a limit (BR-WF-016a), and this is all that waits in it beside the history, which
gives up by itself. An outage or a restart uses the time up as well; so nobody fails by it who was not answered after
it: the question is put once more, and only if that is in vain planning ends.
"""

from typing import Final, NamedTuple

from wfexec.core.doubt import ASK_AGAIN_MS, in_doubt, tell
from wfexec.core.draft import Draft
from wfexec.core.ending import fail
from wfexec.core.refusals import UNRESOLVED
from wfexec.core.templates import FIELD, chain_text, resolve
from wfexec.model.facts import AskTemplate, Question, TemplateFacts, Unknown
from wfexec.model.phases import ErrorType, Phase
from wfexec.model.recipe import Refusal
from wfexec.model.template import DEPTH_MAX, Template
from wfexec.units import format_duration

RESOLVED: Final = "TemplateResolved"


class _Late(NamedTuple):
    """The time of planning is up, and `why` was the answer after that."""

    why: str


class _Chain(NamedTuple):
    templates: tuple[Template, ...]
    origin: str


def look_up(draft: Draft) -> Refusal | None:
    """Take the template one round further: ask, wait, refuse (the refusal is returned) or write it down."""
    ref = draft.workflow.spec.template_ref
    if ref is None:
        return UNRESOLVED
    if any(one.type == RESOLVED and one.status == "True" for one in draft.get("conditions")):
        message = "the API server did not keep status.template; apply the CRDs of this version"
        return Refusal("template_not_kept", "status.template", message)
    gathered = _gather(draft)
    if isinstance(gathered, Refusal):
        return gathered
    if isinstance(gathered, _Chain):
        resolved = resolve(gathered.templates, ref.parameters, gathered.origin)
        if isinstance(resolved, Refusal):
            return resolved
        draft.set(template=resolved, message=f"planning from template {resolved.name} {resolved.version}")
        extends = f", which extends {chain_text(gathered.templates[1:])}" if resolved.lineage else ""
        told = f"template {resolved.name} {resolved.version} from {resolved.origin}{extends}"
        draft.condition(RESOLVED, True, "TemplateFound", told)
        draft.event("Normal", "TemplateResolved", told)
        return None
    if isinstance(gathered, _Late):
        _give_up(draft, gathered.why)
    else:
        _wait(draft, gathered)
    return None


def _wait(draft: Draft, question: Question | None) -> None:
    """Nothing comes without asking."""
    if question is not None:
        draft.questions.append(question)
    until = draft.now + (ASK_AGAIN_MS if question is None else draft.settings.requeue_approval)
    deadline = _deadline(draft)
    draft.wake(until if draft.now > deadline else min(deadline + 1, until))


def _deadline(draft: Draft) -> int:
    """Until when planning may last; time that the workflow was paused does not count."""
    began = draft.get("planning_start_time") or draft.now
    return int(began + draft.settings.planning_timeout + draft.get("paused_total"))


def _give_up(draft: Draft, why: str) -> None:
    limit = format_duration(draft.settings.planning_timeout)
    reason = f"planning_timeout: the template could not be looked up within {limit}: {why}"
    draft.count("workflowexecution_validation_failures_total")
    draft.count("kubernaut_workflowexecution_errors_total", ErrorType.TIMEOUT, Phase.PLANNING)
    fail(draft, reason, ErrorType.TIMEOUT)


def _gather(draft: Draft) -> _Chain | _Late | Question | Refusal | None:
    """The whole chain, the next question, why there is none, or None: wait before asking again."""
    ref = draft.workflow.spec.template_ref
    assert ref is not None
    began = draft.seen_since(draft.get("planning_start_time") or 0)
    home = draft.settings.controller_namespace
    question = AskTemplate(draft.workflow.metadata.namespace, home, ref.name, ref.version)
    chain: list[Template] = []
    origin = ""
    while True:
        answer = draft.snapshot.answers.get(question)
        if answer is None or answer.at < began:
            return question
        facts = answer.facts
        if not isinstance(facts, TemplateFacts) or facts.template is None:
            return _trouble(draft, question, chain)
        template = facts.template
        origin = origin or facts.origin
        again = any((one.name, one.version) == (template.name, template.version) for one in chain)
        chain.append(template)
        if again:
            return Refusal("template_cycle", FIELD, f"templates extend each other in a circle: {chain_text(chain)}")
        if len(chain) > DEPTH_MAX:
            message = f"{chain_text(chain)}: more than {DEPTH_MAX} templates extend one another; shorten the chain"
            return Refusal("template_depth", FIELD, message)
        if template.extends is None:
            return _Chain(tuple(chain), origin)
        # What stands in the controller's namespace does not depend on what others put beside the workflow.
        question = AskTemplate(facts.namespace, home, template.extends.name, template.extends.version)


def _trouble(draft: Draft, question: AskTemplate, chain: list[Template]) -> _Late | Question | Refusal | None:
    answer = draft.snapshot.answers[question]
    facts = answer.facts
    by = f"{chain_text(chain)} extends it: " if chain else ""
    if isinstance(facts, Unknown):
        if facts.transient:
            if why := in_doubt(answer):
                # The refusal itself, once it is believed, says more than that the time is up.
                tell(draft, why)
            elif draft.now > (deadline := _deadline(draft)):
                return _Late(f"{by}{facts.reason}") if answer.at > deadline else question
            return question if draft.now - answer.at >= ASK_AGAIN_MS else None
        message = f"{by}{facts.reason}; grant it, or bring the observer role"
        return Refusal("template_forbidden", FIELD, message)
    message = by + (facts.message if isinstance(facts, TemplateFacts) else "")
    match facts.problem if isinstance(facts, TemplateFacts) else "":
        case "template_invalid":
            return Refusal("template_invalid", FIELD, message)
        case "template_ambiguous":
            return Refusal("template_ambiguous", FIELD, message)
        case _:
            return Refusal("template_not_found", FIELD, message)

"""What is done while a missing right is not believed yet: ask again, wait, and say so (BR-WF-025).

An API server that has just started answers 403 to everybody until it has read its roles. The engine tells such an
answer from a lasting one; here nothing is judged by it, and it never ends a wait or a workflow.
"""

from collections.abc import Iterable
from typing import Final

from wfexec.core.draft import Draft
from wfexec.model.facts import FORBIDDEN_MS, Answer, Question, Unknown
from wfexec.model.phases import Phase
from wfexec.units import format_duration

# Between two answers to the same question.
ASK_AGAIN_MS: Final = 2_000
# Begins what is said of it.
TOLD: Final = f"not believed before it has lasted {format_duration(FORBIDDEN_MS)}: "
REASON: Final = "AccessRefused"
_BY_MESSAGE: Final = frozenset({Phase.PLANNING, Phase.VALIDATING, Phase.MONITORING})


def in_doubt(answer: Answer | None) -> str:
    """What was refused and is not believed yet; "" for every other answer."""
    facts = answer.facts if answer is not None else None
    if not isinstance(facts, Unknown) or not facts.transient or facts.refused_since is None:
        return ""
    return facts.reason


def ask_on(draft: Draft, question: Question, answer: Answer) -> None:
    """Ask again, a while after the last answer."""
    again = answer.at + ASK_AGAIN_MS
    if draft.now >= again:
        draft.questions.append(question)
    else:
        draft.wake(again)


def doubted(draft: Draft, questions: Iterable[Question]) -> bool:
    """Whether one of them was refused and is not believed yet; that is told, and asking again is the caller's."""
    answers = draft.snapshot.answers
    for question in questions:
        answer = answers.get(question)
        # Most questions have facts for an answer: that is looked at first.
        if answer is not None and answer.facts.__class__ is Unknown and (why := in_doubt(answer)):
            tell(draft, why)
            return True
    return False


def doubted_on(draft: Draft, questions: Iterable[Question]) -> bool:
    """As `doubted`, and each of them is asked again."""
    answers = draft.snapshot.answers
    found = [(one, answer) for one in questions if (answer := answers.get(one)) is not None and in_doubt(answer)]
    for question, answer in found:
        if question not in draft.questions:
            ask_on(draft, question, answer)
        tell(draft, in_doubt(answer))
    return bool(found)


def tell(draft: Draft, why: str) -> None:
    """Where people look while it is waited for: in the condition Degraded of what executes, else in the message."""
    phase = draft.get("phase")
    if phase in _BY_MESSAGE:
        draft.set(message=draft.told(TOLD + why))
    elif phase == Phase.EXECUTING and (REASON, TOLD + why) not in draft.troubles:
        draft.troubles.append((REASON, TOLD + why))

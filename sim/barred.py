"""What does an API server answer that has just started and has not read its roles? That nobody may do anything.

Called by a simulated process and by the tap of the tests against a real API server. Where there are several servers
only some requests come to the one that has just started: so a number of requests of one kind may be refused as well.
"""

from collections.abc import Mapping
from typing import Any, Final

from wfexec.crd import questions
from wfexec.crd.wire import refusal
from wfexec.model.facts import Answer, AskAlerts, AskHistory
from wfexec.model.requests import Ask, Code, KeepRows, Outcome

STATUS: Final = 403
BODY: Final = b'{"message": "not allowed by anybody: no role has been read yet"}'


NOTHING: Final[Mapping[type, int]] = {}


class Bars:
    """Everything is refused before `until`, and the next so many requests of the types in `left`."""

    __slots__ = ("left", "until")

    def __init__(self, until: int = 0, left: Mapping[type, int] = NOTHING) -> None:
        self.until = until
        self.left = dict(left)

    def refusal(self, body: Any, now: int) -> Outcome | None:
        """None where the request is let through."""
        kind = body.__class__
        if now >= self.until:
            if not self.left.get(kind):
                return None
            self.left[kind] -= 1
        return _refused(body, now)


def _refused(body: Any, now: int) -> Outcome | None:
    if isinstance(body, KeepRows):
        # It is not the API server that takes these, nor that answers the others.
        return None
    if not isinstance(body, Ask):
        return refusal(body, STATUS, BODY, None)
    if any(isinstance(question, AskHistory | AskAlerts) for question in body.questions):
        return None
    facts = {one: questions.facts(one, ((STATUS, BODY),) * len(questions.calls(one))) for one in body.questions}
    return Outcome(Code.OK, {question: Answer(now, told) for question, told in facts.items()})

"""What does an API server answer that has just started and has not read its roles? That nobody may do anything.

Called by a simulated process and by the tap of the tests against a real API server. Where there are several servers
only some requests come to the one that has just started: so a number of requests of one kind may be refused as well.
"""

from collections.abc import Mapping
from typing import Any, Final

from wfexec.crd import questions
from wfexec.crd.wire import pause_ms, refusal
from wfexec.model.facts import Answer, AskAlerts, AskHistory
from wfexec.model.requests import Ask, Code, KeepRows, Outcome

STATUS: Final = 403
THROTTLED: Final = 429
# What stands before a server that is not there answers for it.
AWAY: Final = 503
RETRY_AFTER_S: Final = "2"
BODY: Final = b'{"message": "not allowed by anybody: no role has been read yet"}'


NOTHING: Final[Mapping[type, int]] = {}


class Bars:
    """Everything is refused before `until`, with `closed`; and the next so many requests of the types in `left`, with
    `status`."""

    __slots__ = ("closed", "left", "status", "until")

    def __init__(
        self, until: int = 0, left: Mapping[type, int] = NOTHING, status: int = STATUS, closed: int = STATUS
    ) -> None:
        self.until = until
        self.closed = closed
        self.left = dict(left)
        self.status = status

    def refusal(self, body: Any, now: int) -> Outcome | None:
        """None where the request is let through."""
        kind, status = body.__class__, self.closed
        if now >= self.until:
            if not self.left.get(kind):
                return None
            self.left[kind] -= 1
            status = self.status
        return _refused(body, status, now)


def _refused(body: Any, status: int, now: int) -> Outcome | None:
    if isinstance(body, KeepRows):
        # It is not the API server that takes these, nor that answers the others.
        return None
    if not isinstance(body, Ask):
        return refusal(body, status, BODY, RETRY_AFTER_S if status == THROTTLED else None)
    if any(isinstance(question, AskHistory | AskAlerts) for question in body.questions):
        return None
    facts = {one: questions.facts(one, ((status, BODY),) * len(questions.calls(one))) for one in body.questions}
    pause = pause_ms(BODY, RETRY_AFTER_S) if status == THROTTLED else None
    return Outcome(Code.OK, {question: Answer(now, told) for question, told in facts.items()}, retry_after_ms=pause)

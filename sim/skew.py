"""A controller whose clock is wrong: the same machine, told another time.

Made by `sim.driver` where the fault plan says so. What the server stamps is right; whatever the controller
reads, writes, dates its answers and waits by is its own clock, as fast as the true one; it never jumps while it lives.
"""

from typing import Any

from wfexec.engine.controller import Controller
from wfexec.model.requests import Replied, Signal


class SkewedController(Controller):
    """`ahead_ms`: by how much its clock is ahead; negative is behind."""

    __slots__ = ("_ahead_ms",)

    def __init__(self, ahead_ms: int, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._ahead_ms = ahead_ms

    def start(self, now: int) -> None:
        super().start(now + self._ahead_ms)

    def feed(self, signal: Signal, now: int) -> None:
        if isinstance(signal, Replied) and isinstance(signal.outcome.object, dict):
            answers = signal.outcome.object.items()
            dated = {question: answer._replace(at=answer.at + self._ahead_ms) for question, answer in answers}
            signal = signal._replace(outcome=signal.outcome._replace(object=dated))
        super().feed(signal, now + self._ahead_ms)

    def tick(self, now: int) -> None:
        super().tick(now + self._ahead_ms)

    def wake_at(self) -> int | None:
        at = super().wake_at()
        return None if at is None else at - self._ahead_ms

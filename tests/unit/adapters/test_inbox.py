"""Does a thread that waits for something, and for a certain time at most, always go on?"""

from collections.abc import Callable
from threading import Barrier, Thread
from time import monotonic

import pytest

from wfexec.adapters.clock import WallClock
from wfexec.adapters.inbox import Inbox
from wfexec.app import BATCH, Loop

PATIENCE_S = 20
# Some of so many very short waits lose the processor at the worst moment, on every machine.
WAITS = 40_000


class Metronome:
    """A machine that wants to be woken at once, many times; before every other time it is kept busy."""

    def __init__(self) -> None:
        self.ticks = 0
        self.post: Callable[[object], None] = lambda signal: None

    @property
    def stopped(self) -> bool:
        return self.ticks >= WAITS

    def start(self, now: int) -> None:
        self.ticks = 0

    def feed(self, signal: object, now: int) -> None:
        """Nothing that it would remember."""

    def tick(self, now: int) -> None:
        self.ticks += 1
        if self.ticks % 2:
            # As many as are taken at once: nobody looks whether there are more.
            for _ in range(BATCH):
                self.post(None)

    def take(self) -> list[object]:
        return []

    def wake_at(self) -> int | None:
        return 0


class BriefClock(WallClock):
    """It is always a nanosecond too early."""

    def real_seconds(self, ms: int) -> float:
        return 1e-9


def test_an_alarm_rings_whatever_takes_the_processor_away_before_the_wait() -> None:
    machine = Metronome()
    loop = Loop(machine, BriefClock(), lambda request, reply: None, lambda seconds: None)
    machine.post = loop.post
    thread = Thread(target=loop.run, daemon=True)
    thread.start()
    seen = -1
    while thread.is_alive() and machine.ticks > seen:
        seen = machine.ticks
        thread.join(PATIENCE_S)
    assert loop.failure is None
    assert machine.stopped, f"it waits for ever after {seen} of {WAITS} alarms"


def test_what_came_is_taken_in_its_order_and_no_more_than_was_asked_for() -> None:
    inbox = Inbox[int]()
    for number in range(5):
        inbox.put(number)
    assert inbox.take(PATIENCE_S, 3) == [0, 1, 2]
    assert inbox.take(PATIENCE_S, 3) == [3, 4]


def test_what_comes_during_the_wait_ends_it() -> None:
    inbox = Inbox[str]()
    thread = Thread(target=inbox.put, args=("it",))
    began = monotonic()
    thread.start()
    assert inbox.take(PATIENCE_S) == ["it"]
    assert monotonic() - began < PATIENCE_S
    thread.join()


@pytest.mark.parametrize("before", [0, 1, 3])
def test_nothing_comes_and_the_wait_is_neither_shorter_nor_endless(before: int) -> None:
    inbox = Inbox[int]()
    for number in range(before):
        inbox.put(number)
        assert inbox.take(0) == [number]
    began = monotonic()
    assert inbox.take(0.05) == []
    assert 0.05 <= monotonic() - began < PATIENCE_S
    assert inbox.take(0) == []


def test_nothing_is_lost_when_many_put_at_the_same_time() -> None:
    inbox = Inbox[tuple[int, int]]()
    many, each = 4, 2_000
    start = Barrier(many)

    def put(who: int) -> None:
        start.wait()
        for number in range(each):
            inbox.put((who, number))

    threads = [Thread(target=put, args=(who,)) for who in range(many)]
    for thread in threads:
        thread.start()
    found: list[tuple[int, int]] = []
    while len(found) < many * each:
        came = inbox.take(PATIENCE_S, 128)
        assert came, f"{len(found)} came"
        found += came
    for thread in threads:
        thread.join()
    for who in range(many):
        assert [number for putter, number in found if putter == who] == list(range(each))

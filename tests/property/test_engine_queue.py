"""The work queue and the wake-ups against models too simple to be wrong."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from wfexec.engine.deadlines import Deadlines
from wfexec.engine.workqueue import CRITICAL, FRESH, HIGH, LOW, NORMAL, SOON, WorkQueue

KEYS = st.sampled_from("abcdef")
LEVELS = st.integers(LOW + FRESH, CRITICAL + SOON)
# Short, so that a run of forty steps meets it.
PATIENCE = 2


class QueueMachine(RuleBasedStateMachine):
    """The model: who is dirty at which level, who is processing, who is delayed until when."""

    def __init__(self) -> None:
        super().__init__()
        self.queue: WorkQueue[str] = WorkQueue(PATIENCE)
        self.dirty: dict[str, int] = {}
        self.processing: set[str] = set()
        self.delayed: dict[str, tuple[int, int]] = {}
        self.passed_over = dict.fromkeys(range(CRITICAL + SOON + 1), 0)
        self.now = 0

    def make_dirty(self, key: str, level: int) -> None:
        self.dirty[key] = max(self.dirty.get(key, LOW + FRESH), level)

    @rule(key=KEYS, level=LEVELS)
    def add(self, key: str, level: int) -> None:
        self.queue.add(key, level)
        self.make_dirty(key, level)

    @rule(key=KEYS, level=LEVELS, wait=st.integers(0, 20))
    def add_at(self, key: str, level: int, wait: int) -> None:
        at = self.now + wait
        self.queue.add_at(key, level, at)
        if key not in self.delayed or at < self.delayed[key][0]:
            self.delayed[key] = (at, level)

    @rule(ms=st.integers(0, 15))
    def time_passes(self, ms: int) -> None:
        self.now += ms
        self.queue.promote(self.now)
        for key, (at, level) in list(self.delayed.items()):
            if at <= self.now:
                del self.delayed[key]
                self.make_dirty(key, level)

    @rule()
    def take(self) -> None:
        ready = {key: level for key, level in self.dirty.items() if key not in self.processing}
        key = self.queue.take()
        assert (key is None) == (not ready)
        if key is None:
            return
        assert key in ready, "taken though it is not dirty, or runs already"
        waiting = set(ready.values())
        assert ready[key] == self.turn(waiting)
        for level in waiting:
            if level < ready[key]:
                self.passed_over[level] += 1
        self.passed_over[ready[key]] = 0
        del self.dirty[key]
        self.processing.add(key)

    def turn(self, waiting: set[int]) -> int:
        """The highest, unless a lower one was passed over too often, or what is fresh once in favour of the usual."""
        highest, *lower = sorted(waiting, reverse=True)
        chosen = highest
        for level in lower:
            fresh = chosen in (LOW, NORMAL, HIGH, CRITICAL) and level == chosen + FRESH
            if self.passed_over[level] >= (1 if fresh else PATIENCE):
                chosen = level
        return chosen

    @precondition(lambda self: self.processing)
    @rule(data=st.data())
    def done(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.processing)))
        self.queue.done(key)
        self.processing.discard(key)

    @rule(key=KEYS)
    def forget(self, key: str) -> None:
        self.queue.forget(key)
        self.delayed.pop(key, None)

    @invariant()
    def it_knows_how_many_wait_and_when_to_wake(self) -> None:
        assert len(self.queue) == len(self.dirty.keys() - self.processing)
        assert self.queue.next_at() == min((at for at, _ in self.delayed.values()), default=None)

    def teardown(self) -> None:
        for key in sorted(self.processing):
            self.queue.done(key)
        left = set()
        while (taken := self.queue.take()) is not None:
            left.add(taken)
        assert left == self.dirty.keys(), "a wake-up was lost"


class DeadlineMachine(RuleBasedStateMachine):
    """The model: a dictionary of wishes."""

    def __init__(self) -> None:
        super().__init__()
        self.deadlines: Deadlines[str] = Deadlines()
        self.wanted: dict[str, int] = {}
        self.now = 0

    @rule(key=KEYS, at=st.integers(0, 60) | st.none())
    def set(self, key: str, at: int | None) -> None:
        self.deadlines.set(key, at)
        if at is None:
            self.wanted.pop(key, None)
        else:
            self.wanted[key] = at

    @rule(ms=st.integers(0, 15))
    def time_passes(self, ms: int) -> None:
        self.now += ms
        due = self.deadlines.due(self.now)
        expected = {key: at for key, at in self.wanted.items() if at <= self.now}
        assert sorted(due) == sorted(expected)
        assert [expected[key] for key in due] == sorted(expected.values())
        for key in due:
            del self.wanted[key]

    @invariant()
    def it_knows_when_to_wake(self) -> None:
        assert self.deadlines.next_at() == min(self.wanted.values(), default=None)
        assert len(self.deadlines) == len(self.wanted)


TestQueue = QueueMachine.TestCase
TestQueue.settings = settings(max_examples=60, stateful_step_count=40)
TestDeadlines = DeadlineMachine.TestCase
TestDeadlines.settings = settings(max_examples=60, stateful_step_count=40)

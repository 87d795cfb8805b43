"""Wake-ups: one per key, the last asked for; stale ones are dropped and counted."""

from wfexec.engine.deadlines import Deadlines


def test_the_earliest_comes_first_and_only_when_it_is_time() -> None:
    made: Deadlines[str] = Deadlines()
    made.set("b", 20)
    made.set("a", 10)
    assert made.next_at() == 10
    assert made.due(9) == []
    assert made.due(20) == ["a", "b"]
    assert made.due(100) == []


def test_a_wake_up_moved_later_does_not_come_at_the_old_time() -> None:
    made: Deadlines[str] = Deadlines()
    made.set("a", 10)
    made.set("a", 30)
    assert made.due(10) == []
    assert made.next_at() == 30
    assert made.stale == 1
    assert made.due(30) == ["a"]


def test_a_wake_up_moved_earlier_comes_once() -> None:
    made: Deadlines[str] = Deadlines()
    made.set("a", 30)
    made.set("a", 10)
    assert made.due(10) == ["a"]
    assert made.due(30) == []
    assert made.stale == 1


def test_a_cancelled_wake_up_never_comes() -> None:
    made: Deadlines[str] = Deadlines()
    made.set("a", 10)
    made.set("a", None)
    assert made.next_at() is None
    assert made.due(10) == []
    assert made.stale == 1


def test_cancelled_and_set_again_it_comes_once() -> None:
    made: Deadlines[str] = Deadlines()
    made.set("a", 10)
    made.set("a", None)
    made.set("a", 10)
    assert made.due(10) == ["a"]
    assert made.due(10) == []


def test_ties_come_in_the_order_they_were_set() -> None:
    made: Deadlines[str] = Deadlines()
    for key in "cab":
        made.set(key, 7)
    assert made.due(7) == ["c", "a", "b"]


def test_memory_of_keys_that_left_is_given_back() -> None:
    made: Deadlines[int] = Deadlines()
    for key in range(2_000):
        made.set(key, 1_000_000 + key)
    for key in range(1_990):
        made.set(key, None)
    assert len(made._heap) < 300  # how much is kept is the point here
    assert made.due(2_000_000) == list(range(1_990, 2_000))


def test_its_repr_tells_what_is_next() -> None:
    made: Deadlines[str] = Deadlines()
    made.set("a", 5)
    assert repr(made) == "<Deadlines 1 wanted, next 5, 0 stale>"

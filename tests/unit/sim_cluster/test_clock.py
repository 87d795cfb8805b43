"""Virtual time: whole milliseconds, seeded ties, a known end."""

from sim.clock import Clock


def order_of_one_instant(seed: int) -> list[int]:
    clock = Clock(seed)
    seen: list[int] = []
    for number in range(20):
        clock.at(5, seen.append, number)
    clock.run(lambda: False, 5)
    return seen


def test_the_seed_alone_decides_between_calls_of_one_instant() -> None:
    assert order_of_one_instant(1) == order_of_one_instant(1)
    assert sorted(order_of_one_instant(1)) == list(range(20))
    assert order_of_one_instant(1) != list(range(20))
    assert order_of_one_instant(1) != order_of_one_instant(2)


def test_time_is_whole_milliseconds_from_a_given_start() -> None:
    clock = Clock(start=1_000)
    seen: list[int] = []
    clock.at(100, lambda: clock.at(100, lambda: seen.append(clock.now)))
    clock.run(lambda: False, 2_000)
    assert seen == [1_200]
    assert type(seen[0]) is int


def test_the_end_is_not_asked_for_while_anything_is_left_undone() -> None:
    clock = Clock()
    undone = ["work"]
    asked: list[int] = []

    def done() -> bool:
        asked.append(clock.now)
        return clock.now >= 5

    clock.at(3, undone.clear)
    clock.at(5, asked.clear)
    clock.at(9, undone.append, "never")
    assert clock.run(done, 100, undone=undone)
    assert (clock.now, asked, undone) == (5, [5], [])


def test_what_lies_exactly_at_the_limit_still_happens_and_nothing_after_it() -> None:
    clock = Clock()
    seen: list[str] = []
    clock.at(5, seen.append, "at")
    clock.at(6, seen.append, "after")
    assert not clock.run(lambda: False, 5)
    assert (seen, clock.now) == (["at"], 5)
    assert not clock.run(lambda: False, 100)
    assert (seen, clock.now) == (["at", "after"], 100)

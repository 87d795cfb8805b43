"""The work queue: nothing lost, nothing twice at once, the important first, nobody starved."""

from wfexec.engine.workqueue import CRITICAL, CROWD, FRESH, HIGH, LOW, NORMAL, PATIENCE, SOON, WorkQueue


def queue(*keys: str) -> WorkQueue[str]:
    made: WorkQueue[str] = WorkQueue()
    for key in keys:
        made.add(key)
    return made


def taken(made: WorkQueue[str]) -> list[str]:
    found = []
    while (key := made.take()) is not None:
        found.append(key)
    return found


def test_keys_are_taken_in_order_of_arrival() -> None:
    assert taken(queue("b", "a", "c")) == ["b", "a", "c"]


def test_a_key_added_again_before_its_look_is_looked_at_once() -> None:
    assert taken(queue("a", "b", "a")) == ["a", "b"]


def test_a_key_never_runs_twice_at_once() -> None:
    made = queue("a")
    assert made.take() == "a"
    made.add("a")
    assert made.take() is None


def test_a_wake_up_while_processing_is_not_lost() -> None:
    made = queue("a")
    made.take()
    made.add("a")
    made.add("a")
    made.done("a")
    assert taken(made) == ["a"]


def test_done_without_news_ends_it() -> None:
    made = queue("a")
    made.take()
    made.done("a")
    assert made.take() is None


def test_a_higher_priority_goes_first_and_arrival_counts_inside_it() -> None:
    made: WorkQueue[str] = WorkQueue()
    for key, level in (("l", LOW), ("n", NORMAL), ("c1", CRITICAL), ("h", HIGH), ("c2", CRITICAL)):
        made.add(key, level)
    assert taken(made) == ["c1", "c2", "h", "n", "l"]


def test_what_was_begun_goes_before_the_rest_of_its_priority_and_no_further() -> None:
    made: WorkQueue[str] = WorkQueue()
    for key, level in (("n", NORMAL), ("h", HIGH), ("soon", NORMAL + SOON), ("l", LOW), ("low soon", LOW + SOON)):
        made.add(key, level)
    assert len(made) == 5
    assert taken(made) == ["h", "soon", "n", "low soon", "l"]
    assert len(made) == 0


def test_what_begins_later_is_served_though_others_are_begun_without_end() -> None:
    made: WorkQueue[str] = WorkQueue()
    made.add("new")
    made.add("soon", NORMAL + SOON)
    order: list[str] = []
    while (key := made.take()) is not None and len(order) <= PATIENCE:
        order.append(key)
        made.add(key, NORMAL + SOON)
        made.done(key)
    assert order == ["soon"] * PATIENCE + ["new"]


def test_what_is_fresh_takes_turns_with_the_usual_but_waits_for_what_is_due_soon() -> None:
    made: WorkQueue[str] = WorkQueue()
    for number in range(3):
        made.add(f"fresh {number}", NORMAL + FRESH)
        made.add(f"usual {number}")
    made.add("soon", NORMAL + SOON)
    assert taken(made) == ["soon", "fresh 0", "usual 0", "fresh 1", "usual 1", "fresh 2", "usual 2"]


def test_nothing_fresh_is_begun_while_a_crowd_waits() -> None:
    made: WorkQueue[str] = WorkQueue()
    made.add("fresh", NORMAL + FRESH)
    for number in range(CROWD + 5):
        made.add(f"usual {number}")
    order = taken(made)
    assert order.index("fresh") == 5
    assert len(order) == CROWD + 6


def test_a_waiting_key_moves_up_but_never_down() -> None:
    made = queue("a", "b")
    made.add("b", CRITICAL)
    made.add("a", LOW)
    assert taken(made) == ["b", "a"]


def test_the_highest_level_asked_while_processing_counts_afterwards() -> None:
    made = queue("a", "b")
    made.take()
    made.add("a", LOW)
    made.add("a", HIGH)
    made.done("a")
    assert taken(made) == ["a", "b"]


def test_a_low_key_is_served_though_critical_ones_never_end() -> None:
    made: WorkQueue[str] = WorkQueue()
    made.add("low", LOW)
    made.add("critical", CRITICAL)
    order = []
    for _ in range(PATIENCE + 2):
        key = made.take()
        assert key is not None
        order.append(key)
        made.add(key, CRITICAL)
        if key == "low":
            break
        made.done(key)
    assert order == ["critical"] * PATIENCE + ["low"]


def test_of_several_delayed_adds_the_earliest_wins() -> None:
    made: WorkQueue[str] = WorkQueue()
    made.add_at("a", NORMAL, 50)
    made.add_at("a", NORMAL, 20)
    made.add_at("a", NORMAL, 90)
    assert made.next_at() == 20
    made.promote(19)
    assert made.take() is None
    made.promote(20)
    assert made.take() == "a"
    made.done("a")
    assert made.next_at() is None
    assert made.stale == 1
    made.promote(100)
    assert made.take() is None


def test_a_delayed_key_that_comes_due_while_processing_runs_afterwards() -> None:
    made = queue("a")
    made.add_at("a", NORMAL, 10)
    made.take()
    made.promote(10)
    assert made.take() is None
    made.done("a")
    assert made.take() == "a"


def test_errors_in_a_row_wait_twice_as_long_up_to_the_cap_and_success_starts_anew() -> None:
    made: WorkQueue[str] = WorkQueue()
    waits = []
    now = 0
    for _ in range(6):
        at = made.retry("a", NORMAL, now, cap_ms=100)
        waits.append(at - now)
        now = at
        made.promote(now)
    assert waits == [5, 10, 20, 40, 80, 100]
    made.succeeded("a")
    assert made.failures("a") == 0
    assert made.retry("a", NORMAL, now, cap_ms=100) - now == 5


def test_an_error_waits_at_least_as_long_as_the_server_asks() -> None:
    assert queue().retry("a", NORMAL, 0, cap_ms=100, least_ms=3_000) == 3_000


def test_a_good_look_does_not_cancel_a_look_somebody_else_asked_for_later() -> None:
    made = queue("a")
    made.add_at("a", NORMAL, 100)
    made.take()
    made.succeeded("a")
    made.done("a")
    made.promote(100)
    assert made.take() == "a"


def test_a_key_that_is_gone_is_not_woken() -> None:
    made: WorkQueue[str] = WorkQueue()
    made.retry("a", NORMAL, 0, cap_ms=100)
    made.forget("a")
    made.promote(1_000)
    assert made.take() is None
    assert made.failures("a") == 0


def test_its_repr_tells_who_waits() -> None:
    made = queue("a", "b")
    made.take()
    made.add_at("c", NORMAL, 5)
    assert repr(made) == "<WorkQueue waiting 0/0/1/0, processing 1, delayed 1>"
    assert len(made) == 1

"""Rate and places: a burst, then the rate; a throttling server is given room."""

from wfexec.engine.backoff import delay_ms, spread
from wfexec.engine.limiter import BURST_MS, PRESSURE_MAX, QUIET_MS, Limiter, Rate
from wfexec.model.plan import CountRecord
from wfexec.model.requests import PAUSE_MS


def test_a_burst_goes_at_once_and_then_the_rate_counts() -> None:
    limiter = Limiter(qps=10, burst=3, workers=100)
    assert [limiter.admit(0) for _ in range(4)] == [True, True, True, False]
    assert limiter.ready_at(0) == 100
    assert not limiter.admit(99)
    assert limiter.admit(100)
    assert not limiter.admit(100)


def test_a_long_silence_saves_up_no_more_than_the_burst() -> None:
    limiter = Limiter(qps=10, burst=2, workers=100)
    assert [limiter.admit(60_000) for _ in range(3)] == [True, True, False]


def test_without_a_rate_only_places_count() -> None:
    limiter = Limiter(qps=0, burst=1, workers=2)
    assert [limiter.admit(0) for _ in range(3)] == [True, True, False]
    assert limiter.ready_at(0) is None
    limiter.release()
    assert limiter.ready_at(0) == 0
    assert limiter.admit(0)


def test_what_has_a_rate_of_its_own_takes_a_place_and_no_token() -> None:
    limiter = Limiter(qps=10, burst=1, workers=2)
    assert limiter.enter(0)
    assert limiter.admit(0)
    assert not limiter.enter(0)
    limiter.release()
    limiter.throttled(0, 2_500)
    limiter.release()
    assert [limiter.enter(now) for now in (2_499, 2_500)] == [False, True]


def test_a_rate_says_from_when_on_it_affords_one_more() -> None:
    rate = Rate(qps=10, burst=1)
    assert (rate.affords(0), rate.spend(), rate.spend()) == (True, True, False)
    assert (rate.affords_at(0), rate.affords(99), rate.affords(100)) == (100, False, True)
    assert repr(rate) == "<Rate 1 tokens>"
    unlimited = Rate(qps=0, burst=1)
    assert (unlimited.spend(), unlimited.spend(), unlimited.affords_at(7)) == (True, True, 7)


def test_throttled_it_pauses_and_halves_what_may_be_in_flight() -> None:
    limiter = Limiter(qps=0, burst=1, workers=8)
    limiter.throttled(0, 2_500)
    assert not limiter.free(2_499)
    assert limiter.ready_at(0) == 2_500
    assert [limiter.admit(2_500) for _ in range(5)] == [True] * 4 + [False]
    limiter.throttled(3_000, None)
    assert limiter.ready_at(3_000) is None
    for _ in range(4):
        limiter.release()
    assert limiter.ready_at(3_000) == 3_000 + PAUSE_MS


def test_successes_give_the_places_back() -> None:
    limiter = Limiter(qps=0, burst=1, workers=4)
    limiter.throttled(0, 0)
    assert limiter.window == 2
    for _ in range(20):
        assert limiter.admit(10)
        limiter.release()
    assert limiter.window == 4
    assert repr(limiter) == "<Limiter 0 of 4 in flight, 1 tokens>"


def test_delays_double_up_to_the_cap() -> None:
    assert [delay_ms(100, attempt, 1_000) for attempt in (0, 1, 2, 3, 4, 400)] == [100, 200, 400, 800, 1_000, 1_000]


def test_jitter_is_derived_and_keeps_the_upper_half() -> None:
    waits = {delay_ms(1_000, attempt, 1_000, "replica-a") for attempt in range(50)}
    assert len(waits) > 20
    assert all(500 < wait <= 1_000 for wait in waits)
    assert delay_ms(1_000, 3, 1_000, "replica-a") == delay_ms(1_000, 3, 1_000, "replica-a")
    assert spread("replica-a", 1) != spread("replica-b", 1)


def test_refusals_press_once_a_burst_and_quiet_takes_it_back_step_by_step() -> None:
    limiter = Limiter(qps=0, burst=1, workers=8)
    assert (limiter.pressure, limiter.eases_at, limiter.ease(10**9)) == (0, None, False)
    for at in (0, 1, BURST_MS - 1, BURST_MS):
        limiter.throttled(at, None)
    assert (limiter.pressure, limiter.eases_at) == (2, BURST_MS + QUIET_MS)
    at = BURST_MS + QUIET_MS
    assert [limiter.ease(when) for when in (at - 1, at, at + QUIET_MS - 1, at + QUIET_MS)] == [False, True, False, True]
    assert (limiter.pressure, limiter.eases_at) == (0, None)


def test_pressure_has_an_end() -> None:
    limiter = Limiter(qps=0, burst=1, workers=8)
    for number in range(50):
        limiter.throttled(number * BURST_MS, None)
    assert limiter.pressure == PRESSURE_MAX


def waits(limiter: Limiter) -> list[float]:
    return [record.value for _, record in limiter.take_waits() if isinstance(record, CountRecord)]


def test_how_long_there_was_no_place_is_told_once_for_each_time_that_something_had_to_wait() -> None:
    limiter = Limiter(qps=10, burst=1, workers=100)
    assert limiter.admit(0)
    assert waits(limiter) == []
    assert not limiter.admit(10)
    assert not limiter.admit(40)
    assert waits(limiter) == []
    assert limiter.admit(110)
    assert waits(limiter) == [0.1]
    assert waits(limiter) == []


def test_where_nothing_wants_a_place_nothing_waits() -> None:
    limiter = Limiter(qps=10, burst=1, workers=100)
    assert limiter.admit(0)
    assert not limiter.free(10)
    limiter.refused(10, 0)
    assert limiter.free(200)
    assert waits(limiter) == []
    assert limiter.admit(200)
    limiter.refused(210, 3)
    assert limiter.free(300)
    assert waits(limiter) == [0.09]

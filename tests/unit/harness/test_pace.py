from threading import Event

from tests.harness.pace import ENOUGH, EVERY_S, STRIDE_S, PacedClock

STRIDE_NS = int(STRIDE_S * 1_000_000_000)


class Wall:
    ns = 0

    def __call__(self) -> int:
        return self.ns


def paced(wall: Wall) -> PacedClock:
    return PacedClock(60, lambda: None, wall)


def test_it_runs_at_full_speed_while_the_server_answers() -> None:
    wall = Wall()
    clock = paced(wall)
    begun = clock.now_ms()
    for _ in range(100):
        wall.ns += STRIDE_NS // 2
        clock.answered()
    assert clock.now_ms() - begun == 100 * 60 * STRIDE_NS // 2 // 1_000_000
    assert clock.paced_seconds() == 50 * STRIDE_S


def test_it_stands_while_no_answer_comes_and_goes_on_without_a_leap() -> None:
    wall = Wall()
    clock = paced(wall)
    begun = clock.now_ms()
    wall.ns += 1_000 * STRIDE_NS
    held = clock.now_ms()
    assert held - begun == 60 * STRIDE_NS // 1_000_000
    clock.answered()
    assert clock.now_ms() == held
    wall.ns += STRIDE_NS // 3
    assert clock.now_ms() - held == 60 * STRIDE_NS // 3 // 1_000_000


def test_it_never_goes_back_whenever_the_answers_come() -> None:
    wall = Wall()
    clock = paced(wall)
    seen = [clock.now_ms()]
    for turn in range(200):
        wall.ns += (turn * 7 % 11) * STRIDE_NS // 5
        seen.append(clock.now_ms())
        if turn % 3 == 0:
            clock.answered()
            seen.append(clock.now_ms())
    assert seen == sorted(seen)
    assert seen[-1] > seen[0]


def test_the_server_is_asked_while_somebody_waits_for_it_and_a_few_times_more() -> None:
    questions: list[int] = []
    wall = Wall()
    clock = PacedClock(60, lambda: questions.append(wall.ns), wall)
    clock.keep_pace()
    assert clock.quiet()
    assert not questions
    clock.asked()
    clock.asked()
    clock.told()
    for _ in range(ENOUGH + 2):
        clock.keep_pace()
    assert not clock.quiet()
    clock.told()
    for _ in range(ENOUGH):
        assert not clock.quiet()
        clock.keep_pace()
    assert clock.quiet()
    clock.keep_pace()
    assert len(questions) == 2 * ENOUGH + 2
    clock.heard()
    assert not clock.quiet()


def test_what_anybody_is_told_is_an_answer_too() -> None:
    wall = Wall()
    clock = paced(wall)
    begun = clock.now_ms()
    wall.ns += 100 * STRIDE_NS
    assert clock.rest_s() < 0
    clock.heard()
    assert clock.rest_s() == EVERY_S
    wall.ns += STRIDE_NS
    assert clock.now_ms() - begun == 60 * 2 * STRIDE_NS // 1_000_000


def test_the_clock_stands_while_the_pacer_waits_for_a_server_that_somebody_else_waits_for() -> None:
    hanging, released = Event(), Event()

    def ask() -> None:
        hanging.set()
        released.wait(20)

    wall = Wall()
    clock = PacedClock(60, ask, wall)
    clock.asked()
    wall.ns += STRIDE_NS
    clock.start()
    assert hanging.wait(20)
    wall.ns += STRIDE_NS
    held = clock.now_ms()
    wall.ns += 100 * STRIDE_NS
    assert clock.now_ms() == held
    clock.stop()
    released.set()

"""Is a wrong clock set by the API server's at the start, and told of later?"""

import logging
import time
from email.utils import formatdate
from pathlib import Path

import pytest

from tests.unit.adapters.apiserver import Answer, Asked, Told
from tests.unit.adapters.test_transport import connected
from wfexec.adapters.clock import WallClock
from wfexec.adapters.kube import connect
from wfexec.adapters.timekeeper import ASKED, BETWEEN_S, Timekeeper

MINUTE = 60_000
# Reality, as far as a reply can tell it.
NEAR_MS = 3_000


def refused(_: Asked) -> Answer:
    """Whatever it says, it bears a date."""
    return Told(403)


def off_ms(clock: WallClock) -> int:
    return clock.now_ms() - time.time_ns() // 1_000_000


@pytest.mark.parametrize("ahead", [10 * MINUTE, -10 * MINUTE])
def test_a_wrong_clock_goes_by_the_servers_from_the_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, ahead: int
) -> None:
    with connected(tmp_path, refused) as (connection, server):
        clock = WallClock(ahead_ms=ahead)
        keeper = Timekeeper(connection, clock)
        keeper.set(lambda: False)
        assert abs(off_ms(clock)) < NEAR_MS
        assert abs(keeper.set_by_ms - ahead) < NEAR_MS
        assert [asked.path for asked in server.asked] == ["/version"]
        assert "going by the API server's" in caplog.text
        keeper.compare()
        assert keeper.ahead_ms == 0


def test_a_right_clock_is_left_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with connected(tmp_path, refused) as (connection, _):
        clock = WallClock()
        keeper = Timekeeper(connection, clock)
        before = off_ms(clock)
        keeper.set(lambda: False)
        assert abs(off_ms(clock) - before) <= 1
        assert (keeper.set_by_ms, caplog.text) == (0, "")


def test_what_differs_later_is_told_once_and_changes_no_clock(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    said: list[float] = [time.time() - 600]

    def dated(_: Asked) -> Answer:
        return Told(headers=(("Date", formatdate(said[0], usegmt=True)),))

    with connected(tmp_path, dated) as (connection, _):
        clock = WallClock()
        keeper = Timekeeper(connection, clock)
        for now in (time.time() - 600, time.time() - 600, time.time()):
            said[0] = now
            connection.call(ASKED, 5.0)
            keeper.compare()
            assert abs(keeper.ahead_ms - (time.time() - now) * 1_000) < NEAR_MS
    assert abs(off_ms(clock)) < NEAR_MS
    told = [record.getMessage() for record in caplog.records if record.name == "wfexec.clock"]
    assert told == [
        "the clock this controller goes by is not the API server's",
        "the clock this controller goes by is the API server's again",
    ]


def test_the_time_that_a_machine_is_suspended_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = time.clock_gettime_ns
    with connected(tmp_path, refused) as (connection, _):
        clock = WallClock()
        keeper = Timekeeper(connection, clock)
        keeper.set(lambda: False)
        before = clock.now_ms()
        monkeypatch.setattr(time, "clock_gettime_ns", lambda which: told(which) + 60 * MINUTE * 1_000_000)
        assert 0 <= clock.now_ms() - before - 60 * MINUTE < NEAR_MS
        # The reply of before the sleep is judged by when it came.
        keeper.compare()
        assert keeper.ahead_ms == 0


@pytest.mark.parametrize("system_minutes", [0, -30])
def test_a_clock_that_is_behind_follows_the_servers_where_the_machines_agrees(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, system_minutes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine was paused for half an hour without knowing; only one whose own clock was put right is believed."""
    with connected(tmp_path, refused) as (connection, _):
        clock = WallClock(ahead_ms=-30 * MINUTE)
        keeper = Timekeeper(connection, clock)
        connection.call(ASKED, 5.0)
        told = time.time_ns
        monkeypatch.setattr(time, "time_ns", lambda: told() + system_minutes * MINUTE * 1_000_000)
        later = time.monotonic() + BETWEEN_S
        monkeypatch.setattr(clock, "monotonic", lambda: later)
        keeper.look()
        monkeypatch.undo()
        assert abs(off_ms(clock) - system_minutes * MINUTE) < NEAR_MS
        assert abs(keeper.ahead_ms - system_minutes * MINUTE) < NEAR_MS
    leapt = "this machine stood still" in caplog.text
    assert leapt is (system_minutes == 0)
    assert ("is not the API server's" in caplog.text) is not leapt


def test_a_server_that_says_no_time_and_one_that_is_not_there_change_nothing(tmp_path: Path) -> None:
    with connected(tmp_path, lambda _: Told(headers=(("Date", "soon"),))) as (connection, server):
        clock = WallClock(ahead_ms=MINUTE)
        keeper = Timekeeper(connection, clock)
        keeper.set(lambda: False)
        assert keeper.set_by_ms == 0
        kubeconfig = server.kubeconfig(tmp_path)
    keeper = Timekeeper(connect(str(kubeconfig), None, 1), clock)
    keeper.set(lambda: True)
    keeper.compare()
    assert (keeper.set_by_ms, keeper.ahead_ms) == (0, 0)

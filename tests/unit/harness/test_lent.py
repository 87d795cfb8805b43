"""Does the paced clock hear of whoever waits for the server, and of whatever that says?"""

from pathlib import Path

import pytest

from tests.harness.lent import Heard
from tests.harness.pace import ENOUGH, PacedClock
from tests.unit.adapters.apiserver import Asked, Stream, Told, serving
from wfexec.adapters.kube import Watching, connect
from wfexec.crd.wire import HttpCall

CALL_S = 10.0


def paced() -> PacedClock:
    return PacedClock(60, lambda: None)


def keep_pace(clock: PacedClock) -> None:
    for _ in range(ENOUGH):
        clock.keep_pace()


@pytest.mark.parametrize("status", [200, 503])
@pytest.mark.parametrize(("method", "lasts"), [("GET", False), ("POST", True), ("PATCH", True), ("DELETE", True)])
def test_nothing_is_quiet_while_a_request_is_under_way_and_a_moment_after_what_others_may_hear_of(
    tmp_path: Path, method: str, lasts: bool, status: int
) -> None:
    clock = paced()
    meanwhile: list[bool] = []

    def answer(_asked: Asked) -> Told:
        keep_pace(clock)
        meanwhile.append(clock.quiet())
        return Told(status)

    with serving(answer) as server:
        connection = Heard(connect(str(server.kubeconfig(tmp_path)), None, 2), clock)
        assert clock.quiet()
        connection.call(HttpCall(method, "/things"), CALL_S)
        assert meanwhile == [False]
        assert clock.quiet() != lasts
        keep_pace(clock)
        assert clock.quiet()
        connection.close()


def test_a_server_that_cannot_be_reached_is_not_waited_for(tmp_path: Path) -> None:
    clock = paced()
    with serving(lambda asked: Told(200)) as server:
        kubeconfig = server.kubeconfig(tmp_path)
    Heard(connect(str(kubeconfig), None, 2), clock).call(HttpCall("POST", "/things"), CALL_S)
    keep_pace(clock)
    assert clock.quiet()


def test_each_line_of_a_watch_is_heard(tmp_path: Path) -> None:
    clock = paced()
    with serving(lambda asked: Stream((b'{"one":1}\n', b'{"two":2}\n'), "open")) as server:
        connection = Heard(connect(str(server.kubeconfig(tmp_path)), None, 2), clock)
        watching = connection.watch(HttpCall("GET", "/things"), CALL_S, CALL_S)
        assert isinstance(watching, Watching)
        quiet = []
        for _, line in zip(range(2), watching.lines(), strict=False):
            assert isinstance(line, bytes)
            quiet.append(clock.quiet())
            keep_pace(clock)
            quiet.append(clock.quiet())
        assert quiet == [False, True, False, True]
        watching.stop()
        connection.close()

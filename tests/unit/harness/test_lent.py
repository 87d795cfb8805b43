"""Does the paced clock hear of whoever waits for the server, and of whatever that says?"""

from pathlib import Path

import pytest

from tests.harness.lent import Heard
from tests.harness.pace import LINGER_S, PacedClock
from tests.unit.adapters.apiserver import Asked, Stream, Told, serving
from wfexec.adapters.kube import Watching, connect
from wfexec.crd.wire import HttpCall

CALL_S = 10.0


class Wall:
    ns = 1_000_000_000_000

    def __call__(self) -> int:
        return self.ns

    def pass_linger(self) -> None:
        self.ns += int(2 * LINGER_S * 1_000_000_000)


@pytest.mark.parametrize("status", [200, 503])
def test_nothing_is_quiet_while_a_request_is_under_way_and_a_moment_after_it(tmp_path: Path, status: int) -> None:
    wall = Wall()
    clock = PacedClock(60, lambda: None, wall)
    meanwhile: list[bool] = []

    def answer(_asked: Asked) -> Told:
        wall.pass_linger()
        meanwhile.append(clock.quiet())
        return Told(status)

    with serving(answer) as server:
        connection = Heard(connect(str(server.kubeconfig(tmp_path)), None, 2), clock)
        assert clock.quiet()
        connection.call(HttpCall("GET", "/things"), CALL_S)
        assert meanwhile == [False]
        assert not clock.quiet()
        wall.pass_linger()
        assert clock.quiet()
        connection.close()


def test_a_server_that_cannot_be_reached_is_not_waited_for(tmp_path: Path) -> None:
    wall = Wall()
    clock = PacedClock(60, lambda: None, wall)
    with serving(lambda asked: Told(200)) as server:
        kubeconfig = server.kubeconfig(tmp_path)
    Heard(connect(str(kubeconfig), None, 2), clock).call(HttpCall("GET", "/things"), CALL_S)
    wall.pass_linger()
    assert clock.quiet()


def test_each_line_of_a_watch_is_heard(tmp_path: Path) -> None:
    wall = Wall()
    clock = PacedClock(60, lambda: None, wall)
    with serving(lambda asked: Stream((b'{"one":1}\n', b'{"two":2}\n'), "open")) as server:
        connection = Heard(connect(str(server.kubeconfig(tmp_path)), None, 2), clock)
        watching = connection.watch(HttpCall("GET", "/things"), CALL_S, CALL_S)
        assert isinstance(watching, Watching)
        quiet = []
        for _, line in zip(range(2), watching.lines(), strict=False):
            assert isinstance(line, bytes)
            quiet.append(clock.quiet())
            wall.pass_linger()
            quiet.append(clock.quiet())
        assert quiet == [False, True, False, True]
        watching.stop()
        connection.close()

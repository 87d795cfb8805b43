"""Does a real API server say what a wrong clock is set by? (BR-WF-047)"""

import time

import pytest

from tests.envtest.server import ControlPlane
from wfexec.adapters.clock import WallClock
from wfexec.app import Options, Process
from wfexec.settings import Settings

pytestmark = pytest.mark.apiserver
MINUTE_MS = 60_000


@pytest.mark.parametrize("ahead", [10 * MINUTE_MS, -10 * MINUTE_MS])
def test_a_controller_with_a_wrong_clock_goes_by_the_api_servers(control_plane: ControlPlane, ahead: int) -> None:
    options = Options(
        kubeconfig=str(control_plane.kubeconfig("controller")),
        metrics_address="0",
        health_address="0",
        leader_elect=False,
    )
    process = Process(Settings(), options, clock=WallClock(ahead_ms=ahead))
    # Asked to stop before it starts: it sets its clock, lists nothing and writes nothing.
    process.stop()
    assert process.run() == 0
    assert abs(process.clock.now_ms() - time.time_ns() // 1_000_000) < MINUTE_MS / 6
    page = process.scrape().decode()
    assert "wfexec_clock_ahead_seconds 0.0" in page
    told = next(line for line in page.splitlines() if line.startswith("wfexec_clock_set_back_seconds "))
    assert abs(float(told.split()[1]) * 1_000 - ahead) < MINUTE_MS / 6

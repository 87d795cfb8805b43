"""What does `wfexec run` itself cost, as a process of its own? Its processor time, memory and requests.

Called by `tests.bench.crowd`. Processor time and memory are what Linux says of a process, requests what the
controller's own metrics page says. Elsewhere than on Linux there is nothing to read, and `readable` says so.
"""

import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from time import monotonic, perf_counter
from typing import Final
from urllib.request import urlopen

from tests.envtest.server import ControlPlane, die_with_parent, free_ports

ROOT: Final = Path(__file__).resolve().parents[2]
# No limit on requests, which is the client's lot too, and else as `load.SETTINGS`.
SET: Final = ("kubernetes-qps=0", "embedded-conditions=false")
START_S: Final = 60.0
STOP_S: Final = 30.0
LOOK_S: Final = 0.02
CALL_S: Final = 10.0
_SAMPLE: Final = re.compile(r"^(\w+)(?:\{([^}]*)\})? (\S+)$", re.MULTILINE)
_VERB: Final = re.compile(r'verb="(\w+)"')


def readable() -> bool:
    return Path("/proc/self/stat").exists()


def processor_s(pid: int) -> float:
    """Seconds of processor time that a process has had, all threads, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_mib(pid: int) -> float:
    """Most memory that it has ever held."""
    found = re.search(r"^VmHWM:\s+(\d+) kB$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) / 1_024


class Shipped:
    """A running controller process. `started` is the second when it was started."""

    def __init__(self, process: "subprocess.Popen[bytes]", ports: tuple[int, int], log: Path) -> None:
        self.started = perf_counter()
        self.pid = process.pid
        self._process = process
        self._metrics, self._health = ports
        self._log = log

    def ready(self) -> bool:
        """Both kinds are listed, and the lease is held by somebody."""
        assert self._process.poll() is None, self._log.read_text(errors="replace")[-2_000:]
        try:
            return bool(urlopen(f"http://127.0.0.1:{self._health}/readyz", timeout=CALL_S).status == 200)
        except OSError:
            return False

    def wait_ready(self) -> None:
        limit = monotonic() + START_S
        while not self.ready():
            assert monotonic() < limit, self._log.read_text(errors="replace")[-2_000:]
            Event().wait(LOOK_S)

    def figures(self) -> dict[str, float]:
        """Those samples of its metrics page that have no labels."""
        return {name: float(value) for name, labels, value in _SAMPLE.findall(self._page()) if not labels}

    def requests(self) -> "Counter[str]":
        """How many requests have ended, by verb; watches and leases too."""
        found: Counter[str] = Counter()
        for name, labels, value in _SAMPLE.findall(self._page()):
            verb = _VERB.search(labels)
            if name == "wfexec_api_requests_total" and verb is not None and float(value):
                found[verb[1]] += int(float(value))
        return found

    def _page(self) -> str:
        with urlopen(f"http://127.0.0.1:{self._metrics}/metrics", timeout=CALL_S) as answer:
            return str(answer.read().decode())


@contextmanager
def shipped(plane: ControlPlane) -> Iterator[Shipped]:
    """`wfexec run` as the user that deploy/ binds, with leader election, until the block ends; it must end well."""
    ports = free_ports(2)
    told = [f"--metrics-bind-address=127.0.0.1:{ports[0]}", f"--health-probe-bind-address=127.0.0.1:{ports[1]}"]
    command = [sys.executable, "-m", "wfexec", "run", f"--kubeconfig={plane.kubeconfig('controller')}", *told]
    log = plane.folder / f"controller-{ports[0]}.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [*command, *(f"--set={each}" for each in SET)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            preexec_fn=die_with_parent(),
        )
        try:
            yield Shipped(process, (ports[0], ports[1]), log)
            process.terminate()
            assert process.wait(STOP_S) == 0, log.read_text(errors="replace")[-2_000:]
        finally:
            process.kill()
            process.wait()

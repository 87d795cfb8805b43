"""What happened to a controller in a simulated run, so that it can happen again under the other driver.

A script is what the simulation's driver did to the machine, call by call, with what the machine asked for after each.
It is played to `wfexec.app.Loop` by a clock and a transport that know nothing but the script.
"""

from collections.abc import Callable
from threading import Event, Thread
from typing import Any, Final, NamedTuple

from sim.driver import Options, Simulation
from sim.machine import Machine
from wfexec.adapters.clock import WallClock
from wfexec.app import Crash, Look, Loop
from wfexec.engine.controller import Controller
from wfexec.model.requests import Request

PATIENCE_S: Final = 60


class Call(NamedTuple):
    """`signals` came together; none: the machine was started or woken. `asked` is what it wanted sent then."""

    now: int
    signals: list[Any]
    asked: list[Request]


class Life(NamedTuple):
    """From a start to a crash or the end."""

    identity: str
    calls: list[Call]


class Recorder:
    """A controller that notes what its driver does to it."""

    def __init__(self, controller: Controller, life: Life) -> None:
        self._controller = controller
        self._calls = life.calls
        # Since the last signal.
        self._taken = True

    def start(self, now: int) -> None:
        self._calls.append(Call(now, [], []))
        self._controller.start(now)

    def feed(self, signal: Any, now: int) -> None:
        if self._taken:
            self._calls.append(Call(now, [], []))
            self._taken = False
        self._calls[-1].signals.append(signal)
        self._controller.feed(signal, now)

    def tick(self, now: int) -> None:
        self._calls.append(Call(now, [], []))
        self._controller.tick(now)

    def take(self) -> list[Any]:
        self._taken = True
        asked = self._controller.take()
        self._calls[-1].asked.extend(asked)
        return asked

    def wake_at(self) -> int | None:
        return self._controller.wake_at()


def record(options: Options, elects: bool, story: Callable[[Simulation], None]) -> list[Life]:
    """The lives of the one controller in a simulated run; `story` creates workflows, runs, and does what people do."""
    simulation = Simulation(options)
    lives: list[Life] = []

    def make(identity: str) -> Machine:
        lives.append(Life(identity, []))
        return Recorder(Controller(options.settings, identity, leader_election=elects), lives[-1])

    (process,) = simulation.controllers
    process.nature = process.nature._replace(make=make)
    story(simulation)
    return lives


class ScriptedClock(WallClock):
    """Stands still until the script goes on; the loop waits for what the script sends and for nothing else."""

    def __init__(self, now: int) -> None:
        super().__init__()
        self.now = now

    def now_ms(self) -> int:
        return self.now

    def real_seconds(self, ms: int) -> float:
        return PATIENCE_S


class _TheEnd(BaseException):
    """The script is over, and the machine is not."""


def play(options: Options, elects: bool, life: Life) -> list[list[Request]]:
    """What the machine asks for, call by call, when production's loop drives it through the same script."""
    clock = ScriptedClock(life.calls[0].now)
    sent: list[Request] = []
    controller = Controller(options.settings, life.identity, leader_election=elects)
    loop = Loop(controller, clock, lambda request, reply: sent.append(request), lambda seconds: None)
    thread = Thread(target=loop.run, name="engine", daemon=True)
    asked: list[list[Request]] = []
    thread.start()
    for call in life.calls:
        clock.now = call.now
        for signal in call.signals:
            loop.post(signal)
        _settle(loop, thread)
        asked.append(sent[:])
        sent.clear()
    loop.post(Crash(_TheEnd()))
    thread.join(PATIENCE_S)
    assert not thread.is_alive()
    if not isinstance(loop.failure, _TheEnd | None):
        raise loop.failure
    return asked


def _settle(loop: Loop, thread: Thread) -> None:
    """Until all that was posted is fed and what followed is sent: the second look comes a turn later than the first."""
    for _ in range(2):
        look = Look(lambda: None, Event())
        loop.post(look)
        while not look.done.wait(0.01):
            if not thread.is_alive():
                return

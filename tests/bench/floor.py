"""What would the same protocol cost in SimPy if nothing had to be decided, stored or checked?

A hand-written model: one process per workflow and per chain, each round trip to the API and each way of a watch event
one `yield env.timeout`. It knows no object, no version, no status. Called by `tests.bench.throughput`, which counts in
a traced run how many such delays a workflow has. It must never import the project.
"""

from collections.abc import Generator
from random import Random
from typing import Any, NamedTuple

from simpy import Environment

Run = Generator[Any, Any, None]


class Protocol(NamedTuple):
    """Delays of one workflow: before its first step, in each step before and after its work, after the last step."""

    opening: int
    before: int
    after: int
    closing: int
    chains: tuple[int, ...]

    @property
    def steps(self) -> int:
        return 2 + sum(self.chains)

    @property
    def delays(self) -> int:
        return self.opening + self.steps * (self.before + self.after) + self.closing


def protocol(delays: int, chains: tuple[int, ...]) -> Protocol:
    """`delays` spread over the workflow: seven eighths belong to its steps, as traced."""
    steps = 2 + sum(chains)
    each = delays * 7 // (8 * steps)
    rest = delays - each * steps
    return Protocol(rest // 2, each // 2, each - each // 2, rest - rest // 2, chains)


def simulate(shape: Protocol, workflows: int, spacing_ms: int, work_ms: tuple[int, int], seed: int) -> float:
    """Run `workflows`, one more every `spacing_ms`; the virtual time at the end."""
    env = Environment()
    draw = Random(seed).random
    least, most = work_ms
    span = most - least

    def step() -> Run:
        for _ in range(shape.before):
            yield env.timeout(2 + 6 * draw())
        yield env.timeout(least + span * draw())
        for _ in range(shape.after):
            yield env.timeout(2 + 6 * draw())

    def chain(length: int) -> Run:
        for _ in range(length):
            yield from step()

    def workflow(arrival: int) -> Run:
        yield env.timeout(arrival)
        for _ in range(shape.opening):
            yield env.timeout(2 + 6 * draw())
        yield from step()
        yield env.all_of([env.process(chain(length)) for length in shape.chains])
        yield from step()
        for _ in range(shape.closing):
            yield env.timeout(2 + 6 * draw())

    for number in range(workflows):
        env.process(workflow(number * spacing_ms))
    env.run()
    return float(env.now)

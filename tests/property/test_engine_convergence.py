"""Trouble, then calm: whatever went wrong, every workflow ends, each child was made once and in order.

Lost and late replies, duplicated and lagging watch events, 410, refused writes, foreign edits, crashes of the
controller between any two of its writes, two replicas with a lease.
"""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.property.engine_world import STEPS, World

CALM_STEPS = 6_000


def play(world: World, trouble_steps: int) -> None:
    for _ in range(trouble_steps):
        world.step()
    world.trouble = 0.0
    for _ in range(CALM_STEPS):
        if world.finished:
            break
        world.step()
    # It must stay there, and the last replies still have to arrive.
    for _ in range(100):
        world.step()


def expected(workflows: int) -> dict[str, int]:
    return {f"w{flow}-step-{step}": 1 for flow in range(workflows) for step in range(1, STEPS + 1)}


@settings(max_examples=60)
@given(st.integers(0, 2**32), st.integers(0, 300))
def test_one_replica_converges_after_any_trouble(seed: int, trouble_steps: int) -> None:
    world = World(seed, workflows=3)
    play(world, trouble_steps)
    assert world.finished, world.replicas
    assert world.broken == []
    assert world.created == expected(3)


@settings(max_examples=40)
@given(st.integers(0, 2**32), st.integers(0, 300))
def test_two_replicas_never_write_at_once_and_converge(seed: int, trouble_steps: int) -> None:
    world = World(seed, workflows=2, replicas=2)
    play(world, trouble_steps)
    assert world.finished, world.replicas
    assert world.broken == []
    assert world.created == expected(2)


@settings(max_examples=20)
@given(st.integers(0, 2**32))
def test_without_trouble_no_write_and_no_count_is_wasted(seed: int) -> None:
    world = World(seed, workflows=3)
    world.trouble = 0.0
    play(world, 0)
    assert world.created == expected(3)
    # Per workflow: one status write and one creation per step, and the last status write.
    assert world.writes == 3 * (2 * STEPS + 1)
    assert world.completed_counts == {f"w{flow}": 1 for flow in range(3)}


def test_the_same_seed_plays_the_same_run() -> None:
    runs = []
    for _ in range(2):
        world = World(7, workflows=2, replicas=2)
        play(world, 200)
        runs.append((world.version, world.now, [version for version, _, _ in world.history], world.events))
    assert runs[0] == runs[1]

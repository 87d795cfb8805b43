"""Is there a run in which something is wrong? Random remediations under random faults, one after the other (BR-WF-032).

Called by `sim hunt` and the acceptance scenarios. What is found is shrunk and kept as files that play it again. A case
is known by its seed alone, so the result does not depend on who plays it, nor in which order. It must never look
at a real clock.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, as_completed
from enum import StrEnum
from typing import Final, NamedTuple

from pydantic import ValidationError

from sim.cases import scenario_of
from sim.cluster.cluster import Depth
from sim.generate import ANYTHING, WRITES_PER_STEP, Case, Wish, calm, generate
from sim.rng import Streams
from sim.scenario import Run, play
from sim.shrink import TRIES, shrink, size
from sim.troubles import draw
from wfexec.errors import BadInput
from wfexec.model.phases import Phase

BATCH: Final = 8
# One run in so many is played in wire depth as well; both must tell the same story.
RECHECKED: Final = 16


class Aim(StrEnum):
    """DEFECT: a broken promise or an exception, that is, a bug of ours. The others are how a workflow may end."""

    DEFECT = "defect"
    FAILURE = "failure"
    ROLLBACK = "rollback"
    DAMAGE = "damage"


class Grounds(NamedTuple):
    """What is hunted over. `own`: a person's remediation, under faults of each seed; None: a generated one per seed."""

    aim: Aim = Aim.DEFECT
    wish: Wish = ANYTHING
    own: Case | None = None
    faults: bool = True


class Sight(NamedTuple):
    """What stood out in a run: `kind` stays the same while the case shrinks, `told` is for people."""

    kind: str
    told: str


class Tally(NamedTuple):
    """What a hunt went through, in sums."""

    runs: int = 0
    completed: int = 0
    writes: int = 0
    faults: int = 0

    def plus(self, other: "Tally") -> "Tally":
        return Tally(*(mine + its for mine, its in zip(self, other, strict=True)))


class Found(NamedTuple):
    """The first seed (by number) in which it was seen; `case` is small, `before` and `after` are (steps, faults)."""

    seed: int
    sight: Sight
    case: Case
    before: tuple[int, int]
    after: tuple[int, int]
    tries: int


Hear = Callable[[int], None]
Batch = tuple[Tally, tuple[int, Sight] | None]


def case_of(grounds: Grounds, seed: int) -> Case:
    """The case of this seed on these grounds."""
    own = grounds.own
    if own is None:
        case = generate(seed, grounds.wish)
    else:
        luck = Streams(seed).of("hunt", "troubles")
        steps, _ = size(own)
        case = own._replace(seed=seed, troubles=draw(luck, WRITES_PER_STEP * steps + 10))
    return case if grounds.faults else calm(case)


def sight_of(case: Case, aim: Aim, *, both_depths: bool = False) -> tuple[Sight | None, Tally]:
    """Play it and look. BadInput for a case that is none."""
    try:
        scenario = scenario_of(case)
    except ValidationError as error:
        raise BadInput(()) from error
    faults = len(case.troubles.writes)
    try:
        run = play(scenario)
        agreed = not both_depths or _digest_on_the_wire(case) == run.digest()
    except Exception as error:  # noqa: BLE001 - whatever breaks a run is what we look for
        sight = Sight(f"exception {type(error).__name__}", f"{type(error).__name__}: {error}"[:500])
        return (sight if aim is Aim.DEFECT else None), Tally(1, 0, 0, faults)
    tally = Tally(1, int(run.completed), run.writes, faults)
    return (_LOOKS[aim](run) if agreed else Sight("depths", "the depths of the simulation differ")), tally


def _digest_on_the_wire(case: Case) -> str:
    scenario = scenario_of(case)
    return play(scenario._replace(options=scenario.options._replace(depth=Depth.WIRE))).digest()


def _defect(run: Run) -> Sight | None:
    return next((Sight(one.check, str(one)) for one in run.complaints), None)


def _failure(run: Run) -> Sight | None:
    for workflow in run.workflows:
        if workflow.status.phase == Phase.FAILED:
            reason = workflow.status.failure_reason
            return Sight(f"failed {reason.partition(':')[0]}", f"{workflow.metadata.name} failed: {reason}")
    return None


def _rollback(run: Run) -> Sight | None:
    for move in run.history.workflows:
        if move.after is not None and move.after.status.phase == Phase.ROLLING_BACK:
            return Sight("rolled back", f"{move.after.metadata.name} was rolled back: {move.after.status.message}")
    return None


def _damage(run: Run) -> Sight | None:
    """A failed workflow may leave damage; one that says it completed should not."""
    if not run.damaged:
        return None
    targets = ", ".join("/".join(part for part in one if part) for one in run.damaged)
    return Sight(f"damage, completed {run.completed}", f"worse off than before: {targets}")


_LOOKS: Final[dict[Aim, Callable[[Run], Sight | None]]] = {
    Aim.DEFECT: _defect,
    Aim.FAILURE: _failure,
    Aim.ROLLBACK: _rollback,
    Aim.DAMAGE: _damage,
}


def hunt(
    grounds: Grounds, seeds: range, executor: Executor | None, hear: Hear, tries: int = TRIES
) -> tuple[Tally, Found | None]:
    """Until it is seen, or the seeds are at an end; `hear` is told how many runs came in.

    `executor` None plays them here. Runs after the one that showed it may be in the tally.
    """
    batches = [seeds[start : start + BATCH] for start in range(0, len(seeds), BATCH)]
    tally, seen = Tally(), list[tuple[int, Sight]]()
    for part, found in _played(grounds, executor, batches):
        tally = tally.plus(part)
        hear(part.runs)
        if found is not None:
            seen.append(found)
    if not seen:
        return tally, None
    seed, sight = min(seen, key=lambda one: one[0])
    return tally, reduced(case_of(grounds, seed), seed, sight, grounds.aim, tries)


def reduced(case: Case, seed: int, sight: Sight, aim: Aim, tries: int = TRIES) -> Found:
    """The same, in a case as small as `tries` questions make it."""
    again = sight.kind == "depths"

    def shows(smaller: Case) -> bool:
        try:
            other, _ = sight_of(smaller, aim, both_depths=again)
        except BadInput:
            return False
        return other is not None and other.kind == sight.kind

    small, asked = shrink(case, shows, tries)
    told, _ = sight_of(small, aim, both_depths=again)
    return Found(seed, told or sight, small, size(case), size(small), asked)


def look_at(grounds: Grounds, seeds: range) -> Batch:
    """Some seeds, up to the first in which it is seen; what a worker process does."""
    tally = Tally()
    for seed in seeds:
        sight, one = sight_of(case_of(grounds, seed), grounds.aim, both_depths=seed % RECHECKED == 0)
        tally = tally.plus(one)
        if sight is not None:
            return tally, (seed, sight)
    return tally, None


def _played(grounds: Grounds, executor: Executor | None, batches: list[range]) -> Iterator[Batch]:
    """Up to and with the batch that shows it; those already begun elsewhere come in as well."""
    if executor is None:
        for seeds in batches:
            batch = look_at(grounds, seeds)
            yield batch
            if batch[1] is not None:
                return
        return
    futures = [executor.submit(look_at, grounds, seeds) for seeds in batches]
    seen = False
    for future in as_completed(futures):
        if future.cancelled():
            continue
        batch = future.result()
        yield batch
        if batch[1] is not None and not seen:
            seen = True
            # Earlier batches must still be heard: one of them may show it in a smaller seed.
            for later in futures[futures.index(future) + 1 :]:
                later.cancel()

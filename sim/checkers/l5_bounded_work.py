"""L5: is the work in proportion to what happens? Writes and looks of a controller have a ceiling (BR-PERF-008).

What happens: versions that others made, moves of phases, steps and children, requests of people, and time that passes
while something is polled. The ceilings are some times what a correct controller needs; a loop passes them at once.
"""

from collections.abc import Iterator
from typing import Final

from sim.checkers.complaint import Complaint
from sim.history import History
from sim.trace import name_of
from wfexec.model.requests import Code, PatchStatus
from wfexec.units import so_many

WRITES_FREE: Final = 20
WRITES_PER_MOVE: Final = 3
LOOKS_FREE: Final = 60
LOOKS_PER_MOVE: Final = 8
# At most so often is anything looked at that does not change.
POLL_MS: Final = 1_000


def check(history: History) -> Iterator[Complaint]:
    moves: dict[str, int] = {}
    for move in history.workflows:
        thing = move.after or move.before
        assert thing is not None, "a move has at least one side"
        about = f"{thing.metadata.namespace}/{thing.metadata.name}"
        old = move.before
        own = old is not None and old.spec is thing.spec and old.metadata.annotations == thing.metadata.annotations
        # A version that moves nothing is no reason for another write.
        moves[about] = moves.get(about, 0) + (not own or (old is not None and old.status.phase != thing.status.phase))
    for step in history.steps:
        meta = step.workflow.metadata
        about = f"{meta.namespace}/{meta.name}"
        moves[about] = moves.get(about, 0) + (step.before is None or step.before.status != step.after.status)
    for child in history.children:
        if child.workflow is not None:
            meta = child.workflow.metadata
            about = f"{meta.namespace}/{meta.name}"
            moves[about] = moves.get(about, 0) + 1
    begun = history.workflows[0].at if history.workflows else history.end
    polls = (history.end - begun) // POLL_MS + history.troubles * WRITES_FREE
    yield from _writes(history, moves, polls)
    ceiling = LOOKS_FREE * (1 + len(moves)) + LOOKS_PER_MOVE * sum(moves.values()) + polls * max(1, len(moves))
    if history.looks > ceiling:
        moved = f"{so_many(sum(moves.values()), 'move')} of {so_many(len(moves), 'workflow')}"
        message = f"{so_many(history.looks, 'look')} for {moved}"
        yield Complaint("L5", history.end, "controller", message)


def _writes(history: History, moves: dict[str, int], polls: int) -> Iterator[Complaint]:
    written: dict[str, int] = {}
    for write in history.writes:
        kind = write.body.__class__
        # Children are counted with whom they belong to by their creation; a conflict is somebody else's doing.
        if kind is PatchStatus and write.code is Code.OK:
            name = name_of(write.body)
            written[name] = written.get(name, 0) + 1
    for about, count in written.items():
        if count > WRITES_FREE + WRITES_PER_MOVE * moves.get(about, 0) + polls:
            message = f"{so_many(count, 'status write')} for {so_many(moves.get(about, 0), 'move')}"
            yield Complaint("L5", history.end, about, message)

"""The phase and step tables as data; the picture in the docs is drawn from them (BR-WF-002, BR-WF-030).

Rules of this file:
1. A move that is not in a table does not happen; `Draft` checks every phase and step move against them.
2. Terminal phases and ended steps have no way out but the ones listed here.
3. The reason column says when; the code that judges it is named by the same words.
"""

from typing import Final, NamedTuple

from wfexec.model.phases import Phase, StepState


class Move(NamedTuple):
    source: str
    target: str
    reason: str


def _moves(*rows: tuple[str, str, str]) -> tuple[Move, ...]:
    return tuple(Move(*row) for row in rows)


PHASE_MOVES: Final = _moves(
    (Phase.NEW, Phase.PLANNING, "object seen"),
    (Phase.PLANNING, Phase.VALIDATING, "plan built"),
    (Phase.PLANNING, Phase.FAILED, "definition refused, or not planned in time"),
    (Phase.VALIDATING, Phase.EXECUTING, "checks passed, dry run ok, approved or not needed"),
    (Phase.VALIDATING, Phase.FAILED, "check failed, dry run failed, rejected or too late"),
    (Phase.EXECUTING, Phase.MONITORING, "every step ended, no fatal failure"),
    (
        Phase.EXECUTING,
        Phase.ROLLING_BACK,
        "fatal failure, trigger or deadline, strategy automatic; cancelled with rollback; rollback requested",
    ),
    (Phase.EXECUTING, Phase.FAILED, "fatal failure, trigger or deadline, strategy manual or none"),
    (Phase.MONITORING, Phase.COMPLETED, "targets healthy for the window, or it cannot be verified in time"),
    (
        Phase.MONITORING,
        Phase.ROLLING_BACK,
        "trigger, new alerts or a required postcondition that no longer holds, strategy automatic; rollback requested",
    ),
    (
        Phase.MONITORING,
        Phase.FAILED,
        "trigger, new alerts or a required postcondition that no longer holds, strategy manual or none",
    ),
    (Phase.FAILED, Phase.ROLLING_BACK, "rollback requested"),
    (Phase.FAILED, Phase.EXECUTING, "manual retry"),
    (Phase.ROLLING_BACK, Phase.FAILED, "rollback ended"),
    (Phase.ROLLING_BACK, Phase.CANCELLED, "rollback of a cancelled workflow ended"),
    (Phase.PLANNING, Phase.PAUSED, "suspended"),
    (Phase.VALIDATING, Phase.PAUSED, "suspended"),
    (Phase.EXECUTING, Phase.PAUSED, "suspended"),
    (Phase.MONITORING, Phase.PAUSED, "suspended"),
    (Phase.PAUSED, Phase.PLANNING, "resumed"),
    (Phase.PAUSED, Phase.VALIDATING, "resumed"),
    (Phase.PAUSED, Phase.EXECUTING, "resumed"),
    (Phase.PAUSED, Phase.MONITORING, "resumed"),
    (Phase.PLANNING, Phase.CANCELLED, "cancelled"),
    (Phase.VALIDATING, Phase.CANCELLED, "cancelled"),
    (Phase.EXECUTING, Phase.CANCELLED, "cancelled, children ended"),
    (Phase.MONITORING, Phase.CANCELLED, "cancelled"),
    (Phase.PAUSED, Phase.CANCELLED, "cancelled, children ended"),
    (Phase.PAUSED, Phase.FAILED, "cancelled after a fatal failure"),
    (Phase.PAUSED, Phase.ROLLING_BACK, "cancelled with rollback, or rollback requested"),
)

# A person may skip these, and call these and the others completed (BR-WF-005).
_UNDECIDED: Final = (StepState.RETRYING, StepState.FAILED, StepState.BLOCKED)
_OTHERS: Final = (StepState.PENDING, StepState.SKIPPED)
STEP_MOVES: Final = _moves(
    (StepState.PENDING, StepState.EXECUTING, "start"),
    (StepState.EXECUTING, StepState.COMPLETED, "success"),
    (StepState.EXECUTING, StepState.FAILED, "error, timeout"),
    (StepState.EXECUTING, StepState.RETRYING, "error, attempts left"),
    (StepState.RETRYING, StepState.EXECUTING, "start"),
    (StepState.RETRYING, StepState.FAILED, "workflow ends before the next attempt"),
    (
        StepState.PENDING,
        StepState.SKIPPED,
        "dependency did not complete, when is false, nothing is left to do, or the workflow ended",
    ),
    (StepState.PENDING, StepState.FAILED, "an expression of its has no value"),
    (StepState.FAILED, StepState.RETRYING, "a person tries again"),
    (StepState.BLOCKED, StepState.PENDING, "a person tries again"),
    (StepState.SKIPPED, StepState.PENDING, "what it waits for is tried again or was called completed"),
    *((state, StepState.SKIPPED, "skipped by a person") for state in _UNDECIDED),
    *((state, StepState.COMPLETED, "called completed by a person") for state in (*_UNDECIDED, *_OTHERS)),
    (StepState.PENDING, StepState.BLOCKED, "required precondition false"),
    (StepState.COMPLETED, StepState.FAILED, "required postcondition false"),
    (StepState.COMPLETED, StepState.ROLLED_BACK, "undone"),
    (StepState.FAILED, StepState.ROLLED_BACK, "undone what had taken effect"),
)

PHASE_TARGETS: Final[dict[str, frozenset[str]]] = {
    str(phase): frozenset(move.target for move in PHASE_MOVES if move.source == phase) for phase in Phase
}
STEP_TARGETS: Final[dict[str, frozenset[str]]] = {
    str(state): frozenset(move.target for move in STEP_MOVES if move.source == state) for state in StepState
}


def mermaid(moves: tuple[Move, ...]) -> str:
    """A Mermaid state diagram of a table; moves between the same two states share an arrow."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for move in moves:
        reasons.setdefault((move.source, move.target), []).append(move.reason)
    lines = ["stateDiagram-v2"]
    for (source, target), words in reasons.items():
        lines.append(f"    {source or '[*]'} --> {target}: {' / '.join(words)}")
    ends = sorted({move.target for move in moves} - {move.source for move in moves})
    lines.extend(f"    {end} --> [*]" for end in ends)
    return "\n".join(lines) + "\n"

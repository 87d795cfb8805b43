"""The tables and the picture drawn from them (BR-WF-002)."""

from pathlib import Path

from wfexec.core.transitions import PHASE_MOVES, PHASE_TARGETS, STEP_MOVES, mermaid
from wfexec.model.phases import TERMINAL, Phase, StepState

DOC = Path(__file__).parents[3] / "docs" / "states.md"


def test_the_only_way_out_of_an_end_is_from_failed() -> None:
    assert {phase: PHASE_TARGETS[phase] for phase in TERMINAL} == {
        Phase.COMPLETED: frozenset(),
        Phase.CANCELLED: frozenset(),
        Phase.FAILED: frozenset({Phase.ROLLING_BACK, Phase.EXECUTING}),
    }


def test_every_phase_and_step_state_is_reached() -> None:
    assert {move.target for move in PHASE_MOVES} == {str(phase) for phase in Phase} - {""}
    assert {move.target for move in STEP_MOVES} == {str(state) for state in StepState}


def test_no_move_is_listed_twice() -> None:
    assert len({move[:2] for move in PHASE_MOVES}) == len(PHASE_MOVES)
    assert len({move[:2] for move in STEP_MOVES}) == len(STEP_MOVES)


def test_the_picture_in_the_docs_is_the_table() -> None:
    text = DOC.read_text(encoding="utf-8")
    assert f"```mermaid\n{mermaid(PHASE_MOVES)}```" in text
    assert f"```mermaid\n{mermaid(STEP_MOVES)}```" in text

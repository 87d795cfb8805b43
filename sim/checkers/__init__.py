"""The part you must believe: promises that every run keeps, one per file, each shown to fail on a planted defect.

Called after every simulated run with its history. A checker reads what the store held, never what the controller
believed, and judges by the object's spec, never by the controller's own code.
"""

from typing import Final

from sim.checkers import (
    l2_woken_in_time,
    l3_limits_end_phases,
    l4_let_go,
    l5_bounded_work,
    s1_one_child_per_attempt,
    s2_dependencies_first,
    s3_legal_phases,
    s4_no_change_out_of_turn,
    s5_parallel_limit,
    s6_cause_and_requester,
    s6_legal_rollback,
    s6_undo_and_effect,
    s7_attempts_and_deadline,
    s8_final_record,
    s9_metrics_equal_state,
    s10_owned_children,
    s11_decided_by_what_was_seen,
    s12_no_secrets,
    s13_answered_as_agreed,
    terminal_reached,
)
from sim.checkers.complaint import Checker, Complaint
from sim.history import History

CHECKERS: Final[tuple[Checker, ...]] = (
    s1_one_child_per_attempt.check,
    s2_dependencies_first.check,
    s3_legal_phases.check,
    s4_no_change_out_of_turn.check,
    s5_parallel_limit.check,
    s6_cause_and_requester.check,
    s6_legal_rollback.check,
    s6_undo_and_effect.check,
    s7_attempts_and_deadline.check,
    s8_final_record.check,
    s9_metrics_equal_state.check,
    s10_owned_children.check,
    s11_decided_by_what_was_seen.check,
    s12_no_secrets.check,
    s13_answered_as_agreed.check,
    terminal_reached.check,
    l2_woken_in_time.check,
    l3_limits_end_phases.check,
    l4_let_go.check,
    l5_bounded_work.check,
)


def complaints(history: History) -> tuple[Complaint, ...]:
    """All broken promises, by checker; empty is what a correct controller leaves."""
    return tuple(complaint for check in CHECKERS for complaint in check(history))

"""The part you must believe: promises that every run keeps, one per file, each shown to fail on a planted defect.

Called after every simulated run with its history. A checker reads what the store held, never what the controller
believed, and judges by the object's spec, never by the controller's own code.
"""

from typing import Final

from sim.checkers import (
    s1_one_child_per_attempt,
    s2_dependencies_first,
    s3_legal_phases,
    s5_parallel_limit,
    s6_legal_rollback,
    s7_attempts_and_deadline,
    s10_owned_children,
    terminal_reached,
)
from sim.checkers.complaint import Checker, Complaint
from sim.history import History

CHECKERS: Final[tuple[Checker, ...]] = (
    s1_one_child_per_attempt.check,
    s2_dependencies_first.check,
    s3_legal_phases.check,
    s5_parallel_limit.check,
    s6_legal_rollback.check,
    s7_attempts_and_deadline.check,
    s10_owned_children.check,
    terminal_reached.check,
)


def complaints(history: History) -> tuple[Complaint, ...]:
    """All broken promises, by checker; empty is what a correct controller leaves."""
    return tuple(complaint for check in CHECKERS for complaint in check(history))

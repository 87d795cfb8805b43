"""What a row of the catalogue of reasons says; the rows are in `wfexec.core.reasons`."""

from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """Where a person meets the word.

    PLANNING: reason of the condition Planned=False, and of what `wfexec lint` refuses. ENDING: first word of
    `status.failureReason` or of `status.workflowResult.reason`. ERROR: `errorType` of the workflow or of a step.
    """

    PLANNING = "planning"
    ENDING = "ending"
    ERROR = "error"


class Reason(NamedTuple):
    """`phase` is where the workflow stands when it is said; `meaning` and `fix` are sentences without a full stop.

    `requirement` is a BR ID. `door` is what the API server says when it refuses the same thing before the controller
    sees it, "" where it cannot: then the controller's own check stands only for servers without our schema.
    """

    word: str
    kind: Kind
    phase: str
    meaning: str
    fix: str
    requirement: str
    door: str = ""

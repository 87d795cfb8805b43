"""Members of enumerations that are read for every event and every reply, as plain names.

A member read from its class costs a call (until Python 3.12), a name of a module nothing. Called by core, engine and
the simulated cluster; where it does not happen all the time, the enumeration itself says more.
"""

from typing import Final

from wfexec.model.phases import Phase, StepState
from wfexec.model.requests import Change, Code, Kind

OK: Final = Code.OK
NOT_FOUND: Final = Code.NOT_FOUND
THROTTLED: Final = Code.THROTTLED
ADDED: Final = Change.ADDED
MODIFIED: Final = Change.MODIFIED
DELETED: Final = Change.DELETED
WORKFLOW: Final = Kind.WORKFLOW
EXECUTION: Final = Kind.EXECUTION
STEP_PENDING: Final = StepState.PENDING
STEP_COMPLETED: Final = StepState.COMPLETED
PAUSED: Final = Phase.PAUSED

"""What lies near the targets of a workflow: how it looked before the first step, and what fell ill since (BR-WF-051s).

Part of WorkflowExecution.status.
"""

from pydantic import Field

from wfexec.model.base import Count, Namespace, Text, Value, Word

# How many objects that were not well are noted before the first step, and how many that fell ill after it.
UNWELL_MAX = 64
SIDE_EFFECTS_MAX = 16


class SideEffect(Value):
    """Something near the targets that was well before the first step and is not any more (BR-WF-051s)."""

    resource_type: Word
    name: Word
    namespace: Namespace = ""
    message: Text = ""


class Surroundings(Value):
    """How it looked near the targets just before the first step: `looked_at` objects, of which these were not well.

    `more` of them did not fit; `unknown` says why nobody could look, "" when somebody did. `suspects` fell ill since
    and are looked at again. A namespace "" stands for all of them.
    """

    namespaces: tuple[Namespace, ...] = Field(default=(), max_length=8)
    looked_at: Count = 0
    unwell: tuple[Text, ...] = Field(default=(), max_length=UNWELL_MAX)
    more: Count = 0
    unknown: Text = ""
    suspects: tuple[Text, ...] = Field(default=(), max_length=SIDE_EFFECTS_MAX)

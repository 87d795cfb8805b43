"""What outlives a workflow: rows for an audit store, which keeps each once however often it is given one (BR-WF-029).

A row says who it is about and which one it is: its key. It is made from the object alone, so that whoever looks again
after a crash makes the same one. No text of a person stands in it that could hold a secret.
"""

from typing import Final, NamedTuple

# The number of the final record; what happened before has numbers from 1.
FINAL: Final = 0


class FinalRecord(NamedTuple):
    """A workflow as it was when it was let go. Instants in milliseconds, None for what never came.

    fingerprint: of the signal that it answered, as its parent wrote it on; "" for none. remediation: its parent's name.
    phase "" and no steps: it was never taken up, or it could not be read. reason: the machine word of its failure.
    validation: passed, failed, or "" where it was not judged. completed, failed: steps; those undone had completed.
    """

    uid: str
    kind: str
    namespace: str
    name: str
    fingerprint: str
    correlation: str
    remediation: str
    definition: str
    version: str
    phase: str
    outcome: str
    reason: str
    validation: str
    created: int | None
    ended: int | None
    deleted: int | None
    steps: int
    completed: int
    failed: int
    number: int = FINAL

    @property
    def key(self) -> tuple[str, int]:
        return self.uid, self.number

"""What a real executor reports when a step fails: a word for the condition and the text kubectl would have printed.

Called by the outcome model (which words exist) and by the machine (what to report). Texts are those of Kubernetes,
so that the controller's classification is exercised as it would be in a cluster (BR-WF-021).
"""

from typing import Final, NamedTuple

from wfexec.model.phases import ErrorType


class Failure(NamedTuple):
    """`reason` goes into the condition `Executed`, `message` into executionResults.errorMessage."""

    reason: str
    message: str


# {kind}, {name}, {namespace} are those of the step's first target, {action} is the step's own word.
TEXTS: Final[dict[ErrorType, str]] = {
    ErrorType.TIMEOUT: "context deadline exceeded: {action} did not finish in time",
    ErrorType.PERMISSION_DENIED: (
        'Forbidden: {kind} "{name}" is forbidden: User "system:serviceaccount:kubernaut-system:{action}-sa" '
        'cannot patch resource "{kind}" in the namespace "{namespace}"'
    ),
    ErrorType.RESOURCE_NOT_FOUND: 'Error from server (NotFound): {kind} "{name}" not found',
    ErrorType.RESOURCE_CONFLICT: (
        'Operation cannot be fulfilled on {kind} "{name}": the object has been modified; '
        "please apply your changes to the latest version and try again"
    ),
    ErrorType.RESOURCE_QUOTA_EXCEEDED: (
        'pods "{name}" is forbidden: exceeded quota: compute-resources, requested: limits.memory=1Gi, '
        "used: limits.memory=31Gi, limited: limits.memory=32Gi"
    ),
    ErrorType.VALIDATION_ERROR: "Invalid: the {kind} {name!r} is invalid: spec: Invalid value",
    ErrorType.IMAGE_PULL: 'ImagePullBackOff: Back-off pulling image for {kind} "{name}"',
    ErrorType.EVICTED: "evicted: pod of job {action} was evicted: The node was low on resource: ephemeral-storage",
    ErrorType.OOM_KILLED: "OOMKilled: container of job {action} terminated with exit code 137",
    ErrorType.NETWORK: "dial tcp 10.96.0.1:443: connect: connection refused",
    ErrorType.THROTTLED: "Too Many Requests: the server has received too many requests and has asked us to try again",
    ErrorType.UNKNOWN_ERROR: "job {action} failed: container terminated with exit code 1",
}


def failure(error: ErrorType, action: str, kind: str = "", namespace: str = "", name: str = "") -> Failure:
    """The usual report of this class of error about this target."""
    text = TEXTS[error].format(action=action, kind=kind or "job", namespace=namespace, name=name or action)
    return Failure(error.value, text)

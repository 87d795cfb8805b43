"""One attempt of a step: why it failed, whether there is another, and when (BR-AUTOMATION-002).

The budget is shared with the executor: what it retried by itself is subtracted from what we may still try.
"""

from hashlib import blake2b
from typing import Final

from wfexec.model.execution import KubernetesExecution
from wfexec.model.phases import RETRYABLE, ErrorType
from wfexec.settings import Settings

JITTER: Final = 0.10
_WORDS: Final = {str(error): error for error in ErrorType} | {"insufficient_permissions": ErrorType.PERMISSION_DENIED}
# First match wins. Quota stands first because the API server reports it as Forbidden; the narrower network and image
# texts stand before the general ones they contain.
TEXTS: Final[tuple[tuple[str, ErrorType], ...]] = (
    ("exceeded quota", ErrorType.RESOURCE_QUOTA_EXCEEDED),
    ("forbidden", ErrorType.PERMISSION_DENIED),
    ("unauthorized", ErrorType.PERMISSION_DENIED),
    ("imagepullbackoff", ErrorType.IMAGE_PULL),
    ("errimagepull", ErrorType.IMAGE_PULL),
    ("evicted", ErrorType.EVICTED),
    ("oomkilled", ErrorType.OOM_KILLED),
    ("out of memory", ErrorType.OOM_KILLED),
    ("too many requests", ErrorType.THROTTLED),
    ("throttl", ErrorType.THROTTLED),
    ("i/o timeout", ErrorType.NETWORK),
    ("connection refused", ErrorType.NETWORK),
    ("connection reset", ErrorType.NETWORK),
    ("no route to host", ErrorType.NETWORK),
    ("has been modified", ErrorType.RESOURCE_CONFLICT),
    ("already exists", ErrorType.RESOURCE_CONFLICT),
    ("conflict", ErrorType.RESOURCE_CONFLICT),
    ("not found", ErrorType.RESOURCE_NOT_FOUND),
    ("deadline exceeded", ErrorType.TIMEOUT),
    ("timed out", ErrorType.TIMEOUT),
    ("timeout", ErrorType.TIMEOUT),
    ("denied the request", ErrorType.VALIDATION_ERROR),
    ("invalid", ErrorType.VALIDATION_ERROR),
)


def classify_text(text: str) -> ErrorType:
    folded = text[:4096].casefold()
    return next((error for words, error in TEXTS if words in folded), ErrorType.UNKNOWN_ERROR)


def classify(child: KubernetesExecution) -> tuple[ErrorType, str]:
    """Why a failed child failed, and its own words; a machine word in a condition is believed before any text."""
    results = child.status.execution_results
    text = results.error_message if results is not None else ""
    for condition in child.status.conditions:
        if condition.status == "False" and condition.reason in _WORDS:
            return _WORDS[condition.reason], text or condition.message
    return classify_text(text), text


def own_retries(child: KubernetesExecution | None) -> int:
    """How often the executor itself tried again within this attempt."""
    results = child.status.execution_results if child is not None else None
    return results.retries_attempted if results is not None else 0


def may_retry(error: ErrorType, used: int, retries_max: int) -> bool:
    return error in RETRYABLE and used < retries_max


def retry_delay(uid: str, step_number: int, attempt: int, settings: Settings, base: int | None = None) -> int:
    """Milliseconds before attempt number `attempt` (1 is the first further one): doubling, capped, jittered by ±10 %.

    `base` None is the setting's delay. The jitter is derived from the workflow, the step and the attempt, so that it is
    the same at every look.
    """
    plain = min((settings.retry_base_delay if base is None else base) << min(attempt - 1, 20), settings.retry_max_delay)
    digest = blake2b(f"{uid}/{step_number}/{attempt}".encode(), digest_size=4).digest()
    share = int.from_bytes(digest) / 0xFFFFFFFF
    return round(plain * (1 - JITTER + 2 * JITTER * share))

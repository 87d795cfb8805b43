"""Is this a label selector that Kubernetes reads, and does it choose at all? (BR-WF-023)

Called by planning, so that a step is refused before anything runs and not by its child. The grammar is that of
`kubectl -l`; which objects carry such labels is not asked.
"""

import re
from typing import Final

from wfexec.model.base import clip

FORMS: Final = "write it as for kubectl -l: app=web,tier in (front, back),!canary"
PREFIX_MAX: Final = 253
_LABEL: Final = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_NAME: Final = r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_KEY: Final = rf"(?:{_LABEL}(?:\.{_LABEL})*/)?{_NAME}"
# Commas within parentheses separate values.
_COMMA: Final = re.compile(r",(?![^()]*\))")
_HAS: Final = re.compile(rf"!?\s*{_KEY}")
_IS: Final = re.compile(rf"{_KEY}\s*(?:==|=|!=)\s*(?:{_NAME})?")
_COUNTS: Final = re.compile(rf"{_KEY}\s*[<>]\s*[0-9]{{1,18}}")
_AMONG: Final = re.compile(rf"{_KEY}\s+(?:in|notin)\s*\(\s*(?:{_NAME})?\s*(?:,\s*(?:{_NAME})?\s*)*\)")


def selector_problem(text: str) -> str:
    """What is wrong with it, in a sentence that ends with the fix; "" for nothing."""
    if not text.strip():
        return f"is empty, which chooses every pod of the namespace; {FORMS}"
    wrong = next((part for part in _COMMA.split(text) if not _is_requirement(part.strip())), None)
    if wrong is None:
        return ""
    where = (
        "" if wrong.strip() == text.strip() else f" at {clip(wrong.strip(), 80)!r}" if wrong.strip() else " at a comma"
    )
    return f"is no label selector{where}; {FORMS}"


def _is_requirement(part: str) -> bool:
    if len(part.partition("/")[0]) > PREFIX_MAX:
        return False
    return any(form.fullmatch(part) for form in (_HAS, _IS, _COUNTS, _AMONG))

"""Does this text hold a secret? Then it does not leave.

Called by the log sink for each string it writes, and for what is put into status and events. Redacting twice changes
nothing more; every pattern is bounded, so hostile text costs time in proportion to its length. It must never be asked
to guess what is not named: the values of our own typed fields are kept out of logs where they are made.
"""

import re
from functools import lru_cache
from typing import Final

from wfexec.model.base import clip

MARK: Final = "***REDACTED***"
# Longer text is cut first: nobody reads more in one log line.
TEXT_MAX: Final = 16_384
# The shortest text in which anything is found is `pwd=x`; figures and flags are shorter.
SECRET_MIN: Final = 5

_NAMES: Final = (
    r"(?:password|passwd|passphrase|pwd|api[_-]?key|token|auth|secret|credentials?|private[_-]?key"
    r"|(?:aws[_-]?)?(?:secret[_-]?)?access[_-]?key(?:[_-]?id)?|client[_-]?secret|connection[_-]?string|database[_-]?url)"
)
_NAME: Final = re.compile(rf"(?i)(?:{_NAMES}|authorization)s?[_-]?\d{{0,3}}$")
_PEM: Final = re.compile(r"-----BEGIN [A-Z0-9 ]{1,40}-----")
_RULES: Final = (
    # JWT
    (re.compile(r"(?<![\w-])eyJ[\w-]{5,4096}\.[\w-]{5,8192}(?:\.[\w-]{0,4096})?"), MARK),
    # AWS access key id
    (re.compile(r"(?<![A-Z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Z0-9])"), MARK),
    # user:password@ in a URL
    (re.compile(r"(?i)((?<![a-z0-9+.-])[a-z][a-z0-9+.-]{1,20}://[^\s:/@]{0,128}:)[^\s@/]{1,512}@"), rf"\1{MARK}@"),
    # Authorization: Basic …
    (
        re.compile(
            r"(?i)(authorization\\{0,2}[\"']?\s{0,4}[:=]\s{0,4}\\{0,2}[\"']?(?:[a-z]{1,16} )?)[^\s\"',;\\]{1,8192}"
        ),
        rf"\1{MARK}",
    ),
    (re.compile(r"(?i)(?<![a-z])(bearer\s{1,4})(?!\*)[\w.~+/=-]{8,8192}"), rf"\1{MARK}"),
    # name: value, name=value, "name":"value", 'name': 'value', \"name\":\"value\"
    (
        re.compile(
            rf"(?i)({_NAMES}s?\\{{0,2}}[\"']?\s{{0,4}}[:=]\s{{0,4}})"
            r"(?:(\\{0,2}\")(?:(?!\\?\").){0,4096}(\\{0,2}\")|(')[^']{0,4096}(')|[^\s\"',;&\\{}\[\]()]{1,4096})",
        ),
        rf"\1\2\4{MARK}\3\5",
    ),
    # secret, token or key followed by what looks like one
    (re.compile(r"(?i)((?<![a-z])(?:secret|token|key)[\s:=\"']{1,3})[a-z0-9+/=_-]{32,8192}"), rf"\1{MARK}"),
)

# One of these stands in every text in which a rule finds something; lower case.
_SIGNS: Final = (
    *("passw", "passphrase", "pwd", "key", "token", "auth", "secret", "credential", "connection", "database", "bearer"),
    *("eyj", "akia", "asia", "://", "-----begin"),
)


# Texts in which nothing can be found: the same few are told of all workflows of a kind. None that could hold a secret
# is ever kept here.
_clean: dict[str, None] = {}
_CLEAN_MAX: Final = 4_096
_CLEAN_LENGTH_MAX: Final = 256


def redact(text: str) -> str:
    """`text` with `***REDACTED***` in place of values, their names kept."""
    if len(text) < SECRET_MIN or text in _clean:
        return text
    if not suspicious(text):
        if len(text) <= _CLEAN_LENGTH_MAX:
            if len(_clean) >= _CLEAN_MAX:
                _clean.clear()
            _clean[text] = None
        return text
    if len(text) > TEXT_MAX:
        text = f"{text[:TEXT_MAX]}…"
    text = _without_pem(text)
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text


def suspicious(text: str) -> bool:
    """Can any rule find something? Nearly all texts are done with here."""
    lowered = text.lower()
    return any(sign in lowered for sign in _SIGNS)


def readable(text: str, limit: int = 1024) -> str:
    """`text` for people: without secrets that it names, at most `limit` characters."""
    if text in _clean and len(text) <= limit:
        return text
    return clip(redact(text), limit)


# The same few names are asked about again and again.
@lru_cache(maxsize=1_024)
def is_secret_name(name: str) -> bool:
    """Does a field of this name hold a secret? `password`, `apiToken`, `DB_PASSWORD`; not `secretName`."""
    return bool(_NAME.search(name))


def _without_pem(text: str) -> str:
    """PEM blocks are cut whole; one without an end is cut to the end of the text."""
    kept = []
    at = 0
    for found in _PEM.finditer(text):
        if found.start() < at:
            continue
        kept.append(text[at : found.start()])
        kept.append(MARK)
        end = text.find("-----END ", found.end())
        close = text.find("-----", end + 9) if end >= 0 else -1
        at = close + 5 if close >= 0 else len(text)
    return "".join([*kept, text[at:]])

"""What does the Alertmanager say? Its HTTP API, asked for alerts about what a workflow changed (BR-WF-051).

Called by worker threads. Bounds keep a sick Alertmanager from holding up anything else: a question takes `LIMIT_S` and
`BYTES_MAX` a reply at most, and after one that never came a single thread tries again, `PAUSE_S` later. Whatever goes
wrong is `Unknown`, never "no alerts". It must never follow a redirect, nor log or repeat the token.
"""

import ssl
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Final, Self

import urllib3
from urllib3 import exceptions as trouble

from wfexec.adapters.kube import USER_AGENT
from wfexec.crd.alerts import Reply, alert_facts, alert_paths
from wfexec.errors import BadInput, Finding
from wfexec.model.base import clip
from wfexec.model.facts import AskAlerts, Facts, Unknown
from wfexec.settings import Settings

LIMIT_S: Final = 5.0
PAUSE_S: Final = 1.0
BYTES_MAX: Final = 8 * 1_048_576
TOKEN_MAX: Final = 16_384
# Threads that may wait for it at the same time.
CONNECTIONS: Final = 2
_CHUNK: Final = 65_536
_FOREIGN: Final = (trouble.HTTPError, OSError, ValueError)


class Alertmanager:
    """One Alertmanager; may be shared by threads."""

    def __init__(
        self, url: str, monotonic: Callable[[], float], *, token_file: str = "", context: ssl.SSLContext | None = None
    ) -> None:
        self._url = url
        self._monotonic = monotonic
        self._token_file = token_file
        self._pool = urllib3.PoolManager(maxsize=CONNECTIONS, ssl_context=context)
        self._lock = Lock()
        # Why the last request got no reply, "" when it got one; then one thread at a time tries again.
        self._why = ""
        self._trying = False
        self._quiet_until = 0.0

    @classmethod
    def of(cls, settings: Settings, monotonic: Callable[[], float]) -> Self | None:
        """None when nobody is to be asked; BadInput when the certificates cannot be read."""
        if not settings.alertmanager_url:
            return None
        ca_file = settings.alertmanager_ca_file
        try:
            context = ssl.create_default_context(cafile=ca_file or None)
        except (OSError, ValueError) as error:
            message = f"certificates cannot be read: {error}; give a file of PEM certificates"
            raise BadInput((Finding("settings", "alertmanager-ca-file", ca_file, message),)) from None
        token_file = settings.alertmanager_token_file
        return cls(settings.alertmanager_url, monotonic, token_file=token_file, context=context)

    def facts(self, question: AskAlerts, timeout_s: float) -> Facts:
        """`AlertFacts`, or `Unknown` with the reason."""
        now = self._monotonic()
        with self._lock:
            if self._why and (self._trying or now < self._quiet_until):
                return Unknown(self._why, transient=True)
            self._trying = True
        found, replied = self._ask(question, now + min(LIMIT_S, timeout_s))
        with self._lock:
            self._trying = False
            self._why = found.reason if isinstance(found, Unknown) and not replied else ""
            self._quiet_until = self._monotonic() + PAUSE_S
        return found

    def _ask(self, question: AskAlerts, ends_at: float) -> tuple[Facts, bool]:
        """What is known, and whether every request got a reply."""
        replies: list[Reply] = []
        for path in alert_paths(question):
            replies.append(self._get(path, ends_at))
            if replies[-1][0] != 200:
                break
        return alert_facts(question, tuple(replies)), all(status for status, _ in replies)

    def close(self) -> None:
        self._pool.clear()

    def _get(self, path: str, ends_at: float) -> Reply:
        """Status 0: there is no reply, the text says why."""
        try:
            token = self._token()
            headers = {"Accept": "application/json", "User-Agent": USER_AGENT}
            if token:
                headers["Authorization"] = f"Bearer {token}"
            left = max(0.001, ends_at - self._monotonic())
            limits = urllib3.Timeout(connect=left, read=left)
            response = self._pool.request(
                "GET", self._url + path, headers=headers, timeout=limits, retries=False, redirect=False,
                preload_content=False,
            )  # fmt: skip
            status, body = self._read(response, ends_at)
            # What is not an answer may be an echo.
            return status, body.replace(token.encode(), b"...") if token and status != 200 else body
        except _FOREIGN as error:
            return 0, _sentence(error)

    def _read(self, response: urllib3.BaseHTTPResponse, ends_at: float) -> Reply:
        """As far as the time and the room allow; a connection with more in it is not used again."""
        body = b""
        whole = False
        try:
            while chunk := response.read1(_CHUNK):
                body += chunk
                if len(body) > BYTES_MAX:
                    return 0, f"a reply of more than {BYTES_MAX} bytes".encode()
                if self._monotonic() > ends_at:
                    return 0, f"no whole reply within {LIMIT_S:g}s".encode()
            whole = True
            return response.status, body
        finally:
            if whole:
                response.release_conn()
            else:
                response.close()

    def _token(self) -> str:
        """Read anew each time: tokens of service accounts are replaced while we run. "" for none."""
        if not self._token_file:
            return ""
        with Path(self._token_file).open("rb") as file:
            token = file.read(TOKEN_MAX).strip()
        if not token.isascii() or any(byte <= 32 for byte in token):
            # In our own words: a library's would repeat the token.
            raise ValueError("the token file holds no token")
        return token.decode()


def _sentence(error: BaseException) -> bytes:
    """Without the address, which stands in the settings."""
    cause = error.reason if isinstance(error, trouble.MaxRetryError) and error.reason else error
    text = " ".join(str(cause).split())
    return clip(f"{type(cause).__name__}: {text}", 200).encode()

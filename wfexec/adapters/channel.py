"""How does a request travel over a connection that stays open, and how is its reply read?

Called by `wfexec.adapters.kube`, which opens the socket. HTTP/1.1 as API servers speak it and no more: requests are
written whole, replies are read whole. A general client spends more time on each request than the API server does.
"""

import re
import socket
from collections.abc import Iterable
from select import POLLIN, poll
from time import monotonic
from typing import Final, NamedTuple

_AT_ONCE: Final = 65_536
# No API server sends more before the body.
_HEAD_MAX: Final = 65_536
_BODILESS: Final = frozenset({204, 304})
_SIZE: Final = re.compile(rb"[0-9a-fA-F]{1,12}")


class Reply(NamedTuple):
    status: int
    payload: bytes
    retry_after: str | None


class Broken(Exception):
    """The connection ended in the middle, or what came is no HTTP."""


class _Head(NamedTuple):
    """`length` None: until the connection ends. `lasts`: another request may follow."""

    status: int
    length: int | None
    chunked: bool
    retry_after: str | None
    lasts: bool


class Channel:
    """One connection, used by one thread at a time. `open` tells whether another request may be sent."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._poll = poll()
        self._poll.register(sock, POLLIN)
        self._rest = b""
        self._ends_at = 0.0
        self.open = True

    def close(self) -> None:
        self.open = False
        self._socket.close()

    def quiet(self) -> bool:
        """Nothing came since the last reply, not even its end: the other side still listens."""
        return self.open and not self._rest and not self._poll.poll(0)

    def ask(self, request: bytes, timeout_s: float) -> None:
        self._ends_at = monotonic() + timeout_s
        self._socket.settimeout(timeout_s)
        self._socket.sendall(request)

    def reply(self) -> Reply:
        """To the oldest request not answered yet. `Broken` or an OSError when there is none in time."""
        head = self._head()
        while 100 <= head.status < 200:
            head = self._head()
        payload = self._body(head)
        self.open = head.lasts
        return Reply(head.status, payload, head.retry_after)

    def _more(self) -> bytes:
        left = self._ends_at - monotonic()
        if left <= 0:
            raise TimeoutError("no reply in time")
        self._socket.settimeout(left)
        found = self._socket.recv(_AT_ONCE)
        if not found:
            raise Broken("the connection was closed")
        return found

    def _head(self) -> _Head:
        data = self._rest
        while (end := data.find(b"\r\n\r\n")) < 0:
            if len(data) > _HEAD_MAX:
                raise Broken("a reply that does not begin like one")
            data += self._more()
        self._rest = data[end + 4 :]
        return _head_of(data[:end])

    def _body(self, head: _Head) -> bytes:
        if head.status in _BODILESS:
            return b""
        if head.chunked:
            return b"".join(self._chunks())
        if head.length is None:
            return self._to_the_end()
        return self._exactly(head.length)

    def _exactly(self, length: int) -> bytes:
        data = self._rest
        if len(data) < length:
            parts, missing = [data], length - len(data)
            while missing > 0:
                part = self._more()
                parts.append(part)
                missing -= len(part)
            data = b"".join(parts)
        self._rest = data[length:]
        return data[:length] if self._rest else data

    def _chunks(self) -> Iterable[bytes]:
        while length := self._size():
            chunk = self._exactly(length + 2)
            if not chunk.endswith(b"\r\n"):
                raise Broken("a chunk that is longer than it says")
            yield chunk[:-2]
        # After the last chunk come trailers, most often none, and an empty line.
        while self._line():
            pass

    def _size(self) -> int:
        digits = self._line().partition(b";")[0].strip()
        if _SIZE.fullmatch(digits) is None:
            raise Broken(f"a chunk without its length: {digits[:32]!r}")
        return int(digits, 16)

    def _line(self) -> bytes:
        data = self._rest
        while (end := data.find(b"\r\n")) < 0:
            if len(data) > _HEAD_MAX:
                raise Broken("a line without an end")
            data += self._more()
        self._rest = data[end + 2 :]
        return data[:end]

    def _to_the_end(self) -> bytes:
        parts = [self._rest]
        self._rest = b""
        try:
            while True:
                parts.append(self._more())
        except Broken:
            return b"".join(parts)


def _head_of(head: bytes) -> _Head:
    """Status line and fields, without the empty line."""
    first, _, rest = head.partition(b"\r\n")
    words = first.split(b" ", 2)
    if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or not words[1].isdigit():
        raise Broken(f"no HTTP reply: {first[:64]!r}")
    length, chunked, retry_after, lasts = None, False, None, words[0] == b"HTTP/1.1"
    for line in rest.split(b"\r\n"):
        name, _, value = line.partition(b":")
        field = name.lower()
        if field == b"content-length":
            length = _length(value.strip())
        elif field == b"transfer-encoding":
            chunked = value.strip().lower() == b"chunked"
            if not chunked:
                raise Broken(f"a transfer encoding that nobody asked for: {value[:32]!r}")
        elif field == b"retry-after":
            retry_after = value.strip().decode("latin-1")
        elif field == b"connection":
            lasts = value.strip().lower() == b"keep-alive" or (lasts and b"close" not in value.lower())
    return _Head(int(words[1]), length, chunked, retry_after, lasts and (chunked or length is not None))


def _length(value: bytes) -> int:
    if not value.isdigit():
        raise Broken(f"a length that is none: {value[:32]!r}")
    return int(value)

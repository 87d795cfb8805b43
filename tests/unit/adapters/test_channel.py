"""Is every reply read as it was meant, wherever the network cuts it, and is anything else noticed?"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from wfexec.adapters.channel import Broken, Channel, Reply

PATIENCE_S = 10.0
ASKED = b"GET /version HTTP/1.1\r\n\r\n"
SHORT = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: application/json\r\n\r\n{}"
CHUNKED = (
    b"HTTP/1.1 429 Too Many Requests\r\nretry-after: 7\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"3\r\nabc\r\n4;name=value\r\n\r\nde\r\n0\r\nTrailer: x\r\n\r\n"
)


@contextmanager
def channel(*pieces: bytes, ends: bool = False) -> Iterator[Channel]:
    """What the other side says after it was asked, each piece when all earlier ones were read."""
    ours, theirs = socket.socketpair()
    made = Channel(Cut(ours, theirs, list(pieces), ends))
    try:
        made.ask(ASKED, PATIENCE_S)
        assert theirs.recv(len(ASKED)) == ASKED
        yield made
    finally:
        made.close()
        ours.close()
        theirs.close()


class Cut(socket.socket):
    """One end of a pair, whose reads bring one piece each."""

    def __init__(self, ours: socket.socket, theirs: socket.socket, pieces: list[bytes], ends: bool) -> None:
        super().__init__(ours.family, ours.type, ours.proto, fileno=ours.detach())
        self._theirs = theirs
        self._pieces = pieces
        self._ends = ends

    def recv(self, amount: int, flags: int = 0) -> bytes:
        if self._pieces:
            self._theirs.sendall(self._pieces.pop(0))
        elif self._ends:
            self._theirs.shutdown(socket.SHUT_RDWR)
        return super().recv(amount, flags)


def each_byte(text: bytes) -> list[bytes]:
    return [text[place : place + 1] for place in range(len(text))]


@pytest.mark.parametrize("pieces", [[SHORT], each_byte(SHORT)])
def test_a_reply_says_how_long_it_is(pieces: list[bytes]) -> None:
    with channel(*pieces) as made:
        assert made.reply() == Reply(200, b"{}", None)
        assert made.open
        assert made.quiet()


@pytest.mark.parametrize("pieces", [[CHUNKED], each_byte(CHUNKED)])
def test_chunks_are_put_together_whatever_stands_in_them(pieces: list[bytes]) -> None:
    with channel(*pieces) as made:
        assert made.reply() == Reply(429, b"abc\r\nde", "7")
        assert made.quiet()


def test_several_replies_in_one_piece_are_told_apart() -> None:
    with channel(SHORT + CHUNKED + SHORT) as made:
        assert [made.reply().status for _ in range(3)] == [200, 429, 200]
        assert made.quiet()


def test_a_large_reply_is_read_to_its_end() -> None:
    body = b"0123456789" * 30_000
    with channel(
        b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n", *[body[i : i + 9_000] for i in range(0, 300_000, 9_000)]
    ) as made:
        assert made.reply().payload == body


def test_what_is_on_its_way_is_no_reply_yet() -> None:
    with channel(b"HTTP/1.1 100 Continue\r\n\r\n" + SHORT) as made:
        assert made.reply() == Reply(200, b"{}", None)


@pytest.mark.parametrize(
    "head", [b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2", b"HTTP/1.0 200 OK\r\nContent-Length: 2"]
)
def test_a_server_that_will_close_is_not_asked_again(head: bytes) -> None:
    with channel(head + b"\r\n\r\n{}") as made:
        assert made.reply().payload == b"{}"
        assert not made.open
        assert not made.quiet()


def test_a_reply_without_length_goes_on_to_the_end_of_the_connection() -> None:
    with channel(b"HTTP/1.1 200 OK\r\n\r\n{", b"}", ends=True) as made:
        assert made.reply().payload == b"{}"
        assert not made.open


def test_a_reply_without_content_needs_none() -> None:
    with channel(b"HTTP/1.1 204 No Content\r\n\r\n") as made:
        assert made.reply() == Reply(204, b"", None)


@pytest.mark.parametrize(
    "said",
    [
        b"\x15\x03\x01\x00\x02\x02\x46\r\n\r\n",
        b"HTTP/1.1\r\n\r\n",
        b"HTTP/1.1 twohundred OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-2\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabcd",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;" + b"x" * 70_000,
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}",
        b"HTTP/1.1 200 O",
        b"",
    ],
)
def test_what_is_no_whole_reply_is_told(said: bytes) -> None:
    with channel(*([said] if said else []), ends=True) as made, pytest.raises(Broken):
        made.reply()


def test_silence_ends_with_the_time_given() -> None:
    ours, theirs = socket.socketpair()
    made = Channel(ours)
    made.ask(ASKED, 0.01)
    with pytest.raises(TimeoutError):
        made.reply()
    made.close()
    theirs.close()


def test_an_end_that_came_between_two_requests_is_seen_before_the_next() -> None:
    with channel(SHORT) as made:
        made.reply()
        assert made.quiet()
    ours, theirs = socket.socketpair()
    left = Channel(ours)
    theirs.close()
    assert not left.quiet()
    left.close()

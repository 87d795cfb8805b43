"""What does a watch say after somebody has stopped it? Nothing that was not sent."""

from typing import Any

from wfexec.adapters.kube import Watching
from wfexec.model.requests import Code, Outcome


class Response:
    """Brings these chunks; before the second one somebody stops the watch in another thread."""

    def __init__(self, *chunks: bytes) -> None:
        self.chunks = list(chunks)
        self.watching: Watching | None = None

    def read1(self, amount: int) -> bytes:
        if len(self.chunks) == 1 and self.watching is not None:
            self.watching.stop()
        return self.chunks.pop(0) if self.chunks else b""

    def shutdown(self) -> None:
        """The socket is shut; what the read above is about to bring comes undecrypted."""

    def close(self) -> None:
        """Nothing to give back."""


def test_ciphertext_of_a_stopped_watch_is_no_line() -> None:
    response: Any = Response(b'{"type":"ADDED"}\n', b"\x17\x03\x03\n\xed\xa0\x80\n")
    watching = Watching(response)
    response.watching = watching
    assert list(watching.lines()) == [b'{"type":"ADDED"}', Outcome(Code.OK)]

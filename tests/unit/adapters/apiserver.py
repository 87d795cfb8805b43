"""A server on a real socket that answers as a test tells it to, and remembers what it was asked."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import yaml


class Asked(NamedTuple):
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Told(NamedTuple):
    status: int = 200
    body: bytes = b"{}"
    headers: tuple[tuple[str, str], ...] = ()


class Stream(NamedTuple):
    """A chunked reply. It ends in order, is cut off, or stays open until the client goes."""

    chunks: tuple[bytes, ...]
    end: str = "order"


class Hangs(NamedTuple):
    """Nothing is ever answered; the connection is `cut` or stays open."""

    cut: bool


Answer = Told | Stream | Hangs


class ScriptedServer(ThreadingHTTPServer):
    """`answer` may be called from several threads; `left` is set when a client leaves an open reply."""

    daemon_threads = True

    def __init__(self, answer: Callable[[Asked], Answer]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = answer
        self.asked: list[Asked] = []
        self.left = threading.Event()

    def kubeconfig(self, folder: Path, token: str = "open-sesame") -> Path:
        """A file with one context `here`."""
        path = folder / "kubeconfig"
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "here",
            "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{self.server_port}"}}],
            "users": [{"name": "u", "user": {"token": token}}],
            "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
        }
        path.write_text(yaml.safe_dump(content))
        return path


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: ScriptedServer

    def serve(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        asked = Asked(self.command, self.path, dict(self.headers), self.rfile.read(length))
        self.server.asked.append(asked)
        answer = self.server.answer(asked)
        if isinstance(answer, Hangs):
            self._stay(answer.cut)
        elif isinstance(answer, Stream):
            self._stream(answer)
        else:
            # By itself it tells the time of this machine.
            itself = not any(name == "Date" for name, _ in answer.headers)
            (self.send_response if itself else self.send_response_only)(answer.status)
            for name, value in (*answer.headers, ("Content-Length", str(len(answer.body)))):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = serve  # noqa: N815 - the standard library's names

    def _stream(self, stream: Stream) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for chunk in stream.chunks:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
        if stream.end == "order":
            self.wfile.write(b"0\r\n\r\n")
        else:
            self._stay(stream.end == "cut")

    def _stay(self, cut: bool) -> None:
        self.close_connection = True
        if cut:
            self.connection.shutdown(socket.SHUT_RDWR)
        else:
            self.rfile.read(1)
            self.server.left.set()

    def log_message(self, format: str, *args: Any) -> None:
        """Tests look at `asked`."""


@contextmanager
def serving(answer: Callable[[Asked], Answer]) -> Iterator[ScriptedServer]:
    server = ScriptedServer(answer)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

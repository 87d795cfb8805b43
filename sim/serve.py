"""How do kubectl and other clients talk to the fake cluster? Over HTTP on this machine, on the wall clock.

For people who want to look around and for the contract tests. One lock around the cluster, which itself knows no
threads; a watch is a chunked reply fed from a queue. It must never answer what the cluster does not model: 501.
"""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import orjson

from sim.cluster.api import HttpReply, reply_of
from sim.cluster.cluster import Cluster, Depth
from sim.cluster.rbac import ADMIN
from sim.cluster.refusals import Refusal
from sim.cluster.resources import Unmodelled
from wfexec.adapters.inbox import Inbox
from wfexec.crd.wire import HttpCall
from wfexec.model.requests import Change

COLLECT_S: Final = 0.2
BOOKMARK_S: Final = 30.0
# A watch that names no limit ends within this time, as a real server's does.
WATCH_S: Final = 1_800.0


class Served:
    """A cluster in wire depth behind a port of its own. Use it as a context, or `start` and `stop` it.

    A caller is whoever the cluster's `tokens` say; without a token the administrator.
    """

    def __init__(self, cluster: Cluster, port: int = 0) -> None:
        if cluster.depth is not Depth.WIRE:
            raise ValueError("only a cluster in wire depth can be served")
        self.cluster = cluster
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.served = self
        self._threads = [
            threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="serve"),
            threading.Thread(target=self._housekeeping, name="housekeeping"),
        ]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def now(self) -> int:
        return time.time_ns() // 1_000_000

    def start(self) -> None:
        for thread in self._threads:
            thread.daemon = True
            thread.start()

    def stop(self) -> None:
        """End watches, stop listening, forget nothing."""
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()
        for thread in self._threads:
            thread.join()

    def __enter__(self) -> "Served":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def kubeconfig(self, token: str = "") -> dict[str, Any]:
        """What kubectl needs to know, as the document of a kubeconfig file."""
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "fake", "cluster": {"server": self.url}}],
            "users": [{"name": "user", "user": {"token": token} if token else {}}],
            "contexts": [{"name": "fake", "context": {"cluster": "fake", "user": "user"}}],
            "current-context": "fake",
        }

    def user_of(self, authorization: str) -> str | None:
        """The caller; None for a token that nobody has."""
        token = authorization.removeprefix("Bearer ").strip()
        return self.cluster.tokens.get(token) if token else ADMIN

    def _housekeeping(self) -> None:
        """Collection and bookmarks, in the background as on a real server."""
        last = time.monotonic()
        while not self.stopping.wait(COLLECT_S):
            with self.lock:
                if self.cluster.collectable:
                    self.cluster.collect(self.now())
                if time.monotonic() - last >= BOOKMARK_S:
                    last = time.monotonic()
                    self.cluster.bookmark()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # Open watches end by themselves once `stopping` is set; nobody waits for the clients that read them.
    block_on_close = False
    request_queue_size = 64
    served: Served


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def answer(self) -> None:
        served = self.server.served
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = urlsplit(self.path)
        query = tuple(parse_qsl(parts.query, keep_blank_values=True))
        kind, accept = self.headers.get("Content-Type") or "", self.headers.get("Accept") or ""
        call = HttpCall(self.command, parts.path, query, kind, body, accept)
        user = served.user_of(self.headers.get("Authorization") or "")
        try:
            if user is None:
                self._send(reply_of(Refusal(401, "Unauthorized", "Unauthorized")))
            elif dict(query).get("watch") in ("1", "true"):
                self._watch(served, call, user)
            else:
                with served.lock:
                    reply = served.cluster.http(call, user, served.now())
                self._send(reply)
        except Unmodelled as unknown:
            said = f"the fake cluster does not model: {unknown}"
            self._send(reply_of(Refusal(501, "NotImplemented", said)))

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = answer  # noqa: N815 - the names of the base class

    def log_message(self, format: str, *args: Any) -> None:
        """Silence: the caller sees every answer."""

    def _send(self, reply: HttpReply) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.payload)))
        self.end_headers()
        self.wfile.write(reply.payload)

    def _watch(self, served: Served, call: HttpCall, user: str) -> None:
        lines: Inbox[bytes] = Inbox()

        def heard(_change: Change, line: bytes, _version: str) -> None:
            lines.put(line)

        with served.lock:
            opened = served.cluster.http_watch(call, user, heard)
        if isinstance(opened, HttpReply) and opened.status != 410:
            self._send(opened)
            return
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        if isinstance(opened, HttpReply):
            # A real server accepts the watch and then says that it cannot go on.
            self._chunk(orjson.dumps({"type": "ERROR", "object": orjson.loads(opened.payload)}) + b"\n")
        else:
            try:
                self._stream(served, lines, float(dict(call.query).get("timeoutSeconds") or WATCH_S))
            except ConnectionError:
                self.close_connection = True
                return
            finally:
                with served.lock:
                    opened.stop()
        self._chunk(b"")

    def _stream(self, served: Served, lines: Inbox[bytes], seconds: float) -> None:
        end = time.monotonic() + seconds
        while not served.stopping.is_set() and (left := end - time.monotonic()) > 0:
            for line in lines.take(min(left, 0.1)):
                self._chunk(line + b"\n")

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

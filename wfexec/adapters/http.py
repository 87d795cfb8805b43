"""How do probes and Prometheus reach us? Two small servers on ports of their own.

Called by the composition root: probes without authentication, metrics over TLS when there is a certificate and behind
a gate when there is one. It must never offer anything that changes the world.
"""

import logging
import socket
import ssl
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from typing import Any, Final, NamedTuple, Self

from prometheus_client import CONTENT_TYPE_LATEST

from wfexec.adapters.auth import MetricsGate
from wfexec.errors import BadInput, Finding

log = logging.getLogger("wfexec.http")

# A caller that says nothing for this long is let go.
PATIENCE_S: Final = 10.0
PLAIN: Final = "text/plain; charset=utf-8"


class Page(NamedTuple):
    status: int
    body: bytes
    content_type: str = PLAIN


# Path and Authorization header to page.
Site = Callable[[str, str | None], Page]
Why = Callable[[], str]
NOT_FOUND: Final = Page(404, b"not found\n")


def probes_site(not_live: Why, not_ready: Why) -> Site:
    """`not_live` and `not_ready` say why not, "" when all is well."""
    probes = {"/healthz": not_live, "/health": not_live, "/readyz": not_ready, "/ready": not_ready}

    def site(path: str, _authorization: str | None) -> Page:
        probe = probes.get(path)
        if probe is None:
            return NOT_FOUND
        why = probe()
        return Page(503, f"{why}\n".encode()) if why else Page(200, b"ok\n")

    return site


def metrics_site(page: Callable[[], bytes], gate: MetricsGate | None) -> Site:
    """`gate` None: everybody who reaches the port may read."""

    def site(path: str, authorization: str | None) -> Page:
        if path != "/metrics":
            return NOT_FOUND
        refused = gate.refuse(authorization) if gate else None
        if refused is not None:
            return Page(refused.status, f"{refused.message}\n".encode())
        return Page(200, page(), CONTENT_TYPE_LATEST)

    return site


class Tls:
    """A certificate and its key, read again when the files change; a pair that does not fit keeps the old one."""

    def __init__(self, certificate: Path, key: Path) -> None:
        self._certificate = certificate
        self._key = key
        self._lock = Lock()
        self._seen = self._marks()
        self._context = self._load()

    @classmethod
    def of(cls, certificate: str, key: str) -> Self | None:
        """None when neither is given; BadInput when only one is, or the pair cannot be used."""
        if not certificate and not key:
            return None
        for flag, value in (("--tls-cert-file", certificate), ("--tls-private-key-file", key)):
            if not value:
                raise BadInput(
                    (Finding("flags", flag, "", "give --tls-cert-file and --tls-private-key-file together"),)
                )
        try:
            return cls(Path(certificate), Path(key))
        except (OSError, ValueError) as error:
            message = f"certificate and key cannot be used: {error}; give a PEM certificate chain and its PEM key"
            raise BadInput((Finding("flags", "--tls-cert-file", certificate, message),)) from None

    def context(self) -> ssl.SSLContext:
        with self._lock:
            try:
                marks = self._marks()
                if marks != self._seen:
                    self._context = self._load()
                    self._seen = marks
                    log.info("certificate read again")
            except (OSError, ValueError) as error:
                log.warning("the new certificate cannot be used yet", extra={"fields": {"why": str(error)}})
            return self._context

    def _marks(self) -> tuple[tuple[int, int, int], ...]:
        stats = [path.stat() for path in (self._certificate, self._key)]
        return tuple((stat.st_ino, stat.st_mtime_ns, stat.st_size) for stat in stats)

    def _load(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self._certificate, self._key)
        return context


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "wfexec"
    sys_version = ""
    timeout = PATIENCE_S
    # Head and body are two writes; Nagle would hold the second back for 40 ms.
    disable_nagle_algorithm = True
    server: "_Listener"

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        page = self.server.site(path, self.headers.get("Authorization"))
        self.send_response(page.status)
        self.send_header("Content-Type", page.content_type)
        self.send_header("Content-Length", str(len(page.body)))
        self.send_header("X-Content-Type-Options", "nosniff")
        if page.status == 401:
            self.send_header("WWW-Authenticate", "Bearer")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(page.body)

    do_HEAD = do_GET  # noqa: N815 - the standard library's name

    def log_message(self, format: str, *args: Any) -> None:
        log.debug("request", extra={"fields": {"from": self.client_address[0], "line": format % args}})


class _Listener(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, listening: socket.socket, site: Site, tls: Tls | None) -> None:
        super().__init__(listening.getsockname()[:2], _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listening
        self.site = site
        self._tls = tls

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = self.socket.accept()
        if self._tls is None:
            return connection, address
        # The handshake happens in the caller's own thread, at its first read.
        context = self._tls.context()
        return context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), address

    def handle_error(self, request: Any, client_address: Any) -> None:
        # Callers that hang up or speak no TLS are everyday life; a defect in a page is worth a look.
        log.warning("a request was not answered", extra={"fields": {"from": str(client_address[0])}}, exc_info=True)


class Server:
    """One listening address; `close` ends it."""

    def __init__(self, listening: socket.socket, site: Site, tls: Tls | None) -> None:
        self.port: int = listening.getsockname()[1]
        self._listener = _Listener(listening, site, tls)
        serve = self._listener.serve_forever
        self._thread = Thread(target=serve, args=(0.1,), name=f"http-{self.port}", daemon=True)
        self._thread.start()

    @classmethod
    def listening(cls, flag: str, address: str, site: Site, tls: Tls | None = None) -> Self | None:
        """None for address `0`; BadInput naming the flag when the address is wrong or taken."""
        if address == "0":
            return None
        host, port = _parts(flag, address)
        try:
            return cls(_bind(host, port), site, tls)
        except OSError as error:
            message = f"cannot listen here: {error.strerror or error}; give another address, or 0 for none"
            raise BadInput((Finding("flags", flag, address, message),)) from None

    def close(self) -> None:
        self._listener.shutdown()
        self._listener.server_close()
        self._thread.join()


def _parts(flag: str, address: str) -> tuple[str, int]:
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdecimal() or not port.isascii() or int(port) > 65_535:
        message = "not an address; write :8080, 127.0.0.1:8080, [::1]:8080, or 0 for none"
        raise BadInput((Finding("flags", flag, address, message),))
    return host.removeprefix("[").removesuffix("]"), int(port)


def _bind(host: str, port: int) -> socket.socket:
    if host:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    if socket.has_dualstack_ipv6():
        try:
            return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True)
        except OSError as error:
            # A pod without IPv6 addresses.
            log.debug("no IPv6: %s", error)
    return socket.create_server(("", port))

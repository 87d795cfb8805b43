"""How do bytes reach the API server and come back?

Called by the worker and watch threads (`wfexec.adapters.workers`) and by the metrics server's reviewer. Takes address,
credentials, TLS and the connection pool from the official client and nothing else of it: no retries inside a call, no
typed models. HTTP is the library's, though our own would be faster. Trouble on the way becomes an `Outcome` here, once;
it must never escape as somebody's exception.
"""

import logging
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from threading import Lock
from time import monotonic
from typing import Any, Final, NamedTuple

import urllib3
from kubernetes import client, config
from kubernetes.config.config_exception import ConfigException
from kubernetes.config.kube_config import KUBE_CONFIG_DEFAULT_LOCATION, KubeConfigMerger
from urllib3 import exceptions as trouble

from wfexec.adapters.clock import running_ns
from wfexec.crd.wire import HttpCall
from wfexec.errors import BadInput, Finding
from wfexec.model.redact import redact
from wfexec.model.requests import Code, Outcome

USER_AGENT: Final = f"wfexec/{version('wfexec')}"
CONNECT_S: Final = 5.0
# How much later than the server's own end of a watch the client gives up on a silent connection.
WATCH_GRACE_S: Final = 10.0
# So long credentials are taken for good.
FRESH_S: Final = 1.0
_CHUNK: Final = 65_536
# A watch line longer than any object etcd takes: the stream is not what we think it is.
_LINE_MAX: Final = 16 * 1_048_576
# Raised before the first byte of the request left: it was certainly not carried out.
_NOT_SENT: Final = (
    trouble.ConnectTimeoutError,
    trouble.NewConnectionError,
    trouble.ProxyError,
    trouble.LocationParseError,
    trouble.LocationValueError,
)


class Reply(NamedTuple):
    status: int
    payload: bytes
    retry_after: str | None


class Watching:
    """An open watch: lines as they come; `stop` may be called from any thread and ends them."""

    def __init__(self, response: urllib3.BaseHTTPResponse) -> None:
        self._response = response
        self._stopped = False

    def lines(self) -> Iterator[bytes | Outcome]:
        """Each line without its end; the last item is an `Outcome`: OK when the server ended the watch."""
        rest = b""
        try:
            while chunk := self._response.read1(_CHUNK):
                # Shutting a TLS socket down strips its encryption: what a read already under way brings is ciphertext.
                if self._stopped:
                    break
                *lines, rest = (rest + chunk).split(b"\n")
                yield from (line for line in lines if line)
                if len(rest) > _LINE_MAX:
                    yield Outcome(Code.LOST, message=f"a watch line of more than {_LINE_MAX} bytes")
                    return
            yield Outcome(Code.OK)
        except (trouble.HTTPError, OSError, ValueError) as error:
            yield Outcome(Code.LOST, message=_sentence(error))
        finally:
            # A half-read stream must not go back into the pool.
            self._response.close()

    def stop(self) -> None:
        self._stopped = True
        try:
            self._response.shutdown()
        except (OSError, RuntimeError, ValueError):
            # Already over: there is nothing left to end.
            self._response.close()


class Connection:
    """One API server and the identity we have there; may be shared by threads.

    `namespace` is where the context works, "" where nobody says.
    """

    def __init__(
        self, settings: client.Configuration, in_cluster: bool, fresh_s: float = FRESH_S, namespace: str = ""
    ) -> None:
        self.in_cluster = in_cluster
        self.namespace = namespace
        self._fresh_s = fresh_s
        self._settings = settings
        self._host = settings.host.rstrip("/")
        self._pool: urllib3.PoolManager = client.ApiClient(settings).rest_client.pool_manager
        # When the last reply came (by the clock that never stands still), and the time it told.
        self.dated = (0, "")
        # The official refresh hooks write into shared configuration, are not made for threads, and are slow.
        self._refreshing = Lock()
        self._authorization: dict[str, str] = {}
        self._refresh_at = 0.0

    def call(self, call: HttpCall, timeout_s: float) -> Reply | Outcome:
        """One request, tried once; an `Outcome` when no reply was seen."""
        limits = urllib3.Timeout(connect=min(CONNECT_S, timeout_s), total=timeout_s)
        try:
            response = self._send(call, limits)
            payload = response.data
        except _FOREIGN as error:
            return _outcome(error)
        self.dated = (running_ns(), response.headers.get("Date", ""))
        reply = Reply(response.status, payload, response.headers.get("Retry-After"))
        if reply.status == 401:
            self._refresh_at = 0.0
        return reply

    def watch(self, call: HttpCall, server_ends_s: float, timeout_s: float) -> Watching | Reply | Outcome:
        """An open watch, or why there is none; `timeout_s` is for the head of the reply."""
        try:
            response = self._send(call, urllib3.Timeout(connect=min(CONNECT_S, timeout_s), read=timeout_s))
            if response.status != 200:
                return Reply(response.status, response.data, response.headers.get("Retry-After"))
        except _FOREIGN as error:
            return _outcome(error)
        socket = getattr(response.connection, "sock", None)
        if socket is not None:
            socket.settimeout(server_ends_s + WATCH_GRACE_S)
        return Watching(response)

    def close(self) -> None:
        self._pool.clear()

    def _send(self, call: HttpCall, limits: urllib3.Timeout) -> urllib3.BaseHTTPResponse:
        headers = {"Accept": call.accept, "User-Agent": USER_AGENT, **self._credentials()}
        if call.body:
            headers["Content-Type"] = call.content_type
        return self._pool.request(
            call.method,
            self._host + call.target,
            body=call.body or None,
            headers=headers,
            timeout=limits,
            retries=False,
            preload_content=False,
        )

    def _credentials(self) -> dict[str, str]:
        """Looked for again after a moment, and at once when the server no longer took them."""
        if monotonic() < self._refresh_at:
            return self._authorization
        try:
            with self._refreshing:
                token = self._settings.get_api_key_with_prefix("BearerToken", alias="authorization")
                basic = self._settings.get_basic_auth_token() if not token and self._settings.username else None
        except Exception as error:
            # A credential plugin may fail in any way; that is the world's trouble.
            raise _NoCredentials(f"no credentials: {_sentence(error)}") from error
        value = (token or basic or "").strip()
        if not value.isprintable():
            raise _NoCredentials("no credentials: the token is more than one line of text")
        self._authorization = {"Authorization": value} if value else {}
        self._refresh_at = monotonic() + self._fresh_s
        return self._authorization


class _NoCredentials(Exception):
    """Never leaves this module."""


_FOREIGN: Final = (trouble.HTTPError, OSError, ValueError, _NoCredentials)


def _outcome(error: Exception) -> Outcome:
    """UNAVAILABLE when the request cannot have arrived, else LOST: nobody knows whether it was carried out."""
    refused_certificate = isinstance(error, trouble.SSLError) and any(
        isinstance(cause, ssl.SSLCertVerificationError) for cause in (*error.args, error.__cause__)
    )
    before = refused_certificate or isinstance(error, (*_NOT_SENT, _NoCredentials))
    return Outcome(Code.UNAVAILABLE if before else Code.LOST, message=_sentence(error))


def _sentence(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"[:512]


def connect(kubeconfig: str | None, context: str | None, connections: int) -> Connection:
    """The cluster we run in, else the kubeconfig (flag, KUBECONFIG, home folder); BadInput when there is neither.

    `connections` is the number of requests and watches at the same time.
    """
    settings = client.Configuration()
    settings.connection_pool_maxsize = connections
    settings.keep_alive = True
    if kubeconfig is None and context is None and _load_in_cluster(settings):
        return Connection(settings, in_cluster=True)
    namespace = _load_kubeconfig(settings, kubeconfig, context)
    return Connection(settings, in_cluster=False, namespace=namespace)


def _load_in_cluster(settings: client.Configuration) -> bool:
    load: Any = config.load_incluster_config
    try:
        load(client_configuration=settings)
    except (ConfigException, OSError):
        return False
    return True


def _load_kubeconfig(settings: client.Configuration, kubeconfig: str | None, context: str | None) -> str:
    """The namespace of the context, "" where it names none. Its file is read once: that takes a while."""
    merge: Any = KubeConfigMerger
    load: Any = config.load_kube_config_from_dict
    field = f"context {context}" if context else ""
    try:
        merged = merge(kubeconfig or KUBE_CONFIG_DEFAULT_LOCATION).config
        if merged is None:
            raise ConfigException("Invalid kube-config file. No configuration found.")
        with _heard() as failures:
            load(merged, context=context, client_configuration=settings, persist_config=False)
        chosen = merged["contexts"].get_with_name(context or merged["current-context"])["context"].value
        users = merged.value.get("users") or ()
        # The loader takes a user that is not there for nobody.
        if (name := chosen.get("user")) and all(user["name"] != name for user in users):
            failures.append(f"the context's user {name!r} is not among the users of the file")
    except Exception as error:  # noqa: BLE001 - its parser lets any error of YAML, base64 and lookups through
        raise BadInput(
            (
                Finding(
                    kubeconfig or "kubeconfig",
                    field,
                    "",
                    f"no cluster to connect to: {_sentence(error)}; give --kubeconfig FILE and --context NAME,"
                    " set KUBECONFIG, or run inside a cluster",
                ),
            )
        ) from None
    if failures:
        message = f"no credentials: {failures[0]}; log in again, or name another user with --context"
        raise BadInput((Finding(kubeconfig or "kubeconfig", field, "", message),))
    return str(chosen.get("namespace") or "")


class _Ear(logging.Handler):
    """What the official loader tells nobody but the log."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.module == "kube_config":
            self.heard.append(redact(" ".join(record.getMessage().split())[:512]))


@contextmanager
def _heard() -> Iterator[list[str]]:
    """The failures of a credential plugin: the loader logs them and goes on as nobody, who then lacks every right."""
    root, ear = logging.getLogger(), _Ear()
    root.addHandler(ear)
    try:
        yield ear.heard
    finally:
        root.removeHandler(ear)

"""How does one test speak to three API servers? The same requests, in process or over HTTP.

Used by the contract tests. A client must never smooth over a difference: status codes and bodies come as they are.
"""

import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any, Protocol
from urllib.parse import urlencode

import orjson

from sim.cluster.api import HttpReply
from sim.cluster.cluster import Cluster
from tests.envtest.server import USERS
from wfexec.crd.wire import HttpCall
from wfexec.model.requests import Change

Json = dict[str, Any]
Query = dict[str, str]
WAIT_S = 15.0


class WatchClient(Protocol):
    def take(self, count: int) -> list[Json]:
        """The next events; waits for them."""
        ...

    def close(self) -> None: ...


class Client(Protocol):
    """`user` is one of the short names of the test server's users; `patch` the subtype of a patch."""

    real: bool

    def request(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        user: str = "admin",
        patch: str = "merge-patch+json",
        query: Query | None = None,
    ) -> tuple[int, Json]: ...

    def watch(self, path: str, query: Query) -> WatchClient: ...

    def settle(self) -> None:
        """Let the garbage collector and the namespace controller do what they have to, if they need to be told."""
        ...


class InProcess:
    """The fake without HTTP; its clock advances a second with every request."""

    real = False

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.now = 1_767_225_600_000

    def request(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        user: str = "admin",
        patch: str = "merge-patch+json",
        query: Query | None = None,
    ) -> tuple[int, Json]:
        self.now += 1_000
        kind = f"application/{patch}" if method == "PATCH" else "application/json"
        payload = b"" if body is None else orjson.dumps(body)
        call = HttpCall(method, path, tuple((query or {}).items()), kind, payload)
        reply = self.cluster.http(call, USERS[user][0], self.now)
        return reply.status, orjson.loads(reply.payload)

    def watch(self, path: str, query: Query) -> WatchClient:
        lines: list[bytes] = []

        def heard(_change: Change, line: bytes, _version: str) -> None:
            lines.append(line)

        call = HttpCall("GET", path, (("watch", "1"), *query.items()))
        opened = self.cluster.http_watch(call, "admin", heard)
        if isinstance(opened, HttpReply):
            lines.append(orjson.dumps({"type": "ERROR", "object": orjson.loads(opened.payload)}))
            return _Heard(lines, lambda: None)
        return _Heard(lines, opened.stop)

    def settle(self) -> None:
        while self.cluster.collectable:
            self.cluster.collect(self.now)


class _Heard:
    def __init__(self, lines: list[bytes], stop: Callable[[], None]) -> None:
        self._lines = lines
        self.close = stop

    def take(self, count: int) -> list[Json]:
        taken, self._lines[:count] = self._lines[:count], []
        return [orjson.loads(line) for line in taken]


class OverHttp:
    """Any API server behind an address."""

    def __init__(self, url: str, token: Callable[[str], str], trust: ssl.SSLContext | None, *, real: bool) -> None:
        self.real = real
        self._url = url
        self._token = token
        self._trust = trust

    def request(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        user: str = "admin",
        patch: str = "merge-patch+json",
        query: Query | None = None,
    ) -> tuple[int, Json]:
        request = self._request(method, path, query or {}, user)
        if body is not None:
            request.data = json.dumps(body).encode()
        kind = patch if method == "PATCH" else "json"
        request.add_header("Content-Type", f"application/{kind}")
        try:
            with urllib.request.urlopen(request, timeout=WAIT_S, context=self._trust) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as refusal:
            with refusal:
                return refusal.code, json.loads(refusal.read())

    def watch(self, path: str, query: Query) -> WatchClient:
        request = self._request("GET", path, {"watch": "1", "timeoutSeconds": "60", **query}, "admin")
        return _Stream(urllib.request.urlopen(request, timeout=WAIT_S, context=self._trust))

    def settle(self) -> None:
        """Both servers collect by themselves: tests watch for it."""

    def _request(self, method: str, path: str, query: Query, user: str) -> urllib.request.Request:
        target = f"{self._url}{path}?{urlencode(query)}" if query else f"{self._url}{path}"
        headers = {"Authorization": f"Bearer {self._token(user)}", "Accept": "application/json"}
        return urllib.request.Request(target, method=method, headers=headers)


class _Stream:
    def __init__(self, response: Any) -> None:
        self._response = response

    def take(self, count: int) -> list[Json]:
        return [json.loads(self._response.readline()) for _ in range(count)]

    def close(self) -> None:
        self._response.close()

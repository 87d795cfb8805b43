"""How are many objects taken away at the price of few? In etcd itself, past the API server.

Called by the features' API server back-end when a scenario is over. The API server notices as it notices its own
deletions, and so does whoever watches; no finalizer is asked and nothing is left for the collector of orphans.
"""

import base64
import json
from typing import Any

import urllib3


class Store:
    """etcd's gateway at this address."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._pool = urllib3.PoolManager(maxsize=1, retries=False)

    def forget(self, folder: str, namespace: str) -> None:
        """All objects of one kind in a namespace; each in a revision of its own, as no API server makes any other.
        `folder` is where that kind is kept: `group/plural` of a CRD, the plural of what Kubernetes brings."""
        prefix = f"/registry/{folder}/{namespace}/"
        asked = {"key": _encoded(prefix), "range_end": _encoded(f"{prefix[:-1]}0"), "keys_only": True}
        for found in self._call("range", asked).get("kvs", ()):
            self._call("deleterange", {"key": found["key"]})

    def close(self) -> None:
        self._pool.clear()

    def _call(self, verb: str, body: object) -> Any:
        answer = self._pool.request("POST", f"{self._url}/v3/kv/{verb}", body=json.dumps(body).encode(), timeout=10.0)
        assert answer.status == 200, answer.data
        return json.loads(answer.data)


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()

"""Which steps may a generated workflow have, and which targets do they meet? Called by `sim.generate` alone.

Every action changes (or looks at) something that exists in the case's own world.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from sim.rng import Stream

Json = dict[str, Any]
SERVICES: Final = (
    "cart-api", "catalog", "checkout-api", "inventory", "ledger", "mailer", "order-worker", "pricing",
    "recommender", "refunds", "search-index", "sessions", "shipping", "tax-service", "thumbnailer", "web",
)  # fmt: skip
CONFIGS: Final = ("database", "feature-flags", "limits")
NODES: Final = ("ip-10-0-3-17", "ip-10-0-3-18", "ip-10-0-4-9", "ip-10-0-4-12")


class Place(NamedTuple):
    """The targets of one case. `services`: by name the version that runs and how many pods."""

    namespace: str
    services: dict[str, tuple[int, int]]
    pods: dict[str, str]

    @classmethod
    def of(cls, namespace: str, steps: int, luck: Stream) -> "Place":
        """Enough targets that most steps have one of their own."""
        start, count = luck.below(len(SERVICES)), max(2, min(len(SERVICES), steps))
        names = [SERVICES[(start + index) % len(SERVICES)] for index in range(count)]
        services = {name: (1 + luck.below(9), 1 + luck.below(4)) for name in names}
        return cls(namespace, services, {f"{name}-0": luck.choice(NODES) for name in names})

    def image(self, service: str, further: int = 0) -> str:
        return f"registry.example/{service}:{self.services[service][0] + further}.{further}.0"

    def cluster(self) -> Json:
        """As an executor file says it."""
        return {
            "namespaces": {self.namespace: {"labels": {"environment": "staging"}}},
            "nodes": {name: {"cpu": "16", "memory": "64Gi"} for name in NODES},
            "deployments": {
                f"{self.namespace}/{name}": {
                    "replicas": replicas,
                    "image": self.image(name),
                    "container": "app",
                    "history": [f"registry.example/{name}:0.9.0"],
                }
                for name, (_, replicas) in self.services.items()
            },
            "configMaps": {f"{self.namespace}/{name}": {"data": {"MODE": "fast", "LIMIT": "100"}} for name in CONFIGS},
            "pods": {f"{self.namespace}/{name}": {"node": node} for name, node in self.pods.items()},
        }


def step_of(action: str, place: Place, luck: Stream) -> Json:
    """Name, action and parameters; the name says what it does to what."""
    target, parameters = BUILDERS[action](place, luck)
    found: Json = {"name": f"{action.partition('-')[0]}-{target}", "action": action}
    return found | ({"parameters": parameters} if parameters else {})


Made = tuple[str, Json]


def _service(place: Place, luck: Stream) -> str:
    return luck.choice(tuple(place.services))


def _scale(place: Place, luck: Stream) -> Made:
    name = _service(place, luck)
    there = {"namespace": place.namespace, "deployment": name, "replicas": 2 + luck.below(6)}
    return name, {"scaleDeployment": there}


def _restart(place: Place, luck: Stream) -> Made:
    name = _service(place, luck)
    return name, {"restartDeployment": {"namespace": place.namespace, "deployment": name}}


def _image(place: Place, luck: Stream) -> Made:
    name = _service(place, luck)
    there = {"namespace": place.namespace, "deployment": name, "container": "app"}
    return name, {"updateImage": there | {"newImage": place.image(name, 1)}}


def _config(place: Place, luck: Stream) -> Made:
    name = luck.choice(CONFIGS)
    changes = {"LIMIT": str(10 * (1 + luck.below(50)))}
    return name, {"updateConfigMap": {"namespace": place.namespace, "name": name, "dataUpdates": changes}}


def _pod(place: Place, luck: Stream) -> Made:
    name = luck.choice(tuple(place.pods))
    return name, {"deletePod": {"namespace": place.namespace, "podName": name}}


def _cordon(_: Place, luck: Stream) -> Made:
    name = luck.choice(NODES)
    return name, {"cordonNode": {"nodeName": name}}


def _drain(_: Place, luck: Stream) -> Made:
    name = luck.choice(NODES)
    return name, {"drainNode": {"nodeName": name, "ignoreDaemonSets": True}}


def _custom(action: str, **more: str) -> Callable[[Place, Stream], Made]:
    def build(place: Place, luck: Stream) -> Made:
        name = _service(place, luck)
        config = {"kind": "Deployment", "namespace": place.namespace, "name": name, **more}
        return name, {"custom": {"actionType": action, "config": config}}

    return build


def _nothing(place: Place, _: Stream) -> Made:
    return place.namespace, {}


BUILDERS: Final[dict[str, Callable[[Place, Stream], Made]]] = {
    "scale-deployment": _scale,
    "restart-deployment": _restart,
    "update-image": _image,
    "update-configmap": _config,
    "delete-pod": _pod,
    "cordon-node": _cordon,
    "uncordon-node": _cordon,
    "drain-node": _drain,
    "rollback-deployment": _custom("rollback-deployment"),
    "increase-memory-limit": _custom("increase-memory-limit", container="app", memory="1Gi"),
    "verify-health": _custom("verify-health"),
    "check-pod-health": _custom("check-pod-health"),
    "collect-diagnostics": _nothing,
    "notify-only": _nothing,
}

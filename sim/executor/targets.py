"""The target world as an executor file describes it: what exists before the first step runs.

Called by the outcome model (as its `cluster` part) and by the world, which turns it into Kubernetes objects. Keys of
namespaced objects are `namespace/name`.
"""

import re
from fnmatch import fnmatchcase
from typing import Annotated, Final, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from wfexec.model.facts import AskAccess

_NAME: Final = r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?"
_QUANTITY: Final = re.compile(r"^([0-9]+(?:\.[0-9]+)?)(m|k|M|G|T|Ki|Mi|Gi|Ti)?$")
_UNITS: Final = {
    "m": 1e-3,
    "": 1,
    "k": 1e3,
    "M": 1e6,
    "G": 1e9,
    "T": 1e12,
    "Ki": 2**10,
    "Mi": 2**20,
    "Gi": 2**30,
    "Ti": 2**40,
}


def quantity(text: str) -> float:
    """The number behind a Kubernetes quantity: `500m` -> 0.5, `512Mi` -> 536870912.0."""
    found = _QUANTITY.match(text)
    if found is None:
        raise ValueError(f"{text[:40]!r} is not a quantity; write it like 500m, 2, 512Mi or 1Gi")
    return float(found.group(1)) * _UNITS[found.group(2) or ""]


def _checked(text: str) -> str:
    quantity(text)
    return text


Quantity = Annotated[str, AfterValidator(_checked)]
Key = Annotated[str, Field(pattern=f"^{_NAME}/{_NAME}$", max_length=317)]
Name = Annotated[str, Field(pattern=f"^{_NAME}$", max_length=253)]
Labels = Annotated[dict[str, str], Field(max_length=64)]
Glob = Annotated[str, Field(min_length=1, max_length=1024)]


class Given(BaseModel):
    """What a person wrote: unknown keys are refused, keys are camelCase."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, validate_by_name=True, validate_by_alias=True
    )


class ConfigFault(Given):
    """Pods that started while this key of a ConfigMap looked like `value` do not become ready."""

    name: Name
    key: str
    value: Glob


class Ailment(Given):
    """Why a deployment is not healthy after a roll-out; exactly one member.

    image: its image looks like this; memory_below: its memory limit is less; config_map: what its pods read.
    """

    image: Glob | None = None
    memory_below: Quantity | None = None
    config_map: ConfigFault | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if sum(member is not None for member in self.__dict__.values()) != 1:
            raise ValueError("set exactly one of image, memoryBelow, configMap")
        return self


class DeploymentTarget(Given):
    """`healthy` None: follows from `unhealthy_while`; `history` holds images of earlier revisions, oldest first."""

    replicas: int = Field(1, ge=0, le=1000)
    image: Annotated[str, Field(min_length=1, max_length=1024)]
    container: str = ""
    cpu: Quantity = "250m"
    memory: Quantity = "256Mi"
    labels: Labels = Field(default_factory=dict)
    history: Annotated[tuple[str, ...], Field(max_length=10)] = ()
    healthy: bool | None = None
    unhealthy_while: Annotated[tuple[Ailment, ...], Field(max_length=16)] = ()


class NodeTarget(Given):
    """`conditions` by type beside Ready, such as DiskPressure: "True"."""

    cpu: Quantity = "4"
    memory: Quantity = "16Gi"
    unschedulable: bool = False
    ready: bool = True
    labels: Labels = Field(default_factory=dict)
    conditions: Annotated[dict[str, str], Field(max_length=16)] = Field(default_factory=dict)


class DataTarget(Given):
    data: Annotated[dict[str, str], Field(max_length=256)] = Field(default_factory=dict)
    labels: Labels = Field(default_factory=dict)


class PodTarget(Given):
    """`daemon_set` and `local_data` decide whether a drain may evict it."""

    node: Name
    image: Annotated[str, Field(min_length=1, max_length=1024)] = "registry.k8s.io/pause:3.10"
    cpu: Quantity = "100m"
    memory: Quantity = "128Mi"
    labels: Labels = Field(default_factory=dict)
    daemon_set: bool = False
    local_data: bool = False
    ready: bool = True


class NamespaceTarget(Given):
    labels: Labels = Field(default_factory=dict)


class TargetCluster(Given):
    """Namespaces named only in keys exist as well."""

    namespaces: Annotated[dict[Name, NamespaceTarget], Field(max_length=256)] = Field(default_factory=dict)
    deployments: Annotated[dict[Key, DeploymentTarget], Field(max_length=1000)] = Field(default_factory=dict)
    nodes: Annotated[dict[Name, NodeTarget], Field(max_length=1000)] = Field(default_factory=dict)
    config_maps: Annotated[dict[Key, DataTarget], Field(max_length=1000)] = Field(default_factory=dict)
    secrets: Annotated[dict[Key, DataTarget], Field(max_length=1000)] = Field(default_factory=dict)
    pods: Annotated[dict[Key, PodTarget], Field(max_length=10_000)] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _pods_have_nodes(self) -> Self:
        for key, pod in self.pods.items():
            if pod.node not in self.nodes:
                raise ValueError(f"pod {key} is on node {pod.node}, which is not under nodes; add it there")
        return self


class Denial(Given):
    """An access review answers no where every part matches; each part is a glob."""

    user: Glob = "*"
    verb: Glob = "*"
    group: Annotated[str, Field(max_length=253)] = "*"
    resource: Glob = "*"
    namespace: Annotated[str, Field(max_length=253)] = "*"
    name: Annotated[str, Field(max_length=253)] = "*"
    reason: Annotated[str, Field(max_length=1024)] = "RBAC: no rule allows it"

    def covers(self, question: AskAccess) -> bool:
        return all(fnmatchcase(getattr(question, part), getattr(self, part)) for part in AskAccess._fields)

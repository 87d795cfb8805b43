"""Which API servers does the contract hold for? One parameter of the fixture `api` each."""

import itertools
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from sim.cluster.cluster import Cluster, Depth, own_crds
from sim.serve import Served
from tests.contract.clients import Client, InProcess, OverHttp
from tests.contract.things import CRD, things
from tests.envtest.manifests import manifests
from tests.envtest.server import USERS, ControlPlane

ROOT = Path(__file__).resolve().parents[2]
_numbers = itertools.count(1)


class Api(NamedTuple):
    """An API server and a namespace of the test's own."""

    client: Client
    namespace: str


def fake_cluster() -> Cluster:
    tokens = {f"token-of-{short}": USERS[short][0] for short in USERS}
    return Cluster(Depth.WIRE, crds=(*own_crds(), CRD), manifests=manifests(), tokens=tokens)


@pytest.fixture(scope="session")
def served() -> Iterator[Served]:
    """The fake over HTTP, with the test server's users."""
    with Served(fake_cluster()) as running:
        yield running


@pytest.fixture(scope="session")
def real_client(control_plane: ControlPlane) -> Client:
    """The real server, with the contract's own kind."""
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    status, answer = control_plane.request("POST", path, CRD)
    assert status == 201, answer
    wait = ["wait", "--for=condition=Established", "crd", "--all", "--timeout=5s"]
    control_plane.wait_until(lambda: not control_plane.kubectl(wait).returncode, "the CRDs are established")
    client = OverHttp(control_plane.url, control_plane.token, _trust(control_plane), real=True)
    control_plane.wait_until(
        lambda: (
            "404 page" not in control_plane.kubectl(["get", "--raw", things("default")]).stderr
            and client.request("GET", things("default"))[0] == 200
        ),
        "the contract's kind is served",
    )
    return client


def _trust(control_plane: ControlPlane) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(control_plane.ca_file))


@pytest.fixture(
    params=[
        pytest.param("in-process"),
        pytest.param("over-http"),
        pytest.param("real", marks=pytest.mark.apiserver),
    ]
)
def api(request: pytest.FixtureRequest) -> Api:
    """Each API server in turn, with a fresh namespace."""
    client: Client
    match request.param:
        case "in-process":
            client = InProcess(fake_cluster())
        case "over-http":
            running: Served = request.getfixturevalue("served")
            client = OverHttp(running.url, lambda user: f"token-of-{user}", None, real=False)
        case _:
            client = request.getfixturevalue("real_client")
    name = f"contract-{next(_numbers)}"
    status, answer = client.request("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    assert status == 201, answer
    return Api(client, name)

"""The clients that people have work with the fake as with a real API server: kubectl and the Python client."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import client, watch
from kubernetes.client.exceptions import ApiException

from sim.cluster.cluster import Cluster
from sim.serve import Served
from tests.contract.conftest import fake_cluster
from tests.contract.things import API, GROUP, thing
from tests.envtest.server import ControlPlane

Json = dict[str, Any]
Kubectl = Callable[..., subprocess.CompletedProcess[str]]
CONFIG_MAP = """
apiVersion: v1
kind: ConfigMap
metadata: {{name: settings, namespace: {namespace}}}
data: {{speed: {speed}}}
"""
DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web, namespace: {namespace}}}
spec:
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec: {{containers: [{{name: web, image: "web:1"}}]}}
"""


@pytest.fixture
def fake() -> Iterator[Served]:
    cluster: Cluster = fake_cluster()
    cluster.add_namespace("clients", 0)
    with Served(cluster) as running:
        yield running


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.apiserver)])
def server(request: pytest.FixtureRequest) -> tuple[client.ApiClient, str]:
    """The official client for each server, and a namespace."""
    if request.param == "fake":
        served: Served = request.getfixturevalue("fake")
        return client.ApiClient(client.Configuration(host=served.url)), "clients"
    request.getfixturevalue("real_client")
    real: ControlPlane = request.getfixturevalue("control_plane")
    settings = client.Configuration(host=real.url)
    settings.ssl_ca_cert = str(real.ca_file)
    settings.api_key = {"authorization": f"Bearer {real.token('admin')}"}
    return client.ApiClient(settings), request.getfixturevalue("namespace")


def test_the_official_client_makes_reads_watches_and_deletes(server: tuple[client.ApiClient, str]) -> None:
    connection, namespace = server
    place = (GROUP, "v1", namespace, "things")
    things: Any = client.CustomObjectsApi(connection)
    watching: Any = watch
    made = things.create_namespaced_custom_object(*place, thing("one", i=3))
    assert (made["apiVersion"], made["spec"]) == (API, {"must": "m", "b": True, "i": 3})
    listed = things.list_namespaced_custom_object(*place)
    things.patch_namespaced_custom_object_status(*place, "one", {"status": {"phase": "on"}})
    things.delete_namespaced_custom_object(*place, "one")
    since = listed["metadata"]["resourceVersion"]
    told = []
    for event in watching.Watch().stream(
        things.list_namespaced_custom_object, *place, resource_version=since, timeout_seconds=5
    ):
        told.append((event["type"], event["object"].get("status")))
        if event["type"] == "DELETED":
            break
    assert told == [("MODIFIED", {"phase": "on"}), ("DELETED", {"phase": "on"})]
    with pytest.raises(ApiException) as refused:
        things.get_namespaced_custom_object(*place, "one")
    assert refused.value.status == 404


def test_the_official_client_reads_typed_objects(server: tuple[client.ApiClient, str]) -> None:
    connection, namespace = server
    core: Any = client.CoreV1Api(connection)
    body = client.V1ConfigMap(metadata=client.V1ObjectMeta(name="typed"), data={"a": "b"})
    made = core.create_namespaced_config_map(namespace, body)
    assert (made.metadata.namespace, made.data) == (namespace, {"a": "b"})
    assert "typed" in [each.metadata.name for each in core.list_namespaced_config_map(namespace).items]
    leases: Any = client.CoordinationV1Api(connection)
    spec = client.V1LeaseSpec(holder_identity="me", lease_duration_seconds=15)
    lease = leases.create_namespaced_lease(namespace, client.V1Lease(metadata=client.V1ObjectMeta(name="l"), spec=spec))
    lease.spec.holder_identity = "you"
    assert leases.replace_namespaced_lease("l", namespace, lease).spec.holder_identity == "you"
    with pytest.raises(ApiException) as refused:
        leases.replace_namespaced_lease("l", namespace, lease)
    assert refused.value.status == 409


@pytest.fixture
def kubectl(fake: Served, envtest_binaries: Path, tmp_path: Path) -> Kubectl:
    """kubectl for the fake, with a home of its own."""
    config = tmp_path / "kubeconfig"
    config.write_text(yaml.safe_dump(fake.kubeconfig()))

    def run(*arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        command = [str(envtest_binaries / "kubectl"), f"--kubeconfig={config}", "--namespace=clients", *arguments]
        environment = {"HOME": str(tmp_path)}
        return subprocess.run(
            command, env=environment, input=stdin, capture_output=True, text=True, timeout=60, check=False
        )

    return run


@pytest.mark.apiserver
def test_kubectl_applies_shows_changes_and_deletes(kubectl: Kubectl) -> None:
    slow, fast = (CONFIG_MAP.format(namespace="clients", speed=speed) for speed in ("slow", "fast"))
    assert kubectl("apply", "-f", "-", stdin=slow).stdout == "configmap/settings created\n"
    assert kubectl("apply", "-f", "-", stdin=slow).stdout == "configmap/settings unchanged\n"
    assert kubectl("apply", "-f", "-", stdin=fast).stdout == "configmap/settings configured\n"
    assert kubectl("get", "cm", "settings", "-o", "jsonpath={.data.speed}").stdout == "fast"
    assert kubectl("patch", "cm", "settings", "-p", '{"data":{"more":"1"}}').returncode == 0
    assert kubectl("label", "cm", "settings", "tier=back").returncode == 0
    assert kubectl("get", "cm", "-l", "tier=back", "-o", "name").stdout == "configmap/settings\n"
    assert kubectl("delete", "cm", "settings").returncode == 0
    assert "NotFound" in kubectl("get", "cm", "settings").stderr


@pytest.mark.apiserver
def test_kubectl_shows_the_columns_of_a_workflow(kubectl: Kubectl) -> None:
    example = Path(__file__).resolve().parents[2] / "examples" / "memory-pressure" / "workflow.yaml"
    documents = [document for document in yaml.safe_load_all(example.read_text()) if document]
    for document in documents:
        document["metadata"]["namespace"] = "clients"
    applied = kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(documents))
    assert applied.returncode == 0, applied.stderr
    header, row = kubectl("get", "wfe").stdout.splitlines()
    assert header.split() == ["NAME", "PHASE", "STEP", "TOTAL", "OUTCOME", "AGE"]
    assert row.split()[-1].endswith("s")


@pytest.mark.apiserver
def test_kubectl_scales_and_is_told_what_is_wrong(kubectl: Kubectl) -> None:
    assert kubectl("apply", "-f", "-", stdin=DEPLOYMENT.format(namespace="clients")).returncode == 0
    assert kubectl("scale", "deployment", "web", "--replicas=3").stdout == "deployment.apps/web scaled\n"
    assert kubectl("get", "deployment", "web", "-o", "jsonpath={.spec.replicas}").stdout == "3"
    wrong = yaml.safe_dump(thing("wrong", colour="red"))
    assert 'unknown field "spec.colour"' in kubectl("apply", "-f", "-", stdin=wrong).stderr
    invalid = kubectl("apply", "-f", "-", stdin=yaml.safe_dump(thing("wrong", i=99)))
    assert "spec.i: Invalid value: 99: spec.i in body should be less than or equal to 10" in invalid.stderr


@pytest.mark.apiserver
def test_what_the_fake_does_not_model_it_says(kubectl: Kubectl) -> None:
    applied = kubectl("apply", "--server-side", "-f", "-", stdin=CONFIG_MAP.format(namespace="clients", speed="x"))
    assert "the fake cluster does not model: server-side apply" in applied.stderr
    typed = kubectl("create", "configmap", "typed", "--from-literal=a=b")
    assert "accepted media types include: application/json" in typed.stderr

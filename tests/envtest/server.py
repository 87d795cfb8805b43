"""How does a test get a Kubernetes control plane of its own, and how does it act as different people there?

Called by the pytest plugin, the benchmarks and people who want one by hand. Starts etcd, kube-apiserver and
kube-controller-manager in a temporary folder on free ports of 127.0.0.1. It must never outlive the process
that started it, and never give the code under test the rights of an administrator.

    with ControlPlane(folder_of_binaries) as cluster:
        cluster.kubectl(["get", "namespaces"], user="viewer")
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any

import urllib3
import yaml

SYSTEM_NAMESPACE = "kubernaut-system"
"""Where deploy/ puts the controller."""
CONTROLLER = f"system:serviceaccount:{SYSTEM_NAMESPACE}:workflow-execution-sa"
"""The very name that deploy/ binds its ClusterRole to, so that a missing right fails a test."""
EXECUTOR = f"system:serviceaccount:{SYSTEM_NAMESPACE}:kubernetes-executor-sa"
PARENT = f"system:serviceaccount:{SYSTEM_NAMESPACE}:remediation-orchestrator-sa"
_SERVICE_ACCOUNT_GROUPS = ("system:serviceaccounts", f"system:serviceaccounts:{SYSTEM_NAMESPACE}")
USERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "admin": ("admin", ("system:masters",)),
    "controller": (CONTROLLER, _SERVICE_ACCOUNT_GROUPS),
    "executor": (EXECUTOR, _SERVICE_ACCOUNT_GROUPS),
    "parent": (PARENT, _SERVICE_ACCOUNT_GROUPS),
    "alice": ("alice", ()),
    "mallory": ("mallory", ()),
    "viewer": ("viewer", ()),
}
"""Short name used in tests -> user name and groups that the server sees. What they may do: users.yaml."""

READY_TIMEOUT_S = 60.0


class ControlPlaneError(RuntimeError):
    """A server did not start, or ended by itself. The text holds the end of its log."""


class ControlPlane:
    """One etcd, one kube-apiserver, one kube-controller-manager. Start it from the main thread: on Linux the
    servers end with the thread that started them."""

    def __init__(self, binaries: Path, environment: Mapping[str, str] | None = None) -> None:
        """`environment` is added to that of the servers."""
        self.binaries = binaries
        self._environment = environment or {}
        self.folder = Path()
        self.url = ""
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._ports: dict[str, int] = {}

    def __enter__(self) -> ControlPlane:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start etcd and the API server and wait until they are ready, about 2 s."""
        self.folder = Path(tempfile.mkdtemp(prefix="wfexec-envtest-"))
        atexit.register(self.stop)
        try:
            # Between choosing a port and listening on it, somebody else may take it.
            for last in (False, False, True):
                try:
                    self._start_servers()
                    break
                except ControlPlaneError as error:
                    if last or "address already in use" not in str(error):
                        raise
                    self._kill_all()
        except BaseException:
            self.stop()
            raise

    def _start_servers(self) -> None:
        self._write_users()
        etcd, peer, secure = free_ports(3)
        self._ports = {"etcd": etcd, "peer": peer, "kube-apiserver": secure}
        self.url = f"https://127.0.0.1:{secure}"
        self._run(
            "etcd",
            f"--data-dir={self.folder / 'etcd'}",
            f"--listen-client-urls=http://127.0.0.1:{etcd}",
            f"--advertise-client-urls=http://127.0.0.1:{etcd}",
            f"--listen-peer-urls=http://127.0.0.1:{peer}",
            "--unsafe-no-fsync",
            # Ten times a second it would write down what its log holds anyway.
            "--backend-batch-interval=1s",
            "--log-level=warn",
        )
        self._run_apiserver()

    def _run_apiserver(self) -> None:
        certificates = self.folder / "certificates"
        key = certificates / "apiserver.key"
        self._run(
            "kube-apiserver",
            f"--etcd-servers=http://127.0.0.1:{self._ports['etcd']}",
            f"--cert-dir={certificates}",
            f"--secure-port={self._ports['kube-apiserver']}",
            "--bind-address=127.0.0.1",
            "--service-cluster-ip-range=10.0.0.0/24",
            "--service-account-issuer=https://kubernetes.default.svc",
            # The server makes its serving key before it reads these: one key for both spares a generator.
            f"--service-account-key-file={key}",
            f"--service-account-signing-key-file={key}",
            "--authorization-mode=RBAC",
            f"--token-auth-file={self.folder / 'tokens.csv'}",
            # Its controller, which makes the `default` accounts that it insists on, does not run here.
            "--disable-admission-plugins=ServiceAccount",
        )
        self._wait("kube-apiserver", self.is_ready)

    def start_controller_manager(self) -> None:
        """Start what collects orphans, ends namespaces, aggregates roles and checks policies. Do it after
        applying CRDs: it looks for new resources to collect only every 30 s."""
        self._run(
            "kube-controller-manager",
            f"--kubeconfig={self.kubeconfig('admin')}",
            "--controllers=garbage-collector-controller,namespace-controller,"
            "clusterrole-aggregation-controller,validatingadmissionpolicy-status-controller",
            "--leader-elect=false",
            "--use-service-account-credentials=false",
            "--secure-port=0",
        )

    def stop(self) -> None:
        """End every process and remove the folder; may be called again."""
        atexit.unregister(self.stop)
        self._kill_all()
        self.__dict__.pop("_pool", None)
        if self.folder.name:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _kill_all(self) -> None:
        for process in reversed(self._processes.values()):
            process.kill()
        for process in self._processes.values():
            process.wait()
        self._processes.clear()

    def restart_apiserver(self) -> None:
        """Kill the API server as a crash would, and start it again: same address, certificates and data."""
        self.kill_apiserver()
        self._run_apiserver()

    def kill_apiserver(self) -> None:
        """Kill the API server without notice; restart_apiserver brings it back."""
        process = self._processes.pop("kube-apiserver", None)
        if process is not None:
            process.kill()
            process.wait()

    def pause_etcd(self) -> None:
        """Stop etcd in its tracks: requests hang until resume_etcd."""
        self._processes["etcd"].send_signal(signal.SIGSTOP)

    def resume_etcd(self) -> None:
        """Undo pause_etcd."""
        self._processes["etcd"].send_signal(signal.SIGCONT)

    @property
    def ca_file(self) -> Path:
        """PEM file to verify the API server's certificate with."""
        return self.folder / "certificates" / "apiserver.crt"

    def token(self, user: str) -> str:
        """Bearer token of one of USERS."""
        if user not in USERS:
            raise KeyError(f"no user {user!r}: one of {', '.join(USERS)}")
        return f"token-of-{user}"

    def kubeconfig(self, user: str) -> Path:
        """A kubeconfig file for one of USERS."""
        path = self.folder / f"{user}.kubeconfig"
        if not path.exists():
            cluster = {"server": self.url, "certificate-authority": str(self.ca_file)}
            content = {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "envtest", "cluster": cluster}],
                "users": [{"name": user, "user": {"token": self.token(user)}}],
                "contexts": [{"name": user, "context": {"cluster": "envtest", "user": user}}],
                "current-context": user,
            }
            path.write_text(yaml.safe_dump(content, sort_keys=False))
            path.chmod(0o600)
        return path

    def kubectl(
        self, args: Sequence[str], user: str = "admin", *, stdin: str | None = None, check: bool = False
    ) -> subprocess.CompletedProcess[str]:
        """Run kubectl as one of USERS. With check, a failure is an error that shows what kubectl said."""
        command = [str(self.binaries / "kubectl"), f"--kubeconfig={self.kubeconfig(user)}", *args]
        # No discovery cache: it would outlive the server, or miss the CRDs that came after its first look.
        environment = {
            "HOME": str(self.folder),
            "KUBECACHEDIR": os.devnull,
            "PATH": os.environ.get("PATH", ""),
        }
        answer = subprocess.run(
            command, env=environment, input=stdin, capture_output=True, text=True, timeout=60, check=False
        )
        if check and answer.returncode:
            raise ControlPlaneError(f"kubectl {' '.join(args)} as {user}: {answer.stderr or answer.stdout}")
        return answer

    def apply_manifests(self, *paths: Path, user: str = "admin") -> str:
        """Apply files, folders of files, or folders with a kustomization. Returns what kubectl said."""
        said = []
        for path in paths:
            kind = "-k" if (path / "kustomization.yaml").is_file() else "-f"
            said.append(self.kubectl(["apply", "--server-side", kind, str(path)], user, check=True).stdout)
        return "".join(said)

    def end_rehearsal(self) -> None:
        """Take back the rights that `wfexec sim executor --create-world` gave: other tests rely on denials."""
        for kind in ("clusterrolebindings", "clusterroles"):
            self.kubectl(["delete", kind, "--selector=app.kubernetes.io/part-of=wfexec-rehearsal"], check=True)

    def only_nodes(self, names: Iterable[str]) -> None:
        """Delete all other nodes: tests that share the server would find them in the picture."""
        kept = frozenset(names)
        for node in self.request("GET", "/api/v1/nodes")[1]["items"]:
            name = node["metadata"]["name"]
            if name not in kept:
                self.request("DELETE", f"/api/v1/nodes/{name}")

    def open_nodes(self, names: Iterable[str]) -> None:
        """Take away the taint that every new node is given: no kubelet does."""
        for name in names:
            self.request("PATCH", f"/api/v1/nodes/{name}", {"spec": {"taints": None}})

    def request(
        self,
        method: str,
        path: str,
        body: object = None,
        user: str = "admin",
        *,
        patch: str = "merge-patch+json",
        timeout_s: float = 10.0,
    ) -> tuple[int, Any]:
        """One request with a JSON body; status code and decoded answer. `patch` is the content type of a PATCH."""
        headers = {
            "Authorization": f"Bearer {self.token(user)}",
            "Content-Type": f"application/{patch if method == 'PATCH' else 'json'}",
        }
        content = None if body is None else json.dumps(body).encode()
        try:
            answer = self._pool.request(method, f"{self.url}{path}", body=content, headers=headers, timeout=timeout_s)
        except urllib3.exceptions.TimeoutError as error:
            raise TimeoutError(f"{method} {path}: {error}") from error
        except urllib3.exceptions.HTTPError as error:
            raise ConnectionError(f"{method} {path}: {error}") from error
        return answer.status, json.loads(answer.data)

    @cached_property
    def _pool(self) -> urllib3.PoolManager:
        """Connections that stay open: a handshake costs both sides more than what is asked."""
        return urllib3.PoolManager(maxsize=4, retries=False, ca_certs=str(self.ca_file))

    def may(self, user: str, verb: str, resource: str, namespace: str = "", name: str = "") -> bool:
        """Whether one of USERS may do that. `resource` is `plural.group`, `plural.group/subresource`, or without
        group for the core; an empty namespace asks for the whole cluster."""
        named, _, subresource = resource.partition("/")
        plural, _, group = named.partition(".")
        account, groups = USERS[user]
        question = {"verb": verb, "group": group, "resource": plural, "subresource": subresource}
        spec = {
            "user": account,
            "groups": [*groups, "system:authenticated"],
            "resourceAttributes": {**question, "namespace": namespace, "name": name},
        }
        status, answer = self.request("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", {"spec": spec})
        assert status == 201, answer
        return bool(answer["status"]["allowed"])

    def wait_until(self, done: Callable[[], object], what: str, timeout_s: float = 45.0) -> None:
        """Look again every 50 ms until `done` is true, for what a server does in its own time."""
        limit = time.monotonic() + timeout_s
        while not done():
            if time.monotonic() > limit:
                raise ControlPlaneError(f"not within {timeout_s} s: {what}")
            threading.Event().wait(0.05)

    @property
    def etcd_url(self) -> str:
        return f"http://127.0.0.1:{self._ports['etcd']}"

    def pids(self) -> list[int]:
        """Process ids of the servers that were started."""
        return [process.pid for process in self._processes.values()]

    def is_ready(self) -> bool:
        """Whether the API server answers /readyz with 200."""
        try:
            trust = ssl.create_default_context(cafile=str(self.ca_file))
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=2, context=trust) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def _write_users(self) -> None:
        rows = [f'{self.token(short)},{name},{short},"{",".join(groups)}"\n' for short, (name, groups) in USERS.items()]
        (self.folder / "tokens.csv").write_text("".join(rows))

    def _run(self, name: str, *arguments: str) -> None:
        with self._log(name).open("ab") as log:
            self._processes[name] = subprocess.Popen(
                [str(self.binaries / name), *arguments],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self._environment},
                # Ctrl-C is for the tests: they end the servers when they are done with them.
                process_group=0,
                preexec_fn=die_with_parent(),
            )

    def _log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def _wait(self, name: str, done: Callable[[], bool]) -> None:
        limit = time.monotonic() + READY_TIMEOUT_S
        while not done():
            for running, process in self._processes.items():
                if process.poll() is not None:
                    raise ControlPlaneError(f"{running} ended with {process.returncode}: {self._tail(running)}")
            if time.monotonic() > limit:
                raise ControlPlaneError(f"{name} not ready after {READY_TIMEOUT_S} s: {self._tail(name)}")
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._processes[name].wait(0.03)

    def _tail(self, name: str) -> str:
        return "\n".join(self._log(name).read_text(errors="replace").splitlines()[-8:])


def free_ports(count: int) -> list[int]:
    """Different TCP ports that nobody listens on at this moment."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def die_with_parent() -> Callable[[], object] | None:
    """What a child does between fork and exec so that the kernel kills it with its parent, even after a
    SIGKILL that leaves the parent no time to clean up. None where there is no such thing."""
    if not sys.platform.startswith("linux"):
        return None
    # Looked up here: after fork only the call itself is safe.
    prctl = ctypes.CDLL(None).prctl
    set_parent_death_signal = 1
    return lambda: prctl(set_parent_death_signal, signal.SIGKILL)

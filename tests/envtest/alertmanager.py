"""Where is an Alertmanager to test against, and if nowhere, how does one come by Debian's?

Called by `make envtest` and `make test` (as a script: it says on stderr what it did) and by the contract test, which
only looks and never downloads. Needs apt and dpkg, no rights and no installation: apt checks what it downloads, and
the package is unpacked into the user's cache. Its binary opens its templates where the package would have put them;
the copy opens them in its working folder instead.

    python tests/envtest/alertmanager.py
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PACKAGE = "prometheus-alertmanager"
SHARE = b"/usr/share/prometheus/alertmanager"
TEMPLATES = "usr/share/prometheus/alertmanager"
PATIENCE_S = 120


class UnavailableError(Exception):
    """There is none to be had. The text is one sentence for a person."""


def folder() -> Path:
    """Where the unpacked one lives: binary and templates side by side."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "wfexec" / "alertmanager"


def find() -> Path | None:
    """The binary: ours, else an installed one, else None."""
    made = folder() / "alertmanager"
    if os.access(made, os.X_OK):
        return made
    installed = shutil.which(PACKAGE)
    return Path(installed) if installed else None


def fetch() -> Path:
    """The binary, downloaded if there is none; never leaves half of it behind."""
    found = find()
    if found is not None:
        return found
    for tool in ("apt-get", "dpkg-deb"):
        if shutil.which(tool) is None:
            raise UnavailableError(f"there is no {tool} to come by Debian's {PACKAGE}")
    with tempfile.TemporaryDirectory() as name:
        room = Path(name)
        _run(["apt-get", "download", PACKAGE], room)
        packages = list(room.glob(f"{PACKAGE}_*.deb"))
        if not packages:
            raise UnavailableError(f"apt brought no {PACKAGE}")
        _run(["dpkg-deb", "--extract", str(packages[0]), str(room / "unpacked")], room)
        ready = room / "ready"
        ready.mkdir()
        for template in (room / "unpacked" / TEMPLATES).glob("*.tmpl"):
            shutil.copy(template, ready)
        binary = ready / "alertmanager"
        # As long as before, and the same folder from anywhere: the working one.
        here = b"./" * (len(SHARE) // 2)
        binary.write_bytes((room / "unpacked" / "usr" / "bin" / PACKAGE).read_bytes().replace(SHARE, here))
        binary.chmod(0o755)
        folder().parent.mkdir(parents=True, exist_ok=True)
        whole = folder().with_name(f"alertmanager.{os.getpid()}")
        shutil.copytree(ready, whole)
        try:
            whole.rename(folder())
        except OSError:
            # Somebody else was faster.
            shutil.rmtree(whole)
    return folder() / "alertmanager"


def _run(command: list[str], room: Path) -> None:
    try:
        done = subprocess.run(command, cwd=room, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UnavailableError(f"{command[0]} did not work: {error}") from None
    if done.returncode:
        said = " ".join(done.stderr.split())[-300:]
        raise UnavailableError(f"{' '.join(command[:2])} did not work: {said}")


if __name__ == "__main__":
    try:
        print(f"Alertmanager: {fetch()}", file=sys.stderr)
    except UnavailableError as trouble:
        sys.exit(f"no Alertmanager: {trouble}")

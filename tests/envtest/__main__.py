"""How does a person get the test server to try something by hand?

    .venv/bin/python -m tests.envtest

It runs until Ctrl-C, with CRDs, manifests and users as the tests have them.
"""

import signal
import sys

from tests.envtest import build, plugin
from tests.envtest.server import USERS, ControlPlane


def main() -> int:
    """Serve until interrupted."""
    try:
        binaries = build.obtain()
    except build.UnavailableError as error:
        print(f"envtest: {error}", file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with ControlPlane(binaries) as cluster:
        plugin.install(cluster)
        print(f"export KUBECONFIG={cluster.kubeconfig('admin')}")
        print(f"export PATH={binaries}:$PATH")
        for user in sorted(USERS):
            print(f"# {user}: {cluster.kubeconfig(user)}")
        print("# Ctrl-C ends it", flush=True)
        try:
            signal.pause()
        except KeyboardInterrupt:
            print("# ended", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())

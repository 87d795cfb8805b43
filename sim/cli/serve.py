"""`wfexec sim serve`: the fake cluster behind a port, to look at with kubectl or to point a controller at.

On this machine alone and with no one's rights checked: for trying things, never for work.
"""

import signal
from pathlib import Path
from threading import Event
from typing import Annotated, Final

import typer
import yaml

from sim.cli.common import exit_codes
from sim.cluster.cluster import Cluster, Depth
from sim.serve import Served
from wfexec.errors import BadInput, Finding

EXAMPLE: Final = "Example: wfexec sim serve --port 8001 --kubeconfig fake.kubeconfig"


def serve(
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port on 127.0.0.1; 0 takes a free one.")] = 8001,
    kubeconfig: Annotated[Path, typer.Option(help="Where to write a kubeconfig for it.")] = Path("fake.kubeconfig"),
) -> None:
    """Serve an empty fake cluster over HTTP. docs/fake-cluster.md says what it models."""
    stopping = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    with exit_codes():
        try:
            served = Served(Cluster(Depth.WIRE), port)
            kubeconfig.write_text(yaml.safe_dump(served.kubeconfig(), sort_keys=False))
        except OSError as error:
            field = "--kubeconfig" if error.filename else "--port"
            value = str(kubeconfig if error.filename else port)
            raise BadInput((Finding("", field, value, error.strerror or str(error)),)) from None
        with served:
            typer.echo(f"serving {served.url}; try: kubectl --kubeconfig {kubeconfig} get wfe -A -w", err=True)
            stopping.wait()

"""`wfexec sim executor`: play the executor in a real cluster that has none, to rehearse or to try the controller.

The steps' effects are simulated from the executor file and written to the cluster's own objects, so it belongs in a
cluster made for that, never in one that carries work.
"""

import signal
from pathlib import Path
from threading import Event
from typing import Annotated, Final

import typer

from sim.cli.common import exit_codes
from sim.executor.files import load_outcomes
from sim.live import CONNECTIONS, LiveExecutor, grant_rights, run, seed_cluster
from wfexec.adapters.clock import WallClock
from wfexec.adapters.kube import connect
from wfexec.cli.cluster import Context, Kubeconfig
from wfexec.units import so_many

EXAMPLE: Final = (
    "Example: wfexec sim executor examples/memory-pressure/executor.yaml --create-world --kubeconfig ~/.kube/config"
)


def executor(
    file: Annotated[Path, typer.Argument(help="Executor file: how steps go, and the world they change.")],
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    seed: Annotated[int, typer.Option(help="Luck: the same seed meets the same durations and failures.")] = 1,
    create_world: Annotated[
        bool, typer.Option("--create-world", help="First create the file's namespaces, objects and rights.")
    ] = False,
) -> None:
    """Carry out KubernetesExecutions of a real cluster. Not for clusters that carry work."""
    stopping = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    with exit_codes():
        outcomes = load_outcomes(file)
        connection = connect(kubeconfig, context, CONNECTIONS)
        if create_world:
            made = seed_cluster(outcomes, connection, WallClock().now_ms(), again=True)
            grant_rights(outcomes, connection)
            typer.echo(f"{so_many(len(made.created), 'object is', 'objects are')} in the cluster now", err=True)
        typer.echo("carrying out KubernetesExecutions; interrupt to stop", err=True)
        code = run(LiveExecutor(outcomes, connection, seed=seed), stopping.is_set)
    raise typer.Exit(code)

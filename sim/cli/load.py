"""`wfexec sim load`: many workflows at once, and how long each of them waits for the controller (BR-WF-033)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final

import orjson
import typer

from sim.cli.common import COMPLETED, DEFECT, FAILED, complain, duration, exit_codes, pairs
from sim.driver import Options
from sim.load import OVERLOAD, Row, Sum, copies, drive, summed
from sim.scenario import Scenario, config_maps, find_executor, load_all, load_settings
from wfexec.units import format_duration, so_many

EXAMPLE: Final = (
    "Example: wfexec sim load examples/crashloop-bad-image/workflow.yaml --count 100 --every 200ms"
    " --set kubernetes-qps=50"
)
COUNT_MAX: Final = 10_000


def load(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Manifests; their workflows come in turn.")],
    count: Annotated[int, typer.Option(min=1, max=COUNT_MAX, help="How many workflows.")] = 100,
    every: Annotated[str, typer.Option(help="Between one and the next, such as 200ms; 0s: all at once.")] = "1s",
    seed: Annotated[int, typer.Option(help="The luck of this run.", min=0)] = 1,
    executor: Annotated[
        Path | None, typer.Option(help="How steps go; default: executor.yaml beside the first FILE.")
    ] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A setting; may be given several times.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The figures as JSON.")] = False,
) -> None:
    """Load the controller in virtual time. Exit 3 for a time longer than promised or a workflow not completed."""
    with exit_codes():
        every_ms = duration("--every", every)
        options = Options(
            settings=load_settings(pairs(set_ or ()), "--set"),
            outcomes=find_executor(executor, files[0]),
            seed=seed,
            objects=tuple(each for file in files for each in config_maps(file)),
        )
        run = drive(Scenario(copies(load_all(files), count), options), every_ms)
        found = summed(run.workflows, run.history, options.settings)
        if as_json:
            typer.echo(orjson.dumps(document(found), option=orjson.OPT_INDENT_2).decode())
        else:
            for line in told(found, every_ms, seed):
                typer.echo(line)
        broken = [one for one in run.complaints if one.check not in OVERLOAD]
        complain(broken, seed)
        good = found.kept and found.completed == found.workflows
        raise typer.Exit(DEFECT if broken else COMPLETED if good else FAILED)


def told(found: Sum, every_ms: int, seed: int) -> Iterator[str]:
    """For people; times are virtual."""
    coming = f"one each {format_duration(every_ms)}" if every_ms else "all at once"
    workflows = so_many(found.workflows, "workflow")
    yield f"{workflows}, {coming}, seed {seed}: {found.completed} completed, {found.together} together"
    yield f"{so_many(found.steps, 'step')}, {found.steps_per_minute:,.0f} a minute"
    yield f"{so_many(found.writes, 'write')} to objects, {found.busiest} in the busiest second"
    yield f"{so_many(found.events, 'write')} of events, {so_many(found.events_dropped, 'event')} given up"
    yield ""
    yield f"{'':14}{'p50':>10}{'p95':>10}{'most':>10}{'promised':>10}"
    for row in found.rows:
        bound = row.promise.bound_ms
        cells = "".join(f"{_time(one):>10}" for one in (row.p50, row.p95, row.most, bound))
        yield f"{row.promise.title:14}{cells}  {_verdict(row)}".rstrip()


def _time(found: int | None) -> str:
    return "-" if found is None else format_duration(found)


def _verdict(row: Row) -> str:
    return "" if row.kept is None else "kept" if row.kept else "BROKEN"


def document(found: Sum) -> dict[str, Any]:
    """For programs; times in milliseconds."""
    rows = [
        {"title": row.promise.title, "tells": row.promise.tells, "promisedMs": row.promise.bound_ms}
        | {"waits": row.waits, "p50Ms": row.p50, "p95Ms": row.p95, "mostMs": row.most, "kept": row.kept}
        for row in found.rows
    ]
    return found._asdict() | {"rows": rows}

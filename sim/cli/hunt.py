"""`wfexec sim hunt`: run after run under random faults until something is wrong, then a small case that shows it."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final

import orjson
import typer

from sim.cases import load_case, save
from sim.cli.common import COMPLETED, DEFECT, FAILED, exit_codes, progress_bar
from sim.cli.generate import ActionsOption, ShapeOption, StepsOption, wish_of
from sim.hunt import Aim, Found, Grounds, Tally, hunt
from sim.shrink import TRIES
from sim.study import pool
from wfexec.errors import BadInput, Finding
from wfexec.units import so_many

EXAMPLE: Final = "Example: wfexec sim hunt --runs 500 --seed 1 --out build/hunt"
RUNS_MAX: Final = 1_000_000
JOBS_MAX: Final = 256
TRIES_MAX: Final = 100_000


def hunt_(
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="FILE…", help="Manifests of your own; without them remediations are made up."),
    ] = None,
    runs: Annotated[int, typer.Option(min=1, max=RUNS_MAX, help="How many.")] = 200,
    seed: Annotated[int, typer.Option(min=0, help="Of the first run; the others follow.")] = 1,
    aim: Annotated[Aim, typer.Option("--for", help="What to look for.")] = Aim.DEFECT,
    executor: Annotated[
        Path | None, typer.Option(help="How steps go; default: executor.yaml beside the first FILE.")
    ] = None,
    steps: StepsOption = "3-12",
    shape: ShapeOption = None,
    actions: ActionsOption = None,
    calm: Annotated[bool, typer.Option("--calm", help="Without faults of the controller and the network.")] = False,
    shrink: Annotated[int, typer.Option(min=0, max=TRIES_MAX, help="Tries to make what was found smaller.")] = TRIES,
    jobs: Annotated[
        int | None, typer.Option(min=1, max=JOBS_MAX, help="Processes; what is found does not depend on it.")
    ] = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where the case that was found is kept.")] = Path(
        "build/hunt"
    ),
    as_json: Annotated[bool, typer.Option("--json", help="What was found as JSON.")] = False,
) -> None:
    """Look for runs in which something is wrong. Exit 1 for a defect; --for an end: 0 when it is seen, 3 when not."""
    with exit_codes():
        if out.exists() and not out.is_dir():
            # Better said before the hunt than after it.
            raise BadInput((Finding("--out", "", str(out), "is a file; give a folder"),))
        own = load_case(files, executor, seed) if files else None
        grounds = Grounds(aim, wish_of(steps, shape, actions or ()), own, faults=not calm)
        workers = min(jobs or os.cpu_count() or 1, runs)
        with pool(workers) as processes, progress_bar("runs", runs) as hear:
            tally, found = hunt(grounds, range(seed, seed + runs), processes, hear, shrink)
        command = save(found.case, out / str(found.seed)) if found is not None else ""
        if as_json:
            typer.echo(orjson.dumps(document(tally, found, command), option=orjson.OPT_INDENT_2).decode())
        else:
            for line in told(aim, tally, found, command):
                typer.echo(line)
        if aim is Aim.DEFECT:
            raise typer.Exit(COMPLETED if found is None else DEFECT)
        raise typer.Exit(FAILED if found is None else COMPLETED)


def told(aim: Aim, tally: Tally, found: Found | None, command: str) -> Iterator[str]:
    """For people."""
    went = f"{tally.completed} completed, {so_many(tally.writes, 'controller write')}, {so_many(tally.faults, 'fault')}"
    yield f"{so_many(tally.runs, 'run')}: {went}"
    if found is None:
        yield "no promise was broken" if aim is Aim.DEFECT else f"no {aim.value} was seen"
        return
    yield f"seed {found.seed}: {found.sight.told}"
    (steps, faults), (steps_left, faults_left) = found.before, found.after
    tries = so_many(found.tries, "try", "tries")
    yield f"made smaller in {tries}: steps {steps} → {steps_left}, faults {faults} → {faults_left}"
    yield f"replay: {command}"


def document(tally: Tally, found: Found | None, command: str) -> dict[str, Any]:
    """For programs; `found` null: nothing."""
    if found is None:
        return {"tally": tally._asdict(), "found": None}
    sizes = {
        name: dict(zip(("steps", "faults"), size, strict=True))
        for name, size in (("before", found.before), ("after", found.after))
    }
    seen = {"seed": found.seed, "kind": found.sight.kind, "told": found.sight.told}
    return {"tally": tally._asdict(), "found": seen | sizes | {"tries": found.tries, "replay": command}}

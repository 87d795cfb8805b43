"""`wfexec sim run`: one or more manifests in virtual time, told as a timeline."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final

import orjson
import typer

from sim.cli.common import COMPLETED, DEFECT, FAILED, coloured, complain, duration, exit_codes, pairs, writing
from sim.cluster.cluster import Depth
from sim.driver import Options
from sim.faults import CALM, crash_after_write
from sim.past import load_history
from sim.remediations import load_requests
from sim.report import charts, entries
from sim.report_json import children, events, objects, phases, trace_line
from sim.report_text import bars, story, summary
from sim.scenario import Run, Scenario, config_maps, find_executor, holds_workflows, load_all, load_settings, play
from sim.troubles import load_troubles
from wfexec.errors import BadInput, Finding
from wfexec.units import format_instant, so_many

EXAMPLE: Final = (
    "Example: wfexec sim run examples/memory-pressure/workflow.yaml --seed 7 --set max-parallel-steps=2 "
    "--svg build/memory-pressure.svg"
)


def run(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE…", help="Manifests with WorkflowExecutions or RemediationRequests.")
    ],
    seed: Annotated[int, typer.Option(help="The luck of this run; the same seed gives the same run.", min=0)] = 1,
    executor: Annotated[
        Path | None, typer.Option(help="How steps go; default: executor.yaml beside the first FILE.")
    ] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A setting; may be given several times.")
    ] = None,
    until: Annotated[str, typer.Option(help="Stop after this much virtual time, such as 10m.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Phases, children, events, objects and digest.")] = False,
    trace: Annotated[bool, typer.Option("--trace", help="Every write and every version, one line each.")] = False,
    faults: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Faults, delays and replicas, as `sim generate` writes them.")
    ] = None,
    crash_after: Annotated[
        int | None,
        typer.Option("--crash-after-write", metavar="I", min=1, help="Kill the controller after its write I."),
    ] = None,
    depth: Annotated[Depth, typer.Option(help="wire: all JSON; shared: values by reference.")] = Depth.SHARED,
    svg: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw the timeline.")] = None,
    history: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Earlier runs, for workflows that learn from history.")
    ] = None,
) -> None:
    """Run manifests in a simulated cluster. Exit 0 when all completed, 3 when one failed."""
    with exit_codes():
        if as_json and trace:
            raise BadInput((Finding("--json", "", "", "give --json or --trace, not both"),))
        if faults is not None and crash_after is not None:
            fix = f"write the crash into {faults} as {{write: {crash_after}, fault: crash-after}}"
            raise BadInput((Finding("--crash-after-write", "", str(crash_after), f"not beside --faults; {fix}"),))
        options = Options(
            settings=load_settings(pairs(set_ or ()), "--set"),
            outcomes=find_executor(executor, files[0]),
            seed=seed,
            depth=depth,
            objects=tuple(each for file in files for each in config_maps(file)),
            faults=CALM if crash_after is None else crash_after_write(crash_after),
            history=() if history is None else load_history(history),
        )
        if faults is not None:
            options = load_troubles(faults).over(options)
        requests = {file: load_requests(file) for file in files}
        workflows = load_all([file for file in files if not requests[file] or holds_workflows(file)])
        asked = tuple(one for each in requests.values() for one in each)
        result = play(Scenario(workflows, options, duration("--until", until) if until else None, asked))
        _show(result, as_json=as_json, trace=trace)
        if svg is not None:
            draw(result, svg, ", ".join(chart.workflow for chart in charts(result.history, *_span(result))))
            typer.echo(f"timeline: {svg}", err=True)
        if crash_after is not None and result.writes < crash_after:
            typer.echo(f"no crash: the controller made only {so_many(result.writes, 'write')}", err=True)
        complain(result.complaints, seed)
        raise typer.Exit(DEFECT if result.complaints else COMPLETED if result.completed else FAILED)


def tell(result: Run) -> Iterator[str]:
    """The whole story of a run for a terminal."""
    colour = coloured()
    drawn = charts(result.history, *_span(result))
    yield from story(entries(result.history, result.epoch_ms), colour=colour)
    for chart in drawn:
        yield ""
        yield from bars(chart, colour=colour)
    yield ""
    counts = (
        ("controller writes", result.writes),
        ("children", len(children(result.history))),
        ("events", len(events(result.history))),
        ("targets left damaged", len(result.damaged)),
    )
    yield from summary(drawn, counts, colour=colour)
    for one in result.answered:
        why = f": {one.message}" if one.message else ""
        yield f"RemediationRequest {one.namespace}/{one.name}: {one.phase or 'not seen yet'}{why}"


def draw(result: Run, path: Path, title: str, option: str = "--svg") -> None:
    """The timeline as SVG."""
    # matplotlib takes longer to load than most runs take.
    from sim.report_svg import draw_timelines

    with writing(option, path):
        draw_timelines(charts(result.history, *_span(result)), path, title)


def _span(result: Run) -> tuple[int, int]:
    return result.epoch_ms, result.now_ms


def _show(result: Run, *, as_json: bool, trace: bool) -> None:
    if as_json:
        typer.echo(orjson.dumps(document(result), option=orjson.OPT_INDENT_2).decode())
    elif trace:
        for record in result.records:
            typer.echo(trace_line(record, result.epoch_ms))
    else:
        for line in tell(result):
            typer.echo(line)


def document(result: Run) -> dict[str, Any]:
    """Everything about a run that a program may want."""
    return {
        "seed": result.scenario.options.seed,
        "began": format_instant(result.epoch_ms),
        "ended": format_instant(result.now_ms),
        "completed": result.completed,
        "phases": phases(result.history),
        "children": children(result.history),
        "events": events(result.history),
        "controllerWrites": result.writes,
        "leftoverDamage": [" ".join(ref).replace("  ", " ") for ref in result.damaged],
        **({"requests": [one._asdict() for one in result.answered]} if result.answered else {}),
        "complaints": [str(complaint) for complaint in result.complaints],
        **objects(result.history),
        "digest": result.digest(),
    }

"""`wfexec sim whatif`: several policies for the same remediation, compared on the same luck."""

import os
from pathlib import Path
from typing import Annotated, Final

import orjson
import typer

from sim.cli.common import DEFECT, exit_codes, progress_bar, writing
from sim.report_study import document, table, verdicts
from sim.study import RUNS_MAX, Sample, Study, conduct, load_study, pool

EXAMPLE: Final = (
    "Example: wfexec sim whatif examples/studies/rollback-policies.yaml --runs 200 --jobs 2 --svg build/policies.svg"
)
JOBS_MAX: Final = 256


def whatif(
    study: Annotated[Path, typer.Argument(metavar="STUDY.yaml", help="Workflows, executor and two or more policies.")],
    runs: Annotated[int | None, typer.Option(min=1, max=RUNS_MAX, help="Runs of each policy.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="The luck all policies share.")] = None,
    jobs: Annotated[
        int | None, typer.Option(min=1, max=JOBS_MAX, help="Processes; the result does not depend on it.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Figures, intervals and every sample.")] = False,
    svg: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw the distributions.")] = None,
) -> None:
    """Compare policies on the same luck. Chance of recovery, time, undone steps and damage, with 95 % intervals."""
    with exit_codes():
        plan = load_study(study, runs, seed)
        samples = compare(plan, jobs or os.cpu_count() or 1)
        found = verdicts(plan, samples)
        if as_json:
            typer.echo(orjson.dumps(document(plan, found, samples), option=orjson.OPT_INDENT_2).decode())
        else:
            for line in table(plan, found):
                typer.echo(line)
        if svg is not None:
            # matplotlib takes longer to load than a small study takes.
            from sim.report_study_svg import draw_study

            with writing("--svg", svg):
                draw_study(plan, found, samples, svg)
            typer.echo(f"distributions: {svg}", err=True)
        raise typer.Exit(DEFECT if broken(plan, samples) else 0)


def compare(study: Study, jobs: int) -> list[tuple[Sample, ...]]:
    """Play the study with a bar on stderr for a person who waits."""
    with pool(min(jobs, study.runs)) as executor, progress_bar("runs", study.runs) as hear:
        return conduct(study, executor, jobs, hear)


def broken(study: Study, samples: list[tuple[Sample, ...]]) -> bool:
    """Say which runs broke a promise, the first few of them."""
    found = [
        (number, arm.name, complaint)
        for number, run in enumerate(samples)
        for arm, sample in zip(study.arms, run, strict=True)
        for complaint in sample.broken
    ]
    for number, policy, complaint in found[:5]:
        typer.echo(f"a promise was broken (a defect of ours) in run {number} of {policy!r}: {complaint}", err=True)
    return bool(found)

"""`wfexec sim demo`: a remediation that works, one that a storm hits, and two policies for the next storm."""

import os
from pathlib import Path
from typing import Annotated, Final

import typer

from sim.cli.common import DEFECT, complain, exit_codes, writing
from sim.cli.run import draw, tell
from sim.cli.whatif import broken, compare
from sim.driver import Options
from sim.report_study import table, verdicts
from sim.scenario import Run, Scenario, find_executor, play
from sim.study import load_study
from wfexec.crd.files import load_workflows
from wfexec.errors import BadInput, Finding

EXAMPLE: Final = "Example: wfexec sim demo --out build/demo"
EXAMPLES: Final = Path(__file__).resolve().parents[2] / "examples"
REMEDIATION: Final = "bad-configmap-rollout"
STORM: Final = "eviction-storm.yaml"
STUDY: Final = "studies/rollback-policies.yaml"
SEED: Final = 7


def demo(
    examples: Annotated[
        Path, typer.Option(metavar="DIR", help="Where the examples are.", show_default="the project's own")
    ] = EXAMPLES,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where the pictures go.")] = Path("build/demo"),
    jobs: Annotated[int | None, typer.Option(min=1, help="Processes for the comparison.")] = None,
) -> None:
    """Watch a remediation run, and compare two policies. A storm hits it; all in virtual time."""
    with exit_codes():
        manifest = examples / REMEDIATION / "workflow.yaml"
        if not manifest.exists():
            fix = "no examples there; run the demo in a clone of the project, or name their folder with --examples"
            raise BadInput((Finding(str(examples), "", "", fix),))
        _title("1. A bad ConfigMap was rolled out; the remediation restores it and restarts what depends on it")
        calm = _run(manifest, None)
        _title("2. The same remediation while nodes evict pods: retries run out, and what was done is undone")
        storm = _run(manifest, manifest.parent / STORM)
        timeline = out / "demo-timeline.svg"
        draw(storm, timeline, "Bad ConfigMap roll-out in an eviction storm", "--out")
        _title("3. Which rollback policy for the next storm? The same storms under each")
        study = load_study(examples / STUDY)
        samples = compare(study, jobs or os.cpu_count() or 1)
        found = verdicts(study, samples)
        for line in table(study, found):
            typer.echo(line)
        from sim.report_study_svg import draw_study

        policies = out / "demo-policies.svg"
        with writing("--out", policies):
            draw_study(study, found, samples, policies)
        typer.echo(f"\npictures: {timeline} and {policies}")
        bad = broken(study, samples) or bool(calm.complaints) or bool(storm.complaints)
        raise typer.Exit(DEFECT if bad else 0)


def _run(manifest: Path, executor: Path | None) -> Run:
    options = Options(outcomes=find_executor(executor, manifest), seed=SEED)
    result = play(Scenario(load_workflows(manifest), options))
    for line in tell(result):
        typer.echo(line)
    complain(result.complaints, SEED)
    return result


def _title(text: str) -> None:
    typer.echo(f"\n{text}\n{'-' * len(text)}")

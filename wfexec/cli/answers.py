"""What did the controller make of what a person asked for? One change, and its answer as status tells it.

Called by the commands that act on a workflow. Accepted is exit code 0; refused, and not answered in time, are 3. It
must never call accepted what status does not show.
"""

from collections.abc import Callable
from time import monotonic
from typing import Annotated, Final, NamedTuple

import typer

from wfexec.cli.cluster import Edit, Json, Where, edit, phase_of, refusal, somebody

REFUSED: Final = 3
WAIT_S: Final = 15.0
Wait = Annotated[
    float, typer.Option(help="Seconds to wait for the controller's answer; 0 does not wait.", min=0, max=3_600)
]


class Answer(NamedTuple):
    """In words for the person, without the workflow's name."""

    accepted: bool
    text: str


# The workflow as it was before the change, as it is now, and the person's name; None: no answer yet.
Judge = Callable[[Json, Json, str], Answer | None]


def ask(where: Where, change: Edit, judge: Judge, wait: float) -> None:
    """Make the change, wait for the answer and say it; exit code 3 when it is no or not there in `wait` s."""
    from wfexec.adapters.person import Unreachable

    before: Json = {}

    def made(workflow: Json, user: str, now: int) -> Json:
        nonlocal before
        before = workflow
        return change(workflow, user, now)

    what, user = edit(where, made)
    if not wait:
        typer.echo(f"{what}: asked by {user}")
        return
    phase, end = phase_of(before), monotonic() + wait
    try:
        with somebody(where) as (person, namespace):
            for workflow in person.follow(namespace, where.name, lambda: max(0.0, end - monotonic())):
                if workflow is None:
                    raise refusal(what, "it was deleted meanwhile")
                phase = phase_of(workflow)
                answer = judge(before, workflow, user)
                if answer is not None:
                    typer.echo(f"{what}: {answer.text}", err=not answer.accepted)
                    raise typer.Exit(0 if answer.accepted else REFUSED)
        late = f"the controller has not answered within {wait:g} s, and may yet do so: it is {phase or 'new'}"
    except Unreachable as trouble:
        late = f"what became of it is not known: {trouble.findings[0].message}"
    except KeyboardInterrupt:
        typer.echo(f"{what}: asked by {user}, and that stands; its answer was not waited for", err=True)
        raise
    typer.echo(f"{what}: asked by {user}; {late}", err=True)
    raise typer.Exit(REFUSED)


def seen(workflow: Json) -> bool:
    """Has the controller written status since spec was last changed?"""
    generation: int = workflow["metadata"].get("generation", 0)
    observed: int = workflow.get("status", {}).get("observedGeneration", 0)
    return observed >= generation

"""How does a command act on one workflow in a cluster? Flags that all such commands share, and one careful change.

Called by the commands that people type while a workflow lives. The change is made to the version that was looked at:
when the workflow moves on in between, it is looked at again. It must never act for the controller.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from wfexec.errors import BadInput, Finding

if TYPE_CHECKING:
    from wfexec.adapters.person import Person

Json = dict[str, Any]
# The workflow, the person's name as the server knows it and the time, to a merge patch.
Edit = Callable[[Json, str, int], Json]
Name = Annotated[str, typer.Argument(metavar="NAME", help="A WorkflowExecution.")]
Namespace = Annotated[
    str | None, typer.Option("--namespace", "-n", help="Its namespace; default: the context's.", show_default=False)
]
Kubeconfig = Annotated[str | None, typer.Option(help="File; without it the cluster we run in, or KUBECONFIG.")]
Context = Annotated[str | None, typer.Option(help="Context of the kubeconfig.")]
# The controller writes to a workflow now and then, never without end.
TRIES: Final = 5
# As Kubernetes names objects.
_NAME: Final = re.compile(r"[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?")


class Where:
    """What the shared flags say; `name` None: no single workflow is meant."""

    def __init__(self, name: str | None, namespace: str | None, kubeconfig: str | None, context: str | None) -> None:
        if name is not None:
            _check_name(name)
        self.name = name or ""
        self.namespace = namespace
        self.kubeconfig = kubeconfig
        self.context = context


def edit(where: Where, change: Edit) -> tuple[str, str]:
    """Change the workflow by a merge patch; its `namespace/name` and who did it."""
    with somebody(where) as (person, namespace):
        user = person.name()
        for _ in range(TRIES):
            workflow = person.workflow(namespace, where.name)
            if person.patch(workflow, change(workflow, user, now_ms())):
                return f"{namespace}/{where.name}", user
    raise refusal(f"{namespace}/{where.name}", f"it changed {TRIES} times while it was looked at; try again")


@contextmanager
def somebody(where: Where) -> Iterator[tuple["Person", str]]:
    """The person who types, and the namespace that is meant."""
    from wfexec.adapters.person import person

    found = person(where.kubeconfig, where.context)
    try:
        yield found, where.namespace or found.namespace
    finally:
        found.close()


def _check_name(name: str) -> None:
    """What cannot be a name would be a path of something else, or of all."""
    if _NAME.fullmatch(name):
        return
    before, slash, after = name.rpartition("/")
    if slash and _NAME.fullmatch(before) and _NAME.fullmatch(after):
        fix = f"no '/' belongs there; write: {after} -n {before}"
    else:
        fix = "not a name; write it as it stands in: wfexec get"
    raise BadInput((Finding("NAME", "", repr(name[:80]), fix),))


def now_ms() -> int:
    from wfexec.adapters.clock import WallClock

    return WallClock().now_ms()


def refusal(what: str, why: str) -> BadInput:
    """To be raised by a change that cannot be made."""
    return BadInput((Finding(what, "", "", why),))


def title(workflow: Json) -> str:
    """namespace/name."""
    return f"{workflow['metadata']['namespace']}/{workflow['metadata']['name']}"


def phase_of(workflow: Json) -> str:
    return str(workflow.get("status", {}).get("phase", ""))


def condition_of(workflow: Json, kind: str) -> Json:
    """{} when it is not set."""
    conditions: list[Json] = workflow.get("status", {}).get("conditions") or []
    return next((one for one in conditions if one["type"] == kind), {})

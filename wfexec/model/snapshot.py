"""All that one decision can know. If it is not here, it does not exist for the core."""

from collections.abc import Mapping
from typing import NamedTuple

from wfexec.model.bearings import NO_BEARINGS, Bearings
from wfexec.model.execution import KubernetesExecution
from wfexec.model.facts import Answer, Question
from wfexec.model.recipe import Recipe, Refusal
from wfexec.model.status import WorkflowExecution


class CreateFailure(NamedTuple):
    """Creating this child was refused `times` times in a row; `final` when trying again cannot help.

    at: when it was refused last. since: when the refusals with this code began.
    """

    times: int
    code: str
    message: str
    at: int
    final: bool
    since: int


class Snapshot(NamedTuple):
    """One workflow and what is known of it.

    recipe: the compiled definition, or why planning refuses it.
    children: own children by name (controller owner reference carries our uid), live ones only.
    gone: names of own children whose deletion was seen, with their uid.
    foreign: names that we need but that belong to somebody else.
    answers: by question; an absent one was not asked or not answered yet.
    create_failures: by child name, since the last success.
    bearings: what all workflows are judged against; one value for all of them.
    refused_at: when naming its owner, or deleting it, was last refused for good.
    audited: there is an audit store. unkept_at: when it last failed to keep the final record, in this life.
    pressure: how often the steps at a time are halved, since the API server throttles; 0 while it does not.
    awake_since: from when on whoever decides could ask: it leads, and has listed everything.
    """

    workflow: WorkflowExecution
    recipe: Recipe | Refusal
    children: Mapping[str, KubernetesExecution]
    gone: Mapping[str, str]
    foreign: frozenset[str]
    answers: Mapping[Question, Answer]
    create_failures: Mapping[str, CreateFailure]
    bearings: Bearings = NO_BEARINGS
    refused_at: int | None = None
    audited: bool = False
    unkept_at: int | None = None
    pressure: int = 0
    awake_since: int = 0

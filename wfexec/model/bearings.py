"""What every workflow is judged against and none of them owns: namespaces, condition policies, the admission policy.

The engine follows these objects by watches and puts one shared value into every snapshot; its identity changes only
when its content does. Before the first list, or without the right to look, a part is None: not known, never guessed.
"""

from collections.abc import Mapping
from typing import NamedTuple

from wfexec.model.meta import LABEL_MAINTENANCE
from wfexec.model.workflow import StepCondition


class NamespaceFacts(NamedTuple):
    labels: Mapping[str, str]
    terminating: bool = False


class RegistryData(NamedTuple):
    """The ConfigMap of condition policies as it stands there: its data, and its label `version`."""

    version: str
    data: Mapping[str, str]


class BindingFacts(NamedTuple):
    """Which admission policy a binding binds; `everywhere`: it denies, and no selector leaves anything out."""

    policy: str
    everywhere: bool


class ConditionSet(NamedTuple):
    """The conditions of one action; `version` says which entry they came from, "embedded" for our own (BR-WF-053)."""

    version: str
    pre: tuple[StepCondition, ...]
    post: tuple[StepCondition, ...]


class Policies(NamedTuple):
    """By canonical action name; `version` is the ConfigMap's label, `problems` name each entry that was left out."""

    version: str
    actions: Mapping[str, ConditionSet]
    problems: tuple[str, ...] = ()


class Bearings(NamedTuple):
    """`policies` None: there is no registry, the embedded defaults hold. `guarded`: an admission policy guards the
    annotations by which people decide (BR-WF-018)."""

    namespaces: Mapping[str, NamespaceFacts] | None = None
    policies: Policies | None = None
    guarded: bool | None = None


NO_BEARINGS = Bearings()


def in_maintenance(facts: NamespaceFacts | None) -> bool:
    """Has somebody labelled it so that nothing begins there? None: there is no such namespace."""
    return facts is not None and facts.labels.get(LABEL_MAINTENANCE) == "true"

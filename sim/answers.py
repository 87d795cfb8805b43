"""What does the shared depth answer to the core's questions? The same facts that production reads from JSON replies.

Called by the shared door. Facts are made by the very code that reads a real server's replies, and kept until an object
they were made from changes: a monitored target is looked at every few seconds and rarely changes.
"""

from collections.abc import Callable
from typing import Any, Final

import orjson

from sim.cluster.cluster import Cluster
from sim.cluster.requests import ListTargets, TargetOutcome
from sim.cluster.resources import REMEDIATIONS
from sim.executor.outcomes import Outcomes
from wfexec.crd import questions
from wfexec.crd.template_lookup import namespaces
from wfexec.model.facts import (
    AccessFacts,
    Answer,
    AskAccess,
    AskAlerts,
    AskCopy,
    AskHistory,
    AskNodes,
    AskParent,
    AskSurroundings,
    AskTarget,
    AskTemplate,
    Facts,
    NetworkFacts,
    Question,
    TargetRef,
)
from wfexec.model.requests import Ask, Change, Code, Outcome
from wfexec.model.template import LABEL_TEMPLATE

PODS: Final = "pods"
NODES: Final = "nodes"
_ALLOWED: Final = AccessFacts(True, "")
_REACHABLE: Final = NetworkFacts(True, "")
_MISSING: Final = (404, b"{}")
# What earlier runs were like.
Recall = Callable[[AskHistory], Facts]
# Which alerts fire at an instant.
Alarms = Callable[[AskAlerts, int], Facts]
_tuple: Final[Any] = tuple.__new__


class Answers:
    def __init__(self, cluster: Cluster, outcomes: Outcomes, recall: Recall, alarms: Alarms) -> None:
        self._alarms = alarms
        self._find = cluster.targets.find
        self._get = cluster.store.get
        self._execute = cluster.execute
        self._outcomes = outcomes
        self._recall = recall
        # Counts changes of pods and nodes, which whole lists of facts depend on.
        self._changes = 0
        self._targets: dict[TargetRef, tuple[Any, int, Facts]] = {}
        self._nodes: dict[AskNodes, tuple[int, Facts]] = {}
        # By namespace.
        self._running: dict[str, tuple[int, tuple[int, bytes]]] = {}
        for resource in (PODS, NODES):
            cluster.store.watch(resource, cluster.store.version, self._changed)

    def answer(self, body: Ask, now: int) -> Outcome:
        """All questions of one request, answered as of now."""
        facts = self._facts
        answers = {question: _tuple(Answer, (now, facts(question, now))) for question in body.questions}
        return Outcome(Code.OK, answers)

    def _changed(self, change: Change, thing: Any, version: str) -> None:
        self._changes += 1

    def _facts(self, question: Question, now: int) -> Facts:
        if isinstance(question, AskTarget):
            return self._target(question, now)
        if isinstance(question, AskAccess):
            denial = self._outcomes.denial(question) if self._outcomes.denied else None
            return _ALLOWED if denial is None else AccessFacts(False, denial.reason)
        if isinstance(question, AskNodes):
            return self._room(question, now)
        if isinstance(question, AskHistory):
            return self._recall(question)
        if isinstance(question, AskAlerts):
            return self._alarms(question, now)
        if isinstance(question, AskTemplate):
            return questions.facts(question, tuple(self._templates(each, now) for each in namespaces(question)))
        if isinstance(question, AskCopy):
            kept = self._find(TargetRef("ConfigMap", question.namespace, question.name))
            return questions.facts(question, (_MISSING if kept is None else (200, orjson.dumps(kept.body)),))
        if isinstance(question, AskSurroundings):
            return self._around(question, now)
        if isinstance(question, AskParent):
            found = self._get(REMEDIATIONS, question.namespace, question.name)
            return questions.facts(question, (_MISSING if found is None else (200, orjson.dumps(found.body)),))
        return _REACHABLE

    def _target(self, question: AskTarget, now: int) -> Facts:
        ref = question.target
        found = self._find(ref)
        known = self._targets.get(ref)
        if known is not None and known[0] is found and known[1] == self._changes:
            return known[2]
        first = _MISSING if found is None else (200, orjson.dumps(found.body))
        replies = (first, self._pods(ref.namespace, now)) if ref.kind == "Deployment" else (first,)
        facts = questions.facts(question, replies)
        self._targets[ref] = (found, self._changes, facts)
        return facts

    def _room(self, question: AskNodes, now: int) -> Facts:
        known = self._nodes.get(question)
        if known is None or known[0] != self._changes:
            nodes = (200, orjson.dumps({"items": _items(self._execute(ListTargets("Node", ""), "", now))}))
            known = self._nodes[question] = (self._changes, questions.facts(question, (nodes, self._pods("", now))))
        return known[1]

    def _around(self, question: AskSurroundings, now: int) -> Facts:
        """Asked twice in the life of a workflow: not kept."""
        replies = [(200, orjson.dumps({"items": _items(self._execute(ListTargets("Node", ""), "", now))}))]
        for namespace in question.namespaces:
            deployments = _items(self._execute(ListTargets("Deployment", namespace), "", now))
            replies += [(200, orjson.dumps({"items": deployments})), self._pods(namespace, now)]
        return questions.facts(question, tuple(replies))

    def _templates(self, namespace: str, now: int) -> tuple[int, bytes]:
        """The ConfigMaps that the request's label selector chooses."""
        found = _items(self._execute(ListTargets("ConfigMap", namespace), "", now))
        marked = [each for each in found if (each["metadata"].get("labels") or {}).get(LABEL_TEMPLATE) == "true"]
        return 200, orjson.dumps({"items": marked})

    def _pods(self, namespace: str, now: int) -> tuple[int, bytes]:
        """Those that still run, as the request's field selector has it."""
        known = self._running.get(namespace)
        if known is not None and known[0] == self._changes:
            return known[1]
        pods = _items(self._execute(ListTargets("Pod", namespace), "", now))
        running = [pod for pod in pods if (pod.get("status") or {}).get("phase") not in ("Succeeded", "Failed")]
        reply = (200, orjson.dumps({"items": running}))
        self._running[namespace] = (self._changes, reply)
        return reply


def _items(outcome: TargetOutcome) -> tuple[Any, ...]:
    return outcome.object if isinstance(outcome.object, tuple) else ()

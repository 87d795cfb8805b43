"""What is asked of an Alertmanager, and what do its replies say of the objects that a workflow changed? (BR-WF-051)

Called by whoever answers `AskAlerts`, in production and in the simulated cluster: both read the same JSON of
`GET /api/v2/alerts`. An alert is about an object when its labels name it; silenced and inhibited ones do not count,
and one that began before the workflow's first step is no news. Only what reads says something: a reply that cannot be
read is `Unknown`, never "no alerts".
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import quote

import orjson

from wfexec.model.base import clip
from wfexec.model.facts import Alert, AlertFacts, AskAlerts, Facts, TargetRef, Unknown
from wfexec.model.requests import Ask
from wfexec.units import parse_instant

PATH: Final = "/api/v2/alerts"
ACTIVE: Final = "active=true&silenced=false&inhibited=false&unprocessed=false"
# Enough to tell people; more say nothing new about the workflow.
ALERTS_MAX: Final = 16
# Labels by which an alert names an object of this kind.
LABELS: Final = {
    "Deployment": "deployment",
    "Pod": "pod",
    "Node": "node",
    "ConfigMap": "configmap",
    "Secret": "secret",
}
# A pod and a replica set carry the name of their deployment before hashes of their own.
_OF_POD: Final = re.compile(r"-[a-z0-9]{1,10}-[a-z0-9]{5}")
_OF_SET: Final = re.compile(r"-[a-z0-9]{1,10}")
Reply = tuple[int, bytes]
# Every alert has a name: what is asked about nothing but whether there is an answer.
_NONE: Final = 'alertname=""'


def about_alerts(body: Ask) -> bool:
    """Is any of it for the source of alerts?"""
    return any(isinstance(question, AskAlerts) for question in body.questions)


def alert_paths(question: AskAlerts) -> tuple[str, ...]:
    """Path and query of each request; their replies go to `alert_facts` in the same order. One to three."""
    spaces = dict.fromkeys(target.namespace for target in question.targets if target.namespace)
    nodes = dict.fromkeys(target.name for target in question.targets if not target.namespace)
    matchers = [_any_of("namespace", spaces), _any_of("node", nodes)]
    if question.watchdog:
        matchers.insert(0, f'alertname="{question.watchdog}"')
    told = [matcher for matcher in matchers if matcher] or [_NONE]
    return tuple(f"{PATH}?{ACTIVE}&filter={quote(matcher)}" for matcher in told)


def _any_of(label: str, names: Iterable[str]) -> str:
    told = "|".join(name.replace(".", "[.]") for name in names)
    return f'{label}=~"{told}"' if told else ""


def alert_facts(question: AskAlerts, replies: tuple[Reply, ...]) -> Facts:
    """Reply status 0: nobody answered; its text says why."""
    for status, payload in replies:
        if status != 200:
            said = clip(payload.decode(errors="replace").strip(), 200)
            told = f"HTTP {status}" if status else "no answer"
            return Unknown(clip(f"the Alertmanager gave {told}" + (f": {said}" if said else "")), transient=True)
    try:
        bodies = [_listed(orjson.loads(payload)) for _, payload in replies]
        if question.watchdog and not bodies.pop(0):
            reason = f"the Alertmanager is not fed: its alert {question.watchdog} does not fire"
            return Unknown(clip(reason), transient=True)
        found = [alert for body in bodies for raw in body if (alert := _alert(question, raw)) is not None]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return Unknown(clip(f"unreadable reply of the Alertmanager: {error}"), transient=True)
    found.sort(key=lambda alert: (alert.began, alert.name, alert.about))
    return AlertFacts(tuple(dict.fromkeys(found))[:ALERTS_MAX])


def _listed(body: Any) -> list[Any]:
    if not isinstance(body, list):
        raise TypeError(f"expected a list of alerts, found {type(body).__name__}")
    return body


def _alert(question: AskAlerts, raw: Mapping[str, Any]) -> Alert | None:
    """None: not firing, not new, or about nothing of ours."""
    began = parse_instant(raw["startsAt"])
    labels = raw["labels"]
    name = str(labels.get("alertname", ""))
    if raw["status"]["state"] != "active" or began <= question.since or name == question.watchdog:
        return None
    about = next((target for target in question.targets if names(labels, target)), None)
    return None if about is None else Alert(clip(name, 200), about, began)


def names(labels: Mapping[str, str], target: TargetRef) -> bool:
    """Do these labels name this object, or a pod of this deployment?"""
    if target.namespace and labels.get("namespace") != target.namespace:
        return False
    if labels.get(LABELS[target.kind]) == target.name:
        return True
    if target.kind != "Deployment":
        return False
    if labels.get("workload") == target.name and labels.get("workload_type", "deployment") == "deployment":
        return True
    return _belongs(labels.get("pod", ""), target.name, _OF_POD) or _belongs(
        labels.get("replicaset", ""), target.name, _OF_SET
    )


def _belongs(name: str, owner: str, rest: re.Pattern[str]) -> bool:
    return name.startswith(owner) and rest.fullmatch(name[len(owner) :]) is not None

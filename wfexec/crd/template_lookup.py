"""Where does the controller find a template? In labelled ConfigMaps: the workflow's namespace first, then its own.

Called by `wfexec.crd.questions`. A template of the first namespace hides those of its name in the second; without the
right to look into the first nothing is known, and never taken for "is not there" (BR-WF-026).
"""

from typing import Any, Final

import orjson

from wfexec.crd.templates import Found, choose, of_config_map, versions_of
from wfexec.crd.wire import HttpCall, place
from wfexec.model.base import clip
from wfexec.model.facts import AskTemplate, Facts, TemplateFacts, Unknown
from wfexec.model.template import LABEL_TEMPLATE

_LABELLED: Final = ("labelSelector", f"{LABEL_TEMPLATE}=true")
Reply = tuple[int, bytes]


def namespaces(question: AskTemplate) -> tuple[str, ...]:
    """Where to look, in this order."""
    return tuple(dict.fromkeys((question.namespace, question.home)))


def template_calls(question: AskTemplate) -> tuple[HttpCall, ...]:
    """One list per namespace."""
    return tuple(
        HttpCall("GET", place("/api/v1", "configmaps", namespace, ""), (_LABELLED,))
        for namespace in namespaces(question)
    )


def template_facts(question: AskTemplate, replies: tuple[Reply, ...]) -> Facts:
    """The template in the first namespace that has one of this name and version."""
    unreadable: list[str] = []
    versions: list[str] = []
    for namespace, (status, payload) in zip(namespaces(question), replies, strict=True):
        if status != 200:
            return _unknown(namespace, status)
        found = [of_config_map(each) for each in _items(payload)]
        chosen = choose(found, question.name, question.version)
        if isinstance(chosen, Found):
            return _facts(chosen, namespace)
        if chosen:
            return TemplateFacts(None, namespace, "", "template_ambiguous", clip(f"template {chosen}"))
        versions += [f"{version} in {namespace}" for version in versions_of(found, question.name)]
        unreadable += [f"{each.origin} cannot be read: {each.problem}" for each in found if not each.name]
    return _missing(question, versions, unreadable)


def _items(payload: bytes) -> list[Any]:
    items: list[Any] = orjson.loads(payload)["items"]
    return items


def _facts(found: Found, namespace: str) -> TemplateFacts:
    if found.template is None:
        message = clip(f"template {found.name} {found.version} in {found.origin} is invalid: {found.problem}")
        return TemplateFacts(None, namespace, found.origin, "template_invalid", message)
    return TemplateFacts(found.template, namespace, found.origin)


def _missing(question: AskTemplate, versions: list[str], unreadable: list[str]) -> TemplateFacts:
    wanted = f"{question.name} {question.version}".strip()
    told = [f"template {wanted} not found in {' or '.join(namespaces(question))}"]
    if versions:
        told.append(f"there is {', '.join(versions)}")
    told += unreadable[:3]
    return TemplateFacts(None, "", "", "template_not_found", clip("; ".join(told)))


def _unknown(namespace: str, status: int) -> Unknown:
    if status in (401, 403):
        return Unknown(f"no right to list ConfigMaps in {namespace}", refused_since=0)
    answer = f"HTTP {status}" if status else "no answer"
    return Unknown(f"cannot list the ConfigMaps of {namespace}: {answer}", transient=True)

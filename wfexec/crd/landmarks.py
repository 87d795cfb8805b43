"""What do we read of the objects that bearings are taken from: namespaces, the registry, the admission policy?

Called by the wire codec and by the simulated cluster, whose objects are the same JSON. One or two facts of each; the
rest is dropped. It must never act on an object that does not fit: that one becomes `Unreadable`.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from wfexec.model.base import clip, evolve
from wfexec.model.bearings import BindingFacts, NamespaceFacts, RegistryData
from wfexec.model.meta import ADMISSION_POLICY_NAME, LABEL_REGISTRY_VERSION, ObjectMeta
from wfexec.model.requests import Kind, Landmark, Unreadable

_NO_META: Final = ObjectMeta()


def landmark(kind: Kind, raw: Any) -> Landmark | Unreadable:
    """The object as far as we read it."""
    meta = _NO_META
    try:
        found = raw["metadata"]
        meta = evolve(
            _NO_META,
            name=_text(found, "name"),
            namespace=_text(found, "namespace"),
            uid=_text(found, "uid"),
            resource_version=_text(found, "resourceVersion"),
        )
        return Landmark(kind, meta, _facts(kind, raw, found))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return Unreadable(kind, meta, clip(f"{type(error).__name__}: {error}"))


def _facts(kind: Kind, raw: Any, meta: Any) -> NamespaceFacts | RegistryData | BindingFacts | None:
    if kind is Kind.NAMESPACE:
        terminating = meta.get("deletionTimestamp") is not None
        return NamespaceFacts(_texts(meta.get("labels")), terminating)
    if kind is Kind.REGISTRY:
        return RegistryData(_texts(meta.get("labels")).get(LABEL_REGISTRY_VERSION, ""), _texts(raw.get("data")))
    if kind is Kind.ADMISSION_BINDING:
        spec = raw.get("spec") or {}
        # Anything that narrows it, or only warns or audits, leaves a gap.
        everywhere = "Deny" in (spec.get("validationActions") or ()) and not _narrowed(spec.get("matchResources"))
        return BindingFacts(str(spec.get("policyName", "")), everywhere)
    return None


def guards(bindings: Iterable[object]) -> bool:
    """Does one of them bind the policy that guards what people decide by, and everywhere? (BR-WF-018)"""
    facts = (one.facts for one in bindings if isinstance(one, Landmark))
    return any(
        isinstance(one, BindingFacts) and one.policy == ADMISSION_POLICY_NAME and one.everywhere for one in facts
    )


def _narrowed(match: Any) -> bool:
    """Is anything left out? The server fills empty selectors in."""
    return any(value for key, value in (match or {}).items() if key != "matchPolicy")


def _text(meta: Any, key: str) -> str:
    value = meta.get(key, "")
    if type(value) is not str:
        raise ValueError(f"metadata.{key} is no text")
    return value


def _texts(raw: Any) -> Mapping[str, str]:
    if raw is None:
        return {}
    if not isinstance(raw, dict) or not all(type(text) is str for text in raw.values()):
        raise ValueError("a map of text was expected")
    return raw

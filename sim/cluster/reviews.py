"""What does the API server answer to questions about rights and identities?

Called by the HTTP layer for reviews, which are created but never kept. The rules are those that authorise requests.
"""

from typing import Any

from sim.cluster.rbac import Access, Person, Rbac, person_of
from sim.cluster.resources import Unmodelled

Json = dict[str, Any]


def answer(review: str, group: str, body: Json, person: Person, rbac: Rbac, tokens: dict[str, str]) -> Json:
    """The review with its status; `person` is who asks."""
    spec: Json = body.get("spec") or {}
    match review:
        case "subjectaccessreviews":
            about = Person(spec.get("user") or "", tuple(spec.get("groups") or ()))
            kind, status = "SubjectAccessReview", _verdict(spec, about, rbac)
        case "selfsubjectaccessreviews":
            kind, status = "SelfSubjectAccessReview", _verdict(spec, person, rbac)
        case "tokenreviews":
            kind, status = "TokenReview", _identity(spec, tokens)
        case _:
            user = {"username": person.name, "groups": list(person.groups)}
            kind, status = "SelfSubjectReview", {"userInfo": user}
    return {"kind": kind, "apiVersion": f"{group}/v1", "metadata": {}, "spec": spec, "status": status}


def _verdict(spec: Json, about: Person, rbac: Rbac) -> Json:
    if path := (spec.get("nonResourceAttributes") or {}).get("path"):
        return {"allowed": rbac.allows_path(about, path)}
    wish = spec.get("resourceAttributes")
    if not wish:
        raise Unmodelled("an access review that asks for nothing")
    resource = wish.get("resource", "")
    if wish.get("subresource"):
        resource = f"{resource}/{wish['subresource']}"
    access = Access(
        wish.get("verb", ""), wish.get("group", ""), resource, wish.get("namespace", ""), wish.get("name", "")
    )
    reason = rbac.allowed(about, access)
    if reason is None:
        return {"allowed": False}
    return {"allowed": True, "reason": reason} if reason else {"allowed": True}


def _identity(spec: Json, tokens: dict[str, str]) -> Json:
    user = tokens.get(spec.get("token") or "")
    if user is None:
        return {"user": {}, "error": "invalid bearer token"}
    person = person_of(user)
    return {"authenticated": True, "user": {"username": person.name, "groups": list(person.groups)}}

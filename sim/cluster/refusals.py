"""How does an API server say no? Status, reason, words and causes, as kube-apiserver writes them.

Made by the write rules and the HTTP layer as values; shared depth reads only their code.
"""

from typing import Any, Final, NamedTuple

from sim.cluster.resources import Resource
from wfexec.model.requests import Code

Json = dict[str, Any]


class Cause(NamedTuple):
    """One thing wrong with an object: `field` is a path such as spec.steps[0].name."""

    reason: str
    message: str
    field: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"


class Refusal(NamedTuple):
    """`retry_after_s` None: no such header."""

    status: int
    reason: str
    message: str
    details: Json | None = None
    retry_after_s: int | None = None


_CODES: Final = {
    "AlreadyExists": Code.ALREADY_EXISTS,
    "BadRequest": Code.INVALID,
    "Conflict": Code.CONFLICT,
    "Expired": Code.GONE,
    "Forbidden": Code.FORBIDDEN,
    "Invalid": Code.INVALID,
    "NotFound": Code.NOT_FOUND,
    "TooManyRequests": Code.THROTTLED,
}


def code_of(refusal: Refusal) -> Code:
    return _CODES.get(refusal.reason, Code.INVALID if refusal.status < 500 else Code.UNAVAILABLE)


def status_json(refusal: Refusal) -> Json:
    """metav1.Status."""
    body: Json = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": refusal.message}
    if refusal.reason:
        body["reason"] = refusal.reason
    if refusal.details is not None:
        body["details"] = refusal.details
    body["code"] = refusal.status
    return body


def not_found(resource: Resource, name: str) -> Refusal:
    return Refusal(404, "NotFound", f'{resource.key} "{name}" not found', _details(resource, name))


def already_exists(resource: Resource, name: str, *, deleting: bool) -> Refusal:
    said = f'{resource.key} "{name}" already exists'
    told = f"object is being deleted: {said}" if deleting else said
    return Refusal(409, "AlreadyExists", told, _details(resource, name))


def version_on_create() -> Refusal:
    """What a new object is answered that claims to be a version already: an internal error on a real server."""
    return Refusal(500, "", "resourceVersion should not be set on objects to be created")


def conflict(resource: Resource, name: str, why: str = "") -> Refusal:
    """A stale resourceVersion, unless `why` says otherwise."""
    why = why or "the object has been modified; please apply your changes to the latest version and try again"
    said = f'Operation cannot be fulfilled on {resource.key} "{name}": {why}'
    return Refusal(409, "Conflict", said, _details(resource, name))


def precondition_failed(resource: Resource, name: str, why: str) -> Refusal:
    """A deletion of another object than was meant; the server names the kind here, not the plural."""
    kind = f"{resource.kind}.{resource.group}" if resource.group else resource.kind
    details = _details(resource, name) | {"kind": resource.kind}
    return Refusal(409, "Conflict", f'Operation cannot be fulfilled on {kind} "{name}": {why}', details)


def unsupported_media_type() -> Refusal:
    """A body in another form than JSON."""
    said = "the body of the request was in an unknown format - accepted media types include: application/json"
    return Refusal(415, "UnsupportedMediaType", said)


def unsupported_patch(resource: Resource) -> Refusal:
    """A kind of patch that this resource does not take."""
    types = ["application/json-patch+json", "application/merge-patch+json", "application/apply-patch+yaml"]
    if not resource.custom:
        types.insert(2, "application/strategic-merge-patch+json")
    said = f"the body of the request was in an unknown format - accepted media types include: {', '.join(types)}"
    return Refusal(415, "UnsupportedMediaType", said)


def without_version(resource: Resource, name: str) -> Refusal:
    """An update that does not say what it replaces."""
    message, field = "Invalid value: 0: must be specified for an update", "metadata.resourceVersion"
    causes = [{"reason": "FieldValueInvalid", "message": message, "field": field}]
    details = _details(resource, name) | {"causes": causes}
    return Refusal(422, "Invalid", f'{resource.key} "{name}" is invalid: {field}: {message}', details)


def invalid(resource: Resource, name: str, causes: list[Cause]) -> Refusal:
    """422 with every cause."""
    kind = f"{resource.kind}.{resource.group}" if resource.group else resource.kind
    told = list(dict.fromkeys(str(cause) for cause in causes))
    all_told = told[0] if len(told) == 1 else f"[{', '.join(told)}]"
    details: Json = {"name": name} if name else {}
    if resource.group:
        details["group"] = resource.group
    details["kind"] = resource.kind
    details["causes"] = [{"reason": each.reason, "message": each.message, "field": each.field} for each in causes]
    return Refusal(422, "Invalid", f'{kind} "{name}" is invalid: {all_told}', details)


def forbidden(resource: Resource, name: str, why: str, cause: Cause | None = None) -> Refusal:
    details = _details(resource, name)
    if cause is not None:
        details["causes"] = [{"reason": cause.reason, "message": cause.message, "field": cause.field}]
    named = f'{resource.key} "{name}"' if name else resource.key
    return Refusal(403, "Forbidden", f"{named} is forbidden: {why}", details)


def bad_request(message: str) -> Refusal:
    return Refusal(400, "BadRequest", message)


def expired(message: str = "The resourceVersion for the provided list is too old.") -> Refusal:
    return Refusal(410, "Expired", message)


def patch_does_not_fit() -> Refusal:
    """What a JSON patch is answered whose path is not there or whose test fails; the server does not say which."""
    return Refusal(422, "Invalid", "the server rejected our request due to an error in our request", {})


def _details(resource: Resource, name: str) -> Json:
    details: Json = {"name": name} if name else {}
    if resource.group:
        details["group"] = resource.group
    details["kind"] = resource.plural
    return details

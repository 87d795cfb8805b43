"""A kind made for the contract: every schema feature that a fake could get wrong, in one CRD."""

from typing import Any

Json = dict[str, Any]
GROUP = "test.wfexec.dev"
API = f"{GROUP}/v1"
_ITEM: Json = {
    "type": "object",
    "required": ["n"],
    "properties": {
        "n": {"type": "integer"},
        "v": {"type": "string", "maxLength": 50, "default": "filled"},
    },
    "x-kubernetes-validations": [{"rule": "!has(self.v) || self.v != 'bad'"}],
}
SPEC: Json = {
    "type": "object",
    "required": ["must"],
    "x-kubernetes-validations": [
        {"rule": "self.must == oldSelf.must", "message": "must is immutable"},
        {"rule": "!has(self.i) || self.i != 7", "message": "not seven"},
    ],
    "properties": {
        "must": {"type": "string", "maxLength": 20},
        "i": {"type": "integer", "minimum": 1, "maximum": 10},
        "f": {"type": "number", "format": "double"},
        "s": {"type": "string", "minLength": 2, "maxLength": 4, "pattern": "^[a-z]*$"},
        "e": {"type": "string", "enum": ["a", "b"]},
        "b": {"type": "boolean", "default": True},
        "l": {"type": "array", "maxItems": 3, "minItems": 1, "items": {"type": "string"}},
        "set": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "integer"}},
        "m": {
            "type": "array",
            "maxItems": 10,
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["n"],
            "items": _ITEM,
        },
        "map": {"type": "object", "maxProperties": 2, "additionalProperties": {"type": "string", "maxLength": 3}},
        "t": {"type": "string", "format": "date-time"},
        "any": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        "o": {"type": "object", "properties": {"d": {"type": "integer", "default": 5}}},
        "nothing": {"type": "string", "nullable": True},
    },
}
STATUS: Json = {
    "type": "object",
    "properties": {
        "phase": {"type": "string", "maxLength": 20},
        "n": {"type": "integer"},
        "steps": {
            "type": "array",
            "maxItems": 10,
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["n"],
            "items": _ITEM,
        },
    },
}
CRD: Json = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": f"things.{GROUP}"},
    "spec": {
        "group": GROUP,
        "scope": "Namespaced",
        "names": {"kind": "Thing", "listKind": "ThingList", "plural": "things", "singular": "thing"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "subresources": {"status": {}},
                "selectableFields": [{"jsonPath": ".spec.must"}],
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": SPEC, "status": STATUS}}},
            }
        ],
    },
}


def things(namespace: str, name: str = "") -> str:
    """Path of the collection, or of one object or below."""
    path = f"/apis/{API}/namespaces/{namespace}/things"
    return f"{path}/{name}" if name else path


def thing(name: str, **spec: Any) -> Json:
    """A valid Thing, unless `spec` makes it invalid."""
    return {"apiVersion": API, "kind": "Thing", "metadata": {"name": name}, "spec": {"must": "m", **spec}}


def config_maps(namespace: str, name: str = "") -> str:
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    return f"{path}/{name}" if name else path


def config_map(name: str, **data: str) -> Json:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}

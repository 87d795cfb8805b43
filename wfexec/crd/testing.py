"""Which kinds of Kubernaut's other services does a workflow need beside it in a cluster without Kubernaut?

Called by the CRD generator. RemediationRequest is the parent that owns a workflow; AIAnalysis carries the
recommendations a workflow can be made from. Their owners define them; here is what we read, the rest is kept as sent.
"""

from typing import Any

from wfexec.model.meta import REMEDIATION_KIND

Json = dict[str, Any]
_WORD: Json = {"type": "string", "maxLength": 253}
_TEXT: Json = {"type": "string", "maxLength": 4096}
_TIME: Json = {"type": "string", "format": "date-time"}
_LABELS: Json = {"type": "object", "additionalProperties": _TEXT, "maxProperties": 64}
_REFERENCE: Json = {
    "type": "object",
    "properties": {"apiVersion": _WORD, "kind": _WORD, "name": _WORD, "namespace": _WORD, "uid": _WORD},
}


def _open(properties: Json, required: list[str] | None = None) -> Json:
    """An object whose known fields are checked and whose other fields are kept."""
    made: Json = {"type": "object", "x-kubernetes-preserve-unknown-fields": True, "properties": properties}
    return {**made, "required": required} if required else made


def _remediation_request() -> Json:
    spec = _open(
        {
            "signalFingerprint": {"type": "string", "pattern": "^[a-f0-9]{64}$", "maxLength": 64},
            "signalName": _WORD,
            "severity": {"type": "string", "enum": ["critical", "warning", "info"]},
            "environment": _WORD,
            "priority": {"type": "string", "pattern": "^P[0-3]$", "maxLength": 2},
            "signalType": _WORD,
            "signalSource": _WORD,
            "targetType": _WORD,
            "firingTime": _TIME,
            "receivedTime": _TIME,
            "signalLabels": _LABELS,
            "signalAnnotations": _LABELS,
            "targetResource": _REFERENCE,
            "timeoutConfig": _open({"workflowExecutionTimeout": _WORD, "overallWorkflowTimeout": _WORD}),
        }
    )
    status = _open(
        {
            "overallPhase": _WORD,
            "startTime": _TIME,
            "completedAt": _TIME,
            "message": _TEXT,
            "workflowExecutionRef": _REFERENCE,
            "aiAnalysisRef": _REFERENCE,
        }
    )
    return _crd(REMEDIATION_KIND, "remediation", "remediationrequests", "rr", spec, status, ".status.overallPhase")


def _ai_analysis() -> Json:
    spec = _open({"remediationRequestRef": _REFERENCE})
    recommendation = _open(
        {
            "id": _WORD,
            "action": _WORD,
            "description": _TEXT,
            "effectivenessProbability": {"type": "number", "minimum": 0, "maximum": 1},
            "riskLevel": {"type": "string", "enum": ["low", "medium", "high"]},
            "dependencies": {"type": "array", "items": _WORD, "maxItems": 100},
        },
        ["action"],
    )
    status = _open(
        {
            "phase": _WORD,
            "message": _TEXT,
            "recommendations": {"type": "array", "items": recommendation, "maxItems": 100},
        }
    )
    return _crd("AIAnalysis", "aianalysis", "aianalyses", "aia", spec, status, ".status.phase")


def definitions() -> tuple[Json, ...]:
    return (_remediation_request(), _ai_analysis())


def _crd(kind: str, group: str, plural: str, short: str, spec: Json, status: Json, phase: str) -> Json:
    domain = f"{group}.kubernaut.io"
    schema = {
        "type": "object",
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": spec,
            "status": status,
        },
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{domain}"},
        "spec": {
            "group": domain,
            "names": {
                "kind": kind,
                "listKind": f"{kind}List",
                "plural": plural,
                "singular": kind.lower(),
                "shortNames": [short],
                "categories": ["kubernaut"],
            },
            "scope": "Namespaced",
            "versions": [
                {
                    "name": "v1alpha1",
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": [
                        {"name": "Phase", "type": "string", "jsonPath": phase},
                        {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
                    ],
                    "schema": {"openAPIV3Schema": schema},
                }
            ],
        },
    }

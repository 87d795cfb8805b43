"""From an analysis to a workflow: recommendation lists, structured actions, a primary action with its secondaries.

A library: `wfexec import` calls it, the controller does not. One wrong entry refuses the whole, and every wrong entry
is named with its path; nothing is left out in silence, for a remediation without one of its steps is another one
(BR-WF-017b, BR-WF-017c, BR-WF-018b, BR-WF-020b).
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from pydantic.alias_generators import to_camel

from wfexec.core.proposals import Problem, step_parameters
from wfexec.core.registry import Action, close_actions, find_action
from wfexec.crd.complaints import shown
from wfexec.crd.documents import Document
from wfexec.crd.files import read_value
from wfexec.crd.spellings import hint
from wfexec.errors import BadInput
from wfexec.model.base import clip
from wfexec.model.phases import RunCondition
from wfexec.model.template import TemplateBody
from wfexec.model.workflow import STEPS_MAX
from wfexec.units import parse_duration

Json = dict[str, Any]
LEVELS: Final = ("low", "medium", "high")
PRIORITIES: Final = ("critical", "high", "medium", "low")
_RETRIES: Final = {"critical": 3, "high": 2, "medium": 1, "low": 0}
_SLOW: Final = frozenset({"drain-node", "backup-data", "migrate-workload", "rollback-deployment"})
_INTERVAL_MAX_MS: Final = 300_000
_CONDITIONS: Final = tuple(condition.value for condition in RunCondition)
# Below this confidence a step that is not critical may fail without ending the workflow.
SURE: Final = 0.7


class Conversion(NamedTuple):
    """`body` None: every reason is in `problems`."""

    body: TemplateBody | None
    problems: tuple[Problem, ...]


class _Reading:
    """One conversion: what was found wrong so far, and the steps made so far."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.steps: list[Json] = []

    def wrong(self, path: str, value: Any, message: str) -> None:
        self.problems.append(Problem(path, shown(value), message))

    def fields(self, raw: Any, path: str, known: tuple[str, ...]) -> Json:
        """An object by its camel-case keys; keys that nobody knows are problems."""
        if not isinstance(raw, dict):
            self.wrong(path, raw, "must be an object")
            return {}
        made: Json = {}
        for key, value in raw.items():
            name = key if key in known else to_camel(key)
            if name not in known:
                self.wrong(f"{path}.{key}", value, f"unknown field; {hint(key, known) or 'remove it'}")
            elif name in made:
                self.wrong(f"{path}.{key}", value, f"{name} is there twice; remove one")
            elif value is not None:
                made[name] = value
        return made

    def word(self, found: Json, key: str, path: str, known: tuple[str, ...], default: str) -> str:
        value = found.get(key, default)
        if value in known:
            return str(value)
        near = hint(value, known, {}) if isinstance(value, str) else ""
        self.wrong(f"{path}.{key}", value, f"must be {', '.join(known)}" + (f"; {near}" if near else ""))
        return default

    def fraction(self, found: Json, key: str, path: str, default: float) -> float:
        value = found.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            self.wrong(f"{path}.{key}", value, "must be a number from 0 to 1")
            return default
        return float(value)

    def action(self, found: Json, key: str, path: str) -> Action | None:
        word = found.get(key)
        action = find_action(word) if isinstance(word, str) else None
        if action is None:
            close = close_actions(word) if isinstance(word, str) else ()
            fix = f"did you mean {' or '.join(close)}?" if close else "name an action of the registry"
            self.wrong(f"{path}.{key}", word, f"is no known action; {fix}")
        return action

    def parameters(self, action: Action, found: Json, path: str) -> Json | None:
        """The union of the action, from the target and the given parameters."""
        given, target = found.get("parameters", {}), {}
        if "targetResource" in found:
            known = ("kind", "name", "namespace", "labelSelector", "apiVersion")
            target = self.fields(found["targetResource"], f"{path}.targetResource", known)
        if not isinstance(given, dict):
            self.wrong(f"{path}.parameters", given, "must be an object")
            return None
        if not given and not target and action.optional_parameters:
            return None
        return step_parameters(action, given, target, f"{path}.parameters", self.problems)

    def name(self, action: Action) -> str:
        """The action's name, with a number where another step has it."""
        taken = {step["name"] for step in self.steps}
        made = (action.name if number == 1 else f"{action.name}-{number}" for number in range(1, STEPS_MAX + 2))
        return next(name for name in made if name not in taken)


def convert(raw: Any) -> Conversion:
    """An AIAnalysis, its status, or one of the three shapes alone; which one it is shows by its fields."""
    reading = _Reading()
    prefix, found = _unwrapped(raw)
    shapes = [(key, shape) for key, shape in _SHAPES.items() if key in found]
    if len(shapes) != 1:
        names = ", ".join(key for key, _ in shapes) or "none of them"
        reading.wrong(prefix or "the file", None, f"must hold exactly one of {', '.join(_SHAPES)}; there is {names}")
        return Conversion(None, tuple(reading.problems))
    key, shape = shapes[0]
    body = shape(reading, found, f"{prefix}.{key}" if prefix else key)
    if not reading.steps and not reading.problems:
        reading.wrong(f"{prefix}.{key}" if prefix else key, None, "is empty; there is nothing to do")
    if len(reading.steps) > STEPS_MAX:
        reading.wrong(key, None, f"{len(reading.steps)} steps are more than {STEPS_MAX}; split the workflow")
    if reading.problems:
        return Conversion(None, tuple(reading.problems))
    try:
        return Conversion(read_value(TemplateBody, Document("", body, {})), ())
    except BadInput as trouble:
        return Conversion(None, tuple(Problem(each.field, each.value, each.message) for each in trouble.findings))


def _unwrapped(raw: Any) -> tuple[str, Json]:
    """Where the interesting part is, with camel-case keys."""
    if isinstance(raw, dict) and raw.get("kind") == "AIAnalysis" and isinstance(raw.get("status"), dict):
        return "status", {to_camel(key): value for key, value in raw["status"].items()}
    return "", {to_camel(key): value for key, value in raw.items()} if isinstance(raw, dict) else {}


def _entries(reading: _Reading, raw: Any, path: str) -> Iterator[tuple[str, Any]]:
    if not isinstance(raw, list):
        reading.wrong(path, raw, "must be a list")
        return
    yield from ((f"{path}[{index}]", each) for index, each in enumerate(raw))


_RECOMMENDATION: Final = (
    "id",
    "action",
    "targetResource",
    "parameters",
    "effectivenessProbability",
    "historicalSuccessRate",
    "riskLevel",
    "explanation",
    "description",
    "constraints",
    "dependencies",
)


def _recommendations(reading: _Reading, found: Json, path: str) -> Json:
    """Steps in the order of the list, edges by id (BR-WF-001)."""
    numbers: dict[str, int] = {}
    wanted: list[tuple[str, Json, Any]] = []
    risks = []
    for here, raw in _entries(reading, found["recommendations"], path):
        one = reading.fields(raw, here, _RECOMMENDATION)
        mark = one.get("id", str(len(wanted) + 1))
        if not isinstance(mark, str) or mark in numbers:
            reading.wrong(f"{here}.id", mark, "must be text, and each once only")
        numbers.setdefault(str(mark), len(wanted) + 1)
        action = reading.action(one, "action", here)
        risk = reading.word(one, "riskLevel", here, LEVELS, "medium")
        chance = reading.fraction(one, "effectivenessProbability", here, 0.0)
        reading.fraction(one, "historicalSuccessRate", here, 0.0)
        risks.append(risk)
        step: Json = {"stepNumber": len(wanted) + 1, "name": "", "action": ""}
        if action is not None:
            retries = 1 if chance >= 0.9 else 2 if chance >= SURE else 3
            more = {"criticalStep": risk == "high", "timeout": "5m", "maxRetries": retries}
            step |= {"name": reading.name(action), "action": action.name, **more}
            step |= _optional("parameters", reading.parameters(action, one, here))
        step["metadata"] = _notes(one, ("id", "riskLevel", "effectivenessProbability", "historicalSuccessRate"))
        reading.steps.append(step)
        wanted.append((here, step, one.get("dependencies", [])))
    for here, step, ids in wanted:
        for place, each in _entries(reading, ids, f"{here}.dependencies"):
            if not isinstance(each, str) or each not in numbers:
                near = hint(each, numbers, {}) if isinstance(each, str) else ""
                reading.wrong(place, each, f"there is no recommendation of that id; {near or 'correct or remove it'}")
            else:
                step.setdefault("dependsOn", []).append(numbers[each])
    return _body("ai-generated-workflow", "v1", reading.steps, {"source": "recommendations"}, risks)


_STRUCTURED: Final = (
    "actionType",
    "parameters",
    "targetResource",
    "priority",
    "confidence",
    "reasoning",
    "monitoring",
    "description",
)


def _structured(reading: _Reading, found: Json, path: str) -> Json:
    """Steps one after the other; retries, timeouts and safety from priority and risk (BR-WF-017c)."""
    risks: list[str] = []
    raw_actions = next(found[key] for key in ("structuredActions", "actions") if key in found)
    for here, raw in _entries(reading, raw_actions, path):
        one = reading.fields(raw, here, _STRUCTURED)
        action = reading.action(one, "actionType", here)
        priority = reading.word(one, "priority", here, PRIORITIES, "medium")
        known = ("primaryReason", "riskAssessment", "businessImpact")
        reasoning = reading.fields(one.get("reasoning", {}), f"{here}.reasoning", known)
        risk = reading.word(reasoning, "riskAssessment", f"{here}.reasoning", LEVELS, "low")
        confidence = reading.fraction(one, "confidence", here, 1.0)
        risks.append(risk)
        number = len(reading.steps) + 1
        grave = priority == "critical" or risk == "high"
        step: Json = {
            "stepNumber": number,
            "name": f"step-{number}-{action.name if action else ''}",
            "action": action.name if action else "",
            "criticalStep": grave,
            "maxRetries": _RETRIES[priority] if "priority" in one else 1,
            "continueOnFailure": not grave and confidence < SURE,
            "metadata": _notes(reasoning, known) | _monitoring(reading, one, here) | {"priority": priority},
        }
        if action is not None:
            slow = "10m" if action.name in _SLOW else "5m" if priority == "critical" else "2m"
            step |= {"timeout": slow, **_optional("parameters", reading.parameters(action, one, here))}
            _needs_namespace(reading, action, step, here)
        step |= {"dependsOn": [number - 1]} if number > 1 else {}
        reading.steps.append(step)
    source = {"source": "structured_actions", "format_version": "v2-structured"}
    return _body("structured-actions", "v2", reading.steps, source | {"actions_count": str(len(reading.steps))}, risks)


def _needs_namespace(reading: _Reading, action: Action, step: Json, path: str) -> None:
    """A structured action says where it works, unless it is about a node."""
    config = step.get("parameters", {}).get("custom", {}).get("config")
    if config is not None and not config.get("namespace") and not action.name.endswith("-node"):
        reading.wrong(f"{path}.parameters.namespace", None, "is required")


def _monitoring(reading: _Reading, one: Json, path: str) -> dict[str, str]:
    """Kept as notes: criteria in words cannot be evaluated, and are not dropped either."""
    here = f"{path}.monitoring"
    found = reading.fields(one.get("monitoring", {}), here, ("successCriteria", "validationInterval"))
    interval = found.get("validationInterval")
    if interval is not None:
        try:
            fits = isinstance(interval, str) and 0 < parse_duration(interval) <= _INTERVAL_MAX_MS
        except ValueError:
            fits = False
        if not fits:
            reading.wrong(f"{here}.validationInterval", interval, "must be a duration of at most 5m, like 30s")
    return _notes(found, ("successCriteria", "validationInterval"))


_ACTION: Final = (
    "action",
    "parameters",
    "targetResource",
    "riskLevel",
    "confidence",
    "explanation",
    "description",
    "executionCondition",
)


def _primary(reading: _Reading, found: Json, path: str) -> Json:
    """The primary action first, the others by how it went (BR-WF-017b, BR-WF-018b, BR-WF-020b)."""
    risks: list[str] = []
    secondary = list(
        _entries(reading, found.get("secondaryActions", []), path.replace("primaryAction", "secondaryActions"))
    )
    for here, raw in [(path, found["primaryAction"]), *secondary]:
        raw = {**raw, "executionCondition": raw["condition"]} if isinstance(raw, dict) and "condition" in raw else raw
        if isinstance(raw, dict):
            raw = {key: value for key, value in raw.items() if key != "condition"}
        one = reading.fields(raw, here, _ACTION)
        action = reading.action(one, "action", here)
        risk = reading.word(one, "riskLevel", here, LEVELS, "medium")
        reading.fraction(one, "confidence", here, 1.0)
        risks.append(risk)
        number = len(reading.steps) + 1
        step: Json = {"stepNumber": number, "name": "", "action": "", "timeout": "5m"}
        if action is not None:
            step |= {"name": reading.name(action), "action": action.name}
            step |= _optional("parameters", reading.parameters(action, one, here))
        step["metadata"] = _notes(one, ("riskLevel", "confidence", "explanation"))
        if number > 1:
            condition = reading.word(one, "executionCondition", here, _CONDITIONS, "after_primary")
            step |= {"dependsOn": [1], "runCondition": condition}
        elif "executionCondition" in one:
            reading.wrong(
                f"{here}.executionCondition", one["executionCondition"], "the primary has no condition; remove it"
            )
        reading.steps.append(step)
    fallback = any(step.get("runCondition") == RunCondition.IF_PRIMARY_FAILS.value for step in reading.steps)
    if reading.steps:
        # A critical failure ends the workflow: then its way out could never run.
        reading.steps[0]["criticalStep"] = risks[0] == "high" and not fallback
    return _body("ai-actions", "v1", reading.steps, {"source": "primary_secondary"}, risks)


_SHAPES: Final[dict[str, Callable[[_Reading, Json, str], Json]]] = {
    "recommendations": _recommendations,
    "structuredActions": _structured,
    "actions": _structured,
    "primaryAction": _primary,
}


def _body(name: str, version: str, steps: list[Json], metadata: dict[str, str], risks: list[str]) -> Json:
    """The strategy is as careful as the riskiest step asks for."""
    risky = any(risk != "low" for risk in risks)
    return {
        "workflowDefinition": {"name": name, "version": version, "metadata": metadata, "steps": steps},
        "executionStrategy": {
            "approvalRequired": "high" in risks,
            "dryRunFirst": risky,
            "rollbackStrategy": "automatic" if risky else "manual",
        },
    }


def _optional(key: str, value: Any) -> Json:
    return {} if value is None else {key: value}


def _notes(found: Mapping[str, Any], keys: tuple[str, ...]) -> dict[str, str]:
    """What has no field of its own in a step stays readable in its metadata."""
    kept = {key: found[key] for key in (*keys, "explanation", "description", "constraints") if key in found}
    return {key: value if isinstance(value, str) else clip(_text(value), 1_024) for key, value in kept.items()}


def _text(value: Any) -> str:
    if isinstance(value, list):
        return "; ".join(_text(each) for each in value)
    if isinstance(value, dict):
        return "; ".join(f"{key}: {_text(each)}" for key, each in value.items())
    return str(value)

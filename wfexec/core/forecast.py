"""What would one step do to its target, as far as the facts can tell? (BR-WF-017)

Called by the dry run for each step in turn. Pure: from the step and what its target looks like to the facts it would
leave, or why it would fail. What no fact can tell is said as an issue, never taken for a success. Contents of Secrets
never enter: neither what stands there nor what the step writes.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

from wfexec.core.registry import READING, VERIFYING, find_action
from wfexec.core.targets import OBSERVED_KINDS, manifest_targets, target_text
from wfexec.errors import BadInput
from wfexec.model.base import clip, compact, evolve
from wfexec.model.facts import TargetRef
from wfexec.model.recipe import RecipeStep
from wfexec.model.redact import MARK, SECRET_MIN, is_secret_name, redact
from wfexec.model.status import PotentialIssue
from wfexec.units import so_many

State = Mapping[str, str]
NOTHING: Final[State] = {}
# Enough to recognise a value, little enough that a hundred steps fit into a status.
KEYS_MAX: Final = 16
VALUE_MAX: Final = 128
# Where a custom action says what it is about; the rest of its configuration is what it does.
ADDRESS: Final = frozenset({"kind", "namespace", "name", "names", "manifest"})


class Forecast(NamedTuple):
    """`effect`: facts of the target after the step. `change` is scale, update or delete, "" for none at all.

    `problem` says why it would fail, "" when nothing speaks against it. `shown` is what people are told of the effect
    where that is less than the effect itself, None when it is the same.
    """

    effect: State = NOTHING
    change: str = ""
    problem: str = ""
    issues: tuple[PotentialIssue, ...] = ()
    shown: State | None = None


QUIET: Final = Forecast()
_BLANK_ISSUE: Final = compact(PotentialIssue(severity="low", description=""))


def issue(severity: str, step: RecipeStep, description: str, recommendation: str) -> PotentialIssue:
    return evolve(
        _BLANK_ISSUE,
        severity=severity,
        description=clip(description),
        step_number=step.number,
        recommendation=clip(recommendation),
    )


def reads_only(step: RecipeStep) -> bool:
    """Does the step leave everything as it is?"""
    return _reads(step.action)


@lru_cache(maxsize=256)
def _reads(word: str) -> bool:
    action = find_action(word)
    return action is not None and action.name in READING


def verifies(step: RecipeStep) -> bool:
    action = find_action(step.action)
    return action is not None and action.name in VERIFYING


def forecast(step: RecipeStep, ref: TargetRef, state: State) -> Forecast:
    """What the step does to a target that is there and looks like `state`."""
    p: Any = step.spec.parameters
    if reads_only(step) or p is None:
        return QUIET
    if p.scale_deployment is not None:
        return _scaled(step, ref, state, p.scale_deployment.replicas)
    if p.update_image is not None:
        return _new_image(step, ref, state, p.update_image)
    if p.restart_deployment is not None:
        return Forecast(_rolled(state), "update")
    if p.update_config_map is not None:
        return _configured(step, ref, state, p.update_config_map.data_updates)
    if p.update_secret is not None:
        shown = {"keys": clip(", ".join(sorted(p.update_secret.data_updates)), VALUE_MAX)}
        return Forecast(NOTHING, "update", shown=shown)
    if p.cordon_node is not None or p.drain_node is not None:
        return _cordoned(step, ref, state, draining=p.drain_node is not None)
    if p.delete_pod is not None or p.restart_pod is not None:
        return Forecast(change="delete")
    return _custom(step, ref, state, p.custom.config)


def unaddressed(step: RecipeStep) -> tuple[PotentialIssue, ...]:
    """What is not known of a step that names no target anybody could look at."""
    p: Any = step.spec.parameters
    if reads_only(step) or p is None:
        return ()
    if p.restart_pod is not None:
        selector = clip(p.restart_pod.selector or "", 200)
        text = f"which pods {selector!r} selects in {step.namespace} is not looked at: each of them is ended"
        return (issue("medium", step, text, f"look first: kubectl get pods -n {step.namespace} -l {selector!r}"),)
    config = p.custom.config if p.custom is not None else NOTHING
    kind, name = config.get("kind", ""), config.get("name", "")
    if config.get("manifest"):
        return ()
    if name and kind and kind not in OBSERVED_KINDS:
        text = f"{kind} {name} is not of a kind that is looked at: what step {step.name!r} changes is not known"
        return (issue("low", step, text, "look at it yourself before you approve"),)
    text = f"step {step.name!r} does not say what it changes; nothing of it was simulated"
    return (issue("medium", step, text, "name kind, namespace and name of its target in config"),)


def beside_target(step: RecipeStep, protected: tuple[str, ...]) -> tuple[str, tuple[PotentialIssue, ...]]:
    """Why its side effects cannot be allowed ("" if they can), and which ones there are outside its target."""
    p: Any = step.spec.parameters
    if p is None or reads_only(step):
        return "", ()
    if p.drain_node is not None:
        name = p.drain_node.node_name
        text = f"side effect: the pods of node {name} are evicted and start again on other nodes"
        return "", (
            issue("medium", step, text, f"look first: kubectl get pods -A --field-selector spec.nodeName={name}"),
        )
    text = p.custom.config.get("manifest", "") if p.custom is not None else ""
    if not text or "{{" in text:
        return "", ()
    try:
        named = manifest_targets(text)
    except BadInput as trouble:
        return f"its manifest cannot be read: {trouble.findings[0].message}", ()
    issues = []
    for ref in named:
        if ref == step.target:
            continue
        if ref.namespace in protected:
            return f"its manifest changes {target_text(ref)}, in a protected namespace", ()
        said = f"side effect: the manifest of step {step.name!r} changes {target_text(ref)}, which was not looked at"
        issues.append(issue("medium", step, said, "make it the target of a step of its own"))
    return "", tuple(issues[:KEYS_MAX])


def _no_change(step: RecipeStep, ref: TargetRef, what: str) -> Forecast:
    text = f"step {step.name!r} changes nothing: {target_text(ref)} {what} already"
    return Forecast(issues=(issue("low", step, text, "leave the step out, or correct its figure"),))


def _rolled(state: State) -> State:
    """A roll-out counts the revision up."""
    revision = state.get("revision", "")
    return {"revision": str(int(revision) + 1)} if revision.isdecimal() else NOTHING


def _scaled(step: RecipeStep, ref: TargetRef, state: State, replicas: int) -> Forecast:
    if state.get("replicas") == str(replicas):
        return _no_change(step, ref, f"has {so_many(replicas, 'replica')}")
    issues: tuple[PotentialIssue, ...] = ()
    if replicas == 0:
        text = f"step {step.name!r} leaves no replica of {target_text(ref)}"
        issues = (issue("high", step, text, "keep at least one, or say so to those who use it"),)
    return Forecast({"replicas": str(replicas)}, "scale", issues=issues)


def _new_image(step: RecipeStep, ref: TargetRef, state: State, update: Any) -> Forecast:
    key = f"image:{update.container}"
    if key not in state:
        known = ", ".join(sorted(name.removeprefix("image:") for name in state if name.startswith("image:")))
        return Forecast(problem=f"{target_text(ref)} has no container {update.container!r}; it has {known or 'none'}")
    if state[key] == update.new_image:
        return _no_change(step, ref, "runs that image")
    return Forecast({key: update.new_image, **_rolled(state)}, "update")


def _configured(step: RecipeStep, ref: TargetRef, state: State, updates: Mapping[str, str]) -> Forecast:
    if state.get("immutable") == "true":
        return Forecast(problem=f"{target_text(ref)} is immutable")
    effect = {f"data:{key}": value for key, value in sorted(updates.items()) if state.get(f"data:{key}") != value}
    if not effect:
        return _no_change(step, ref, "holds these values")
    issues: tuple[PotentialIssue, ...] = ()
    if len(effect) > KEYS_MAX:
        text = f"{len(effect)} keys of {target_text(ref)} change, {KEYS_MAX} of them are shown"
        issues = (issue("low", step, text, "read the others in the definition"),)
    return Forecast(effect, "update", issues=issues)


def _cordoned(step: RecipeStep, ref: TargetRef, state: State, *, draining: bool) -> Forecast:
    word = "false" if step.uncordons else "true"
    if state.get("unschedulable") == word:
        return QUIET if draining else _no_change(step, ref, "is " + ("schedulable" if step.uncordons else "cordoned"))
    return Forecast({"unschedulable": word}, "update")


def _custom(step: RecipeStep, ref: TargetRef, state: State, config: Mapping[str, str]) -> Forecast:
    action = find_action(step.action)
    name = action.name if action is not None else step.action
    if name == "uncordon-node":
        return _cordoned(step, ref, state, draining=False)
    if name == "rollback-deployment":
        revision = config.get("revision", "0")
        if state.get("revision") == "1" and revision in ("", "0"):
            return Forecast(problem=f"{target_text(ref)} has no earlier revision to go back to")
        return Forecast(_rolled(state), "update")
    shown = dict(sorted((key, value) for key, value in config.items() if key not in ADDRESS))
    text = f"what {name} makes of {target_text(ref)} is up to the executor: its effect is not simulated"
    told = (issue("low", step, text, "look at the target after the step, or give it a post condition"),)
    return Forecast(NOTHING, "delete" if step.deletes_target else "update", issues=told, shown=shown)


def presentable(ref: TargetRef, state: State) -> dict[str, str]:
    """As people may see it: few, short, and nothing that looks like a secret."""
    if len(state) > KEYS_MAX:
        state = dict(list(state.items())[:KEYS_MAX])
    return {key: _value(ref, key, value) for key, value in state.items()}


# Facts have few different keys.
@lru_cache(maxsize=1_024)
def _hides(key: str) -> bool:
    """Does this fact hold a secret, by what its key names?"""
    return is_secret_name(key.partition(":")[2] or key)


def _value(ref: TargetRef, key: str, value: str) -> str:
    if _hides(key) and ref.kind != "Secret":
        return MARK
    return value if len(value) < SECRET_MIN else clip(redact(value[: 4 * VALUE_MAX]), VALUE_MAX)

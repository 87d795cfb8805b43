"""Which steps may write the same object at the same time? Known at planning, told by the dry run (BR-WF-017).

Steps that set the same fact to different values leave it to chance what stands there in the end: that is a predicted
failure (severity high). Steps that write different parts of one object are an issue (medium).
"""

from collections.abc import Sequence
from typing import Any, Final

from wfexec.core.forecast import issue, reads_only
from wfexec.core.targets import target_text
from wfexec.model.facts import TargetRef
from wfexec.model.phases import RunCondition
from wfexec.model.recipe import RecipeStep
from wfexec.model.status import STATUSES_MAX, PotentialIssue

CONFLICTING: Final = "conflicting operations"
_FIX: Final = "let one of them depend on the other"


def conflicts_of(steps: tuple[RecipeStep, ...], order: tuple[int, ...], slots: int) -> tuple[PotentialIssue, ...]:
    """In the order of the plan, one per pair; none where only one step runs at a time (`slots` 1)."""
    writers: dict[TargetRef, list[int]] = {}
    for position in order:
        step = steps[position]
        if step.target is not None and not reads_only(step) and not step.barrier:
            writers.setdefault(step.target, []).append(position)
    shared = [positions for positions in writers.values() if len(positions) > 1]
    if not shared or slots == 1:
        return ()
    before = _ancestors(steps, order)
    issues = []
    for positions in shared:
        for later, position in enumerate(positions):
            for other in positions[:later]:
                if other not in before[position] and position not in before[other]:
                    issues.append(_conflict(steps[other], steps[position]))
    return tuple(issues[:STATUSES_MAX])


def _ancestors(steps: Sequence[RecipeStep], order: tuple[int, ...]) -> dict[int, frozenset[int]]:
    """What has ended for certain before a step starts. One that runs beside its primary waits for no end of it."""
    known: dict[int, frozenset[int]] = {}
    for position in order:
        step = steps[position]
        direct = () if step.run_condition is RunCondition.PARALLEL_WITH_PRIMARY else step.dependencies
        above = frozenset(direct).union(*(known[one] for one in step.dependencies))
        known[position] = above
    return known


def _conflict(first: RecipeStep, second: RecipeStep) -> PotentialIssue:
    one, other = _writes(first), _writes(second)
    clash = sorted(key for key in one.keys() & other.keys() if one[key] != other[key])
    target = target_text(second.target) if second.target is not None else ""
    pair = f"steps {first.name!r} and {second.name!r}"
    if clash or "exists" in one or "exists" in other:
        what = f" ({', '.join(clash[:8])})" if clash and clash != ["exists"] else ""
        return issue("high", second, f"{CONFLICTING}: {pair} may change {target} at the same time{what}", _FIX)
    return issue("medium", second, f"{CONFLICTING}: {pair} may write parts of {target} at the same time", _FIX)


def _writes(step: RecipeStep) -> dict[str, str]:
    """What the step sets, by fact. Whether two writes to a Secret's key agree is not looked at: they never do."""
    p: Any = step.spec.parameters
    if p is None:
        return {}
    if p.scale_deployment is not None:
        return {"replicas": str(p.scale_deployment.replicas)}
    if p.update_image is not None:
        return {f"image:{p.update_image.container}": p.update_image.new_image}
    if p.update_config_map is not None:
        return {f"data:{key}": value for key, value in p.update_config_map.data_updates.items()}
    if p.update_secret is not None:
        return {f"data:{key}": step.name for key in p.update_secret.data_updates}
    if p.cordon_node is not None or p.drain_node is not None:
        return {"unschedulable": "false" if step.uncordons else "true"}
    return {"exists": step.name} if step.deletes_target else {}

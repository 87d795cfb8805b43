"""Did anything fall ill beside the targets since the first step? Side effects, against a picture kept from before.

The picture is made in the write that begins the execution and names only what was not well then. Once the targets
have been well for a window, what is ill now and was not before is looked at again after another window: a trouble that
both looks see is a side effect (BR-WF-051s). It never fails a workflow: that something fell ill meanwhile does not say
that a step made it so.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from wfexec.core.draft import Draft
from wfexec.core.targets import target_text
from wfexec.model.base import clip, evolve
from wfexec.model.facts import AskSurroundings, SurroundingsFacts, TargetRef, Unknown, Unwell
from wfexec.model.recipe import RecipeStep
from wfexec.model.surroundings import SIDE_EFFECTS_MAX, UNWELL_MAX, SideEffect, Surroundings
from wfexec.model.workflow import ExecutionStrategy
from wfexec.settings import Settings
from wfexec.units import so_many

# More namespaces than this are looked at all at once.
NAMESPACES_MAX: Final = 8


class Around(NamedTuple):
    """What a look beside the targets found. `effects` None: nobody looks, or nobody knows, and then `unknown` says why.

    `wait` says what has to be awaited before anything is decided, "" for nothing.
    """

    effects: tuple[SideEffect, ...] | None = None
    unknown: str = ""
    wait: str = ""


NOT_WATCHED: Final = Around()


def question_near(
    steps: Sequence[RecipeStep], strategy: ExecutionStrategy, settings: Settings
) -> AskSurroundings | None:
    """What is asked before and after; None where nobody wants it, or the steps work nowhere in particular.

    Whoever moves pods from a node may harm those of any namespace.
    """
    wanted = settings.watch_side_effects if strategy.watch_side_effects is None else strategy.watch_side_effects
    if not wanted:
        return None
    names = {step.namespace for step in steps if step.namespace}
    nodes = any(step.target is not None and step.target.kind == "Node" for step in steps)
    if nodes or len(names) > NAMESPACES_MAX:
        return AskSurroundings(("",))
    return AskSurroundings(tuple(sorted(names))) if names else None


def awaits_picture(draft: Draft) -> bool:
    """Nobody could say how it looks near the targets, and asking again may help."""
    near = draft.recipe.near
    answer = draft.snapshot.answers.get(near) if near is not None else None
    return answer is not None and isinstance(answer.facts, Unknown) and answer.facts.transient


def keep_picture(draft: Draft) -> None:
    """How it looks just before the first step."""
    near = draft.recipe.near
    if near is None:
        return
    answer = draft.snapshot.answers.get(near)
    facts = answer.facts if answer is not None else None
    if not isinstance(facts, SurroundingsFacts):
        why = facts.reason if isinstance(facts, Unknown) else "nobody looked"
        draft.set(surroundings=Surroundings(namespaces=near.namespaces, unknown=draft.told(why)))
        return
    names = [_text(one.object) for one in facts.unwell]
    kept, more = tuple(names[:UNWELL_MAX]), len(names[UNWELL_MAX:])
    draft.set(surroundings=Surroundings(namespaces=near.namespaces, looked_at=facts.seen, unwell=kept, more=more))


def question_after(draft: Draft) -> AskSurroundings | None:
    """What has to be looked at once the targets have been well for a window; None for nothing."""
    kept: Surroundings | None = draft.get("surroundings")
    return AskSurroundings(kept.namespaces) if kept is not None and not kept.unknown else None


def look_around(draft: Draft) -> Around:
    """What the look after a window shows, which must have been answered."""
    kept: Surroundings | None = draft.get("surroundings")
    if kept is None:
        return NOT_WATCHED
    if kept.unknown:
        return Around(unknown=f"before the first step: {kept.unknown}")
    facts = _facts(draft)
    if isinstance(facts, Unknown):
        word = f"word about side effects: {facts.reason}"
        return Around(wait=word) if facts.transient else Around(unknown=facts.reason)
    news = _news(draft, kept, facts)
    if not news:
        return Around(effects=())
    if kept.more:
        more = so_many(kept.more, "more object was", "more objects were")
        return Around(unknown=f"{more} unwell before the first step than could be noted")
    seen_twice = [one for one in news if _text(one.object) in kept.suspects]
    if seen_twice:
        return Around(effects=tuple([_effect(draft, one) for one in seen_twice[:SIDE_EFFECTS_MAX]]))
    names = tuple([_text(one.object) for one in news[:SIDE_EFFECTS_MAX]])
    draft.set(surroundings=evolve(kept, suspects=names), healthy_since=draft.now)
    draft.set(estimated_completion_time=draft.now + draft.settings.stabilization_window)
    return Around(wait=f"another look at what fell ill beside the targets: {', '.join(names)}")


def left_open(draft: Draft) -> str:
    """Why nobody knows of side effects when the time is over; "" where that is not what is missing."""
    kept: Surroundings | None = draft.get("surroundings")
    if kept is None:
        return ""
    if kept.suspects:
        return f"seen at one look only: {', '.join(kept.suspects)}"
    facts = _facts(draft)
    return facts.reason if isinstance(facts, Unknown) else ""


def effects_text(effects: Sequence[SideEffect]) -> str:
    """One sentence of them all."""
    refs = [TargetRef(one.resource_type, one.namespace, one.name) for one in effects]
    return "; ".join(f"{target_text(ref)}: {one.message}" for ref, one in zip(refs, effects, strict=True))


def _facts(draft: Draft) -> SurroundingsFacts | Unknown:
    question = question_after(draft)
    answer = draft.snapshot.answers.get(question) if question is not None else None
    facts = answer.facts if answer is not None else None
    return facts if isinstance(facts, SurroundingsFacts | Unknown) else Unknown("nobody looked", transient=True)


def _news(draft: Draft, kept: Surroundings, facts: SurroundingsFacts) -> list[Unwell]:
    """What was well before, and is no target of the workflow: those are judged by themselves."""
    targets, before = draft.recipe.targets, kept.unwell
    return [one for one in facts.unwell if one.object not in targets and _text(one.object) not in before]


def _effect(draft: Draft, one: Unwell) -> SideEffect:
    kind, namespace, name = one.object
    return SideEffect(resource_type=kind, name=name, namespace=namespace, message=draft.told(one.message))


def _text(ref: TargetRef) -> str:
    return clip(target_text(ref), 400)

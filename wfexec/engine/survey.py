"""Where do all workflows stand? Namespaces, the registry and the admission policy, followed into one `Bearings`.

Called by the controller, which sends what the reflectors want sent, carries replies and events here, and wakes those
whom `concerned` names when the value changed. Rules:
1. A part is None until its first list; and again as soon as we lose the right to look. It is never guessed.
2. A missing right stops nothing: it is said once, and asked again with back-off. It is believed only once it has lasted
   `FORBIDDEN_MS`, for a server that has just started refuses everybody; until then what was known holds.
3. Before anything is decided every part has been answered once, or `PATIENCE_MS` have passed.
4. `bearings` changes its identity only when its content does.
"""

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from wfexec.core.policies import vetted
from wfexec.crd.landmarks import guards
from wfexec.crd.policies import parse_policies
from wfexec.engine.recorder import Recorder
from wfexec.engine.reflector import Reflector
from wfexec.engine.view import Tracked, View
from wfexec.model.bearings import (
    NO_BEARINGS,
    Bearings,
    NamespaceFacts,
    Policies,
    RegistryData,
    in_maintenance,
)
from wfexec.model.facts import FORBIDDEN_MS
from wfexec.model.meta import ADMISSION_POLICY_NAME, REGISTRY_NAME
from wfexec.model.phases import Phase
from wfexec.model.plan import EventRecord, LogRecord, Record
from wfexec.model.recipe import Recipe
from wfexec.model.requests import Change, Code, Kind, Landmark, Listing, ObjectKey, Outcome, WatchSeen
from wfexec.units import so_many

# How long the first decisions wait for these parts; the two main kinds are waited for as long as it takes.
PATIENCE_MS: Final = 5_000
# Whom a record concerns that is about no workflow.
NOBODY: Final = ObjectKey(Kind.WORKFLOW, "", "")
# A server that does not know these kinds cannot have an object of them.
_ADMISSION: Final = frozenset({Kind.ADMISSION_POLICY, Kind.ADMISSION_BINDING})
SURVEYED: Final = frozenset({Kind.NAMESPACE, Kind.REGISTRY, *_ADMISSION})
Make = Callable[..., Reflector]


class Notice(NamedTuple):
    """What people should hear; `about` None: there is no object to hang an Event on."""

    record: LogRecord | EventRecord
    about: Landmark | None


class Survey:
    """`wake_at`: when one of `parts` has something to send; `notices`: what `told` will hand on."""

    __slots__ = (
        "_denied",
        "_known",
        "_namespace",
        "_patience_until",
        "_refused",
        "_things",
        "bearings",
        "notices",
        "parts",
        "wake_at",
    )

    def __init__(self, make: Make, namespace: str) -> None:
        self.parts = {
            Kind.NAMESPACE: make(Kind.NAMESPACE),
            Kind.REGISTRY: make(Kind.REGISTRY, namespace=namespace, name=REGISTRY_NAME),
            Kind.ADMISSION_POLICY: make(Kind.ADMISSION_POLICY, name=ADMISSION_POLICY_NAME),
            Kind.ADMISSION_BINDING: make(Kind.ADMISSION_BINDING),
        }
        self._namespace = namespace
        self._things: dict[Kind, dict[str, Landmark]] = {kind: {} for kind in self.parts}
        # By kind: may we look? Absent: no answer yet.
        self._known: dict[Kind, bool] = {}
        # Of which it was said that we may not.
        self._denied: dict[Kind, None] = {}
        # Since when a right to look is refused, by kind.
        self._refused: dict[Kind, int] = {}
        self._patience_until = 0
        self.bearings = NO_BEARINGS
        self.notices: list[Notice] = []
        self.wake_at: int | None = None

    def __repr__(self) -> str:
        return f"<Survey of {', '.join(kind for kind, known in self._known.items() if known) or 'nothing'}>"

    def start(self, now: int) -> None:
        self._patience_until = now + PATIENCE_MS
        for part in self.parts.values():
            part.start(now)
        self.rearm()

    def unanswered(self) -> tuple[str, ...]:
        """Kinds that were never answered."""
        return tuple(kind for kind in self.parts if kind not in self._known)

    def settled(self, now: int) -> bool:
        """Every part was answered, or waited for long enough."""
        return len(self._known) == len(self.parts) or now >= self._patience_until

    def patience_at(self, now: int) -> int | None:
        """When the waiting ends; None once it has, by the last answer or by itself."""
        return None if self.settled(now) else self._patience_until

    def steer(self, view: View) -> None:
        """The bearings changed: every look has the new ones from now on, and those concerned look at once."""
        for tracked in concerned(view.tracked.values(), view.bearings, self.bearings, self._namespace):
            view.wake(tracked)
        view.bearings = self.bearings

    def rearm(self) -> None:
        """Requests were sent or answered."""
        alarms = [part.wake_at for part in self.parts.values() if part.wake_at is not None]
        self.wake_at = min(alarms, default=None)

    def told(self, recorder: Recorder | None, now: int) -> list[tuple[ObjectKey, Record]]:
        """Hand on what people should hear: to the log in any case, as Events where there is a recorder."""
        notices, self.notices = self.notices, []
        if recorder is not None:
            for record, about in notices:
                if about is not None and isinstance(record, EventRecord):
                    recorder.record(about, record, now)
        return [(NOBODY, record) for record, _ in notices if isinstance(record, LogRecord)]

    def replied(self, part: Reflector, outcome: Outcome, now: int) -> bool:
        """A list or watch ended; whether the bearings changed."""
        kind = part.kind
        listing = part.replied(outcome, now)
        self.rearm()
        if outcome.code is not Code.FORBIDDEN:
            self._refused.pop(kind, None)
        if listing is not None:
            self._listed(kind, listing)
            return self._take_bearings(kind)
        if outcome.code is Code.FORBIDDEN:
            if now - self._refused.setdefault(kind, now) < FORBIDDEN_MS:
                # Not believed yet: what we knew holds, and what we never knew is waited for.
                self._patience_until = max(self._patience_until, self._refused[kind] + FORBIDDEN_MS)
                return False
            # What we knew can no longer be trusted: when the right comes back, everything is listed anew.
            part.version = ""
            self._things[kind] = {}
            self._known[kind] = False
            if kind not in self._denied:
                self._denied[kind] = None
                self._say("warning", f"no right to look at objects of kind {kind}", ("why", outcome.message))
            return self._take_bearings(kind)
        if outcome.code is Code.NOT_FOUND and kind in _ADMISSION and not part.version:
            self._things[kind] = {}
            self._known[kind] = True
            return self._take_bearings(kind)
        return False

    def seen(self, signal: WatchSeen) -> bool | None:
        """One watch event; whether the bearings changed, None if nobody asked for it."""
        kind, thing = signal.kind, signal.object
        if not self.parts[kind].seen(signal):
            return None
        self._refused.pop(kind, None)
        if thing is None:
            return False
        things, name = self._things[kind], thing.metadata.name
        if signal.change is Change.DELETED or not isinstance(thing, Landmark):
            things.pop(name, None)
        else:
            known = things.get(name)
            things[name] = thing
            if known is not None and known.facts == thing.facts:
                return False
        return self._take_bearings(kind)

    def _listed(self, kind: Kind, listing: Listing) -> None:
        self._things[kind] = {thing.metadata.name: thing for thing in listing.items if isinstance(thing, Landmark)}
        self._known[kind] = True
        if kind in self._denied:
            del self._denied[kind]
            self._say("info", f"objects of kind {kind} can be seen again")

    def _take_bearings(self, kind: Kind) -> bool:
        """Put together anew what depends on this kind; whether it differs."""
        before = self.bearings
        if kind is Kind.NAMESPACE:
            after = before._replace(namespaces=self._namespaces())
        elif kind is Kind.REGISTRY:
            after = self._with_policies(before)
        else:
            after = before._replace(guarded=self._guarded())
        if after == before:
            return False
        self.bearings = after
        return True

    def _namespaces(self) -> dict[str, NamespaceFacts] | None:
        if not self._known.get(Kind.NAMESPACE):
            return None
        things = self._things[Kind.NAMESPACE]
        return {name: things[name].facts for name in sorted(things)}  # type: ignore[misc] # each has its kind's facts

    def _with_policies(self, before: Bearings) -> Bearings:
        thing = self._things[Kind.REGISTRY].get(REGISTRY_NAME)
        if thing is None or not isinstance(thing.facts, RegistryData):
            if before.policies is not None:
                self._say("info", "the registry of conditions is gone; the embedded ones hold")
            return before._replace(policies=None)
        policies = vetted(parse_policies(thing.facts.data, thing.facts.version))
        if policies != before.policies:
            self._report(policies, thing)
        return before._replace(policies=policies)

    def _report(self, policies: Policies, thing: Landmark) -> None:
        """Once per content: an Event on the ConfigMap, and a line in the log for each entry that was left out."""
        told = f"version {policies.version!r}: conditions of {so_many(len(policies.actions), 'action')}"
        self._say("info", "the registry of conditions was read", ("content", told))
        self.notices.append(Notice(EventRecord("Normal", "PolicyReloaded", told), thing))
        for problem in policies.problems:
            self._say("warning", "an entry of the registry of conditions is left out", ("problem", problem))
            left_out = EventRecord("Warning", "PolicyInvalid", f"version {policies.version!r}: left out: {problem}")
            self.notices.append(Notice(left_out, thing))

    def _guarded(self) -> bool | None:
        """Does an admission policy guard the annotations by which people decide? (BR-WF-018)"""
        if not all(self._known.get(kind) for kind in _ADMISSION):
            return None
        if ADMISSION_POLICY_NAME not in self._things[Kind.ADMISSION_POLICY]:
            # A binding without its policy binds nothing.
            return False
        return guards(self._things[Kind.ADMISSION_BINDING].values())

    def _say(self, level: str, message: str, *fields: tuple[str, str]) -> None:
        self.notices.append(Notice(LogRecord(level, message, fields), None))


def concerned(tracked: Iterable[Tracked], before: Bearings, after: Bearings, home: str) -> list[Tracked]:
    """Whom a change of bearings can concern: workflows that validate, waiting for an approval included.

    Of namespaces those alone that work in a changed one, or live there; a maintenance concerns all who live there, in
    the controller's own namespace (`home`) everybody. Policies wake nobody: who starts a step reads
    them then, who waits for a condition looks every few seconds anyway, and a step keeps those it began with.
    """
    guard = before.guarded is not after.guarded
    if not guard and before.namespaces is after.namespaces:
        return []
    changed = _changed(before, after)
    if not guard and not changed:
        return []
    held = frozenset(name for name in changed if _maintained(before, name) is not _maintained(after, name))
    return [
        one
        for one in tracked
        if (_validates(one) and (guard or _works_in(one, changed)))
        or (held and (home in held or one.key.namespace in held))
    ]


def _maintained(bearings: Bearings, name: str) -> bool:
    return in_maintenance((bearings.namespaces or {}).get(name))


def _validates(tracked: Tracked) -> bool:
    return tracked.workflow is not None and tracked.workflow.status.phase == Phase.VALIDATING


def _changed(before: Bearings, after: Bearings) -> frozenset[str]:
    """Namespaces whose facts differ."""
    old, new = before.namespaces or {}, after.namespaces or {}
    return frozenset(name for name in (*old, *new) if old.get(name) != new.get(name))


def _works_in(tracked: Tracked, namespaces: frozenset[str]) -> bool:
    if tracked.key.namespace in namespaces:
        return True
    recipe = tracked.recipe
    return isinstance(recipe, Recipe) and any(step.namespace in namespaces for step in recipe.steps)

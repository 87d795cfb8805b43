"""The cache against the true history of one name: whatever arrives in whatever order, it never goes back.

The world writes a history of objects under one name (created, changed, deleted, created again with another uid). Words
about it reach the cache late, twice, out of order or never; listings are of any age.
"""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.unit.engine.support import child
from wfexec.engine.cache import STALE, Family, ObjectCache
from wfexec.model.execution import KubernetesExecution


class CacheMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.cache = ObjectCache()
        # By version: the object as of then, None where it was deleted.
        self.history: dict[int, KubernetesExecution | None] = {0: None}
        self.version = 0
        self.incarnation = 0
        self.told = 0

    def state_at(self, version: int) -> KubernetesExecution | None:
        return self.history[max(known for known in self.history if known <= version)]

    @rule(gap=st.integers(1, 3))
    def the_world_writes(self, gap: int) -> None:
        self.version += gap
        if self.state_at(self.version) is None:
            self.incarnation += 1
        self.history[self.version] = child("c", self.version, uid=f"u{self.incarnation}")

    @precondition(lambda self: self.state_at(self.version) is not None)
    @rule()
    def the_world_deletes(self) -> None:
        self.version += 1
        self.history[self.version] = None

    @rule(data=st.data())
    def a_word_arrives(self, data: st.DataObject) -> None:
        """Event, reply to a write, or answer to a read: all say what stood there at some version."""
        version = data.draw(st.sampled_from(sorted(self.history)))
        stored = self.history[version]
        if stored is not None:
            fresh = self.cache.put(stored, version) is not STALE
            assert fresh == (version > self.told)
        elif version:
            self.cache.remove("prod", "c", version)
        self.told = max(self.told, version)

    @rule(data=st.data())
    def a_listing_arrives(self, data: st.DataObject) -> None:
        version = data.draw(st.integers(0, self.version))
        stored = self.state_at(version)
        if stored is not None:
            at = int(stored.metadata.resource_version)
            self.cache.put(stored, at)
            self.told = max(self.told, at)
        before = self.cache.get("prod", "c")
        removed = self.cache.absent(set() if stored is None else {("prod", "c")}, version)
        if removed:
            assert stored is None
            assert before is removed[0]
            # What a listing no longer has died at the latest with the listing.
            self.told = max(self.told, version)

    @invariant()
    def it_holds_the_newest_it_was_told(self) -> None:
        held = self.cache.get("prod", "c")
        assert held is self.state_at(self.told) or held == self.state_at(self.told)


class FamilyMachine(RuleBasedStateMachine):
    """A family against a plain dictionary; every view handed out must stay as it was."""

    def __init__(self) -> None:
        super().__init__()
        self.family = Family()
        self.family.kept = True
        self.model: dict[str, str] = {}
        self.gone: dict[str, str] = {}
        self.views: list[tuple[dict[str, KubernetesExecution], dict[str, str], dict[str, str], dict[str, str]]] = []

    @rule(name=st.sampled_from("abc"), uid=st.sampled_from("xyz"))
    def put(self, name: str, uid: str) -> None:
        self.family.put(name, child(name, uid=uid))
        self.model[name] = uid
        self.gone.pop(name, None)

    @rule(name=st.sampled_from("abc"), uid=st.sampled_from("xyz"))
    def drop(self, name: str, uid: str) -> None:
        self.family.drop(name, uid)
        if self.model.get(name) == uid:
            del self.model[name]
        if name not in self.model:
            self.gone[name] = uid

    @rule()
    def look(self) -> None:
        self.views.append((self.family.view(), dict(self.model), self.family.gone, dict(self.gone)))

    @invariant()
    def it_is_the_model_and_views_never_change(self) -> None:
        assert uids(self.family.children) == self.model
        assert self.family.gone == self.gone
        for children, model, gone, gone_model in self.views:
            assert uids(children) == model
            assert gone == gone_model


def uids(children: dict[str, KubernetesExecution]) -> dict[str, str]:
    return {name: kept.metadata.uid for name, kept in children.items()}


TestCache = CacheMachine.TestCase
TestCache.settings = settings(max_examples=60, stateful_step_count=40)
TestFamily = FamilyMachine.TestCase
TestFamily.settings = settings(max_examples=40, stateful_step_count=30)

"""Sentences about whose a workflow is: its parent, its owners, its finalizers, and the end of all of them."""

from functools import partial
from typing import Final

from pytest_bdd import given, parsers, step, then, when

from features.cluster import WORKFLOW_PLURAL, WORKFLOWS, Json, path_of
from features.story import Story
from wfexec.model.meta import CONTROLLER_NAMESPACE, FINALIZER, REMEDIATION_API, REMEDIATION_KIND, REMEDIATION_PLURAL
from wfexec.units import parse_duration, parse_instant

PARENT: Final = "shop-is-slow"
ROOT: Final = f"/apis/{REMEDIATION_API}"
HELD: Final = "example.com/keep"
RBAC: Final = "/apis/rbac.authorization.k8s.io/v1"


def _make_parent(story: Story, ways: list[Json] | None = None) -> Json:
    """`ways` are the specs of the workflows that it would make, the usual one first."""
    body = {
        "apiVersion": REMEDIATION_API,
        "kind": REMEDIATION_KIND,
        "metadata": {"name": PARENT},
        "spec": {"signalFingerprint": "5e" * 32, "severity": "warning", "priority": "P1", "workflows": ways or []},
    }
    answer = story.cluster.request("POST", path_of(ROOT, story.namespace, REMEDIATION_PLURAL), body)
    assert answer.status == 201, answer.body
    made: Json = answer.body
    return made


@given("its parent exists")
def _parent(story: Story) -> None:
    story.early.append(partial(_make_parent, story))


@given("its parent exists and has made it")
def _made_by_parent(story: Story) -> None:
    def made() -> None:
        uid = _make_parent(story)["metadata"]["uid"]
        owner = {"apiVersion": REMEDIATION_API, "kind": REMEDIATION_KIND, "name": PARENT, "uid": uid}
        story.recipe.owners = [owner | {"controller": True}]

    story.early.append(made)


@given("nobody has made its parent")
def _no_parent(story: Story) -> None:
    """As everywhere; said where it matters."""


@given("another request has the name of its parent")
def _namesake(story: Story) -> None:
    story.early.append(partial(_make_parent, story))
    story.recipe.spec["remediationRequestRef"] = {"name": PARENT, "uid": "11111111-2222-4333-8444-555555555555"}


@given("it says that its parent is in another namespace")
def _elsewhere(story: Story) -> None:
    story.recipe.spec["remediationRequestRef"] = {"name": PARENT, "namespace": "default"}


@given(parsers.parse('it says that its parent is a "{kind}"'))
def _no_request(story: Story, kind: str) -> None:
    story.recipe.spec["remediationRequestRef"] = {"name": PARENT, "kind": kind}


@given(parsers.parse("orphans are kept for {duration}"))
def _retention(story: Story, duration: str) -> None:
    story.setting.settings |= {"manage-orphan-retention": True, "orphan-retention": duration}


@given("the controller may delete workflows")
def _may_delete(story: Story) -> None:
    """What deploy/components/orphan-retention grants everywhere, in this namespace alone."""
    rules = [{"apiGroups": ["workflowexecution.kubernaut.io"], "resources": [WORKFLOW_PLURAL], "verbs": ["delete"]}]
    role = {"metadata": {"name": "retention"}, "rules": rules}
    subject = {"kind": "ServiceAccount", "name": "workflow-execution-sa", "namespace": CONTROLLER_NAMESPACE}
    binding = {
        "metadata": {"name": "retention"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "retention"},
        "subjects": [subject],
    }

    def granted() -> None:
        for plural, body in (("roles", role), ("rolebindings", binding)):
            answer = story.cluster.request("POST", path_of(RBAC, story.namespace, plural), body)
            assert answer.status == 201, answer.body

    story.early.append(granted)


@step("its parent owns it")
def _owned(story: Story) -> None:
    def owners() -> list[Json]:
        found: list[Json] = story.workflow()["metadata"].get("ownerReferences", [])
        return found

    story.wait("its owner", owners, 60_000)
    answer = story.cluster.request("GET", path_of(ROOT, story.namespace, REMEDIATION_PLURAL, PARENT))
    assert [(owner["kind"], owner["uid"], owner["controller"]) for owner in owners()] == [
        (REMEDIATION_KIND, answer.body["metadata"]["uid"], True)
    ]


@then("its owners were never changed")
def _never_changed(story: Story) -> None:
    first, *later = [version["metadata"]["ownerReferences"] for version in story.versions()]
    assert all(one == first for one in later), later


@then("nobody owns it")
def _nobodys(story: Story) -> None:
    assert "ownerReferences" not in story.workflow()["metadata"]


@when("somebody deletes its parent")
def _delete_parent(story: Story) -> None:
    answer = story.cluster.request("DELETE", path_of(ROOT, story.namespace, REMEDIATION_PLURAL, PARENT))
    assert answer.status == 200, answer.body


def _finalizers(story: Story) -> list[str]:
    answer = story.cluster.request("GET", path_of(WORKFLOWS, story.namespace, WORKFLOW_PLURAL, story.recipe.name))
    found: list[str] = answer.body["metadata"].get("finalizers", [])
    return found


@when("somebody holds it with a finalizer")
def _hold(story: Story) -> None:
    answer = story.patch({"metadata": {"finalizers": [*_finalizers(story), HELD]}}, "admin")
    assert answer.status == 200, answer.body


@then("the controller's finalizer is gone")
def _no_finalizer(story: Story) -> None:
    story.wait("the finalizer to go", lambda: _finalizers(story) == [HELD], 60_000)


@when("nobody holds it any more")
def _let_go(story: Story) -> None:
    kept = [one for one in _finalizers(story) if one != HELD]
    assert FINALIZER not in kept
    answer = story.patch({"metadata": {"finalizers": kept}}, "admin")
    assert answer.status == 200, answer.body


@then(parsers.parse("it is there {duration} after its end"))
def _there(story: Story, duration: str) -> None:
    due = parse_instant(story.status()["completionTime"]) + parse_duration(duration)
    story.cluster.let_pass(due - story.cluster.now_ms)
    assert not story.gone()

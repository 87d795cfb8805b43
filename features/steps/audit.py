"""Sentences about the audit store: what it holds of a workflow, and what befalls it."""

from typing import Final

from pytest_bdd import given, parsers, step, then, when

from features.story import Story
from sim.faults import Fault
from wfexec.model.audit import FinalRecord
from wfexec.model.meta import ANNOTATION_FINGERPRINT

FINGERPRINT: Final = "5e" * 32
KEPT_MS: Final = 60_000


@given("there is an audit store")
def _audited(story: Story) -> None:
    """It is well, whatever an earlier scenario did to it."""
    story.setting.audited = True

    def well() -> None:
        story.cluster.audit.then = None
        _befall(story, Fault.NONE)

    story.early.append(well)


@given(parsers.parse("a final record is waited for as long as {duration}"))
def _grace(story: Story, duration: str) -> None:
    story.setting.settings |= {"audit-grace": duration}


@given("its parent gave it the fingerprint of the signal")
def _fingerprinted(story: Story) -> None:
    story.recipe.annotations[ANNOTATION_FINGERPRINT] = FINGERPRINT


@given("the controller dies as soon as its final record is kept")
def _dies(story: Story) -> None:
    def dies(record: FinalRecord) -> None:
        """Once, and of this one: what other scenarios left may be recorded meanwhile."""
        if (record.namespace, record.name) == (story.namespace, story.recipe.name) and "death" not in story.moments:
            story.moments["death"] = story.cluster.now_ms
            story.cluster.kill_controller()

    def armed() -> None:
        story.cluster.audit.then = dies

    story.early.append(armed)


@then("it died of that")
def _died(story: Story) -> None:
    assert "death" in story.moments


def _befall(story: Story, trouble: Fault) -> None:
    story.cluster.audit.trouble = trouble


@step("the audit store is down")
def _down(story: Story) -> None:
    _befall(story, Fault.UNAVAILABLE)


@step("the audit store keeps what it is given, and its replies are lost")
def _deaf(story: Story) -> None:
    _befall(story, Fault.LOSE_REPLY)


@when("the audit store is there again")
def _back(story: Story) -> None:
    _befall(story, Fault.NONE)


def _records(story: Story) -> list[FinalRecord]:
    return story.cluster.audit.of(story.namespace, story.recipe.name)


@step("the audit store holds its final record")
def _holds(story: Story) -> None:
    story.wait("its final record", lambda: _records(story), KEPT_MS)


@then("the audit store holds its final record, which says")
def _says(story: Story, datatable: list[list[str]]) -> None:
    (record,) = _records(story)
    told = {key: str(value) for key, value in record._asdict().items()}
    wanted = {key: FINGERPRINT if value == "of the signal" else value for key, value in datatable[1:]}
    assert {key: told[key] for key in wanted} == wanted
    workflow = story.workflow()
    assert record.uid == workflow["metadata"]["uid"]
    assert record.created is not None and record.deleted is not None and record.created <= record.deleted


@then("the audit store holds one final record of it")
def _one(story: Story) -> None:
    assert len(_records(story)) == 1


@then("the audit store holds nothing of it")
def _nothing(story: Story) -> None:
    assert _records(story) == []


@then("the controller still holds it")
def _held(story: Story) -> None:
    assert not story.gone()

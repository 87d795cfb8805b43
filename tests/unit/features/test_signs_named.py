"""Every Event and every condition of the catalogue is shown to a user by a scenario (BR-WF-024, BR-WF-005)."""

import re

from tests.determinism.stage import parts
from wfexec.core.signs import CONDITIONS, EVENTS

# What no scenario can bring about, and where it is shown instead. One that is named all the same fails the test.
BEYOND_SCENARIOS = {
    "HistoryUnavailable": "the history is kept in memory and always answers; shown in tests/unit/core/test_learning.py",
    "UnknownPhase": "needs a status that another version wrote; shown in tests/unit/core/test_run.py",
    "ObjectUnreadable": "needs an object that the CRDs refuse; shown in tests/unit/engine",
}
EVENT = re.compile(r'^(?:an event|the event|the registry was told) "(\w+)"')
CONDITION = re.compile(r'^its condition "(\w+)"')
SENTENCES = [step.name for part in parts() for step in part.scenario.steps]


def named(sentence: re.Pattern[str]) -> set[str]:
    return {match[1] for text in SENTENCES if (match := sentence.match(text))}


def test_every_event_is_named_by_a_scenario() -> None:
    reasons = {row.reason for row in EVENTS}
    assert sorted(reasons - named(EVENT)) == sorted(BEYOND_SCENARIOS), "name it in a scenario, or take the entry away"
    assert named(EVENT) <= reasons


def test_every_condition_is_named_by_a_scenario() -> None:
    types = {row.type for row in CONDITIONS}
    assert sorted(types - named(CONDITION)) == [], "name it in a scenario"
    assert named(CONDITION) <= types

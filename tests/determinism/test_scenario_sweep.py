"""Killed at any write of any scenario, the controller gets the workflow where it would have got without (BR-WF-025).

Three points per write: before it leaves, after it is carried out and before the reply is seen, after the reply. All
scenarios are swept, each at a share of its points drawn by a seed; `pytest --crash-points all` takes every point
(`make crash.sweep`). The number of points is told at the end of the run.
"""

import re
from collections.abc import Callable
from functools import cache

import pytest

from sim.faults import FaultPlan, crash_after_write, crash_before_write
from sim.rng import Streams
from tests.determinism.stage import End, Part, Performance, parts, perform
from wfexec.core.reasons import CATALOGUE, find_reason

# Hundreds of runs in one test: on a machine with other work each of them may take long. And all in one worker, since
# each would play all scenarios once without a crash before it begins.
pytestmark = [pytest.mark.timeout(1_800), pytest.mark.xdist_group("sweep")]
FEATURES = tuple(dict.fromkeys(part.feature for part in parts()))
PLANS: dict[str, Callable[[int], FaultPlan]] = {
    "before": crash_before_write,
    "unseen": crash_after_write,
    "seen": lambda number: crash_after_write(number, reply_seen=True),
}
# A deletion that nobody was there to see leaves the same picture as a child that was never made.
UNSEEN_DELETION = "somebody deletes the child"
# Which deletion is heard of first, the child's or the workflow's, is chance: the last word about a step may differ.
CASCADE = "somebody deletes its parent"
# Words that no scenario can reach, and why. An entry that is reached all the same fails the test.
BEYOND_SCENARIOS: dict[str, str] = {
    "template_unresolved": "needs a status that loses what it held; shown in tests/unit",
    "template_not_kept": "needs a CRD of another version; shown in tests/unit",
    "validation_timeout": "needs an API server that takes questions and never answers; shown in tests/unit",
}
ADD = "write a scenario in features/ that reaches it (its first word in failureReason, errorType or condition Planned)"


@cache
def calm(part: Part) -> Performance:
    return perform(part)


def of_feature(feature: str) -> list[Part]:
    return [part for part in parts() if part.feature == feature]


def drawn(part: Part, writes: int, share: int | None) -> list[tuple[int, str]]:
    """The points of one scenario: all, or `share` of them, the same in every run as long as its writes are."""
    every = [(number, how) for number in range(1, writes + 1) for how in PLANS]
    streams = Streams(11)
    every.sort(key=lambda point: streams.seed_of("crash", part.feature, part.title, *point))
    return sorted(every if share is None else every[:share])


def seen(part: Part, end: End | None) -> End | None:
    """What must be the same: attempts of a deleted child may be one, see UNSEEN_DELETION; and see CASCADE."""
    if end is not None and any(step.name == CASCADE for step in part.scenario.steps):
        return end._replace(steps=())
    if end is None or not any(step.name.startswith(UNSEEN_DELETION) for step in part.scenario.steps):
        return end
    return end._replace(children=tuple(sorted({re.sub(r"-r\d+$", "", name) for name in end.children})))


@pytest.mark.parametrize("feature", FEATURES)
def test_a_crash_at_any_write_of_any_scenario_changes_nothing(
    feature: str, pytestconfig: pytest.Config, record_property: Callable[[str, object], None]
) -> None:
    wanted = str(pytestconfig.getoption("crash_points"))
    share = None if wanted == "all" else max(1, int(wanted) // len(parts()))
    tried = possible = 0
    for part in of_feature(feature):
        expected = calm(part)
        if expected.end is None:
            continue
        possible += len(PLANS) * expected.writes
        for number, how in drawn(part, expected.writes, share):
            crashed = perform(part, PLANS[how](number))
            point = f"{feature}: {part.title}: killed at write {number} ({how})"
            assert seen(part, crashed.end) == seen(part, expected.end), point
            assert crashed.trouble == (), point
            tried += 1
    record_property("crash_points", [tried, possible])
    assert tried > 0


@pytest.mark.parametrize("feature", FEATURES)
def test_no_scenario_breaks_a_promise(feature: str) -> None:
    assert {part.title: calm(part).trouble for part in of_feature(feature) if calm(part).trouble} == {}


@pytest.mark.parametrize("feature", FEATURES)
def test_no_sentence_of_any_scenario_puts_the_number_one_before_many(feature: str) -> None:
    assert {part.title: calm(part).slips for part in of_feature(feature) if calm(part).slips} == {}


def test_every_reason_is_reached_by_a_scenario_and_every_word_seen_is_in_the_catalogue() -> None:
    performances = [calm(part) for part in parts()]
    words = frozenset(pair for one in performances for pair in one.words)
    unknown = sorted(f"{kind} {word}" for kind, word in words if find_reason(kind, word) is None)
    assert unknown == [], "add a row to wfexec/core/reasons.py and run `wfexec reference reasons > docs/reasons.md`"
    refusals = [text for one in performances for text in one.refusals]
    reached = {
        reason.word
        for reason in CATALOGUE
        if (reason.kind, reason.word) in words or (reason.door and any(reason.door in text for text in refusals))
    }
    missing = [reason.word for reason in CATALOGUE if reason.word not in reached]
    assert sorted(missing) == sorted(BEYOND_SCENARIOS), f"not reached: {ADD}; or reached after all: take the entry away"

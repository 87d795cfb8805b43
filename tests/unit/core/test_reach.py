"""Whether monitoring will hear of alerts is asked beside everything else, and told once (BR-WF-019)."""

from typing import Any

from tests.unit.core.world import HANGS, World, default_facts, spec, step
from wfexec.core.reach import UNHEARD
from wfexec.core.verdict import WARNINGS_MAX
from wfexec.model.base import evolve
from wfexec.model.facts import AlertFacts, AskAlerts, Facts, Question, Unknown
from wfexec.model.plan import EventRecord
from wfexec.model.status import ValidationResults
from wfexec.settings import DEFAULTS, Settings

ASKING = Settings(alertmanager_url="http://alerts:9093", alertmanager_watchdog="Watchdog")
SILENT = Unknown("no answer", transient=True)
CUSTOM: dict[str, Any] = {"parameters": {"custom": {"actionType": "house-word"}}, "action": "house-word"}


def world_of(says: Facts, *, settings: Settings = ASKING, **more: Any) -> World:
    """One step that hangs, and a source of alerts that says this."""
    world = World(spec(step(1, **more)), settings)
    world.say("wf-step-1", HANGS)

    def facts(question: Question) -> Facts:
        return says if isinstance(question, AskAlerts) else default_facts(question)

    world.facts = facts
    return world


def executing(world: World) -> World:
    return world.run(stop=lambda one: one.workflow.status.phase == "executing")


def asking(world: World) -> list[tuple[Question, ...]]:
    return [plan.questions for plan in world.plans if any(isinstance(one, AskAlerts) for one in plan.questions)]


def told(world: World) -> list[str]:
    return [one.message for one in world.records if isinstance(one, EventRecord) and one.message.startswith(UNHEARD)]


def written(world: World) -> list[str]:
    results = world.workflow.status.validation_results
    assert results is not None
    return [one for one in results.validation_errors if one.startswith(UNHEARD)]


def test_it_is_asked_once_alone_and_about_nothing() -> None:
    world = executing(world_of(AlertFacts(())))
    began = world.workflow.status.validation_start_time
    assert asking(world) == [(AskAlerts((), began or 0, "Watchdog"),)]
    assert (told(world), written(world)) == ([], [])


def test_nobody_is_asked_who_monitoring_will_not_ask() -> None:
    assert asking(executing(world_of(SILENT, settings=DEFAULTS))) == []
    assert asking(executing(world_of(SILENT, **CUSTOM))) == []


def test_what_is_known_when_validation_is_over_is_a_warning_of_it() -> None:
    world = executing(world_of(SILENT))
    assert told(world) == written(world)
    assert len(told(world)) == 1
    assert "(no answer)" in told(world)[0]
    # Nothing more is said while it executes.
    world.run(until_ms=60_000)
    assert len(told(world)) == 1


def test_who_takes_over_asks_again_and_tells_what_nobody_told() -> None:
    """Also what a slow source says: the answers of the controller before are gone."""
    world = executing(world_of(AlertFacts(())))
    late = AskAlerts((), world.workflow.status.validation_start_time or 0, "Watchdog")
    del world.answers[late]
    world.facts = lambda question: SILENT if isinstance(question, AskAlerts) else default_facts(question)
    assert world.look().questions == (late,)
    plan = world.look()
    assert plan.status is not None
    assert told(world) == written(world) != []
    again = world.look()
    assert (again.status, again.questions) == (None, ())


def test_where_enough_warnings_stand_no_more_is_told() -> None:
    world = executing(world_of(AlertFacts(())))
    full = ValidationResults(validation_errors=("so what",) * WARNINGS_MAX)
    world.workflow = evolve(world.workflow, status=evolve(world.workflow.status, validation_results=full))
    world.answers = {question: known._replace(facts=SILENT) for question, known in world.answers.items()}
    assert world.look().status is None
    assert told(world) == []

"""Cases made up from a seed: always valid, always the same, and what was asked for (BR-WF-032)."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from sim.cases import load_case, save, scenario_of
from sim.driver import Options
from sim.executor.files import load_outcomes
from sim.faults import FaultPlan
from sim.generate import EDGES, Case, Shape, Wish, calm, generate
from sim.generate_steps import BUILDERS
from sim.rng import Streams
from sim.scenario import play
from sim.troubles import CALM, Troubles, draw, load_troubles
from wfexec.core.graph import refusals
from wfexec.crd.files import load_workflows
from wfexec.errors import BadInput
from wfexec.model.phases import TERMINAL
from wfexec.settings import DEFAULTS


def spec(case: Case) -> dict[str, object]:
    found: dict[str, object] = case.manifest[0]["spec"]
    return found


@given(some.integers(0, 1 << 62), some.integers(1, 30), some.sampled_from([None, *Shape]))
@settings(max_examples=60, deadline=None)
def test_planning_takes_whatever_is_made_up(seed: int, most: int, shape: Shape | None) -> None:
    case = generate(seed, Wish((1, most), shape))
    (workflow,) = scenario_of(case).workflows
    assert refusals(workflow.spec, DEFAULTS) == ()
    definition = workflow.spec.workflow_definition
    assert definition is not None
    assert 1 <= len(definition.steps) <= most


def test_the_same_seed_gives_the_same_case_and_another_one_another() -> None:
    assert generate(7) == generate(7)
    assert spec(generate(7)) != spec(generate(8))


def test_a_wish_is_granted() -> None:
    case = generate(3, Wish((5, 5), Shape.CHAIN, ("delete-pod",), "shop"))
    (workflow,) = scenario_of(case).workflows
    definition = workflow.spec.workflow_definition
    assert definition is not None
    assert [step.action for step in definition.steps] == ["delete-pod"] * 5
    assert [step.depends_on for step in definition.steps] == [(), (1,), (2,), (3,), (4,)]
    assert workflow.metadata.namespace == "shop"


@pytest.mark.parametrize(
    ("shape", "edges"),
    [
        (Shape.CHAIN, [[], [1], [2], [3]]),
        (Shape.FAN, [[], [1], [1], [2, 3]]),
        (Shape.DIAMOND, [[], [1], [1], [2, 3]]),
    ],
)
def test_shapes(shape: Shape, edges: list[list[int]]) -> None:
    assert EDGES[shape](4, Streams(1).of("edges")) == edges


def test_every_action_of_the_generator_can_complete() -> None:
    for action in BUILDERS:
        case = generate(1, Wish((1, 1), actions=(action,)))
        quiet = calm(case)._replace(executor={"cluster": case.executor["cluster"]})
        run = play(scenario_of(quiet))
        assert run.completed, f"{action}: {run.workflows[0].status.failure_reason}"


def test_what_is_kept_in_files_is_played_again_to_the_digest(tmp_path: Path) -> None:
    case = generate(251)
    command = save(case, tmp_path / "case 251")
    assert command.startswith("wfexec sim run '")
    again = load_case([tmp_path / "case 251" / "workflow.yaml"], None, 251)
    troubles = load_troubles(tmp_path / "case 251" / "faults.yaml")
    assert troubles == case.troubles
    assert load_workflows(tmp_path / "case 251" / "workflow.yaml") == scenario_of(case).workflows
    load_outcomes(tmp_path / "case 251" / "executor.yaml")
    first, second = play(scenario_of(case)), play(scenario_of(again._replace(troubles=troubles)))
    assert first.digest() == second.digest()
    assert first.workflows[0].status.phase in TERMINAL


def test_a_calm_case_has_no_file_of_faults(tmp_path: Path) -> None:
    command = save(calm(generate(1)), tmp_path)
    assert "--faults" not in command
    assert not (tmp_path / "faults.yaml").exists()


def test_a_folder_that_cannot_be_made_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="--out"):
        save(generate(1), tmp_path / "file" / "below")


@given(some.integers(0, 1 << 62))
@settings(max_examples=40, deadline=None)
def test_troubles_written_and_read_are_the_same(seed: int) -> None:
    troubles = draw(Streams(seed).of("troubles"), 50)
    assert Troubles.model_validate_json(troubles.model_dump_json(by_alias=True)) == troubles
    assert Troubles.model_validate(troubles.document()) == troubles


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("writes: [{write: 0, fault: drop}]", "writes[0].write"),
        ("writes: [{write: 3, fault: dorp}]", "writes[0].fault"),
        ("restrat: 3s", "restrat"),
        ("requests: {min: 9s, max: 1s}", "exchange them"),
        ("restart: soon", "restart"),
        ("replicas: 99", "replicas"),
        ("clocks: [0s, fast]", "clocks[1]"),
        ("clocks: [--5m]", "clocks[0]"),
        ("a: 1\n---\nb: 2", "one document"),
        ("", "documents"),
    ],
)
def test_a_fault_schedule_that_is_none_is_refused_with_the_place(text: str, says: str, tmp_path: Path) -> None:
    file = tmp_path / "faults.yaml"
    file.write_text(text)
    with pytest.raises(BadInput) as refused:
        load_troubles(file)
    assert says in str(refused.value)


def test_clocks_are_ahead_or_behind_and_written_as_they_were_read(tmp_path: Path) -> None:
    file = tmp_path / "faults.yaml"
    file.write_text("clocks: [0s, 5m, -1m30s]")
    troubles = load_troubles(file)
    assert troubles.clocks == (0, 300_000, -90_000)
    assert troubles.document() == {"clocks": ["0s", "5m", "-1m30s"]}
    assert Troubles.model_validate(troubles.document()) == Troubles.model_validate(troubles.model_dump()) == troubles
    plan = troubles.over(Options()).faults
    assert [plan.ahead(start) for start in range(4)] == [0, 300_000, -90_000, 0]
    assert (plan.skew_ms, FaultPlan().skew_ms, FaultPlan(clocks=(-5,)).skew_ms) == (390_000, 0, 5)


def test_no_troubles_are_the_usual_run() -> None:
    assert CALM.document() == {}
    case = calm(generate(4))
    options = scenario_of(case).options
    assert CALM.over(options) == options

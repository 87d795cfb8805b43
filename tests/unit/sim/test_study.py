"""Policies are compared on the same luck, and nothing about how a study is played shows in its result."""

from pathlib import Path

import orjson
import pytest

from sim.report_study import document, table, verdicts
from sim.report_study_svg import draw_study
from sim.study import Sample, Study, conduct, load_study, play_batch, pool, rechecked
from wfexec.errors import BadInput

Played = list[tuple[Sample, ...]]

ROOT = Path(__file__).parents[3]
STUDY = ROOT / "examples" / "studies" / "rollback-policies.yaml"
SMALL = """
title: Small
workflows: [workflow.yaml]
runs: 6
seed: 3
policies:
  - name: first
    steps: {"*": {maxRetries: 0}}
  - name: second
    executionStrategy: {maxParallelSteps: 1}
    steps: {restart-ledger: {timeout: 2m}}
    settings: {retry-base-delay: 5s, max-retries: 4}
"""


def written(folder: Path, text: str) -> Path:
    """A study beside a copy of an example's manifest."""
    example = ROOT / "examples" / "bad-configmap-rollout"
    for name in ("workflow.yaml", "executor.yaml"):
        (folder / name).write_bytes((example / name).read_bytes())
    (folder / "study.yaml").write_text(text, encoding="utf-8")
    return folder / "study.yaml"


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[Study, Played]:
    """The small study with what came of it in one process."""
    study = load_study(written(tmp_path_factory.mktemp("study"), SMALL))
    return study, conduct(study, None, 1, lambda count: None)


def bytes_of(study: Study, samples: Played) -> bytes:
    """Everything a study leaves, as one string of bytes."""
    return orjson.dumps(document(study, verdicts(study, samples), samples))


def test_a_policy_changes_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    study = load_study(written(tmp_path, SMALL))
    first, second = study.arms
    one, two = (arm.workflows[0].spec for arm in (first, second))
    assert one.workflow_definition is not None and two.workflow_definition is not None
    assert {step.max_retries for step in one.workflow_definition.steps} == {0}
    assert {step.max_retries for step in two.workflow_definition.steps} == {None}
    timeouts = {step.name: step.timeout for step in two.workflow_definition.steps if step.timeout is not None}
    assert timeouts == {"restart-ledger": 120_000}
    assert two.execution_strategy.max_parallel_steps == 1
    assert two.execution_strategy.rollback_strategy == one.execution_strategy.rollback_strategy
    assert (second.settings.retry_base_delay, second.settings.max_retries) == (5_000, 4)


def test_two_equal_policies_have_equal_luck_in_every_run(tmp_path: Path) -> None:
    same = "policies: [{name: a}, {name: b}]"
    study = load_study(written(tmp_path, SMALL.partition("policies:")[0] + same))
    samples = conduct(study, None, 1, lambda count: None)
    assert all(first == second for first, second in samples)
    # And runs differ from each other, or there would be nothing to compare.
    assert len({first.took for first, _ in samples}) == 6


def test_a_run_is_the_same_whether_played_alone_or_among_others(tmp_path: Path) -> None:
    study = load_study(written(tmp_path, SMALL))
    assert play_batch(study, range(4, 5))[0] == play_batch(study, range(6))[4]


def test_the_result_does_not_depend_on_the_number_of_jobs(played: tuple[Study, Played]) -> None:
    study, samples = played
    with pool(2) as executor:
        shared = conduct(study, executor, 2, lambda count: None)
    assert bytes_of(study, samples) == bytes_of(study, shared)


def test_a_sample_is_played_in_both_depths() -> None:
    assert rechecked(200) == {0, 50, 100, 150}
    assert rechecked(2) == {0, 1}


def test_the_table_names_every_figure_with_interval_and_difference(played: tuple[Study, Played]) -> None:
    study, samples = played
    text = "\n".join(table(study, verdicts(study, samples)))
    for title in ("P(recovered)", "p50 time to recover", "p95 time to recover", "steps undone", "leftover damage"):
        assert f"\n{title}\n" in text
    assert text.count("difference ") == 5


def test_the_picture_has_the_same_bytes_each_time(tmp_path: Path, played: tuple[Study, Played]) -> None:
    study, samples = played
    found = verdicts(study, samples)
    for name in ("a.svg", "b.svg"):
        draw_study(study, found, samples, tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (SMALL.replace("runs: 6", "runs: 0"), "runs"),
        (SMALL.replace("name: second", "name: first"), "two policies are called 'first'"),
        (SMALL.replace("restart-ledger", "restart-leger"), "policies.second.steps.restart-leger: no such step"),
        (SMALL.replace("max-retries: 4", "max-retrys: 4"), "did you mean max-retries?"),
        (SMALL.replace("timeout: 2m", "timeout: 2 minutes"), "timeout"),
        (SMALL.replace("maxParallelSteps: 1", "maxParallel: 1"), "maxParallel"),
        (SMALL.replace("[workflow.yaml]", "[nothing.yaml]"), "No such file"),
        (SMALL.replace("title: Small", "titel: Small"), "titel"),
        (SMALL.partition("  - name: second")[0], "policies"),
        ("[]", ""),
        ("a: [", ""),
    ],
)
def test_what_is_wrong_with_a_study_is_said_at_its_place(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(BadInput) as trouble:
        load_study(written(tmp_path, text))
    assert words in str(trouble.value)


def test_the_shipped_study_compares_two_policies() -> None:
    study = load_study(STUDY)
    assert [arm.name for arm in study.arms] == ["give up early", "try longer"]
    assert study.runs == 120


def test_whoever_interrupts_does_not_wait_for_what_has_not_begun() -> None:
    with pytest.raises(KeyboardInterrupt), pool(2) as executor:
        assert executor is not None
        waiting = [executor.submit(sum, range(1_000_000)) for _ in range(200)]
        raise KeyboardInterrupt
    assert waiting[-1].cancelled()

"""Is an executor file read as meant, and is a wrong one answered with where, what and how to mend it?"""

from pathlib import Path

import pytest

from sim.distributions import LogNormal, Triangular, fixed
from sim.executor.errors import TEXTS, failure
from sim.executor.fate import Try, fate, rule_of
from sim.executor.files import load_outcomes, parse_outcomes
from sim.executor.outcomes import Result, usual
from sim.rng import Streams
from wfexec.core.attempts import classify_text
from wfexec.errors import BadInput
from wfexec.model.facts import AskAccess
from wfexec.model.phases import ErrorType

FILE = """
defaults: {duration: 10s, selfRetries: 1}
actions:
  scale-deployment: {duration: {uniform: {min: 10s, max: 30s}}, rollbackInformation: false}
steps:
  "*/verify": {duration: 5s}
  "*/3": {outputs: {ready: "3"}}
  scale-out/3: {duration: 1s}
undo:
  defaults: {duration: 2s}
"""


def test_the_most_particular_rule_wins_field_by_field() -> None:
    outcomes = parse_outcomes(FILE, "executor.yaml")
    rule = outcomes.rule("scale-out", "third", 3, "scale_deployment")
    assert rule.duration == fixed(1_000)
    assert (rule.rollback_information, rule.self_retries, rule.outputs) == (False, 1, {"ready": "3"})
    elsewhere = outcomes.rule("other", "verify", 4, "verify-health")
    assert (elsewhere.duration, elsewhere.rollback_information) == (fixed(5_000), True)


def test_undo_has_rules_of_its_own() -> None:
    outcomes = parse_outcomes(FILE, "executor.yaml")
    assert outcomes.rule("scale-out", "third", 3, "scale-deployment", undo=True).duration == fixed(2_000)


def test_an_empty_file_means_the_usual_times_and_no_trouble() -> None:
    outcomes = parse_outcomes("", "executor.yaml")
    rule = outcomes.rule("scale-out", "third", 3, "rollout_restart")
    assert rule.duration == usual("restart-deployment")
    assert (rule.failure, rule.attempts) == (None, ())


def test_the_last_scripted_attempt_repeats_unless_told_otherwise() -> None:
    script = "steps: {'*/1': {attempts: [{result: hang}, {result: failure}]}}"
    rule = parse_outcomes(script, "f").rule("any", "", 1, "scale-deployment")
    assert [attempt.result for k in range(4) if (attempt := rule.scripted(k))] == [
        Result.HANG,
        Result.FAILURE,
        Result.FAILURE,
        Result.FAILURE,
    ]
    once = parse_outcomes(script.replace("attempts", "thenModel: true, attempts"), "f")
    assert once.rule("any", "", 1, "scale-deployment").scripted(2) is None


@pytest.mark.parametrize(
    ("text", "field", "hint"),
    [
        ("actons: {}", "actons", "unknown key"),
        ("actions: {scale-deploymnt: {}}", "", "did you mean scale-deployment"),
        ("actions: {scale-deployment: {duration: fast}}", "duration", "write it like 30s"),
        ("actions: {scale-deployment: {duration: -5s}}", "duration", "write it like 30s"),
        ("actions: {scale-deployment: {duration: {uniform: {min: 9s, max: 3s}}}}", "uniform", "must not exceed"),
        ("actions: {scale-deployment: {duration: {gamma: {}}}}", "duration", "unknown key"),
        ("actions: {scale-deployment: {failure: {probability: 1.5}}}", "probability", "less than or equal to 1"),
        ("actions: {scale-deployment: {failure: {probability: .nan}}}", "probability", "finite"),
        ("defaults: {attempts: [{result: maybe}]}", "result", "'success'"),
        ("defaults: {attempts: [{result: failure, error: {type: gremlins}}]}", "type", "'timeout'"),
        ("defaults: {attempts: [{result: failure, error: {type: rejected}}]}", "type", "never reported by an executor"),
        ("steps: {verify: {}}", "steps", "write workflow/step"),
        ("storms: [{at: 1m}]", "for", "required"),
        ("cluster: {deployments: {web: {image: x}}}", "deployments", "pattern"),
        ("cluster: {nodes: {n1: {memory: much}}}", "memory", "quantity"),
        ("cluster: {pods: {a/b: {node: n9}}}", "cluster", "not under nodes"),
        ("cluster: {deployments: {a/web: {image: x, unhealthyWhile: [{}]}}}", "unhealthyWhile", "exactly one"),
        ("- a list", "", "must be a map"),
        ("a: &x 1\nb: *x", "line 2", "aliases"),
        ("a: [", "", "is not YAML"),
        ("[" * 200_000, "line 1", "nested"),
    ],
)
def test_a_wrong_file_names_field_value_and_fix(text: str, field: str, hint: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse_outcomes(text, "executor.yaml")
    shown = [str(finding) for finding in caught.value.findings]
    assert all(line.startswith("executor.yaml") for line in shown)
    assert any(field in line and hint in line for line in shown), shown


def test_every_finding_is_told_at_once() -> None:
    with pytest.raises(BadInput) as caught:
        parse_outcomes("actons: {}\nphases: some\nbadImages: 3", "executor.yaml")
    assert len(caught.value.findings) == 3


def test_a_file_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        load_outcomes(tmp_path / "none.yaml")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadInput, match="UTF-8"):
        load_outcomes(tmp_path / "binary.yaml")
    (tmp_path / "huge.yaml").write_text("#" * 2_000_000)
    with pytest.raises(BadInput, match="larger"):
        load_outcomes(tmp_path / "huge.yaml")


def test_a_denial_covers_what_its_globs_match() -> None:
    outcomes = parse_outcomes("denied: [{user: '*:drain-node-sa', resource: pods}]", "f")
    drain = AskAccess("system:serviceaccount:kubernaut-system:drain-node-sa", "delete", "", "pods", "", "")
    assert outcomes.denial(drain) is not None
    assert outcomes.denial(drain._replace(resource="nodes")) is None


def luck_of(text: str, attempt: int = 0, start: int = 0) -> tuple[int | None, str | None]:
    outcomes = parse_outcomes(text, "f")
    which = Try("ns", "scale-out", "", 1, "scale-deployment", attempt, undo=False)
    drawn = fate(rule_of(outcomes, which), outcomes.storms, Streams(1), which, None, (0, start, 300_000))
    return drawn.end_ms, drawn.failure.reason if drawn.failure else None


def test_a_more_probable_failure_fails_at_least_where_a_rarer_one_did() -> None:
    text = "defaults: {{duration: 10s, failure: {{probability: {}, error: {{type: network}}}}}}"
    rare = [luck_of(text.format(0.2), k)[1] for k in range(200)]
    often = [luck_of(text.format(0.5), k)[1] for k in range(200)]
    assert 20 < rare.count("network") < 60
    assert all(b == "network" for a, b in zip(rare, often, strict=True) if a == "network")


def test_a_failure_may_come_early() -> None:
    text = "defaults: {duration: 10s, failure: {probability: 1, after: 0.3, error: {type: oom_killed}}}"
    assert luck_of(text) == (3_000, "oom_killed")


@pytest.mark.parametrize(
    ("start", "expected"),
    [(0, (70_000, None)), (50_000, (61_000, "evicted")), (100_000, (101_000, "evicted")), (181_000, (251_000, None))],
)
def test_a_storm_lasts_as_long_as_it_says(start: int, expected: tuple[int, str | None]) -> None:
    text = "defaults: {duration: 70s}\nstorms: [{at: 60s, for: 2m, steps: ['scale-out/1']}]"
    if start == 0:
        text = text.replace("duration: 70s", "duration: 60s")
        expected = (60_000, None)
    assert luck_of(text, start=start) == expected


def test_a_storm_may_spare_some() -> None:
    text = "defaults: {duration: 70s}\nstorms: [{at: 0s, for: 1h, probability: 0.5}]"
    hit = [luck_of(text, k)[1] for k in range(100)].count("evicted")
    assert 30 < hit < 70


def test_distributions_meet_their_parameters() -> None:
    shape = LogNormal(median=20_000, p95=60_000)
    assert (shape.quantile(0.5), shape.quantile(0.95)) == (20_000, 60_000)
    three = Triangular(min=10_000, mode=20_000, max=40_000)
    assert (three.quantile(0), three.quantile(1 / 3), three.quantile(1)) == (10_000, 20_000, 40_000)


@pytest.mark.parametrize("error", sorted(TEXTS))
def test_the_controller_tells_every_error_from_its_text_alone(error: ErrorType) -> None:
    assert classify_text(failure(error, "restart-deployment", "Deployment", "payments", "web").message) is error


def test_what_only_the_controller_says_is_never_reported() -> None:
    assert {ErrorType.REJECTED, ErrorType.CANCELLED, ErrorType.CHILD_DELETED}.isdisjoint(TEXTS)

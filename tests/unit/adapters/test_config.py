"""Which setting wins, and what is said about a wrong one?"""

from pathlib import Path

import pytest
import yaml

from wfexec.adapters import config
from wfexec.adapters.config import FIELDS, load
from wfexec.errors import BadInput
from wfexec.settings import DEFAULTS

ROOT = Path(__file__).parents[3]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A ConfigMap as the kubelet mounts it: links into a folder whose name begins with two dots."""
    data = tmp_path / "..2026_11_21"
    data.mkdir()
    (tmp_path / "..data").symlink_to(data)
    return tmp_path


def put(folder: Path, key: str, value: str) -> None:
    (folder / "..data" / key).write_text(value)
    (folder / key).symlink_to(folder / "..data" / key)


def findings(*args: object, **kwargs: object) -> list[str]:
    with pytest.raises(BadInput) as refused:
        load(*args, **kwargs)  # type: ignore[arg-type]  # the cases give what a person could
    return str(refused.value).splitlines()


def test_without_any_source_the_defaults_hold() -> None:
    assert load() == DEFAULTS


def test_flags_beat_the_environment_beats_the_folder_beats_the_defaults(folder: Path) -> None:
    for key in ("max-retries", "workers", "step-timeout"):
        put(folder, key, {"step-timeout": "1m\n"}.get(key, "1"))
    environment = {"WFEXEC_MAX_RETRIES": "3", "WFEXEC_WORKERS": "3", "HOME": "/root"}
    loaded = load(folder, environment, [("--set", "workers", "4")])
    assert (loaded.step_timeout, loaded.max_retries, loaded.workers) == (60_000, 3, 4)
    assert loaded.max_parallel_steps == DEFAULTS.max_parallel_steps


def test_lists_are_comma_separated() -> None:
    flags = [("--set", "protected-namespaces", "kube-system, prod,"), ("--set", "local-cluster-names", ",here")]
    loaded = load(flags=flags)
    assert loaded.protected_namespaces == ("kube-system", "prod")
    assert loaded.local_cluster_names == ("", "here")


def test_a_service_named_like_us_does_not_stop_us() -> None:
    links = ("HOST", "PORT", "PORT_METRICS")
    environment = {f"WFEXEC_SERVICE_{each}": "1" for each in links} | {"WFEXEC_PORT_9090_TCP_ADDR": "10.0.0.1"}
    assert load(environment=environment) == DEFAULTS


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("max-parallel-steps", "11", "less than or equal to 10; it is a whole number from 1 to 10, default 5"),
        ("max-parallel-steps", "", "a whole number from 1 to 10"),
        (
            "step-timeout",
            "300",
            "write it like 30s, 5m or 1h30m; it is a duration such as 30s, 5m or 1h30m, default 5m",
        ),
        ("kubernetes-qps", "nan", "a number from 0 to 10000, default 100"),
        ("log-level", "loud", "one of debug, info, warning, error, default info"),
        ("rollback-parallel", "perhaps", "true or false, default false"),
    ],
)
def test_a_wrong_value_is_told_with_source_key_value_and_fix(key: str, value: str, said: str) -> None:
    (line,) = findings(environment={config.environment_name(key): value})
    assert line.startswith(f"environment {config.environment_name(key)}: {key}: ")
    assert said in line
    assert f"(found {value!r})" in line


def test_all_findings_come_at_once(folder: Path) -> None:
    put(folder, "max-paralel-steps", "5")
    put(folder, "workers", "x" * 5_000)
    lines = findings(folder, {"WFEXEC_NO_SUCH": "1"}, [("--set", "workers", "0")])
    assert lines[0].startswith(f"{folder}/workers: not a setting: longer than 4096 bytes")
    assert (
        lines[1] == f"{folder}/max-paralel-steps: max-paralel-steps: no such setting; did you mean max-parallel-steps?"
    )
    assert lines[2].startswith("environment WFEXEC_NO_SUCH: no-such: no such setting; `wfexec reference settings`")
    assert lines[3].startswith("--set: workers: ")
    assert len(lines) == 4


def test_values_that_disagree_are_named_with_their_sources() -> None:
    (line,) = findings(environment={"WFEXEC_RETRY_BASE_DELAY": "10m"})
    assert "retry-base-delay must not exceed retry-max-delay" in line
    assert "retry-base-delay=10m from environment WFEXEC_RETRY_BASE_DELAY" in line


def test_a_folder_that_is_not_there_refuses_to_start(tmp_path: Path) -> None:
    (line,) = findings(tmp_path / "none")
    assert "No such file" in line


def test_set_wants_key_and_value() -> None:
    with pytest.raises(BadInput, match="write --set key=value"):
        config.pair("--set", "workers")


def test_the_shipped_configmap_starts_with_the_defaults() -> None:
    shipped = yaml.safe_load((ROOT / "deploy" / "base" / "configmap.yaml").read_text())["data"]
    assert load(flags=[("ConfigMap", key, value) for key, value in shipped.items()]) == DEFAULTS


def test_the_reference_is_up_to_date_and_names_every_setting() -> None:
    committed = (ROOT / "docs" / "settings.md").read_text()
    assert committed == config.reference(), "run `wfexec reference settings > docs/settings.md`"
    assert all(f"| `{key}` |" in committed for key in FIELDS)


def test_each_default_as_written_in_the_reference_is_that_default() -> None:
    flags = [("--set", key, config.default_text(key)) for key in FIELDS if key != "local-cluster-names"]
    assert load(flags=flags) == DEFAULTS

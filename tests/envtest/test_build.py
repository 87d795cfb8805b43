"""Is the right folder of binaries found, and is a person told in one sentence when there is none?"""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.envtest import build

SCRIPT = Path(build.__file__)


def make(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_text("#!/bin/sh\n")
        (folder / name).chmod(0o755)
    return folder


@pytest.fixture(autouse=True)
def nothing_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_nothing_is_found_where_nothing_is() -> None:
    assert build.find() is None


def test_the_cache_is_found_when_it_is_complete() -> None:
    make(build.cache_folder(), "etcd", "kube-apiserver", "kubectl")
    assert build.find() is None
    make(build.cache_folder(), "kube-controller-manager")
    assert build.find() == build.cache_folder()


def test_what_the_person_names_goes_before_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(build.cache_folder(), *build.PACKAGES)
    named = make(tmp_path / "assets", *build.PACKAGES)
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(named))
    assert build.find() == named


def test_a_wrong_name_is_an_error_and_no_reason_to_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(build.cache_folder(), *build.PACKAGES)
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(make(tmp_path / "assets", "etcd")))
    with pytest.raises(build.UnavailableError, match=r"has no kube-apiserver, kubectl there; correct it, or unset"):
        build.find()


def test_assets_of_setup_envtest_lack_a_controller_manager(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make(build.cache_folder(), *build.PACKAGES)
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(make(tmp_path / "assets", *build.SERVERS)))
    assert build.find() == build.cache_folder()
    assert "has no kube-controller-manager" in capsys.readouterr().err


def test_the_folder_is_the_last_line_and_all_of_stdout(tmp_path: Path) -> None:
    named = make(tmp_path / "assets", *build.PACKAGES)
    environment = {**os.environ, "KUBEBUILDER_ASSETS": str(named)}
    answer = subprocess.run([sys.executable, str(SCRIPT)], env=environment, capture_output=True, text=True, check=False)
    assert (answer.returncode, answer.stdout) == (0, f"{named}\n")


def test_failure_is_one_sentence_and_not_zero(tmp_path: Path) -> None:
    environment = {**os.environ, "KUBEBUILDER_ASSETS": str(tmp_path)}
    answer = subprocess.run([sys.executable, str(SCRIPT)], env=environment, capture_output=True, text=True, check=False)
    assert (answer.returncode, answer.stdout) == (1, "")
    assert len(answer.stderr.splitlines()) == 1


def test_a_failed_build_leaves_no_folder_and_says_what_go_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = make(tmp_path / "bin", "go") / "go"
    fake.write_text(
        '#!/bin/sh\n[ "$1" = env ] && { echo go9.99.0; exit; }\necho some/package >&2\n'
        "echo 'link: no space left on device' >&2\nexit 1\n"
    )
    monkeypatch.setenv("PATH", f"{fake.parent}:{os.environ['PATH']}")
    with pytest.raises(build.UnavailableError, match=r"go\.etcd\.io.* failed: link: no space left on device$"):
        build.obtain()
    assert build.find() is None
    assert list(build.cache_root().glob("partial-*")) == []


def test_a_build_appears_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = make(tmp_path / "bin", "go") / "go"
    fake.write_text(
        '#!/bin/sh\n[ "$1" = env ] && { echo go9.99.0; exit; }\n'
        'while [ "$1" != -o ]; do shift; done; echo "$CGO_ENABLED $GOFLAGS" > "$2"; chmod +x "$2"\n'
    )
    monkeypatch.setenv("PATH", f"{fake.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("GOFLAGS", "-mod=mod")
    folder = build.obtain()
    assert {name: (folder / name).read_text() for name in build.PACKAGES} == dict.fromkeys(
        build.PACKAGES, "0 -mod=readonly\n"
    )
    assert build.obtain() == build.find() == folder


@pytest.mark.parametrize(
    ("said", "enough"), [("go1.25.9", False), ("go1.26rc1", False), ("go1.26.0", True), ("go1.30", True)]
)
def test_only_a_go_that_is_new_enough_is_taken(tmp_path: Path, said: str, enough: bool) -> None:
    fake = make(tmp_path / "bin", "go") / "go"
    fake.write_text(f"#!/bin/sh\necho {said}\n")
    assert (build.go_version(str(fake), dict(os.environ)) >= build.wanted_go()) is enough


def test_progress_is_told_from_trouble() -> None:
    lines = "go: downloading k8s.io/api v0.36.3\nk8s.io/api/core/v1\n# k8s.io/x\nx.go:1:2: undefined: y\n"
    assert build.follow(io.StringIO(lines), "1/4 etcd") == "# k8s.io/x / x.go:1:2: undefined: y"

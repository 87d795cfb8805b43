"""Which texts are label selectors, as `kubectl -l` takes them."""

import pytest

from wfexec.core.selectors import selector_problem

READ = (
    "app=web", "app==web", "app!=web", "app", "!app", "! app", "app=", "app = web , tier", "in=x", "a>5", "a < 10",
    "app in (x)", "app in(x,y)", "app notin ( x , y )", "app in (,)", "app in ()", "example.org/app=web",
    "a.b_c-d=e.f_g-h",
    "app.kubernetes.io/name=web,tier in (front, back),!canary", f"a={'y' * 63}", f"{'p' * 253}/a",
)  # fmt: skip
NOT_READ = (
    "app in (x", "app in x)", "app in (x y)", "app in", "app=web,", ",app", "a,,b", "a=b=c", "a===b",
    "a=we b", "a b", "a>x", "a>-1", "-a=b", "a=-b", "A.org/y=z", "a/b/c=d", "=x", "a=(x)", "!a=b", "app: web",
    '{"app": "web"}', f"a={'y' * 64}", f"{'x' * 64}=a", f"{'p' * 254}/a",
)  # fmt: skip


@pytest.mark.parametrize("text", READ)
def test_what_kubectl_reads_is_taken(text: str) -> None:
    assert selector_problem(text) == ""


@pytest.mark.parametrize("text", NOT_READ)
def test_what_kubectl_does_not_read_is_refused_with_the_way_it_is_written(text: str) -> None:
    assert "is no label selector" in selector_problem(text)
    assert selector_problem(text).endswith("app=web,tier in (front, back),!canary")


def test_what_chooses_everything_is_refused() -> None:
    assert selector_problem("").startswith("is empty, which chooses every pod of the namespace")

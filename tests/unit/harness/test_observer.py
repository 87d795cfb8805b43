"""Does who watches see everything, although the server ends watches as it likes?"""

from pathlib import Path
from threading import Event
from time import monotonic

import orjson

from tests.harness.observer import Observer, View
from tests.unit.adapters.apiserver import Asked, Stream, Told, serving
from wfexec.adapters.kube import connect

PATIENCE_S = 20


def line(version: int, namespace: str = "here") -> bytes:
    thing = {"metadata": {"name": "it", "namespace": namespace, "resourceVersion": str(version)}}
    return orjson.dumps({"type": "MODIFIED", "object": thing}) + b"\n"


def seen(view: View) -> list[str]:
    return [thing["metadata"]["resourceVersion"] for _, thing in view.lines]


def test_a_watch_that_the_server_ends_is_followed_by_one_from_the_last_version_seen(tmp_path: Path) -> None:
    ends = ["order", "cut", "open"]

    def answer(asked: Asked) -> Stream:
        begun = int(asked.path.partition("resourceVersion=")[2].partition("&")[0] or 0)
        return Stream((line(begun + 1), line(begun + 2)), ends.pop(0))

    with serving(answer) as server:
        observer = Observer(connect(str(server.kubeconfig(tmp_path)), None, 2))
        view = observer.view()
        observer.follow("/things")
        assert view.wait(lambda: len(view.lines) == 6, PATIENCE_S, monotonic), observer.trouble
        observer.close()
    assert seen(view) == ["1", "2", "3", "4", "5", "6"]
    assert observer.trouble == ""


def test_what_was_missed_for_good_is_told(tmp_path: Path) -> None:
    gone = orjson.dumps({"type": "ERROR", "object": {"code": 410, "message": "too old resource version"}}) + b"\n"
    answers: list[Stream | Told] = [Stream((line(1),)), Stream((gone,))]
    with serving(lambda asked: answers.pop(0)) as server:
        observer = Observer(connect(str(server.kubeconfig(tmp_path)), None, 2))
        view = observer.view()
        observer.follow("/things")
        assert view.wait(lambda: bool(observer.trouble), PATIENCE_S, monotonic)
        observer.close()
    assert "too old resource version" in observer.trouble


def test_a_server_that_opens_no_further_watch_is_told(tmp_path: Path) -> None:
    answers: list[Stream | Told] = [Stream((line(1),)), Told(403)]
    with serving(lambda asked: answers.pop(0)) as server:
        observer = Observer(connect(str(server.kubeconfig(tmp_path)), None, 2))
        view = observer.view()
        observer.follow("/things")
        assert view.wait(lambda: bool(observer.trouble), PATIENCE_S, monotonic)
        observer.close()
    assert "403" in observer.trouble


def test_who_views_a_namespace_is_told_of_it_alone_and_from_then_on(tmp_path: Path) -> None:
    later = Event()
    answers = [Stream((line(1), line(2, "there"), line(3))), Stream((line(4), line(5, "there")), "open")]

    def answer(asked: Asked) -> Stream:
        assert len(answers) == 2 or later.wait(PATIENCE_S)
        return answers.pop(0)

    with serving(answer) as server:
        observer = Observer(connect(str(server.kubeconfig(tmp_path)), None, 2))
        early = observer.view("here")
        observer.follow("/things")
        assert early.wait(lambda: len(early.lines) == 2, PATIENCE_S, monotonic), observer.trouble
        everywhere, left = observer.view(), observer.view("here")
        left.close()
        later.set()
        assert everywhere.wait(lambda: len(everywhere.lines) == 2, PATIENCE_S, monotonic), observer.trouble
        observer.close()
    assert (seen(early), seen(everywhere), seen(left)) == (["1", "3", "4"], ["4", "5"], [])


def test_what_one_view_missed_for_good_is_no_trouble_to_the_next(tmp_path: Path) -> None:
    answers: list[Stream | Told] = [Stream((line(1),)), Told(403), Stream((line(7),), "open")]
    with serving(lambda asked: answers.pop(0)) as server:
        observer = Observer(connect(str(server.kubeconfig(tmp_path)), None, 2))
        first = observer.view()
        observer.follow("/things")
        assert first.wait(lambda: bool(first.trouble), PATIENCE_S, monotonic)
        first.close()
        second = observer.view()
        assert second.wait(lambda: len(second.lines) == 1, PATIENCE_S, monotonic), observer.trouble
        observer.close()
    assert (seen(second), second.trouble) == (["7"], "")

"""Does who watches see everything, although the server ends watches as it likes?"""

from pathlib import Path
from time import monotonic

import orjson

from tests.harness.observer import Observer
from tests.unit.adapters.apiserver import Asked, Stream, Told, serving
from wfexec.adapters.kube import connect

PATIENCE_S = 20


def line(version: int) -> bytes:
    thing = {"metadata": {"name": "it", "resourceVersion": str(version)}}
    return orjson.dumps({"type": "MODIFIED", "object": thing}) + b"\n"


def seen(observer: Observer) -> list[str]:
    return [thing["metadata"]["resourceVersion"] for _, thing in observer.lines]


def test_a_watch_that_the_server_ends_is_followed_by_one_from_the_last_version_seen(tmp_path: Path) -> None:
    ends = ["order", "cut", "open"]

    def answer(asked: Asked) -> Stream:
        begun = int(asked.path.partition("resourceVersion=")[2].partition("&")[0] or 0)
        return Stream((line(begun + 1), line(begun + 2)), ends.pop(0))

    with serving(answer) as server:
        observer = Observer(connect(str(server.kubeconfig(tmp_path)), None, 2))
        observer.follow("/things")
        assert observer.wait(lambda: len(observer.lines) == 6, PATIENCE_S, monotonic), observer.trouble
        observer.close()
    assert seen(observer) == ["1", "2", "3", "4", "5", "6"]
    assert observer.trouble == ""


def test_what_was_missed_for_good_is_told(tmp_path: Path) -> None:
    gone = orjson.dumps({"type": "ERROR", "object": {"code": 410, "message": "too old resource version"}}) + b"\n"
    answers: list[Stream | Told] = [Stream((line(1),)), Stream((gone,))]
    with serving(lambda asked: answers.pop(0)) as server:
        observer = Observer(connect(str(server.kubeconfig(tmp_path)), None, 2))
        observer.follow("/things")
        assert observer.wait(lambda: bool(observer.trouble), PATIENCE_S, monotonic)
        observer.close()
    assert "too old resource version" in observer.trouble


def test_a_server_that_opens_no_further_watch_is_told(tmp_path: Path) -> None:
    answers: list[Stream | Told] = [Stream((line(1),)), Told(403)]
    with serving(lambda asked: answers.pop(0)) as server:
        observer = Observer(connect(str(server.kubeconfig(tmp_path)), None, 2))
        observer.follow("/things")
        assert observer.wait(lambda: bool(observer.trouble), PATIENCE_S, monotonic)
        observer.close()
    assert "403" in observer.trouble

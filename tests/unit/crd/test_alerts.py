"""What is asked of an Alertmanager, and how its replies are read (BR-WF-051)."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from wfexec.crd.alerts import ALERTS_MAX, PATH, alert_facts, alert_paths, names
from wfexec.model.facts import Alert, AlertFacts, AskAlerts, TargetRef, Unknown

SINCE = 1_767_225_600_000
WEB = TargetRef("Deployment", "shop", "web")
NODE = TargetRef("Node", "", "ip-10.0")
ASK = AskAlerts((WEB,), SINCE)

# A reply of Alertmanager 0.25.0, as it came: one alert of before, one about the deployment, one about a pod of it.
RECORDED = Path(__file__).parents[2] / "data" / "alertmanager" / "v0.25.0-alerts.json"


def raw(began: str = "2026-01-01T00:01:00Z", state: str = "active", **labels: str) -> dict[str, Any]:
    told = {"alertname": "Slow", "namespace": "shop", **labels}
    return {"labels": told, "startsAt": began, "status": {"state": state}}


def read(*alerts: dict[str, Any], question: AskAlerts = ASK) -> Any:
    return alert_facts(question, ((200, json.dumps(alerts).encode()),))


def test_a_recorded_reply_is_read() -> None:
    found = alert_facts(ASK, ((200, RECORDED.read_bytes()),))
    assert found == AlertFacts(
        (Alert("HighErrorRate", WEB, SINCE + 240_000), Alert("KubePodCrashLooping", WEB, SINCE + 300_000))
    )


def test_requests_ask_for_what_fires_unhindered_in_the_namespaces_and_on_the_nodes() -> None:
    question = AskAlerts((WEB, NODE, TargetRef("Pod", "till", "p"), WEB), SINCE, "Watchdog")
    asked = [urlsplit(path) for path in alert_paths(question)]
    assert {one.path for one in asked} == {PATH}
    queries = [parse_qs(one.query) for one in asked]
    assert [query.pop("filter") for query in queries] == [
        ['alertname="Watchdog"'],
        ['namespace=~"shop|till"'],
        ['node=~"ip-10[.]0"'],
    ]
    only = {"active": ["true"], "silenced": ["false"], "inhibited": ["false"], "unprocessed": ["false"]}
    assert queries == [only] * 3


def test_what_has_no_namespace_and_no_watchdog_is_one_request() -> None:
    assert len(alert_paths(AskAlerts((NODE,), SINCE))) == 1


def test_whether_there_is_an_answer_at_all_is_asked_by_what_no_alert_is() -> None:
    (path,) = alert_paths(AskAlerts((), SINCE))
    assert parse_qs(urlsplit(path).query, keep_blank_values=True)["filter"] == ['alertname=""']
    (path,) = alert_paths(AskAlerts((), SINCE, "Watchdog"))
    assert parse_qs(urlsplit(path).query)["filter"] == ['alertname="Watchdog"']
    assert read(question=AskAlerts((), SINCE)) == AlertFacts(())


@pytest.mark.parametrize(
    ("labels", "about"),
    [
        ({"deployment": "web"}, True),
        ({"workload": "web", "workload_type": "deployment"}, True),
        ({"workload": "web", "workload_type": "statefulset"}, False),
        ({"pod": "web-5d4f8c7b9d-x2x7q"}, True),
        ({"pod": "web-front-5d4f8c7b9d-x2x7q"}, False),
        ({"replicaset": "web-5d4f8c7b9d"}, True),
        ({"deployment": "web2"}, False),
        ({"deployment": "web", "namespace": "till"}, False),
        ({}, False),
    ],
)
def test_an_alert_is_about_a_deployment_when_its_labels_name_it_or_a_pod_of_it(
    labels: dict[str, str], about: bool
) -> None:
    assert names({"namespace": "shop", **labels}, WEB) is about


def test_a_node_is_named_whatever_the_namespace_of_who_tells() -> None:
    assert names({"namespace": "monitoring", "node": "ip-10.0"}, NODE)
    assert not names({"namespace": "monitoring", "node": "ip-10.1"}, NODE)


def test_what_began_with_the_workflow_or_before_is_no_news_and_what_is_suppressed_does_not_count() -> None:
    assert read(raw("2026-01-01T00:00:00Z", deployment="web")) == AlertFacts(())
    assert read(raw(state="suppressed", deployment="web")) == AlertFacts(())
    assert read(raw("2026-01-01T00:00:00.001Z", deployment="web")).alerts


def test_the_oldest_comes_first_and_the_same_is_told_once() -> None:
    late, early = raw("2026-01-01T00:09:00Z", deployment="web"), raw(deployment="web")
    assert [one.began - SINCE for one in read(late, early, early).alerts] == [60_000, 540_000]
    assert len(read(*(raw(deployment="web", alertname=f"A{n}") for n in range(99))).alerts) == ALERTS_MAX


def test_no_alert_without_the_one_that_always_fires_is_no_word() -> None:
    question = AskAlerts((WEB,), SINCE, "Watchdog")
    dog = [{"labels": {"alertname": "Watchdog"}, "startsAt": "2020-01-01T00:00:00Z", "status": {"state": "active"}}]
    fed = ((200, json.dumps(dog).encode()), (200, b"[]"))
    assert alert_facts(question, fed) == AlertFacts(())
    starved = alert_facts(question, ((200, b"[]"), (200, b"[]")))
    assert isinstance(starved, Unknown)
    assert starved.transient
    assert "its alert Watchdog does not fire" in starved.reason


@pytest.mark.parametrize(
    ("status", "body", "text"),
    [
        (0, b"connection refused", "gave no answer: connection refused"),
        (503, b"starting", "gave HTTP 503: starting"),
        (401, b"", "gave HTTP 401"),
        (302, b"<a href=login>", "gave HTTP 302"),
        (200, b"<html>", "unreadable reply"),
        (200, b"{}", "unreadable reply"),
        (200, b"null", "unreadable reply"),
        (200, b'[{"labels": {}}]', "unreadable reply"),
        (200, b'[{"labels": [], "startsAt": "2026-01-01T00:00:01Z", "status": {"state": "active"}}]', "unreadable"),
        (200, b'[{"labels": {}, "startsAt": "yesterday", "status": {"state": "active"}}]', "unreadable reply"),
        (200, b"", "unreadable reply"),
    ],
)
def test_what_is_no_answer_is_never_read_as_no_alerts(status: int, body: bytes, text: str) -> None:
    found = alert_facts(ASK, ((status, body),))
    assert isinstance(found, Unknown)
    assert text in found.reason
    assert found.transient

"""Which alerts fire in the simulated world? A feed that answers as an Alertmanager's HTTP API does.

Called by both doors for the controller's questions, and by tests that serve it over HTTP. It knows what the adapter
asks: `GET /api/v2/alerts` with filters on labels. Nothing fires by itself: a file or a test says what does, and when.
"""

import re
from typing import Final, NamedTuple
from urllib.parse import parse_qs, urlsplit

import orjson

from sim.executor.outcomes import AlertModel
from wfexec.crd.alerts import LABELS, PATH, alert_facts, alert_paths
from wfexec.errors import OurBug
from wfexec.model.facts import AskAlerts, Facts
from wfexec.units import format_instant

WATCHDOG: Final = "Watchdog"
_MATCHER: Final = re.compile(r'(\w+)(=~|=)"(.*)"')
# Of the watchdog, and the end of what has none.
_ALWAYS: Final = 0
_NEVER: Final = 253_402_300_799_000


class Firing(NamedTuple):
    """From `begins` until before `ends`, in milliseconds since 1970."""

    labels: dict[str, str]
    begins: int
    ends: int


class AlertFeed:
    """`down`: nobody answers. `fed`: False when no alert reaches it any more, not even the watchdog.

    `slow_ms`: how much longer than usual whoever asks waits, answered or not; who carries the replies keeps to it.
    """

    def __init__(self, alerts: tuple[AlertModel, ...] = (), origin: int = 0) -> None:
        self.down = False
        self.fed = True
        self.slow_ms = 0
        self._firing: list[Firing] = []
        for alert in alerts:
            begins = origin + alert.at
            ends = _NEVER if alert.for_ is None else begins + alert.for_
            self._firing.append(Firing(labels_of(alert.alert, alert.kind, alert.namespace, alert.name), begins, ends))

    @property
    def firing(self) -> tuple[Firing, ...]:
        """All that fires, has fired or will."""
        return tuple(self._firing)

    def begin(self, labels: dict[str, str], now: int) -> None:
        self._firing.append(Firing(labels, now, _NEVER))

    def end(self, name: str, now: int) -> None:
        """All of this name."""
        self._firing = [
            one._replace(ends=min(one.ends, now)) if one.labels["alertname"] == name else one for one in self._firing
        ]

    def reply(self, target: str, now: int) -> tuple[int, bytes]:
        """To a GET of this path and query; status 0: there is none, the text says why."""
        if self.down:
            return 0, b"connection refused"
        split = urlsplit(target)
        if split.path != PATH:
            return 404, b"not found"
        matchers = parse_qs(split.query).get("filter", [])
        there = (
            [Firing({"alertname": WATCHDOG, "severity": "none"}, _ALWAYS, _NEVER), *self._firing] if self.fed else []
        )
        found = [one for one in there if one.begins <= now < one.ends and _matches(one.labels, matchers)]
        return 200, orjson.dumps([_rendered(one) for one in found])

    def facts(self, question: AskAlerts, now: int) -> Facts:
        return alert_facts(question, tuple(self.reply(path, now) for path in alert_paths(question)))


def labels_of(alert: str, kind: str, namespace: str, name: str) -> dict[str, str]:
    """As the usual rules label alerts about such an object."""
    labels = {"alertname": alert, "severity": "critical", LABELS[kind]: name}
    return labels | {"namespace": namespace} if namespace else labels


def _matches(labels: dict[str, str], matchers: list[str]) -> bool:
    for matcher in matchers:
        read = _MATCHER.fullmatch(matcher)
        if read is None:
            raise OurBug(f"the simulated Alertmanager does not read {matcher!r}")
        label, operator, value = read.groups()
        told = labels.get(label, "")
        if told != value if operator == "=" else re.fullmatch(value, told) is None:
            return False
    return True


def _rendered(one: Firing) -> dict[str, object]:
    status = {"state": "active", "silencedBy": [], "inhibitedBy": []}
    return {"labels": one.labels, "startsAt": format_instant(one.begins), "status": status}

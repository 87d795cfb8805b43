"""Business hours: how they are written, and which instants lie in them (BR-WF-016)."""

import pytest

from wfexec.settings import Settings
from wfexec.units import parse_hours, parse_instant, within_hours


@pytest.mark.parametrize(
    ("text", "zone", "instant", "inside"),
    [
        ("09:00-17:00", "UTC", "2026-01-03T09:00:00Z", True),
        ("09:00-17:00", "UTC", "2026-01-03T08:59:59.999Z", False),
        ("09:00-17:00", "UTC", "2026-01-03T16:59:59Z", True),
        ("09:00-17:00", "UTC", "2026-01-03T17:00:00Z", False),
        # The third of January 2026 is a Saturday.
        ("Mon-Fri 09:00-17:00", "UTC", "2026-01-03T10:00:00Z", False),
        ("Mon-Fri 09:00-17:00", "UTC", "2026-01-02T10:00:00Z", True),
        ("mon,Sat 09:00-17:00", "UTC", "2026-01-03T10:00:00Z", True),
        ("Fri-Mon 09:00-17:00", "UTC", "2026-01-04T10:00:00Z", True),
        ("Fri-Mon 09:00-17:00", "UTC", "2026-01-06T10:00:00Z", False),
        # Summer and winter time of one zone.
        ("09:00-17:00", "Europe/Berlin", "2026-07-01T07:00:00Z", True),
        ("09:00-17:00", "Europe/Berlin", "2026-01-01T07:00:00Z", False),
        # Over midnight the hours belong to the day they began on.
        ("Fri 22:00-06:00", "UTC", "2026-01-03T05:00:00Z", True),
        ("Fri 22:00-06:00", "UTC", "2026-01-02T05:00:00Z", False),
        ("Fri 22:00-06:00", "UTC", "2026-01-02T22:00:00Z", True),
        ("00:00-24:00", "UTC", "2026-01-03T23:59:59Z", True),
    ],
)
def test_hours_hold_what_lies_in_them(text: str, zone: str, instant: str, inside: bool) -> None:
    hours = parse_hours(text, zone)
    assert hours is not None
    assert within_hours(hours, parse_instant(instant)) is inside


def test_no_hours_at_all_are_written_as_nothing() -> None:
    assert parse_hours("") is None


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("business-hours", "nine to five", "write them like 09:00-17:00"),
        ("business-hours", "09:00-25:00", "between 00:00 and 24:00"),
        ("business-hours", "09:61-17:00", "between 00:00 and 24:00"),
        ("business-hours", "09:00-09:00", "two different ones"),
        ("business-hours", "Mo-Fr 09:00-17:00", "'Mo-Fr' is no weekday"),
        ("time-zone", "Mars/Olympus", "write an IANA name"),
        ("time-zone", "../../etc/passwd", "write an IANA name"),
        ("step-timeout", "0s", "step-timeout must be longer than 0s"),
        ("requeue-approval", "0s", "requeue-approval must be longer than 0s"),
        ("production-replicas-min", "30", "must not exceed production-replicas-max"),
    ],
)
def test_a_bad_setting_is_refused_with_the_way_to_write_it(key: str, value: str, words: str) -> None:
    with pytest.raises(ValueError, match=r"\S") as caught:
        Settings.model_validate({key: value})
    assert words in str(caught.value)

"""Kubernetes Events: derived names, same words counted, memory bounded, nothing waits for them."""

from tests.unit.engine.support import workflow
from wfexec.engine.recorder import PAUSE_MS, REMEMBERED_MAX, TRIES_MAX, WAITING_MAX, Recorder, event_name
from wfexec.model.plan import EventRecord
from wfexec.model.requests import Code, EventWrite, Outcome

WINDOW = 600_000
STARTED = EventRecord("Normal", "StepExecuting", "step 1 (scale) started")


def said(*records: EventRecord, now: int = 0) -> Recorder:
    recorder = Recorder(WINDOW, qps=0, burst=1)
    for record in records:
        recorder.record(workflow(), record, now)
    return recorder


def sent(recorder: Recorder, now: int, code: Code = Code.OK, retry_after_ms: int | None = None) -> EventWrite | None:
    """Send the next one and answer it."""
    occurrence = recorder.take(now)
    if occurrence is None:
        return None
    write = occurrence.write()
    recorder.replied(occurrence, write, Outcome(code, retry_after_ms=retry_after_ms), now)
    return write


def test_an_event_is_about_its_workflow_and_named_by_what_it_says() -> None:
    write = sent(said(STARTED, now=7), 8)
    assert write is not None
    assert write.regarding.metadata.name == "wf"
    assert (write.namespace, write.type, write.reason) == ("prod", "Normal", "StepExecuting")
    assert (write.times, write.first_ms, write.last_ms) == (1, 7, 7)
    assert write.name == event_name("wf", "uid-wf", STARTED.reason, STARTED.message)
    assert write.name != event_name("wf", "uid-wf", STARTED.reason, "other words")
    assert write.name != event_name("wf", "other-uid", STARTED.reason, STARTED.message)


def test_a_long_workflow_name_still_makes_a_legal_event_name() -> None:
    name = event_name("a" * 229 + "-" + "b" * 20, "uid", "r", "m")
    assert len(name) <= 253
    assert "-." not in name


def test_the_same_words_again_count_up_in_one_event() -> None:
    recorder = said(STARTED, now=0)
    assert sent(recorder, 0) is not None
    recorder.record(workflow(), STARTED, 5_000)
    recorder.record(workflow(), STARTED, 9_000)
    write = sent(recorder, 9_000)
    assert write is not None
    assert (write.times, write.first_ms, write.last_ms) == (3, 0, 9_000)
    assert sent(recorder, 9_000) is None


def test_said_twice_before_it_was_sent_it_is_created_and_then_counted() -> None:
    recorder = said(STARTED, STARTED)
    first, second, third = sent(recorder, 0), sent(recorder, 0), sent(recorder, 0)
    assert first is not None
    assert second is not None
    assert (first.times, second.times, third) == (1, 2, None)


def test_said_again_while_in_flight_it_is_sent_once_more() -> None:
    recorder = said(STARTED)
    occurrence = recorder.take(0)
    assert occurrence is not None
    recorder.record(workflow(), STARTED, 1)
    assert recorder.take(1) is None
    recorder.replied(occurrence, occurrence.write()._replace(times=1), Outcome(Code.OK), 2)
    write = sent(recorder, 2)
    assert write is not None
    assert write.times == 2
    assert recorder.idle


def test_after_the_window_it_is_news_again() -> None:
    recorder = said(STARTED)
    sent(recorder, 0)
    recorder.record(workflow(), STARTED, WINDOW + 1)
    write = sent(recorder, WINDOW + 1)
    assert write is not None
    assert write.times == 1


def test_an_event_left_by_an_earlier_life_is_counted_on() -> None:
    recorder = said(STARTED)
    first = sent(recorder, 0, Code.ALREADY_EXISTS)
    second = sent(recorder, 0)
    assert first is not None
    assert second is not None
    assert (first.times, second.times) == (1, 2)


def test_a_lost_reply_followed_by_already_exists_is_our_own_event() -> None:
    recorder = said(STARTED)
    assert sent(recorder, 0, Code.LOST) is not None
    assert recorder.wake_at(0) == PAUSE_MS
    assert sent(recorder, PAUSE_MS, Code.ALREADY_EXISTS) is not None
    assert sent(recorder, PAUSE_MS) is None
    recorder.record(workflow(), STARTED, PAUSE_MS)
    write = sent(recorder, PAUSE_MS)
    assert write is not None
    assert write.times == 2


def test_an_event_the_server_forgot_begins_anew() -> None:
    recorder = said(STARTED)
    sent(recorder, 0)
    recorder.record(workflow(), STARTED, 100)
    assert sent(recorder, 100, Code.NOT_FOUND) is not None
    write = sent(recorder, 100)
    assert write is not None
    assert (write.times, write.first_ms) == (1, 100)


def test_a_refused_event_is_dropped_and_counted() -> None:
    recorder = said(STARTED)
    sent(recorder, 0, Code.FORBIDDEN)
    assert recorder.idle
    assert recorder.dropped == 1


def test_an_unavailable_server_is_asked_a_few_times_with_pauses() -> None:
    recorder = said(STARTED)
    now = 0
    for _ in range(TRIES_MAX):
        assert sent(recorder, now, Code.UNAVAILABLE, retry_after_ms=2_000) is not None
        assert sent(recorder, now + 1) is None
        now += 2_000
    assert recorder.idle
    assert recorder.dropped == 1


def test_messages_are_cut_to_what_the_api_takes() -> None:
    write = sent(said(EventRecord("Warning", "StepFailed", "x" * 5_000)), 0)
    assert write is not None
    assert len(write.message) == 1_024


def test_a_storm_of_different_events_is_bounded() -> None:
    recorder = said(*(EventRecord("Normal", "R", str(number)) for number in range(WAITING_MAX + 500)))
    assert recorder.dropped == 500
    assert repr(recorder) == f"<Recorder {REMEMBERED_MAX} known, {WAITING_MAX} waiting, {recorder.dropped} dropped>"
    for number in range(REMEMBERED_MAX):
        recorder.record(workflow(), EventRecord("Normal", "Later", str(number)), 2 * WINDOW)
    assert len(recorder._known) <= REMEMBERED_MAX


def test_what_must_go_is_the_oldest_normal_one_and_a_warning_only_where_nothing_else_waits() -> None:
    warnings = [EventRecord("Warning", "StepFailed", str(number)) for number in range(WAITING_MAX)]
    recorder = said(STARTED, *warnings)
    assert recorder.dropped == 1
    recorder.record(workflow(), STARTED, 1)
    assert (recorder.dropped, recorder.waiting) == (2, WAITING_MAX)
    recorder.record(workflow(), EventRecord("Warning", "StepFailed", "last"), 2)
    assert (recorder.dropped, recorder.waiting) == (3, WAITING_MAX)
    first = sent(recorder, 3)
    assert first is not None
    assert (first.type, first.message) == ("Warning", "1")


def test_they_go_in_the_order_in_which_they_were_said_whatever_their_type() -> None:
    recorder = said(*(EventRecord(kind, "R", str(place)) for place, kind in enumerate(("Normal", "Warning", "Normal"))))
    row, _ = recorder.row(0)
    assert [occurrence.message for occurrence in row] == ["0", "1", "2"]


def test_what_comes_faster_than_the_rate_waits_and_nothing_is_lost() -> None:
    recorder = Recorder(WINDOW, qps=10, burst=2)
    for number in range(5):
        recorder.record(workflow(), EventRecord("Normal", "R", str(number)), 0)
    row, body = recorder.row(0)
    assert len(row) == 2
    recorder.row_replied(body, row, Outcome(Code.OK), 1)
    assert (recorder.ready(1), recorder.wake_at(1)) == (False, 100)
    assert [sent(recorder, now) is not None for now in (99, 100, 200, 300, 1_000)] == [False, True, True, True, False]
    assert (recorder.dropped, recorder.idle) == (0, True)

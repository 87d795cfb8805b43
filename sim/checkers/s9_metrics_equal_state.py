"""S9: do counts and events tell what the history shows, no more, and in a calm run no less (BR-WF-024)?

From which follows what people rely on: what was started is what has ended and what is active. Counts of a controller
that crashed are lost with it, as a scraper would find them reset.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from sim.checkers.complaint import Complaint
from sim.counts import JUDGED, Series, shown
from sim.gauges import shown_levels
from sim.history import History
from sim.readings import Reading
from sim.tellings import EXCUSED, Fact, causes, subject
from wfexec.engine.totals import Levels
from wfexec.model.plan import CountRecord
from wfexec.model.requests import EventWrite
from wfexec.model.status import WorkflowExecution
from wfexec.units import so_many

_JUDGED: Final = frozenset(JUDGED)


def check(history: History) -> Iterator[Complaint]:
    if history.told is not None:
        yield from _counts(history)
    yield from _levels(history)
    yield from _events(history, listened=history.told is not None)


def _counts(history: History) -> Iterator[Complaint]:
    happened = shown(history)
    told: dict[Series, list[float]] = {}
    for key, record in history.told or ():
        if record.__class__ is CountRecord:
            assert isinstance(record, CountRecord)
            if record.metric in _JUDGED:
                series = (f"{key.namespace}/{key.name}", record.metric, record.labels)
                told.setdefault(series, []).append(record.value)
    for series in sorted(happened.keys() | told.keys()):
        values = told.get(series, [])
        counted, times = len(values), happened[series]
        about, metric, labels = series
        what = metric + (f"{{{', '.join(labels)}}}" if labels else "")
        if counted > times + happened.maybe[series] or (counted < times and not history.troubles):
            yield Complaint(
                "S9", history.end, about, f"{what} tells {counted}, and it happened {so_many(times, 'time')}"
            )
        elif values and series in happened.measured:
            yield from _values(history, about, what, values, happened.measured[series])


def _values(
    history: History, about: str, what: str, values: list[float], expected: list[int | None]
) -> Iterator[Complaint]:
    """Does a histogram tell what was? Where one value cannot be known, none is judged."""
    known = [one for one in expected if one is not None]
    if len(known) < len(expected):
        return
    wrong = Counter(round(value * 1_000) for value in values) - Counter(known)
    if wrong:
        was = ", ".join(str(one / 1_000) for one in sorted(known))
        yield Complaint("S9", history.end, about, f"{what} tells {min(wrong) / 1_000}, and it was {was}")


def _levels(history: History) -> Iterator[Complaint]:
    """Do the gauges show what the store holds? Only where it has been quiet for longer than it takes to hear of it, and
    before anything broke: a watch may be behind after that."""
    readings = [*history.readings]
    if history.levels is not None:
        readings.append(Reading(history.end, history.levels))
    held: dict[str, WorkflowExecution] = {}
    moves, place, last = history.workflows, 0, 0
    for reading in readings:
        if history.incidents and reading.at >= history.incidents[0].at:
            return
        while place < len(moves) and moves[place].at < reading.at:
            place, move = place + 1, moves[place]
            last = move.at
            if move.after is not None:
                held[move.after.metadata.uid] = move.after
            elif move.before is not None:
                held.pop(move.before.metadata.uid, None)
        if reading.at - last >= history.heard_ms:
            yield from _shown(reading, shown_levels(held.values()))


def _shown(reading: Reading, held: Levels) -> Iterator[Complaint]:
    for field in Levels._fields:
        says, is_ = getattr(reading.levels, field), getattr(held, field)
        if isinstance(says, tuple):
            says, is_ = sorted(says), sorted(is_)
        if says != is_:
            message = f"the gauges show {field} {says}, and it is {is_}"
            yield Complaint("S9", reading.at, "all workflows", message)


def _events(history: History, *, listened: bool) -> Iterator[Complaint]:
    """Events are best effort, but what they say is true, no more often than it was so, and in a calm run all is said.

    Less only by as many as the controllers themselves counted as given up, or as on their way.
    """
    least, most = Counter[Fact](), Counter[Fact]()
    abouts: dict[Fact, str] = {}
    for cause in causes(history):
        fact = cause.fact
        most[fact] += cause.most
        least[fact] += cause.least
        abouts[fact] = cause.about
    told = _told(history, abouts)
    for fact, times in told.items():
        _, reason, what = fact
        if times > most[fact] and reason not in EXCUSED:
            times_said = f"an event tells of {_name(reason, what)}"
            if most[fact]:
                yield Complaint(
                    "S9", history.end, abouts[fact], f"{times_said} {so_many(times, 'time')}, and it was {most[fact]}"
                )
            else:
                yield Complaint("S9", history.end, abouts[fact], f"{times_said}, which did not happen")
    if not listened or history.troubles:
        return
    untold = [fact for fact, times in least.items() if times and not told[fact]]
    for fact in untold if len(untold) > history.dropped + history.waiting else ():
        yield Complaint("S9", history.end, abouts[fact], f"no event tells of {_name(*fact[1:])}")


def _told(history: History, abouts: dict[Fact, str]) -> Counter[Fact]:
    """How often each fact was said: an Event that is said again is one whose count grows."""
    counts: dict[tuple[Fact, str], int] = {}
    for write in history.writes:
        body = write.body
        if body.__class__ is EventWrite:
            assert isinstance(body, EventWrite)
            meta = body.regarding.metadata
            fact = (meta.uid, body.reason, subject(body.reason, body.message))
            abouts.setdefault(fact, f"{meta.namespace}/{meta.name}")
            counts[fact, body.name] = max(body.times, counts.get((fact, body.name), 0))
    told = Counter[Fact]()
    for (fact, _), times in counts.items():
        told[fact] += times
    return told


def _name(reason: str, what: str) -> str:
    if reason == "PhaseTransition":
        return repr(what)
    return f"{reason} of step {what}" if what else reason

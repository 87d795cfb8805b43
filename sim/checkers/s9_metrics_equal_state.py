"""S9: do counts and events tell what the history shows, no more, and in a calm run no less (BR-WF-024)?

From which follows what people rely on: what was started is what has ended and what is active. Counts of a controller
that crashed are lost with it, as a scraper would find them reset.
"""

from collections import Counter
from collections.abc import Iterator

from sim.checkers.complaint import Complaint
from sim.counts import JUDGED, Series, hops, shown
from sim.history import History
from wfexec.model.plan import CountRecord
from wfexec.model.requests import EventWrite


def check(history: History) -> Iterator[Complaint]:
    if history.told is not None:
        yield from _counts(history)
    yield from _events(history, complete=history.told is not None and not history.cut and not history.troubles)


def _counts(history: History) -> Iterator[Complaint]:
    happened = shown(history)
    told = Counter[Series]()
    for key, record in history.told or ():
        if record.__class__ is CountRecord:
            assert isinstance(record, CountRecord)
            judged = JUDGED.get(record.metric)
            if judged is not None:
                told[f"{key.namespace}/{key.name}", record.metric, record.labels[judged]] += 1
    for series in sorted(happened.keys() | told.keys()):
        counted, times = told[series], happened[series]
        if counted > times or (counted < times and not history.troubles):
            about, metric, labels = series
            what = metric + (f"{{{', '.join(labels)}}}" if labels else "")
            yield Complaint("S9", history.end, about, f"{what} tells {counted}, and it happened {times} times")


def _events(history: History, *, complete: bool) -> Iterator[Complaint]:
    """Events are best effort, but what they say is true, and in a calm run to its end they say every phase.

    Less only by as many as the controllers themselves counted as given up.
    """
    happened: dict[tuple[str, str], str] = {}
    for move in history.workflows:
        if move.before is not None and move.after is not None:
            meta = move.after.metadata
            for source, target in hops(move.before, move.after):
                if source != target:
                    happened[meta.uid, f"Phase: {source or 'new'} → {target}"] = f"{meta.namespace}/{meta.name}"
    told: dict[tuple[str, str], str] = {}
    for write in history.writes:
        body = write.body
        if body.__class__ is EventWrite:
            assert isinstance(body, EventWrite)
            if body.reason == "PhaseTransition":
                meta = body.regarding.metadata
                told[meta.uid, body.message] = f"{meta.namespace}/{meta.name}"
    for key, about in told.items():
        if key not in happened:
            yield Complaint("S9", history.end, about, f"an event tells of {key[1]!r}, which did not happen")
    untold = [(key, about) for key, about in happened.items() if key not in told] if complete else []
    for key, about in untold if len(untold) > history.dropped else ():
        yield Complaint("S9", history.end, about, f"no event tells of {key[1]!r}")

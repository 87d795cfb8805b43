"""What goes wrong in a run, as a file that a person can read, keep and replay (BR-WF-032).

Called by `sim run --faults`, by the generator and by the hunt. BadInput for whatever a person wrote.
"""

from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema, model_validator

from sim.audit import OUTAGES_MAX, Outage
from sim.driver import Options
from sim.executor.targets import Given
from sim.faults import Fault, FaultPlan
from sim.process import Latencies
from sim.rng import Stream
from wfexec.crd.documents import parse_documents, read_bytes
from wfexec.crd.files import read_value
from wfexec.errors import BadInput, Finding
from wfexec.units import DURATION_PATTERN, Duration, format_duration, parse_duration

KINDS: Final = tuple(fault for fault in Fault if fault is not Fault.NONE)
WRITES_MAX: Final = 1_000
CLOCKS_MAX: Final = 20


def parse_offset(value: object) -> int:
    """Milliseconds of a duration with or without a minus before it: `5m` is ahead, `-5m` behind."""
    if isinstance(value, str) and value.startswith("-"):
        return -parse_duration(value[1:])
    return -parse_duration(-value) if type(value) is int and value < 0 else parse_duration(value)


def format_offset(ms: int) -> str:
    return f"-{format_duration(-ms)}" if ms < 0 else format_duration(ms)


Offset = Annotated[
    int,
    BeforeValidator(parse_offset),
    PlainSerializer(format_offset, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": DURATION_PATTERN.replace("^", "^-?"), "maxLength": 33}),
]
_USUAL: Final = Latencies()


class Delay(Given):
    """Least and most; each one is drawn evenly between them."""

    min: Duration
    max: Duration

    @model_validator(mode="after")
    def _ordered(self) -> "Delay":
        if self.min > self.max:
            raise ValueError(f"min {self.min} ms is more than max {self.max} ms; exchange them")
        return self


class WriteFault(Given):
    """`write`: its number among those of the controllers, counted over all lives, from 1."""

    write: int = Field(ge=1)
    fault: Fault


class Troubles(Given):
    """A fault schedule. `restart`: how long after a crash a fresh controller starts.

    `clocks`: how far the clock of each controller is ahead (`-5m`: behind), in the order in which they start, later
    lives included, and from the beginning again. `requests`, `watches`: delays of round trips and of watch events.
    `audit`: there is an audit store, and this befalls it; None: there is none.
    """

    writes: Annotated[tuple[WriteFault, ...], Field(max_length=WRITES_MAX)] = ()
    restart: Duration = FaultPlan().restart_ms
    replicas: int = Field(1, ge=1, le=5)
    clocks: Annotated[tuple[Offset, ...], Field(max_length=CLOCKS_MAX)] = ()
    audit: Annotated[tuple[Outage, ...], Field(max_length=OUTAGES_MAX)] | None = None
    requests: Delay = Delay(min=_USUAL.request[0], max=_USUAL.request[1])
    watches: Delay = Delay(min=_USUAL.watch[0], max=_USUAL.watch[1])

    def over(self, options: Options) -> Options:
        """The same run with these troubles."""
        return options._replace(
            faults=FaultPlan(tuple((one.write, one.fault) for one in self.writes), self.restart, self.clocks),
            replicas=self.replicas,
            audit=self.audit,
            latencies=Latencies((self.requests.min, self.requests.max), (self.watches.min, self.watches.max)),
        )

    def document(self) -> dict[str, Any]:
        """As it is written to a file; what is usual is left out."""
        found: dict[str, Any] = self.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        return found


CALM: Final = Troubles()


def load_troubles(path: Path) -> Troubles:
    """The fault schedule at `path`."""
    documents = parse_documents(read_bytes(path), str(path))
    if len(documents) != 1:
        raise BadInput((Finding(str(path), "", f"{len(documents)} documents", "a fault schedule is one document"),))
    return read_value(Troubles, documents[0])


def draw(luck: Stream, writes: int, strength: int = 6) -> Troubles:
    """Up to `strength` faults among the first `writes` writes, and how slow and how many everything is."""
    slow, slower = luck.choice((5, 50, 400)), luck.choice((5, 100, 2_000))
    found = {1 + luck.below(writes): luck.choice(KINDS) for _ in range(luck.below(strength + 1))}
    return Troubles(
        writes=tuple(WriteFault(write=write, fault=found[write]) for write in sorted(found)),
        restart=luck.choice((100, 2_000, 30_000)),
        replicas=luck.choice((1, 1, 2)),
        requests=Delay(min=1, max=slow),
        watches=Delay(min=1, max=slower),
    )

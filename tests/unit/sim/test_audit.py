"""The simulated audit store, what befalls it, and the promise about final records (S8), shown on a deletion."""

from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any, Final

import pytest
from pydantic import ValidationError

from sim.audit import TROUBLES, AuditStore, Outage
from sim.checkers import complaints, s9_metrics_equal_state
from sim.cluster.cluster import Depth
from sim.cluster.requests import DeleteObject
from sim.counts import UNKEPT
from sim.driver import Options, Simulation
from sim.faults import Fault, FaultPlan, crash_after_write, crash_before_write
from sim.history import History
from sim.rng import Streams
from sim.scenario import Run, Scenario, judge
from sim.trace import Incident, Written
from sim.troubles import KINDS, load_troubles
from tests.unit.sim.support import Past, manifest, options
from wfexec.core.final import final_record
from wfexec.errors import BadInput
from wfexec.model.audit import FinalRecord
from wfexec.model.base import evolve
from wfexec.model.plan import CountRecord, MetadataChange
from wfexec.model.requests import Code, EventWrite, KeepRows, Kind, ObjectKey, PatchMetadata
from wfexec.settings import DEFAULTS, Settings

KEY = ObjectKey(Kind.WORKFLOW, "shop", "repair")
SECOND, MINUTE, HOUR = 1_000, 60_000, 3_600_000
DELETED_MS = 15 * SECOND
GRACE = DEFAULTS.audit_grace


def deletion(with_: Options, at: int = DELETED_MS) -> tuple[Run, Simulation]:
    """One step that is deleted in the middle, to the end of it."""
    scenario = Scenario((manifest([{"timeout": "5m"}]),), with_)
    simulation = Simulation(with_)
    simulation.submit(scenario.workflows[0])
    simulation.act(DeleteObject(KEY), at)
    simulation.start()
    return judge(simulation, scenario, cut=not simulation.run(HOUR)), simulation


def slow(**more: Any) -> Options:
    return options("steps: {'*/1': {duration: 60s}}", **more)


def gone_after(run: Run) -> int:
    """Milliseconds from the deletion to the end of the workflow."""
    (at,) = [move.at for move in run.history.workflows if move.after is None]
    return at - run.epoch_ms - DELETED_MS


def writes(run: Run) -> list[int]:
    """Numbers of the controller's writes, from 1."""
    return list(range(1, run.writes + 1))


def test_a_deletion_is_recorded_and_as_fast_as_ever() -> None:
    run, simulation = deletion(slow(audit=()))
    plain, _ = deletion(slow())
    (record,) = simulation.audit.of("shop", "repair")
    assert (record.phase, record.definition, record.deleted) == ("executing", "repair", run.epoch_ms + DELETED_MS)
    assert run.complaints == plain.complaints == ()
    assert gone_after(run) - gone_after(plain) < 20
    assert run.writes == plain.writes + 1


def test_without_a_store_nothing_is_asked_of_one() -> None:
    run, simulation = deletion(slow())
    assert not [one for one in run.records if isinstance(one, Written) and isinstance(one.body, KeepRows)]
    assert simulation.audit.kept == {}


@pytest.mark.parametrize("fault", [Fault.UNAVAILABLE, Fault.DROP, Fault.DELAY, Fault.LOSE_REPLY])
def test_an_outage_holds_the_deletion_up_and_costs_no_record(fault: Fault) -> None:
    run, simulation = deletion(slow(audit=(Outage(at=0, for_=2 * MINUTE, fault=fault),)))
    assert run.complaints == ()
    assert 2 * MINUTE - DELETED_MS <= gone_after(run) < 3 * MINUTE
    assert len(simulation.audit.kept) == 1


@pytest.mark.parametrize("fault", [Fault.UNAVAILABLE, Fault.DROP])
def test_what_is_down_for_longer_than_the_grace_holds_nothing_up_any_more(fault: Fault) -> None:
    run, simulation = deletion(slow(audit=(Outage(fault=fault),)))
    assert run.complaints == ()
    assert GRACE <= gone_after(run) <= GRACE + 2 * DEFAULTS.request_timeout + SECOND
    assert simulation.audit.kept == {}
    told = [event.message for _, event in run.history.events() if event.reason == "AuditStorageFailed"]
    assert [text.split(":")[0] for text in told] == [
        "deletion waits for its final record to be kept",
        "let go without its final record in the audit store, which kept none within audit-grace; the log has it",
    ]


PLANS: dict[str, Callable[[int], FaultPlan]] = {
    "before": crash_before_write,
    "after": crash_after_write,
    "seen": lambda number: crash_after_write(number, reply_seen=True),
    "lost": lambda number: FaultPlan(((number, Fault.LOSE_REPLY),)),
    "conflict": lambda number: FaultPlan(((number, Fault.CONFLICT),)),
    "late": lambda number: FaultPlan(((number, Fault.DELAY),)),
}


def test_whatever_befalls_whichever_write_there_is_one_record() -> None:
    calm, _ = deletion(slow(audit=()))
    for number, (how, plan) in product(writes(calm), PLANS.items()):
        run, simulation = deletion(slow(audit=(), faults=plan(number)))
        point = f"write {number}, {how}"
        # A creation that arrives late may find its owner gone.
        assert [one for one in run.complaints if one.check != "S10"] == [], point
        assert (len(simulation.audit.kept), run.workflows) == (1, ()), point


def troubled(seed: int) -> tuple[Options, int]:
    """A store, a controller or two and a server in any trouble, and when the workflow is deleted."""
    luck = Streams(seed).of("audit")
    lasts = (None, 5 * SECOND, MINUTE, GRACE, 2 * GRACE)
    outages = tuple(
        Outage(at=luck.choice((0, DELETED_MS, MINUTE)), for_=luck.choice(lasts), fault=luck.choice(TROUBLES))
        for _ in range(luck.below(3))
    )
    writes = {1 + luck.below(30): luck.choice(KINDS) for _ in range(luck.below(4))}
    grace = Settings(audit_grace=luck.choice((0, MINUTE, GRACE)))
    faults = FaultPlan(tuple(sorted(writes.items())), restart_ms=luck.choice((100, 2_000, 30_000)))
    made = slow(audit=outages, faults=faults, settings=grace, replicas=luck.choice((1, 1, 2)), seed=seed)
    return made, luck.choice((SECOND, DELETED_MS, 3 * MINUTE))


def test_in_any_trouble_there_is_one_record_or_a_reason_why_not_and_nothing_is_stuck() -> None:
    kept = 0
    for seed in range(60):
        made, at = troubled(seed)
        run, simulation = deletion(made, at)
        assert [one for one in run.complaints if one.check in ("S8", "S9", "L4", "S12", "L5")] == [], seed
        assert (len(simulation.audit.kept) <= 1, run.workflows) == (True, ()), seed
        kept += len(simulation.audit.kept)
    assert 30 < kept < 60


@pytest.mark.parametrize("audit", [(), None])
def test_a_reply_that_is_lost_at_the_very_end_loses_no_word_of_it(audit: tuple[Outage, ...] | None) -> None:
    """The finalizer has gone and the workflow with it; nobody told the controller but the watch."""
    calm, _ = deletion(slow(audit=audit))
    own = [one for one in calm.records if isinstance(one, Written) and one.actor == "controller-0"]
    (last,) = [
        n for n, one in enumerate(own, 1) if isinstance(one.body, PatchMetadata) and not one.body.change.finalizers
    ]
    run, simulation = deletion(slow(audit=audit, faults=FaultPlan(((last, Fault.LOSE_REPLY),))))
    simulation.run_until(lambda: False, 2 * DEFAULTS.request_timeout)
    told = [record for _, record in simulation.utterances().records or ()]
    assert sum(isinstance(record, FinalRecord) for record in told) == (audit is None)
    assert sum(record == CountRecord("workflowexecution_deleted_total", ()) for record in told) == 1
    events = [one.body.reason for one in run.records if isinstance(one, Written) and isinstance(one.body, EventWrite)]
    assert events.count("WorkflowExecutionDeleted") == 1


def test_both_depths_keep_the_same_and_leave_the_same_trace() -> None:
    outage = (Outage(at=0, for_=MINUTE),)
    shared, one = deletion(slow(audit=outage))
    wire, other = deletion(slow(audit=outage, depth=Depth.WIRE))
    assert shared.digest() == wire.digest()
    assert [kept._replace(row=kept.row._replace(uid="")) for kept in one.audit.kept.values()] == [
        kept._replace(row=kept.row._replace(uid="")) for kept in other.audit.kept.values()
    ]


def test_a_row_is_kept_once_and_as_it_was_first() -> None:
    store = AuditStore()
    heard: list[FinalRecord] = []
    store.then = heard.append
    row = final_record(manifest([{}]))
    assert store.keep(KeepRows((row, row)), 5).code is Code.OK
    assert store.keep(KeepRows((row._replace(phase="other"),)), 9).code is Code.OK
    assert store.of("shop", "repair") == [row]
    assert [one.at for one in store.kept.values()] == [5]
    assert heard == [row]


def test_a_fault_file_says_what_befalls_the_store(tmp_path: Path) -> None:
    file = tmp_path / "faults.yaml"
    file.write_text("audit: [{at: 10s, for: 5m, fault: lose-reply}, {at: 20m}]\n")
    troubles = load_troubles(file)
    made = troubles.over(options())
    assert made.audit == (Outage(at=10_000, for_=5 * MINUTE, fault=Fault.LOSE_REPLY), Outage(at=20 * MINUTE))
    file.write_text("audit: []\n")
    assert load_troubles(file).over(options()).audit == ()
    file.write_text("replicas: 2\n")
    assert load_troubles(file).over(options()).audit is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("audit: [{fault: crash-before}]", "nothing that befalls a store"),
        ("audit: [{at: soon}]", "is not a duration"),
        ("audit: [{until: 5m}]", "audit.0.until"),
    ],
)
def test_a_fault_file_that_makes_no_sense_is_refused_with_its_place(text: str, words: str, tmp_path: Path) -> None:
    file = tmp_path / "faults.yaml"
    file.write_text(text)
    with pytest.raises(BadInput) as refused:
        load_troubles(file)
    assert words in str(refused.value).replace("[", ".").replace("]", "")


@pytest.mark.parametrize("given", ["-1s", "soon", "2401h"])
def test_the_grace_is_a_duration(given: str) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate({"audit-grace": given})


def leaving(after_ms: int, *, rows: int = 1, **wrong: Any) -> History:
    """A workflow that was deleted and went so much later, its final record kept so often, with what is wrong in it."""
    past = Past()
    past.deleting()
    for number in range(rows):
        row = final_record(past.workflow)._replace(number=number, **wrong)
        past.wrote(KeepRows((row,)), Code.OK)
    past.wait(after_ms)
    past.workflow = evolve(past.workflow, metadata=evolve(past.workflow.metadata, finalizers=()))
    past.gone()
    return past.history(cut=True)._replace(audited=True)


def test_the_promise_about_final_records_speaks_of_its_own_defect_alone() -> None:
    found = {
        "none": complaints(leaving(1_000, rows=0)),
        "two": complaints(leaving(1_000, rows=2)),
        "wrong": complaints(leaving(1_000, phase="completed")),
    }
    assert {name: {one.check for one in told} for name, told in found.items()} == {name: {"S8"} for name in found}
    assert "let go without its final record" in found["none"][0].message
    assert "a second final record" in found["two"][0].message
    assert "the store held" in found["wrong"][0].message


Befell = tuple[str, str]
ME: Final = "controller-0"
KEPT: Final = (ME, "kept")
REFUSED: Final = (ME, "answered 503 to a keep rows")


def called_lost(*befell: Befell) -> list[str]:
    """What is said of a controller that let a workflow go and counted its record as lost; `befell`: before that, a
    second one after the other."""
    past = Past()
    past.deleting()
    row = final_record(past.workflow)
    for who, what in befell:
        past.wait(SECOND)
        if what in ("kept", "no reply to a keep rows"):
            past.wrote(KeepRows((row,)), Code.OK, who)
        if what != "kept":
            past.records.append(Incident(past.at, who, what))
    past.workflow = evolve(past.workflow, metadata=evolve(past.workflow.metadata, finalizers=()))
    past.gone()
    past.wrote(PatchMetadata(KEY, row.uid, "", MetadataChange(finalizers=()), past.workflow), Code.OK, ME)
    past.counted(UNKEPT)
    history = past.history(cut=True, listening=True)._replace(audited=True)
    return [one.message for one in s9_metrics_equal_state.check(history) if UNKEPT in one.message]


@pytest.mark.parametrize(
    "befell",
    [
        (),
        (REFUSED,),
        ((ME, "no reply to a keep rows"),),
        ((ME, "no reply to a keep rows"), KEPT),
        (KEPT, (ME, "crashed"), REFUSED),
        (("controller-1", "kept"), REFUSED),
    ],
    ids=["never asked", "refused", "kept unheard", "kept late", "forgot it", "another one heard it"],
)
def test_who_has_not_heard_that_the_record_is_kept_may_count_it_as_lost(befell: tuple[Befell, ...]) -> None:
    assert called_lost(*befell) == []


@pytest.mark.parametrize(
    "befell", [(KEPT,), (KEPT, REFUSED), (KEPT, (ME, "no reply to a keep rows")), (KEPT, ("controller-1", "crashed"))]
)
def test_who_has_heard_it_may_not_whatever_the_store_says_later(befell: tuple[Befell, ...]) -> None:
    assert called_lost(*befell) == [f"{UNKEPT} tells 1, and it happened 0 times"]


def test_what_was_recorded_and_what_waited_long_enough_breaks_no_promise() -> None:
    assert complaints(leaving(1_000)) == ()
    assert complaints(leaving(GRACE, rows=0)) == ()


def test_what_an_audit_store_holds_up_is_not_stuck_before_its_grace_is_over() -> None:
    past = Past()
    past.deleting()
    past.wait(GRACE + 30_000)
    held = past.history(cut=True)
    assert {one.check for one in complaints(held)} == {"L4"}
    assert complaints(held._replace(audited=True)) == ()
    past.wait(2 * MINUTE)
    assert {one.check for one in complaints(past.history(cut=True)._replace(audited=True))} == {"L4"}

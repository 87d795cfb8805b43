"""The elector: at most one writer, whatever clocks, networks and other replicas do."""

from typing import Any

from wfexec.engine.lease import FAILURES_MAX, Elector
from wfexec.model.meta import LEASE_NAME
from wfexec.model.requests import Code, CreateLease, GetLease, Lease, Outcome, UpdateLease
from wfexec.settings import DEFAULTS

DURATION = DEFAULTS.lease_duration
DEADLINE = DEFAULTS.lease_renew_deadline
PERIOD = DEFAULTS.lease_retry_period
T0 = 1_000_000


def lease(holder: str = "other", version: int = 1, *, renew: int = 0, duration: int = DURATION) -> Lease:
    return Lease(LEASE_NAME, "kubernaut-system", str(version), holder, duration, 0, renew, 3)


class Replica:
    """One elector and the time, its requests answered by hand."""

    def __init__(self, identity: str = "me") -> None:
        self.elector = Elector(DEFAULTS, identity)
        self.now = T0
        self.elector.start(self.now)
        self.out: Any = None
        self.ask()

    def ask(self) -> Any:
        body = self.elector.due(self.now)
        if body is not None:
            self.elector.sent(self.now)
            self.out = body
        return body

    def answer(self, outcome: Outcome, after: int = 0) -> Any:
        """The reply comes `after` ms; the next request that is due at once, if any."""
        self.now += after
        self.elector.replied(outcome, self.now)
        return self.ask()

    def wait(self) -> Any:
        assert self.elector.wake_at is not None
        self.now = max(self.now, self.elector.wake_at)
        return self.ask()

    @property
    def may_write(self) -> bool:
        return self.elector.may_write(self.now)


def leader() -> Replica:
    replica = Replica()
    claim = replica.answer(Outcome(Code.OK, lease(holder="")))
    replica.answer(Outcome(Code.OK, claim.lease._replace(resource_version="2")))
    assert replica.may_write
    return replica


def test_it_looks_first_and_creates_a_lease_that_does_not_exist() -> None:
    replica = Replica()
    assert isinstance(replica.out, GetLease)
    claim = replica.answer(Outcome(Code.NOT_FOUND))
    assert isinstance(claim, CreateLease)
    assert claim.lease.holder == "me"
    assert claim.lease.renew_ms == replica.now
    assert not replica.may_write
    replica.answer(Outcome(Code.OK, claim.lease._replace(resource_version="1")))
    assert replica.may_write


def test_a_released_lease_is_taken_at_once_and_counted() -> None:
    replica = Replica()
    claim = replica.answer(Outcome(Code.OK, lease(holder="", version=9)))
    assert isinstance(claim, UpdateLease)
    assert claim.lease.resource_version == "9"
    assert claim.lease.transitions == 4


def test_losing_the_race_to_create_it_looks_again() -> None:
    replica = Replica()
    replica.answer(Outcome(Code.NOT_FOUND))
    replica.answer(Outcome(Code.ALREADY_EXISTS))
    assert not replica.may_write
    assert isinstance(replica.wait(), GetLease)


def test_a_lease_that_looks_expired_by_its_own_times_is_not_taken_before_we_watched_it_ourselves() -> None:
    """The other replica's clock may be an hour behind ours."""
    replica = Replica()
    replica.answer(Outcome(Code.OK, lease(renew=T0 - 3_600_000)))
    while replica.now < T0 + DURATION:
        assert isinstance(replica.wait(), GetLease)
        following = replica.answer(Outcome(Code.OK, lease(renew=T0 - 3_600_000)))
        assert (following is None) == (replica.now < T0 + DURATION)
    assert isinstance(replica.out, UpdateLease)


def test_each_change_we_see_starts_the_wait_anew() -> None:
    replica = Replica()
    replica.answer(Outcome(Code.OK, lease(version=1)))
    version = 1
    while replica.now < T0 + 3 * DURATION:
        assert isinstance(replica.wait(), GetLease)
        version += 1
        assert replica.answer(Outcome(Code.OK, lease(version=version))) is None
    assert not replica.may_write


def test_a_holder_that_asks_for_longer_is_given_longer() -> None:
    replica = Replica()
    replica.answer(Outcome(Code.OK, lease(duration=4 * DURATION)))
    while replica.now < T0 + 3 * DURATION:
        replica.wait()
        assert replica.answer(Outcome(Code.OK, lease(duration=4 * DURATION))) is None


def test_it_renews_every_period_and_writes_all_the_while() -> None:
    replica = leader()
    for version in range(3, 20):
        renewal = replica.wait()
        assert isinstance(renewal, UpdateLease)
        assert renewal.lease.transitions == 4
        assert replica.may_write
        replica.answer(Outcome(Code.OK, renewal.lease._replace(resource_version=str(version))), after=30)
    assert replica.now - T0 >= 15 * PERIOD


def test_the_fence_falls_when_the_deadline_passed_since_the_last_renewal_was_sent() -> None:
    replica = leader()
    sent = replica.now + PERIOD
    renewal = replica.wait()
    assert replica.now == sent
    # The reply takes four seconds: they are not ours.
    replica.answer(Outcome(Code.OK, renewal.lease._replace(resource_version="3")), after=4_000)
    assert replica.elector.fenced_at() == sent + DEADLINE
    assert replica.elector.may_write(sent + DEADLINE - 1)
    assert not replica.elector.may_write(sent + DEADLINE)


def test_an_unreachable_server_ends_leadership_before_anybody_else_may_begin() -> None:
    replica = leader()
    renewed = T0
    while replica.now < T0 + 2 * DURATION:
        replica.wait()
        replica.answer(Outcome(Code.LOST), after=1_000)
        assert replica.may_write == (replica.now - renewed < DEADLINE)
    assert DEADLINE < DURATION


def test_after_an_outage_it_leads_again_only_with_a_renewal_of_its_own() -> None:
    replica = leader()
    while replica.now < T0 + DURATION:
        replica.wait()
        replica.answer(Outcome(Code.LOST), after=1_000)
    assert isinstance(replica.wait(), GetLease)
    renewal = replica.answer(Outcome(Code.OK, lease(holder="me", version=2)))
    assert isinstance(renewal, UpdateLease)
    assert not replica.may_write
    replica.answer(Outcome(Code.OK, renewal.lease._replace(resource_version="3")))
    assert replica.may_write


def test_a_conflict_stops_writing_at_once_until_it_is_known_who_holds() -> None:
    replica = leader()
    replica.wait()
    following = replica.answer(Outcome(Code.CONFLICT))
    assert not replica.may_write
    assert isinstance(following, GetLease)
    assert replica.answer(Outcome(Code.OK, lease(holder="other", version=7))) is None
    assert not replica.may_write


def test_touched_by_somebody_but_still_ours_it_is_renewed_and_writing_goes_on() -> None:
    replica = leader()
    replica.wait()
    replica.answer(Outcome(Code.CONFLICT))
    renewal = replica.answer(Outcome(Code.OK, lease(holder="me", version=7)))
    assert renewal.lease.resource_version == "7"
    replica.answer(Outcome(Code.OK, renewal.lease._replace(resource_version="8")))
    assert replica.may_write


def test_a_renewal_whose_reply_was_lost_is_looked_up_before_the_next() -> None:
    replica = leader()
    replica.wait()
    replica.answer(Outcome(Code.LOST), after=1_000)
    assert replica.may_write
    assert isinstance(replica.wait(), GetLease)
    renewal = replica.answer(Outcome(Code.OK, lease(holder="me", version=3)))
    assert renewal.lease.resource_version == "3"


def test_failures_back_off_and_after_five_the_replica_is_unready() -> None:
    replica = Replica()
    waits = []
    for attempt in range(FAILURES_MAX):
        assert replica.elector.healthy, attempt
        replica.answer(Outcome(Code.UNAVAILABLE))
        assert replica.elector.wake_at is not None
        waits.append(replica.elector.wake_at - replica.now)
        replica.wait()
    assert not replica.elector.healthy
    bounds = (1_000, 2_000, 4_000, 8_000, 16_000)
    assert all(bound // 2 <= wait <= bound for wait, bound in zip(waits, bounds, strict=True))
    replica.answer(Outcome(Code.OK, lease()))
    assert replica.elector.healthy


def test_on_stop_the_lease_is_released_with_its_version_and_nothing_is_written_after() -> None:
    replica = leader()
    replica.elector.stop(replica.now)
    assert not replica.may_write
    release = replica.ask()
    assert isinstance(release, UpdateLease)
    assert release.lease.holder == ""
    assert release.lease.resource_version == "2"
    before = replica.elector.released
    replica.answer(Outcome(Code.OK, release.lease))
    assert (before, replica.elector.released) == (False, True)
    assert replica.elector.wake_at is None


def test_stopped_while_a_renewal_is_out_it_releases_what_the_reply_brings() -> None:
    replica = leader()
    renewal = replica.wait()
    replica.elector.stop(replica.now)
    assert replica.ask() is None
    release = replica.answer(Outcome(Code.OK, renewal.lease._replace(resource_version="3")))
    assert isinstance(release, UpdateLease)
    assert release.lease.holder == ""
    assert release.lease.resource_version == "3"
    assert not replica.may_write


def test_a_standby_that_stops_touches_no_lease() -> None:
    replica = Replica()
    replica.answer(Outcome(Code.OK, lease()))
    replica.elector.stop(replica.now)
    assert replica.elector.released
    assert replica.ask() is None


def test_its_repr_tells_who_holds() -> None:
    assert repr(leader().elector) == f"<Elector me claiming, holder 'me', renewed {T0}>"

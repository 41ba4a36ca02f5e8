"""One run at work on one connection: what every use-case gets, and the lease that it lives by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeAlias

from connectors.port import Connector
from connectors.records import JSON
from sync import clock
from sync.core.policy import Policy
from sync.core.safety import Limits, Load
from sync.errors import ConcordError
from sync.report import Tally
from sync.services import LEASE_SECONDS
from sync.store import lanes, runs
from sync.store.connections import StoredConnection
from sync.store.lanes import Lease
from sync.store.session import Database, Tx

STATISTICS_AFTER = (1, 10, 100)  # pages
TELL_SECONDS = 1.0  # how often the progress of a run is kept, at most

Progress: TypeAlias = Callable[[Mapping[str, JSON]], None]
"""Told what happens, one event at a time: `{"event": ..., ...}` without customers' values."""


class LeaseLostError(ConcordError):
    """Another process took the work over, because this one did not show a sign of life."""


class CancelledError(ConcordError):
    """A person cancelled the run."""


class BrakeError(ConcordError):
    """The brake tripped: nothing of this page was written."""


@dataclass(slots=True)
class Approval:
    """A plan that a person approved, and how much beyond its own records it still allows per action."""

    run_id: str
    remaining: Counter[str]


@dataclass(slots=True, kw_only=True)
class Work:
    """A run at work.

    Args:
        dry: plan only; nothing is written on either side.
        braked: whether the brake watches (not in an approved run).
        base_load: what moved in the last 24 hours before this run.
        links: how many links the connection had when the run started.
        started: the database's clock at the start, from which `now` goes on.
        leases: the lanes of this run, the push lane's last; none in a dry run.
        reapply: bring old links to the present map version.
        restored: our side is a backup that was not compared with all CRMs yet.
        compared_before: in a full compare, the time before which changes should have been told by now.
        creates: this run goes on to create what the CRM misses.
        unmade: customers whose creation failed and is to be tried again.
        lease_seconds: how long the leases last without a sign of life.
    """

    database: Database
    connector: Connector
    connection: StoredConnection
    leases: tuple[Lease, ...]
    run_id: str
    started: datetime
    progress: Progress
    dry: bool = False
    braked: bool = True
    reapply: bool = False
    restored: bool = False
    compared_before: datetime | None = None
    creates: bool = False
    unmade: int = 0
    base_load: Load = field(default_factory=Load)
    limits: Limits = field(default_factory=Limits)
    links: int = 0
    approval: Approval | None = None
    tally: Tally = field(default_factory=Tally)
    next_seq: int = 0
    lease_seconds: float = LEASE_SECONDS
    monotonic: float = field(default_factory=clock.monotonic)
    told: float = field(default_factory=clock.monotonic)

    @property
    def organisation_id(self) -> str:
        """The organisation whose records these are."""
        return self.connection.organisation_id

    @property
    def connection_id(self) -> str:
        """The connection at work."""
        return self.connection.id

    @property
    def policy(self) -> Policy:
        """The connection's rules."""
        return self.connection.policy

    @property
    def writer(self) -> Lease:
        """The lease under which this run writes to the CRM."""
        return self.leases[-1]

    @property
    def pushes(self) -> bool:
        """Whether this run writes to the CRM; what is to be pushed needs no other one."""
        return any(lease.lane == "push" for lease in self.leases)

    def now(self) -> datetime:
        """The database's clock, carried on by our own: comparable between workers."""
        return self.started + timedelta(seconds=clock.monotonic() - self.monotonic)

    def keep_lease(self) -> None:
        """Show a sign of life, and how far it is. To be called before every page and every write to a CRM.

        Raises:
            LeaseLostError: the work is another's now; stop without writing anything.
            CancelledError: a person said stop.
        """
        due = clock.monotonic() - self.told >= TELL_SECONDS
        if not (self.leases or due):
            return
        with self.database.transaction() as tx:
            self.hold(tx)
            if runs.is_cancelled(tx, self.run_id, progress=self.tally.progress() if due else None):
                raise CancelledError("It was cancelled; what it had done stays done.")
        if due:
            self.told = clock.monotonic()

    def hold(self, tx: Tx) -> None:
        """Prolong the leases in a transaction of which nothing may land once the work is another's.

        Raises:
            LeaseLostError: it is.
        """
        if not all(lanes.renew(tx, lease, self.lease_seconds) for lease in self.leases):
            raise LeaseLostError("Another process has taken over this connection's work.")

    def grown(self, pages: int) -> None:
        """Let the database know, at times, how much it holds after so many pages of this run."""
        if pages in STATISTICS_AFTER:
            self.database.refresh_statistics()

    def take_seqs(self, count: int) -> int:
        """Reserve numbers for applied changes; returns the first."""
        first = self.next_seq
        self.next_seq += count
        return first

"""The steps of a run: pull, fetch what was hinted, push; each in its lane, planned or applied."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass

from connectors.errors import QuotaExhausted, RateLimited, Retryable
from connectors.port import Connector
from sync.errors import StoreError
from sync.lanes import lane
from sync.pull import pull, read_again, stage_keys
from sync.push import push
from sync.report import Tally
from sync.resync import resync_records
from sync.services import Services
from sync.settle import settle_orphans
from sync.store import conflicts, connections, jobs, links, runs
from sync.store.connections import StoredConnection
from sync.store.jobs import Job
from sync.store.lanes import Lease
from sync.store.query import now
from sync.work import Approval, LeaseLostError, Progress, Work

FETCH_BATCH = 500
PATIENCE = 600.0  # seconds that a person's run waits for a lane
LANES = {
    "sync": ("pull", "push"),
    "resync": ("pull", "push"),
    "plan": ("pull", "push"),
    "pull": ("pull",),
    "fetch": ("pull",),
    "push": ("push",),
}
"""Kind of run → the lanes that it holds while it is at work."""

JOBS = {"sync": ("pull", "push"), "pull": ("pull",), "push": ("push",)}
"""Kind of run → the kinds of jobs that it does."""

FETCH_ROUNDS = 3  # records that are being written meanwhile are left to the next run
LONGEST_PAUSE = 300.0
QUOTA_PAUSE = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a run is to do, and for whom.

    Args:
        kind: `sync` (pull, fetch, push), or one of its parts; `resync` for chosen records.
        trigger: `manual`, `schedule` or `webhook`.
        full: list everything, whatever the cursor says.
        dry: plan only.
        yes: approve a first sync without a plan.
        approval: the run whose plan was approved.
        keys: for a resync, the external ids or refs of the records; their links are brought to the present
            map, too.
    """

    kind: str
    trigger: str
    actor: str
    full: bool = False
    dry: bool = False
    yes: bool = False
    approval: str | None = None
    keys: tuple[str, ...] | None = None


@dataclass(slots=True)
class Steps:
    """What all steps of one run share."""

    services: Services
    connection: StoredConnection
    order: Order
    progress: Progress
    connector: Connector
    run_id: str
    tally: Tally
    approval: Approval | None = None

    def take(self, *, dry: bool, braked: bool) -> None:
        """Do what the order says.

        Raises:
            BrakeError: too much would change; earlier pages stay.
        """
        kinds = LANES[self.order.kind]
        with ExitStack() as stack:
            leases = () if dry else tuple(stack.enter_context(self._lane(each)) for each in kinds)
            work = self._work(leases, dry=dry, braked=braked)
            with self._jobs(work):
                self._steps(work, kinds)

    def _steps(self, work: Work, kinds: tuple[str, ...]) -> None:
        settle_orphans(work)
        if self.order.keys is not None:
            resync_records(work, self.order.keys)
            return
        if "pull" in kinds:
            self._look(work)
        if "push" in kinds:
            work.connection = self.connection = self._reload()
            push(work)

    @contextmanager
    def _jobs(self, work: Work, kinds: Sequence[str] | None = None) -> Iterator[list[Job]]:
        """Begin the open jobs that this run does; finish them, or put them off if it fails."""
        if kinds is None:
            kinds = JOBS.get(self.order.kind, ())
        early = self.order.trigger == "manual"
        with work.database.transaction() as tx:
            begun = (
                []
                if work.dry or not kinds
                else jobs.begin(tx, work.connection_id, kinds, limit=FETCH_BATCH, early=early)
            )
        try:
            yield begun
        except Exception as error:
            pause, give_up = _pause(error, max((job.attempts for job in begun), default=1))
            with work.database.transaction() as tx:
                jobs.put_off(tx, begun, type(error).__name__, after=pause, give_up=give_up)
            raise
        with work.database.transaction() as tx:
            jobs.finish(tx, begun)

    def _lane(self, name: str) -> AbstractContextManager[Lease]:
        patience = PATIENCE if self.order.trigger == "manual" else 0.0
        return lane(self.services, self.connection, name, patience=patience, progress=self.progress)

    def _work(self, leases: tuple[Lease, ...], *, dry: bool, braked: bool) -> Work:
        with self.services.database.transaction() as tx:
            self.connection = connections.load(tx, self.connection.id)
            if leases:
                # Whoever holds a lane knows that no other run is at work in it.
                rivals = [kind for kind, lanes in LANES.items() if set(lanes) & set(LANES[self.order.kind])]
                runs.abandon(tx, self.connection.id, kinds=rivals, but=self.run_id)
                runs.save(tx, self.run_id, state="running")
            return Work(
                database=self.services.database,
                connector=self.connector,
                connection=self.connection,
                leases=leases,
                run_id=self.run_id,
                started=now(tx),
                progress=self.progress,
                dry=dry,
                braked=braked,
                reapply=self.order.keys is not None,
                base_load=runs.recent_load(tx, self.connection.id, but=self.run_id),
                links=links.count(tx, self.connection.id),
                approval=self.approval,
                tally=self.tally,
                next_seq=runs.next_seq(tx, self.run_id),
            )

    def _reload(self) -> StoredConnection:
        with self.services.database.reading() as tx:
            return connections.load(tx, self.connection.id)

    def _look(self, work: Work) -> None:
        if self.order.kind in ("sync", "plan", "pull"):
            if not work.connection.row["key_unique"] and work.connection.row["listed_at"] is None:
                stage_keys(work)
            pull(work, full=self.order.full, sweep=self.order.trigger == "manual")
            self._see_clashes_together(work)
        if not work.dry:
            self._fetch(work)

    def _see_clashes_together(self, work: Work) -> None:
        """Records of different pages that swap their e-mail addresses are no clash, seen together."""
        if work.dry or not work.tally.held["email_taken"]:
            return
        with work.database.reading() as tx:
            waiting = conflicts.open_on_email(tx, work.organisation_id, work.connection_id)
        read_again(work, [row.row["ref"] for row in waiting if row.row["ref"]])
        with work.database.reading() as tx:
            still = conflicts.open_on_email(tx, work.organisation_id, work.connection_id)
        work.tally.held["email_taken"] = sum(row.row["run_id"] == work.run_id for row in still)

    def _fetch(self, work: Work) -> None:
        """Records that were hinted at, or that may be in doubt no longer."""
        for _ in range(FETCH_ROUNDS):
            with self._jobs(work, ["fetch"]) as begun:
                if not begun:
                    return
                before = Counter(work.tally.held)
                read_again(work, [job.key for job in begun])
                work.tally.held = before | work.tally.held


def _pause(error: Exception, attempts: int) -> tuple[float, bool]:
    """Seconds before a failed job is tried again, and whether it may be given up one day.

    A CRM that is down or busy is waited for, however long; what fails by itself is not tried for ever.
    """
    growing = min(2.0**attempts, LONGEST_PAUSE)
    if isinstance(error, RateLimited):
        return error.retry_after, False
    if isinstance(error, QuotaExhausted):
        return QUOTA_PAUSE, False
    return growing, not isinstance(error, Retryable | StoreError | LeaseLostError)

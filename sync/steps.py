"""The steps of a run: pull, fetch what was hinted, push; each in its lane, planned or applied."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass

from connectors.port import Connector
from sync.core.actions import subject_of
from sync.crash import crash_here
from sync.drift import compare
from sync.errors import BadInput, NotFoundError
from sync.imports.stages import carry_on
from sync.lanes import lane
from sync.listing import stage_keys
from sync.pages import read_again
from sync.planned import claim
from sync.pull import pull
from sync.push import push
from sync.report import Tally
from sync.resync import resync
from sync.retrying import create_later, pause
from sync.selection import Selection, read
from sync.services import Services
from sync.settle import settle_orphans
from sync.store import conflicts, connections, jobs, links, orders, restoring, runs
from sync.store.connections import StoredConnection
from sync.store.jobs import Job
from sync.store.lanes import Lease
from sync.store.query import now
from sync.store.session import Tx
from sync.undoing import Undoing, undo_changes
from sync.work import Approval, BrakeError, CancelledError, LeaseLostError, Progress, Work

FETCH_BATCH = 500
PATIENCE = 600.0  # seconds that a person's run waits for a lane
LANES = {
    "sync": ("pull", "push"),
    "resync": ("pull", "push"),
    "plan": ("pull", "push"),
    "rescope": ("pull", "push"),
    "undo": ("pull", "push"),
    "pull": ("pull",),
    "full": ("pull",),
    "fetch": ("pull",),
    "push": ("push",),
    "import": ("pull",),
}
"""Kind of run → the lanes that it holds while it is at work."""

JOBS = {
    "sync": ("pull", "push"),
    "pull": ("pull",),
    "full": ("full", "pull"),
    "push": ("push",),
    "resync": ("resync",),
}
"""Kind of run → the kinds of jobs that it does. The job of a person's resync is for who finds it cut off."""

FINAL = (BadInput, BrakeError, CancelledError, NotFoundError)
"""Errors for which a resync is not tried again: a person was told, and asks anew."""

CREATING = ("sync", "plan", "rescope")
"""Kinds of runs that create whatever the CRM misses; a push does if it was asked for that."""

FETCH_ROUNDS = 3  # records that are being written meanwhile are left to the next run


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a run is to do, and for whom.

    Args:
        kind: `sync` (pull, fetch, push), or one of its parts; `resync` for chosen records; `import`.
        trigger: `manual`, `undo`, `schedule` or `webhook`.
        full: list everything, whatever the cursor says.
        dry: plan only.
        yes: approve a first sync without a plan.
        approval: the run whose plan was approved.
        selection: for a resync, which records; their links are brought to the present map, too. None: the
            one of a job.
        undoing: for an undo, of what.
        run_id: the run that waited for a worker, to go on with; None opens a new one.
        waits: whether a person's run waits for a lane that another process holds.
    """

    kind: str
    trigger: str
    actor: str
    full: bool = False
    dry: bool = False
    yes: bool = False
    approval: str | None = None
    selection: Selection | None = None
    undoing: Undoing | None = None
    run_id: str | None = None
    waits: bool = True

    @property
    def by_person(self) -> bool:
        """Whether somebody waits for it; else a worker does it when it can."""
        return self.trigger in ("manual", "undo")


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
    selection: Selection | None = None
    origin: str | None = None  # of a resync that was cut off
    asks: bool = False  # an import has made its plan

    def take(self, *, dry: bool, braked: bool) -> None:
        """Do what the order says.

        Raises:
            BrakeError: too much would change; earlier pages stay.
        """
        kinds = LANES[self.order.kind]
        with ExitStack() as stack:
            leases = () if dry else tuple(stack.enter_context(self._lane(each)) for each in kinds)
            work = self._work(leases, dry=dry, braked=braked)
            with self._jobs(work) as begun:
                work.creates = self.order.kind in CREATING or any(job.key == jobs.CREATE for job in begun)
                if begun or dry or not self._is_for_jobs():
                    self._steps(work, kinds)

    def _is_for_jobs(self) -> bool:
        """Whether it was woken for its jobs alone: if another worker has done them, nothing is left."""
        return not self.order.by_person and self.order.kind in JOBS

    def _steps(self, work: Work, kinds: tuple[str, ...]) -> None:
        if self.order.kind == "import":
            self.asks = carry_on(work)
            return
        settle_orphans(work)
        if self.order.undoing is not None:
            undo_changes(work, self.order.undoing)
            return
        if self.order.kind == "resync":
            if self.selection is not None:
                resync(work, self.selection, origin=self.origin or self.run_id)
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
        if self.order.selection is not None:
            kinds, self.selection = (), self.order.selection
        with work.database.transaction() as tx:
            begun = (
                []
                if work.dry or not kinds
                else jobs.begin(tx, work.connection_id, kinds, limit=self._most(), early=self.order.by_person)
            )
        crash_here("jobs.begun")
        try:
            self._take_over(work, begun)
            yield begun
        except Exception as error:
            if self.order.kind == "resync" and isinstance(error, FINAL):
                with work.database.transaction() as tx:
                    jobs.finish(tx, begun)
                raise
            after, give_up = pause(error, max((job.attempts for job in begun), default=1))
            with work.database.transaction() as tx:
                jobs.put_off(tx, begun, type(error).__name__, after=after, give_up=give_up)
                create_later(tx, work)
            raise
        crash_here("jobs.done")
        with work.database.transaction() as tx:
            jobs.finish(tx, begun)
            create_later(tx, work)
        crash_here("jobs.finished")

    def _most(self) -> int:
        return 1 if self.order.kind == "resync" else FETCH_BATCH

    def _take_over(self, work: Work, begun: Sequence[Job]) -> None:
        """Learn from its run what a resync was asked for that was cut off, and by whom."""
        if self.order.kind != "resync" or not begun:
            return
        with work.database.transaction() as tx:
            row = runs.find(tx, work.organisation_id, begun[0].key)
            orders.give_up(tx, row["id"])
            runs.save(tx, self.run_id, selection=row["selection"], actor=row["actor"])
        mapped = [line.field for line in work.connection.settings.map]
        self.origin, self.selection = row["id"], read(row["selection"] or {}, mapped)

    def _lane(self, name: str) -> AbstractContextManager[Lease]:
        patience = PATIENCE if self.order.by_person and self.order.waits else 0.0
        return lane(self.services, self.connection, name, patience=patience, progress=self.progress)

    def _work(self, leases: tuple[Lease, ...], *, dry: bool, braked: bool) -> Work:
        with self.services.database.transaction() as tx:
            before, self.connection = self.connection, connections.load(tx, self.connection.id)
            if leases and before.settings.scope != self.connection.settings.scope:
                raise CancelledError("The scope was changed while this run waited.")
            if leases:
                # Whoever holds a lane knows that no other run is at work in it.
                rivals = [kind for kind, lanes in LANES.items() if set(lanes) & set(LANES[self.order.kind])]
                orders.abandon(tx, self.connection.id, kinds=rivals, but=self.run_id)
                self._begin(tx)
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
                reapply=self.order.kind == "resync",
                base_load=runs.recent_load(tx, self.connection.id, but=self.run_id),
                links=links.count(tx, self.connection.id),
                approval=self.approval,
                restored=restoring.under_way(tx, self.connection.organisation_id),
                tally=self.tally,
                next_seq=runs.next_seq(tx, self.run_id),
                lease_seconds=self.services.lease_seconds,
            )

    def _begin(self, tx: Tx) -> None:
        if not orders.begin(tx, self.run_id, self.services.owner):
            if runs.is_cancelled(tx, self.run_id):
                raise CancelledError("It was cancelled before it began.")
            raise LeaseLostError("Another process has taken over this run.")
        if (plan := self.order.approval) is not None:
            self.approval = claim(tx, self.connection.organisation_id, plan, self.run_id)

    def _reload(self) -> StoredConnection:
        with self.services.database.reading() as tx:
            return connections.load(tx, self.connection.id)

    def _look(self, work: Work) -> None:
        if self.order.kind == "full":
            compare(work)
            self._see_clashes_together(work)
        elif self.order.kind in ("sync", "plan", "rescope", "pull"):
            if not work.connection.row["key_unique"] and work.connection.row["listed_at"] is None:
                stage_keys(work)
            pull(work, full=self.order.full, sweep=self.order.by_person)
            self._see_clashes_together(work)
        if work.dry:
            self._foresee_fetch(work)
        elif not work.tally.deferred:  # an approval that is used up lets nothing more through
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
            if work.tally.deferred:
                return

    def _foresee_fetch(self, work: Work) -> None:
        """Plan what waits to be read again: a feed that has told of a record does not tell of it twice."""
        with work.database.reading() as tx:
            refs = {
                subject_of(ref): ref for ref in jobs.waiting(tx, work.connection_id, "fetch", FETCH_BATCH)
            }
            known = runs.plan_digests(tx, self.run_id, list(refs))
        read_again(work, [ref for subject, ref in refs.items() if subject not in known])

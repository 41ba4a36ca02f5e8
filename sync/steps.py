"""The steps of a run: pull, fetch what was hinted, push; each in its lane, planned or applied."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass

from sync.lanes import lane
from sync.pull import pull, read_again, stage_keys
from sync.push import push
from sync.report import Tally
from sync.resync import resync_records
from sync.services import OpenConnector, Services
from sync.settle import settle_orphans
from sync.store import conflicts, connections, jobs, links, runs
from sync.store.connections import StoredConnection
from sync.store.jobs import Claim
from sync.store.query import now
from sync.work import LEASE_SECONDS, Approval, Progress, Work

FETCH_BATCH = 500
LANES = {
    "sync": ("pull", "push"),
    "resync": ("pull", "push"),
    "plan": ("pull", "push"),
    "pull": ("pull",),
    "fetch": ("pull",),
    "push": ("push",),
}
"""Kind of run → the lanes that it holds while it is at work."""


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
    opened: OpenConnector
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
            claims = (
                ()
                if dry
                else tuple(
                    stack.enter_context(lane(self.services, self.connection, each, self.progress))
                    for each in kinds
                )
            )
            work = self._work(claims, dry=dry, braked=braked)
            settle_orphans(work)
            if self.order.keys is not None:
                resync_records(work, self.order.keys)
                return
            if "pull" in kinds:
                self._look(work)
            if "push" in kinds:
                work.connection = self.connection = self._reload()
                push(work)

    def _work(self, claims: tuple[Claim, ...], *, dry: bool, braked: bool) -> Work:
        with self.services.database.transaction() as tx:
            self.connection = connections.load(tx, self.connection.id)
            if claims:
                # Whoever holds a lane knows that no other run is at work in it.
                rivals = [kind for kind, lanes in LANES.items() if set(lanes) & set(LANES[self.order.kind])]
                runs.abandon(tx, self.connection.id, kinds=rivals, but=self.run_id)
                runs.save(tx, self.run_id, state="running")
            return Work(
                database=self.services.database,
                connector=self.opened.connector,
                connection=self.connection,
                claims=claims,
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
        while True:
            with work.database.transaction() as tx:
                claims = jobs.claim_many(
                    tx,
                    owner=self.services.owner,
                    lease_seconds=LEASE_SECONDS,
                    connection_id=self.connection.id,
                    kind="fetch",
                    limit=FETCH_BATCH,
                )
            if not claims:
                return
            before = Counter(work.tally.held)
            read_again(work, [claim.key for claim in claims])
            work.tally.held = before | work.tally.held
            with work.database.transaction() as tx:
                jobs.finish_many(tx, claims)

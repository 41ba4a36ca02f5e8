"""Push: what changed here goes to the CRM, planned again against what the CRM has at that moment.

Dirty links are read back in batches, planned, and written with their intents stored first. Whatever did
not land stays in an intent, a conflict, or a link that is still dirty; so a crash loses nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from connectors.port import Update
from sync.apply import PlannedRecord
from sync.core.actions import UpdateCrm, UpdateCustomer, subject_of
from sync.core.coded import with_codes
from sync.core.safety import Load, trips
from sync.crash import crash_here
from sync.create import create_missing
from sync.ingest import Batch, ingest
from sync.late import kept_if_late
from sync.missing import choose, count_missing
from sync.reading import read
from sync.receipts import SentUpdate, settle_updates
from sync.situation import Situation
from sync.store import intents, links, runs
from sync.store.intents import NewIntent
from sync.store.links import StoredLink
from sync.store.session import Tx
from sync.work import BrakeError, Work
from sync.writing import write

MAX_PASSES = 3


def push(work: Work) -> None:
    """Write every pending change of a connection, and every creation if the run is to create.

    Raises:
        BrakeError: too much would change; nothing was written.
    """
    chosen = choose(work) if work.creates else None
    _expect(work, chosen)
    for _ in range(MAX_PASSES):
        if not _push_dirty(work):
            break
    if work.creates:
        create_missing(work, only=chosen)


def _expect(work: Work, chosen: Sequence[str] | None) -> None:
    """Count in SQL what is about to be written, before the first write.

    The brake exempts decisions of people.
    """
    with work.database.reading() as tx:
        dirty, undecided = links.count_dirty(tx, work.connection_id)
        created = count_missing(tx, work) if work.creates and chosen is None else len(chosen or ())
    work.tally.of = work.tally.done + dirty + created
    if not work.braked or work.dry:
        return
    total = work.base_load.plus(work.tally.load).plus(Load(undecided + created))
    reason = trips(total, work.links, work.limits)
    if reason is not None:
        raise BrakeError(reason)


def _push_dirty(work: Work) -> int:
    """One pass over the dirty links; returns how many are to be tried again soon."""
    after, again = "", 0
    while True:
        with work.database.reading() as tx:
            batch = links.dirty(tx, work.connection_id, after, work.connector.capabilities.read_batch)
            done = _already_planned(tx, work, batch)
        if not batch:
            return again
        after = batch[-1].id
        again += push_links(work, [link.ref for link in batch if link.ref not in done])
        work.progress({"event": "pushed", **work.tally.progress()})


def _already_planned(tx: Tx, work: Work, batch: Sequence[StoredLink]) -> set[str]:
    """In a dry run: records that the pull's part of this plan speaks of already."""
    if not work.dry:
        return set()
    subjects = {subject_of(link.ref): link.ref for link in batch}
    return {subjects[subject] for subject in runs.plan_digests(tx, work.run_id, list(subjects))}


@dataclass(slots=True)
class _Outgoing:
    """What planning wants written, with the link and the version read of each record."""

    work: Work
    versions: dict[str, str]
    planned: list[tuple[UpdateCrm, str, int]] = field(default_factory=list)
    intents: list[NewIntent] = field(default_factory=list)

    def store(self, tx: Tx, situation: Situation, planned: Sequence[PlannedRecord]) -> Callable[[], None]:
        """Keep an intent for each update, in the transaction that planned it.

        Returns:
            What makes them to be sent, once that transaction is committed.
        """
        wanted: list[tuple[UpdateCrm, str, int]] = []
        made: list[NewIntent] = []
        for record in planned:
            link = situation.links.get(record.looked.ref)
            for action in record.plan.actions:
                if not isinstance(action, UpdateCrm) or link is None:
                    continue
                version = situation.customers[link.customer_id].row["version"]
                moved = any(isinstance(each, UpdateCustomer) for each in record.plan.actions)
                wanted.append((action, link.id, version + moved))
                made.append(
                    NewIntent(
                        kind="update",
                        customer_id=link.customer_id,
                        link_id=link.id,
                        ref=action.ref,
                        external_id=action.external_id,
                        fields={path: change.after for path, change in action.changes.items()},
                        before={path: change.before for path, change in action.changes.items()},
                        version_read=self.versions.get(action.ref),
                    )
                )
        if made:
            intents.store(tx, self.work.writer, self.work.run_id, made)

        def stored() -> None:
            self.planned += wanted
            self.intents += made

        return stored


def push_links(work: Work, refs: Sequence[str]) -> int:
    """Read records back, plan them against what is there now, and write; see `settle_updates`."""
    if not refs:
        return 0
    work.keep_lease()
    fetched_at = work.now()
    found = read(work, refs)
    crash_here("push.read_back")
    observations = found.observations(refs)
    outgoing = _Outgoing(work, {each.ref: each.version for each in observations})
    pulled, unchanged = work.tally.pulled, work.tally.unchanged
    ingest(
        work,
        Batch(
            observations=observations,
            refused=found.refused,
            fetched_at=fetched_at,
            force=True,
            planned=outgoing.store,
        ),
    )
    # Reading back is part of writing: it is not counted as pulled.
    work.tally.pulled, work.tally.unchanged = pulled, unchanged
    if not outgoing.planned:
        return 0
    crash_here("push.intent_stored")
    work.keep_lease()
    updates = [
        Update(
            ref=action.ref,
            fields=with_codes({path: change.after for path, change in action.changes.items()}),
            expected_version=outgoing.versions[action.ref],
            before={path: change.before for path, change in action.changes.items()},
            external_id=action.external_id,
        )
        for action, _, _ in outgoing.planned
    ]
    with kept_if_late(work, outgoing.intents):
        sent = [
            SentUpdate(action, link_id, version, receipt, foreign)
            for (action, link_id, version), (receipt, foreign) in zip(
                outgoing.planned, write(work, updates), strict=True
            )
        ]
        crash_here("push.sent")
        return settle_updates(work, sent)

"""The one common way of a CRM record into Concord, whichever of the four feeds it comes from.

Changes since the cursor, hinted refs, records that a push read back, records that a person asked for: all
become observations, and an observation is digested, decoded if that is new, planned, and applied.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from connectors.port import Observation, Presence
from sync.again import whom_it_bears_on
from sync.apply import PlannedRecord, apply
from sync.core.actions import RecordPlan, UpdateCrm, subject_of
from sync.core.departed import plan_departed
from sync.core.ownership import claims, settle_emails
from sync.core.plan import plan_invalid, plan_out_of_scope, plan_record
from sync.core.safety import HOLDS, Load, load_of, outgoing_load, trips
from sync.core.scope import in_scope
from sync.crash import crash_here
from sync.look import drifted, is_news, look, same_meaning, unreadable
from sync.preview import allowed, keep_plans
from sync.reading import believed
from sync.situation import Looked, Situation, load
from sync.store import customers, sightings
from sync.store.session import Tx
from sync.store.sightings import Sighting
from sync.touched import look_again
from sync.work import BrakeError, Work


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Observations of one page.

    Args:
        observations: the records.
        fetched_at: `Work.now` before the CRM was asked.
        force: plan also what has not changed since it was last seen.
        listed: it is of a listing, which may be behind.
        refused: records that the CRM does not show, by ref, with the reason; they are quarantined.
        after: committed with the page's effects (the cursor).
        planned: told what was planned, in the same transaction (the push stores its intents there). What it
            returns is called once that is committed: of an attempt that failed nothing goes on.
    """

    observations: Sequence[Observation]
    fetched_at: datetime
    force: bool = False
    listed: bool = False
    refused: Mapping[str, str] = field(default_factory=dict)
    after: Callable[[Tx], None] | None = None
    planned: Callable[[Tx, Situation, Sequence[PlannedRecord]], Callable[[], None]] | None = None


def ingest(work: Work, batch: Batch) -> None:
    """Take in one page: its effects and `after` are committed together, or not at all.

    If the page fails on one record, it is split until that record is alone and quarantined with its
    reason; the rest lands.

    Raises:
        BrakeError: the page would pass the limits; nothing of it was written.
    """
    with work.database.reading() as tx:
        refs = [*(each.ref for each in batch.observations), *batch.refused]
        seen = sightings.load(tx, work.connection_id, refs)
    fresh = [
        look(work, each) for each in batch.observations if batch.force or is_news(each, seen.get(each.ref))
    ]
    respelled = [] if batch.force else [each for each in fresh if same_meaning(each, seen.get(each.ref))]
    known = {each.ref for each in respelled}
    news: Sequence[Looked] = [each for each in fresh if each.ref not in known]
    if batch.listed:
        news = believed(work, news, seen, force=batch.force)
    news = [*news, *(unreadable(ref, why, seen.get(ref)) for ref, why in batch.refused.items())]
    different = [each.observation for each in (*respelled, *news)]
    work.tally.drift += drifted(different, seen, before=work.compared_before)
    work.tally.unchanged += len(batch.observations) + len(batch.refused) - len(news)
    # Departures go first: a merge's winner can only be told from a rival once the link has moved, and the
    # question of a merge stands above that of a deletion.
    for presence in (Presence.MERGED, Presence.DELETED):
        if gone := [each for each in news if each.observation.presence is presence]:
            _take(work, _Portion(gone, seen, batch), [], lambda _tx: None)
    news = [each for each in news if each.observation.presence is Presence.LIVE]
    _take(work, _Portion(news, seen, batch), respelled, batch.after)
    work.tally.pulled += sum(each.presence is Presence.LIVE for each in batch.observations)
    work.tally.done += len(batch.observations) + len(batch.refused)


@dataclass(frozen=True, slots=True)
class _Portion:
    """Records that are planned together in one transaction."""

    records: Sequence[Looked]
    seen: dict[str, Sighting]
    batch: Batch

    def part(self, records: Sequence[Looked]) -> _Portion:
        """Some of its records."""
        return _Portion(records, self.seen, self.batch)


def _take(
    work: Work, portion: _Portion, respelled: Sequence[Looked], after: Callable[[Tx], None] | None
) -> None:
    def finish(tx: Tx) -> None:
        if respelled and not work.dry:
            sightings.save(tx, work.connection_id, [each.sighting() for each in respelled])
        if after is not None and not work.dry:
            after(tx)

    if not portion.records and not respelled and after is None:
        return
    try:
        _attempt(work, portion, finish)
    except IntegrityError:
        # Another process made a customer or link of this page, or saw a record of it, first: look again at
        # what is there now.
        with work.database.reading() as tx:
            refs = [each.observation.ref for each in portion.records]
            seen = sightings.load(tx, work.connection_id, refs)
        _attempt_or_split(work, _Portion(portion.records, seen, portion.batch), finish)
    except DBAPIError as error:
        if not portion.records or error.connection_invalidated:
            raise
        _attempt_or_split(work, portion, finish)


def _attempt_or_split(work: Work, portion: _Portion, finish: Callable[[Tx], None]) -> None:
    try:
        _attempt(work, portion, finish)
    except DBAPIError as error:
        if not portion.records or error.connection_invalidated or isinstance(error, OperationalError):
            raise  # a deadlock and the like are no record's fault
        records = portion.records
        if len(records) == 1:
            refused = _refused(records[0], error)
            _attempt(work, portion.part([refused]), finish)
            return
        half = len(records) // 2
        for part in (records[:half], records[half:]):
            _attempt_or_split(work, portion.part(part), lambda _tx: None)
        _attempt(work, portion.part([]), finish)


def _refused(looked: Looked, error: DBAPIError) -> Looked:
    """A record that the database will not take; the driver's text may hold values, its type does not."""
    reason = f"the database refuses it ({type(error.orig).__name__})"
    return Looked(
        observation=looked.observation,
        fields={},
        digest=looked.observation.digest,
        external_id=None,
        invalid=("", reason),
    )


def _attempt(work: Work, portion: _Portion, finish: Callable[[Tx], None]) -> None:
    before = work.tally.snapshot()
    remaining = work.approval.remaining.copy() if work.approval else None
    committed: Callable[[], None] | None = None
    try:
        with work.database.transaction() as tx:
            if portion.records:
                committed = _plan_and_apply(tx, work, portion)
            finish(tx)
            crash_here("page.before_commit")
    except BaseException:
        work.tally.restore(before)
        if work.approval is not None and remaining is not None:
            work.approval.remaining = remaining
        raise
    if committed is not None:
        committed()


def _plan_and_apply(tx: Tx, work: Work, portion: _Portion) -> Callable[[], None] | None:
    situation = load(tx, work, portion.records)
    left = [each for each in portion.records if _must_wait(each, situation, portion.batch.fetched_at)]
    waiting = {each.ref for each in left}
    records = [
        _bare(each) if situation.erased(each) else each for each in portion.records if each.ref not in waiting
    ]
    plans = _settle_emails(tx, work, [plan(each, situation, work) for each in records])
    planned = list(map(PlannedRecord, records, plans))
    if work.approval is not None:
        planned, beyond = allowed(tx, work.approval, situation, planned)
        work.tally.deferred += len(beyond)
        waiting |= {record.looked.ref for record in beyond}  # the feed has told of them, and will not again
    _brake(work, situation, [record.plan for record in planned])
    work.tally.looked([record.plan for record in planned])
    if work.dry:
        keep_plans(tx, work, situation, planned)
        return None
    apply(tx, situation, planned, fetched_at=portion.batch.fetched_at, known=portion.seen)
    committed = portion.batch.planned(tx, situation, planned) if portion.batch.planned else None
    again = waiting | whom_it_bears_on(tx, situation, planned, portion.seen)
    if again:
        look_again(tx, work.organisation_id, work.connection_id, sorted(again))
    return committed


def plan(looked: Looked, situation: Situation, work: Work) -> RecordPlan:
    """Plan one record, whatever became of it."""
    if looked.erased:
        return RecordPlan(ref=looked.ref, subjects=(subject_of(looked.ref),))
    if looked.fields and not in_scope(work.policy.scope, looked.fields, looked.external_id):
        return plan_out_of_scope(looked.ref)
    if looked.invalid is not None:
        customer = situation.customer_of(looked)
        customer_id = customer.id if customer else None
        rows = situation.open_rows(looked)
        return plan_invalid(looked.ref, *looked.invalid, rows, customer_id=customer_id, raw=looked.raw)
    if looked.observation.presence is not Presence.LIVE:
        return plan_departed(situation.departure(looked), situation.open_rows(looked))
    return plan_record(situation.standing(looked), situation.open_rows(looked), work.policy)


def _bare(looked: Looked) -> Looked:
    """The record of somebody who was erased: nothing of it is kept but that it was seen."""
    return replace(looked, fields={}, external_id=None, invalid=None, raw=None, erased=True)


def _must_wait(looked: Looked, situation: Situation, fetched_at: datetime) -> bool:
    """Whether a record is being written just now, or was planned from a later look than this one."""
    link = situation.links.get(looked.ref)
    if link is not None and link.row["observed_at"] > fetched_at:
        return True
    customer = situation.customer_of(looked)
    return customer is not None and customer.id in situation.writing


def _settle_emails(tx: Tx, work: Work, plans: list[RecordPlan]) -> list[RecordPlan]:
    wanted = {address for plan in plans if (address := claims(plan))}
    if not wanted:
        return plans
    return settle_emails(plans, customers.email_owners(tx, work.organisation_id, wanted))


def _brake(work: Work, situation: Situation, plans: Sequence[RecordPlan]) -> None:
    known = frozenset(
        (row.row["subject"], row.conflict().kind)
        for rows in situation.queue.values()
        for row in rows
        if row.conflict().kind in HOLDS
    )
    total = work.tally.load.plus(load_of(plans, known=known))
    if work.braked:
        updates = [action for plan in plans for action in plan.actions if isinstance(action, UpdateCrm)]
        outgoing = Load(0, outgoing_load(updates).blanked)  # the push counts its records itself
        reason = trips(work.base_load.plus(total).plus(outgoing), work.links, work.limits)
        if reason is not None:
            raise BrakeError(reason)
    work.tally.load = total

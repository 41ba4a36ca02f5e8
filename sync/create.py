"""Create: customers with an external id that a CRM does not have yet, each exactly once.

Only after one complete listing of the connection. The external ids are looked up first, by the id and
never by search; a create of unknown outcome leaves its intent, which the next run settles the same way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlalchemy import and_, select

from connectors.port import Create, Observation
from connectors.records import FieldValue
from sync.core import normalise
from sync.core.actions import Conflict, ConflictKind, CreateCrm, RecordPlan, customer_subject
from sync.core.coded import with_codes
from sync.core.policy import Policy
from sync.core.valid import withheld
from sync.crash import crash_here
from sync.created import SentCreate, outbound, settle_creates
from sync.ingest import Batch, ingest
from sync.kept import keep_questions
from sync.late import kept_if_late
from sync.missing import fits, missing
from sync.preview import describe
from sync.store import customers, intents, runs
from sync.store.customers import StoredCustomer
from sync.store.intents import NewIntent
from sync.store.query import one_of, rows
from sync.store.schema import customers as table
from sync.store.session import Tx
from sync.work import Work
from sync.writing import write

BATCH = 200
OTHERS = "the CRM's record with this external id is joined to another customer"
UNSEEN = "the CRM says that another record has this external id; it cannot be seen, or is another customer's"


def create_missing(work: Work, *, only: Sequence[str] | None = None) -> None:
    """Create every missing customer in the CRM (or those of `only` that are missing), batch by batch.

    Who is in scope is chosen before, see `choose`.
    """
    if work.connection.row["listed_at"] is None and not work.dry:
        return
    after, start = "", 0
    size = max(BATCH, work.connector.capabilities.write_batch)
    while True:
        with work.database.reading() as tx:
            statement = select(table.c.id, table.c.external_id).where(missing(work), table.c.id > after)
            if only is not None:
                statement = statement.where(customers.by_ids(only[start : start + size]))
            batch = rows(tx, statement.order_by(table.c.id).limit(size))
        start += size
        if only is None:
            after = batch[-1]["id"] if batch else after
        if not batch and (only is None or start >= len(only)):
            return
        keys = {row["external_id"]: row["id"] for row in batch}
        if not keys:
            continue
        work.tally.done += len(batch)
        if work.dry:
            work.keep_lease()
            _plan_batch(work, list(keys.values()))
        else:
            _create_batch(work, _look_up(work, keys))
        work.progress({"event": "created", **work.tally.progress()})


def _look_up(work: Work, keys: dict[str, str]) -> list[str]:
    """Take in records that exist after all; returns the customers for which there is none."""
    work.keep_lease()
    fetched_at = work.now()
    found = work.connector.find_by_external_id(list(keys))
    crash_here("create.looked_up")
    if found:
        ingest(work, Batch(observations=found, fetched_at=fetched_at, force=True))
    there = _refs_by_key(found)
    refs = {customer_id: there.get(normalise.fold(key)) for key, customer_id in keys.items()}
    _queue_unjoined(work, {each: ref for each, ref in refs.items() if ref is not None}, OTHERS)
    return [customer_id for customer_id, ref in refs.items() if ref is None]


def _refs_by_key(found: Sequence[Observation]) -> dict[str, str]:
    """Records by folded external id."""
    keyed = ((normalise.external_id(each.external_id), each.ref) for each in found)
    return {normalise.fold(key): ref for key, ref in keyed if key}


def _queue_unjoined(work: Work, refs: Mapping[str, str | None], why: str) -> None:
    """Customers whose key the CRM has, and that stand in no link and no doubt even so, wait for a person.

    Without a row they would be looked up again for ever, and nobody would know.
    """
    if not refs or work.approval is not None:  # what an approval does not cover waits for the next one
        return
    with work.database.transaction() as tx:
        left = customers.load(
            tx, work.organisation_id, and_(customers.by_ids(refs), missing(work)), lock=True
        )
        rows_wanted = [
            Conflict(
                kind=ConflictKind.PUSH_REJECTED,
                subject=customer_subject(customer.id),
                ref=refs[customer.id],
                customer_id=customer.id,
                reasons=({"field": "external_id", "why": why},),
            )
            for customer in left
        ]
        keep_questions(tx, work, rows_wanted, work.now())


def values_for(customer: StoredCustomer, policy: Policy) -> dict[str, FieldValue]:
    """The values with which a customer is created in the CRM."""
    values = outbound(customer, policy)
    held = withheld(values, policy)
    return {path: value for path, value in values.items() if path not in held and not normalise.blank(value)}


def _plan_batch(work: Work, customer_ids: Sequence[str]) -> None:
    with work.database.transaction() as tx:
        found = customers.load(tx, work.organisation_id, customers.by_ids(customer_ids))
        planned = []
        plans = []
        for customer in found:
            action = CreateCrm(
                customer_id=customer.id,
                external_id=customer.row["external_id"],
                fields=values_for(customer, work.policy),
            )
            plan = RecordPlan(ref=None, customer_id=customer.id, actions=(action,))
            plans.append(plan)
            planned.append(
                {
                    "subject": customer_subject(customer.id),
                    "customer_id": customer.id,
                    "digest": customer.row["version"].to_bytes(16, "big"),
                    "actions": describe(plan),
                }
            )
        runs.save_plans(tx, work.run_id, planned)
        work.tally.planned(plans)


def _create_batch(work: Work, customer_ids: Sequence[str]) -> None:
    if not customer_ids:
        return
    work.keep_lease()
    with work.database.transaction() as tx:
        made = _intend(tx, work, customer_ids)
    if not made:
        return
    crash_here("create.intent_stored")
    batch = [
        Create(external_id=customer.row["external_id"], fields=values_for(customer, work.policy))
        for customer in made
    ]
    with kept_if_late(work, [_intent(work, customer) for customer in made]):
        sent = [replace(each, fields=with_codes(each.fields)) for each in batch]
        receipts = [receipt for receipt, _ in write(work, sent)]
        crash_here("create.sent")
        there = settle_creates(work, list(map(SentCreate, made, batch, receipts)))
    if there:
        _take_in(work, there)


def _take_in(work: Work, external_ids: Sequence[str]) -> None:
    """Records that someone made in the meantime: link and compare them like any other."""
    work.keep_lease()
    fetched_at = work.now()
    found = work.connector.find_by_external_id(external_ids)
    ingest(work, Batch(observations=found, fetched_at=fetched_at, force=True))
    there = _refs_by_key(found)
    with work.database.reading() as tx:
        wanted = one_of(table.c.external_id, external_ids)
        ids = {
            each.id: each.row["external_fold"] for each in customers.load(tx, work.organisation_id, wanted)
        }
    _queue_unjoined(work, {each: there.get(key) for each, key in ids.items()}, UNSEEN)


def _intend(tx: Tx, work: Work, customer_ids: Sequence[str]) -> list[StoredCustomer]:
    """Lock the customers that are still missing, keep those within an approval, store their intents."""
    still = and_(customers.by_ids(customer_ids), missing(work))
    found = customers.load(tx, work.organisation_id, still, lock=True)
    found = [customer for customer in found if fits(work, customer)]
    if work.approval is not None:
        digests = runs.plan_digests(
            tx, work.approval.run_id, [customer_subject(customer.id) for customer in found]
        )
        covered = []
        for customer in found:
            exact = digests.get(customer_subject(customer.id)) == customer.row["version"].to_bytes(16, "big")
            if exact or work.approval.remaining["create_remote"] > 0:
                work.approval.remaining["create_remote"] -= 1
                covered.append(customer)
        work.tally.deferred += len(found) - len(covered)
        found = covered
    intents.store(tx, work.writer, work.run_id, [_intent(work, customer) for customer in found])
    return found


def _intent(work: Work, customer: StoredCustomer) -> NewIntent:
    return NewIntent(
        kind="create",
        customer_id=customer.id,
        external_id=customer.row["external_id"],
        fields=values_for(customer, work.policy),
        before={},
    )

"""Create: customers with an external id that a CRM does not have yet, each exactly once.

Only after one complete listing of the connection. The external ids are looked up first, by the id and
never by search; a create of unknown outcome leaves its intent, which the next run settles the same way.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import and_, exists, func, select

from connectors.port import Create
from connectors.records import FieldValue
from sync.core import normalise
from sync.core.actions import CreateCrm, RecordPlan, customer_subject
from sync.core.policy import Policy
from sync.created import SentCreate, settle_creates
from sync.ingest import Batch, ingest
from sync.preview import describe
from sync.store import conflicts, customers, intents, runs
from sync.store.customers import StoredCustomer
from sync.store.intents import NewIntent
from sync.store.query import rows
from sync.store.schema import customers as table
from sync.store.schema import links as links_table
from sync.store.session import Tx
from sync.store.worktables import intents as intents_table
from sync.work import Work

BATCH = 200


def missing_on(organisation_id: str, connection_id: str) -> Any:
    """Condition: to be created there. No link of any state, no open doubt, no intent under way."""
    linked = exists().where(
        links_table.c.connection_id == connection_id, links_table.c.customer_id == table.c.id
    )
    intended = exists().where(
        intents_table.c.connection_id == connection_id, intents_table.c.customer_id == table.c.id
    )
    return and_(
        table.c.organisation_id == organisation_id,
        table.c.deleted_at.is_(None),
        table.c.external_id.is_not(None),
        ~linked,
        ~intended,
        table.c.id.not_in(conflicts.customers_with_doubts(connection_id)),
        table.c.external_fold.not_in(conflicts.doubtful_keys(connection_id)),
    )


def _missing(work: Work) -> Any:
    condition = missing_on(work.organisation_id, work.connection_id)
    if work.dry:
        return and_(condition, table.c.id.not_in(runs.planned_customers(work.run_id)))
    return condition


def count_missing(tx: Tx, work: Work) -> int:
    """How many customers are to be created in the CRM."""
    if work.connection.row["listed_at"] is None:
        return 0
    return int(tx.execute(select(func.count()).select_from(table).where(_missing(work))).scalar_one())


def create_missing(work: Work, *, only: Sequence[str] | None = None) -> None:
    """Create every missing customer in the CRM (or those of `only` that are missing), batch by batch."""
    if work.connection.row["listed_at"] is None and not work.dry:
        return
    after = ""
    size = max(BATCH, work.connector.capabilities.write_batch)
    while True:
        with work.database.reading() as tx:
            statement = select(table.c.id, table.c.external_id).where(_missing(work), table.c.id > after)
            if only is not None:
                statement = statement.where(customers.by_ids(only))
            batch = rows(tx, statement.order_by(table.c.id).limit(size))
        if not batch:
            return
        after = batch[-1]["id"]
        keys = {row["external_id"]: row["id"] for row in batch}
        if work.dry:
            _plan_batch(work, list(keys.values()))
            continue
        missing = _look_up(work, keys)
        _create_batch(work, missing)
        work.progress({"event": "created", "created": work.tally.created_remote})


def _look_up(work: Work, keys: dict[str, str]) -> list[str]:
    """Take in records that exist after all; returns the customers for which there is none."""
    work.keep_lease()
    fetched_at = work.now()
    found = work.connector.find_by_external_id(list(keys))
    if found:
        ingest(work, Batch(observations=found, fetched_at=fetched_at, force=True))
    there = {normalise.fold(key) for each in found if (key := normalise.external_id(each.external_id))}
    return [customer_id for key, customer_id in keys.items() if normalise.fold(key) not in there]


def values_for(customer: StoredCustomer, policy: Policy) -> dict[str, FieldValue]:
    """The values with which a customer is created in the CRM."""
    values = {path: customer.value(path) for path in policy.fields if policy.rule(path).outbound}
    values.setdefault("customer_name", customer.value("customer_name"))
    return {path: value for path, value in values.items() if not normalise.blank(value)}


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
    batch = [
        Create(external_id=customer.row["external_id"], fields=values_for(customer, work.policy))
        for customer in made
    ]
    receipts = work.connector.write(batch)
    there = settle_creates(work, list(map(SentCreate, made, batch, receipts)))
    if there:
        _take_in(work, there)


def _take_in(work: Work, external_ids: Sequence[str]) -> None:
    """Records that someone made in the meantime: link and compare them like any other."""
    work.keep_lease()
    fetched_at = work.now()
    found = work.connector.find_by_external_id(external_ids)
    ingest(work, Batch(observations=found, fetched_at=fetched_at, force=True))


def _intend(tx: Tx, work: Work, customer_ids: Sequence[str]) -> list[StoredCustomer]:
    """Lock the customers that are still missing, keep those within an approval, store their intents."""
    still = and_(customers.by_ids(customer_ids), _missing(work))
    found = customers.load(tx, work.organisation_id, still, lock=True)
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
    intents.store(
        tx,
        work.writer,
        work.run_id,
        [
            NewIntent(
                kind="create",
                customer_id=customer.id,
                external_id=customer.row["external_id"],
                fields=values_for(customer, work.policy),
                before={},
            )
            for customer in found
        ],
    )
    return found

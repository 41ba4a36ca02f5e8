"""Which customers a CRM does not have yet, of those that are its connection's business."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import and_, exists, func, select

from sync.core.scope import KEY, in_scope, root
from sync.store import customers, doubts, runs
from sync.store.customers import StoredCustomer
from sync.store.schema import customers as table
from sync.store.schema import links as links_table
from sync.store.schema import sightings as sightings_table
from sync.store.session import Tx
from sync.store.worktables import intents as intents_table
from sync.work import Work

PAGE = 5_000


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
        table.c.id.not_in(doubts.customers_with_doubts(connection_id)),
        table.c.external_fold.not_in(doubts.doubtful_keys(connection_id)),
    )


def missing(work: Work) -> Any:
    """Condition: to be created in the CRM at work, if it is in scope; see `choose`."""
    condition = missing_on(work.organisation_id, work.connection_id)
    if work.policy.scope:
        condition = and_(condition, ~_there_unjoined(work.connection_id))
    if work.dry:
        return and_(condition, table.c.id.not_in(runs.planned_customers(work.run_id)))
    return condition


def count_missing(tx: Tx, work: Work) -> int:
    """How many customers are to be created in the CRM, in scope or not."""
    if work.connection.row["listed_at"] is None:
        return 0
    return int(tx.execute(select(func.count()).select_from(table).where(missing(work))).scalar_one())


def choose(work: Work, only: Sequence[str] | None = None) -> Sequence[str] | None:
    """The missing customers that are in scope, of all or of `only`; None is all.

    Those that are not are counted. One pass, by the columns that the scope asks for.
    """
    if not work.policy.scope or (work.connection.row["listed_at"] is None and not work.dry):
        return only
    condition = missing(work) if only is None else and_(missing(work), customers.by_ids(only))
    paths = sorted({root(each.field) for each in work.policy.scope} - {KEY})
    chosen: list[str] = []
    after = ""
    while True:
        with work.database.reading() as tx:
            page = customers.narrow_page(tx, work.organisation_id, condition, paths, after=after, limit=PAGE)
        if not page:
            return chosen
        after = page[-1].id
        fit = [customer.id for customer in page if fits(work, customer)]
        work.tally.out_of_scope += len(page) - len(fit)
        chosen += fit


def _there_unjoined(connection_id: str) -> Any:
    """Condition: the CRM shows a record with this key that stands in no link: one that is out of scope.

    Such a customer is not to be created, in scope or not, and not to be looked up for ever.
    """
    joined = exists().where(
        links_table.c.connection_id == connection_id, links_table.c.ref == sightings_table.c.ref
    )
    return exists().where(
        sightings_table.c.connection_id == connection_id,
        sightings_table.c.external_fold == table.c.external_fold,
        ~joined,
    )


def fits(work: Work, customer: StoredCustomer) -> bool:
    """Whether a customer is in scope, as it is here."""
    scope = work.policy.scope
    if not scope:
        return True
    values = {path: customer.value(path) for each in scope if (path := root(each.field)) != KEY}
    return in_scope(scope, values, customer.row["external_id"])

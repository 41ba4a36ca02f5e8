"""A person's decision on a row of a file that the address check held: no record stands behind it."""

from __future__ import annotations

from connectors.records import to_json
from sync.core import normalise
from sync.core.actions import Conflict
from sync.core.address import Outcome, check
from sync.core.diff import as_address
from sync.core.quarantine import verdict_reasons
from sync.decisions import FIELD_KINDS, Decision, Subject, accept_elsewhere, choose, refuse_taken_email
from sync.errors import Conflicted
from sync.store import conflicts, customers
from sync.store.query import now
from sync.store.runs import ANSWER, AppliedChange
from sync.store.session import Database, Tx
from sync.touched import release_emails, touch_customers


def of_file(row: Conflict) -> bool:
    """Whether a row of the queue asks about a file: those about values of a CRM name its record."""
    return row.kind in FIELD_KINDS and row.ref is None


def settle_row(tx: Tx, organisation_id: str, subject: Subject, decision: Decision) -> AppliedChange:
    """Take what was decided as an edit of a person; returns it, also if no value changes by it.

    Raises:
        BadInput: a value is wrong, or another customer's.
        Conflicted: the customer is gone.
    """
    customer = subject.customer
    if customer is None or customer.row["deleted_at"] is not None:
        raise Conflicted("The customer is gone; the row will close itself.")
    chosen = {} if decision.dismiss else choose(subject, decision)
    news = {
        path: value
        for path, value in chosen.items()
        if not normalise.identical(path, value, customer.value(path))
    }
    if news:
        refuse_taken_email(tx, organisation_id, customer.id, news.get("email"))
        customers.update_many(tx, [(customer, news)], subject.at, keys={})
        touch_customers(tx, [customer.id], subject.at)
        release_emails(tx, organisation_id, [(customer, news)])
    if "address" in news:
        accept_elsewhere(tx, customer, news["address"], subject.at)
    return AppliedChange(
        side="local",
        action=ANSWER,
        customer_id=customer.id,
        link_id=None,
        ref=None,
        fields={path: [to_json(customer.value(path)), to_json(value)] for path, value in news.items()},
        details={"bumps": bool(news)},
    )


def renew(database: Database, organisation_id: str, conflict_id: str) -> None:
    """Bring a row that asks about a file level with its customer, as no look at a CRM ever does."""
    with database.transaction() as tx:
        stored = conflicts.find(tx, organisation_id, conflict_id)
        if stored is None or stored.row["state"] != conflicts.OPEN or not of_file(stored.conflict()):
            return
        row, at = stored.conflict(), now(tx)
        mine = customers.by_ids([str(row.customer_id)])
        found = customers.load(tx, organisation_id, mine, lock=True)
        customer = found[0] if found and found[0].row["deleted_at"] is None else None
        verdict = check(
            as_address(customer.value("address") if customer else None), as_address(row.remote.get("address"))
        )
        same = {"address"} if verdict.outcome in (Outcome.MATCH, Outcome.EQUIVALENT) else set()
        left = [
            path
            for path, value in row.remote.items()
            if customer and path not in same and not normalise.same(path, customer.value(path), value)
        ]
        if customer is None or not left:
            conflicts.close(tx, [stored.id], conflicts.SUPERSEDED, at)
            return
        fresh = Conflict(
            kind=row.kind,
            subject=row.subject,
            customer_id=row.customer_id,
            local={path: customer.value(path) for path in left},
            remote={path: row.remote[path] for path in left},
            reasons=verdict_reasons(verdict),
        )
        conflicts.open_more(
            tx,
            organisation_id=organisation_id,
            connection_id=stored.row["connection_id"],
            wanted=[fresh],
            run_id=stored.row["run_id"],
            at=at,
        )

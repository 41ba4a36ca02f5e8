"""What follows from the receipts of creations: links are made, refusals go to the queue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from connectors.errors import AlreadyExists, ConnectorError, Fatal, Retryable
from connectors.port import Create, Failed, Landed, Receipt
from connectors.records import Fields, FieldValue
from sync.clock import new_id
from sync.core import normalise
from sync.core.actions import Conflict, customer_subject
from sync.core.diff import Pair
from sync.core.landing import after_receipt
from sync.core.match import LinkState
from sync.core.policy import Policy
from sync.core.safety import Load
from sync.core.valid import question, withheld
from sync.crash import crash_here
from sync.kept import keep_applied, keep_questions
from sync.look import look
from sync.receipts import agrees, rejected
from sync.situation import Looked
from sync.store import customers, intents, links, sightings
from sync.store.customers import StoredCustomer
from sync.store.runs import AppliedChange
from sync.store.session import Tx
from sync.store.sightings import Sighting
from sync.work import Work


def outbound(customer: StoredCustomer, policy: Policy) -> dict[str, FieldValue]:
    """What a connection sends of a customer, blank or not, whether it may go or not."""
    values = {path: customer.value(path) for path in policy.fields if policy.rule(path).outbound}
    values.setdefault("customer_name", customer.value("customer_name"))
    return values


@dataclass(frozen=True, slots=True)
class SentCreate:
    """A creation as it was sent, and its receipt."""

    customer: StoredCustomer
    create: Create
    receipt: Receipt


@dataclass(slots=True)
class _Outcome:
    links: list[dict[str, Any]] = field(default_factory=list)
    applied: list[AppliedChange] = field(default_factory=list)
    rows: list[Conflict] = field(default_factory=list)
    settled: list[str] = field(default_factory=list)
    seen: list[Sighting] = field(default_factory=list)
    there: list[str] = field(default_factory=list)
    fatal: ConnectorError | None = None


def settle_creates(work: Work, sent: Sequence[SentCreate]) -> list[str]:
    """Link what was made, queue what was refused, clear the intents of both.

    Returns:
        External ids that exist in the CRM after all.

    Raises:
        Fatal: the CRM refuses everything; what is settled has been kept.
        LeaseLostError: another process has taken over, and settles them.
    """
    looked = [
        look(work, each.receipt.stored) if isinstance(each.receipt, Landed) and each.receipt.stored else None
        for each in sent
    ]
    outcome = _Outcome()
    with work.database.transaction() as tx:
        work.hold(tx)
        at = work.now()
        ids = [each.customer.id for each in sent]
        fresh = {
            customer.id: customer
            for customer in customers.load(tx, work.organisation_id, customers.by_ids(ids), lock=True)
        }
        for each, stored in zip(sent, looked, strict=True):
            if isinstance(each.receipt, Landed):
                _landed(work, outcome, _Arrival(each, fresh[each.customer.id], each.receipt.ref, stored, at))
            elif isinstance(each.receipt, Failed):
                _failed(work, outcome, each, each.receipt.error)
            # An unknown outcome leaves its intent: the next run settles it.
        _write(tx, work, outcome, at)
        crash_here("created.before_commit")
    crash_here("created.kept")
    if outcome.fatal is not None:
        raise outcome.fatal
    return outcome.there


@dataclass(frozen=True, slots=True)
class _Arrival:
    """A creation that landed: the customer as it is by now, the new record, and what it holds."""

    sent: SentCreate
    fresh: StoredCustomer
    ref: str
    stored: Looked | None
    at: datetime


def _landed(work: Work, outcome: _Outcome, arrival: _Arrival) -> None:
    customer, stored = arrival.sent.customer, arrival.stored
    readable: Fields | None = stored.fields if stored is not None and stored.invalid is None else None
    baseline = first_baseline(work, customer, arrival.sent.create.fields, readable)
    changed = arrival.fresh.row["version"] != customer.row["version"]
    row = links.new_row(
        link_id=new_id(),
        organisation_id=work.organisation_id,
        connection_id=work.connection_id,
        customer_id=customer.id,
        ref=arrival.ref,
        state=LinkState.DETACHED if arrival.fresh.row["deleted_at"] else LinkState.ACTIVE,
        baseline=baseline,
        map_version=work.connection.map_version,
        planned_version=customer.row["version"],
        dirty_why="edit" if changed else None,
        observed_at=arrival.at,
        at=arrival.at,
    )
    outcome.links.append(row)
    outcome.settled.append(customer.id)
    outcome.applied.append(create_change(row))
    outcome.rows += [
        question(
            path,
            ref=arrival.ref,
            customer_id=customer.id,
            local=customer.value(path),
            remote=readable.get(path) if readable is not None else None,
            policy=work.policy,
        )
        for path in sorted(withheld(outbound(customer, work.policy), work.policy))
    ]
    if stored is not None and readable is not None and agrees(baseline, readable):
        outcome.seen.append(stored.sighting())
    work.tally.created_remote += 1
    work.tally.load = work.tally.load.plus(Load(1))


def create_change(link: Mapping[str, Any]) -> AppliedChange:
    """The applied change of a creation, by the link that was made of it."""
    return AppliedChange(
        side="crm",
        action="create_crm",
        customer_id=link["customer_id"],
        link_id=link["id"],
        ref=link["ref"],
    )


def first_baseline(
    work: Work, customer: StoredCustomer, sent: Fields, stored: Fields | None
) -> dict[str, Pair]:
    """What a customer and the record made of it agree on: what was sent, and what is blank on both."""
    baseline = dict(after_receipt(sent, stored))
    for path in work.policy.fields:
        ours, theirs = customer.value(path), stored.get(path) if stored is not None else None
        if path not in baseline and normalise.blank(ours) and normalise.blank(theirs):
            baseline[path] = (None, None)
    return baseline


def _failed(work: Work, outcome: _Outcome, sent: SentCreate, error: ConnectorError) -> None:
    """Settle a creation that is known not to have landed; what can be retried is looked for again soon."""
    customer = sent.customer
    outcome.settled.append(customer.id)
    if isinstance(error, AlreadyExists):
        outcome.there.append(sent.create.external_id)
    elif isinstance(error, Fatal):
        outcome.fatal = error
    elif isinstance(error, Retryable):
        work.unmade += 1
    else:
        subject = customer_subject(customer.id)
        outcome.rows.append(rejected(subject, sent.create.fields, error, ref=None, customer_id=customer.id))


def _write(tx: Tx, work: Work, outcome: _Outcome, at: datetime) -> None:
    links.insert_many(tx, outcome.links)
    keep_applied(tx, work, outcome.applied, at)
    intents.clear_of(tx, work.connection_id, outcome.settled)
    keep_questions(tx, work, outcome.rows, at)
    sightings.save(tx, work.connection_id, outcome.seen)

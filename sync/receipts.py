"""What follows from a CRM's receipts: baselines move to what has landed, and intents are settled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from connectors.errors import (
    AlreadyExists,
    ConnectorError,
    Fatal,
    InvalidRecord,
    NotFound,
    Precondition,
    Retryable,
    VersionMismatch,
)
from connectors.port import Failed, Landed, Receipt
from connectors.records import JSON, Fields, FieldValue
from sync.apply import changes_as_json
from sync.core import normalise
from sync.core.actions import Conflict, ConflictKind, UpdateCrm, subject_of
from sync.core.diff import Baseline
from sync.core.landing import Purpose, after_receipt, agreed_after, merged
from sync.core.match import key_there
from sync.core.safety import outgoing_load
from sync.core.scope import KEY
from sync.crash import crash_here
from sync.kept import keep_applied, keep_questions
from sync.look import look
from sync.situation import Looked
from sync.store import customers, intents, links, sightings
from sync.store.baselines import unpack_pairs
from sync.store.customers import StoredCustomer
from sync.store.links import StoredLink
from sync.store.query import one_of
from sync.store.runs import AppliedChange
from sync.store.schema import customers as customers_table
from sync.store.session import Tx
from sync.store.sightings import Sighting
from sync.touched import look_again
from sync.work import Work


@dataclass(frozen=True, slots=True)
class SentUpdate:
    """An update as it was sent, with its receipt and the foreign values that it overwrote unseen."""

    action: UpdateCrm
    link_id: str
    planned_version: int
    receipt: Receipt
    overwrote: Fields
    purpose: Purpose = Purpose.UPDATE

    @property
    def values(self) -> Fields:
        """What was sent."""
        return {path: change.after for path, change in self.action.changes.items()}


@dataclass(slots=True)
class _Outcome:
    """The rows that a batch of receipts amounts to."""

    link_changes: list[tuple[StoredLink, Mapping[str, Any]]] = field(default_factory=list)
    applied: list[AppliedChange] = field(default_factory=list)
    rows: list[Conflict] = field(default_factory=list)
    settled: list[str] = field(default_factory=list)  # customers whose intent is settled
    seen: list[Sighting] = field(default_factory=list)
    vanished: list[str] = field(default_factory=list)


def settle_updates(work: Work, sent: Sequence[SentUpdate]) -> int:
    """Bring links, queue and intents level with the receipts of one batch of updates.

    Returns:
        How many are to be tried again soon.

    Raises:
        Fatal: the CRM refuses everything; what is settled has been kept.
        LeaseLostError: another process has taken over, and settles them.
    """
    outcome, again = _Outcome(), 0
    fatal: ConnectorError | None = None
    stored = {
        each.action.ref: look(work, each.receipt.stored)
        for each in sent
        if isinstance(each.receipt, Landed) and each.receipt.stored is not None
    }
    with work.database.transaction() as tx:
        work.hold(tx)  # another one may have settled these intents already, and have stored its own
        at = work.now()
        fresh = _fresh(tx, work, [each.action.customer_id for each in sent])
        locked = {
            link.id: link
            for link in links.load(
                tx, work.connection_id, links.by_ids(each.link_id for each in sent), lock=True
            )
        }
        for each in sent:
            link = locked.get(each.link_id)
            if link is None:
                continue
            if isinstance(each.receipt, Landed):
                customer = fresh.get(each.action.customer_id)
                arrival = _Arrival(each, link, customer, stored.get(each.action.ref), at)
                columns = _landed(work, outcome, arrival)
                current = customer is not None and customer.row["version"] == each.planned_version
                if current and each.purpose is Purpose.UPDATE:
                    columns |= {"dirty_at": None, "dirty_why": None}
                outcome.link_changes.append((link, columns))
            elif isinstance(each.receipt, Failed):
                again += _failed(outcome, each, link, each.receipt.error)
                if isinstance(each.receipt.error, Fatal):
                    fatal = each.receipt.error
            # An unknown outcome leaves its intent: the next read of the record settles it.
        _write(tx, work, outcome, at)
        crash_here("receipts.before_commit")
    crash_here("receipts.kept")
    if fatal is not None:
        raise fatal
    return again


def _fresh(tx: Tx, work: Work, customer_ids: Sequence[str]) -> dict[str, StoredCustomer]:
    table = customers_table
    found = customers.load(tx, work.organisation_id, one_of(table.c.id, customer_ids), lock=True)
    return {each.id: each for each in found}


@dataclass(frozen=True, slots=True)
class _Arrival:
    """An update that landed: its link, its customer as it is by now, and the record read after it."""

    sent: SentUpdate
    link: StoredLink
    customer: StoredCustomer | None
    stored: Looked | None
    at: datetime


def _landed(work: Work, outcome: _Outcome, arrival: _Arrival) -> dict[str, Any]:
    """Gather what follows from a landed update; returns the link's new columns."""
    sent, link, stored, at = arrival.sent, arrival.link, arrival.stored, arrival.at
    readable = stored.fields if stored is not None and stored.invalid is None else None
    known = unpack_pairs(link.row["baseline"]) or {}
    news = agreed_after(sent.purpose, known, after_receipt(sent.values, readable))
    baseline = merged(known, news)
    columns: dict[str, Any] = {
        "baseline": baseline,
        "observed_at": at,
        "written_back": _written_back(link, sent, at),
    }
    columns["accepted"] = {
        p: pair for p, pair in (link.row["accepted"] or {}).items() if p not in news
    } or None
    if sent.action.external_id is not None:
        columns["accepted_key"] = None
    outcome.settled.append(sent.action.customer_id)
    outcome.applied.append(update_change(sent.action, link, sent.purpose))
    ours = ours_of(sent.action, sent.purpose, arrival.customer)
    outcome.rows += [
        overwritten_row(sent.action, path, foreign, ours) for path, foreign in sent.overwrote.items()
    ]
    work.tally.updated_remote += 1
    work.tally.load = work.tally.load.plus(outgoing_load([sent.action]))
    work.tally.overwritten += bool(sent.action.overwrites)
    if stored is not None and readable is not None and agrees(baseline, readable):
        outcome.seen.append(stored.sighting())
    return links.packed(columns)


def agrees(baseline: Baseline, stored: Fields) -> bool:
    """Whether the CRM's side is exactly as the baseline has it, so that the next look finds no news."""
    return all(
        path in baseline and normalise.equal(baseline[path][1], value) for path, value in stored.items()
    )


def _written_back(link: StoredLink, sent: SentUpdate, at: datetime) -> Mapping[str, list[str]] | None:
    """When an edit in the CRM was last overwritten by our value, per field; old times are dropped."""
    since = (at - links.WRITEBACK_WINDOW).isoformat()
    times: dict[str, list[str]] = {}
    for path, stamps in (link.row["written_back"] or {}).items():
        if recent := [stamp for stamp in stamps if stamp > since]:
            times[path] = recent
    for path in sent.action.overwrites:
        times.setdefault(path, []).append(at.isoformat())
    return times or None


def ours_of(action: UpdateCrm, purpose: Purpose, customer: StoredCustomer | None) -> Fields:
    """Our values of the fields that were written: what was sent, unless the CRM got its own value back."""
    if purpose is Purpose.UPDATE or customer is None:
        return {path: change.after for path, change in action.changes.items()}
    return {path: customer.value(path) for path in action.changes}


def update_change(action: UpdateCrm, link: StoredLink, purpose: Purpose = Purpose.UPDATE) -> AppliedChange:
    """The applied change of an update that landed, with the pairs that the baseline had before."""
    fields: dict[str, JSON] = changes_as_json(action.changes)
    before = {path: pair for path, pair in (link.row["baseline"] or {}).items() if path in fields}
    if action.external_id is not None:
        fields["external_id"] = [None, action.external_id]
    return AppliedChange(
        side="crm",
        action="reopen_crm" if purpose is Purpose.REOPEN else "update_crm",
        customer_id=action.customer_id,
        link_id=link.id,
        ref=action.ref,
        fields=fields,
        before_baseline=before,
    )


def overwritten_row(action: UpdateCrm, path: str, foreign: FieldValue, ours: Fields) -> Conflict:
    """The row for a foreign value that our write overwrote before anybody had seen it."""
    return Conflict(
        kind=ConflictKind.FIELD_CONFLICT,
        subject=subject_of(action.ref),
        field=path,
        ref=action.ref,
        customer_id=action.customer_id,
        local={path: ours.get(path)},
        remote={path: foreign},
        landed={path: action.changes[path].after},
        reasons=({"why": "overwritten_unseen"},),
        sticky=True,
    )


def _failed(outcome: _Outcome, sent: SentUpdate, link: StoredLink, error: ConnectorError) -> bool:
    """Settle a write that is known not to have landed; True if it is to be tried again soon."""
    outcome.settled.append(sent.action.customer_id)
    if isinstance(error, NotFound):
        outcome.vanished.append(sent.action.ref)
        return False
    if isinstance(error, Retryable | VersionMismatch | Fatal):
        return not isinstance(error, Fatal)
    if isinstance(error, Precondition | InvalidRecord) and sent.purpose is Purpose.UPDATE:
        row = _refused(sent.action, link, error)
        outcome.rows.append(row)
        if len(row.local) < len(sent.values) + (sent.action.external_id is not None):
            return True  # one field alone was refused: the others can go without it
        outcome.link_changes.append((link, {"dirty_at": None, "dirty_why": None}))
    return False


def _refused(action: UpdateCrm, link: StoredLink, error: ConnectorError) -> Conflict:
    """The row for an update that the CRM refused: of one field, or the external id, if that is to blame."""
    before: dict[str, FieldValue] = {path: change.before for path, change in action.changes.items()}
    values: dict[str, FieldValue] = {path: change.after for path, change in action.changes.items()}
    if action.external_id is not None:
        before[KEY], values[KEY] = key_there(link.row["accepted_key"]), action.external_id
        if isinstance(error, AlreadyExists):
            error = InvalidRecord(KEY, error.reason)
    row = rejected(subject_of(action.ref), values, error, ref=action.ref, customer_id=link.customer_id)
    named = error.field if isinstance(error, InvalidRecord) and error.field in values else ""
    return replace(row, field=named, remote={path: before[path] for path in row.local})


def rejected(
    subject: str, values: Fields, error: ConnectorError, *, ref: str | None, customer_id: str
) -> Conflict:
    """The row for a write that the CRM refused, with its reason; of one field alone if the CRM named it."""
    named = error.field if isinstance(error, InvalidRecord) else ""
    why = error.detail if isinstance(error, InvalidRecord) else error.reason
    held = {named: values[named]} if named in values else dict(values)
    return Conflict(
        kind=ConflictKind.PUSH_REJECTED,
        subject=subject,
        ref=ref,
        customer_id=customer_id,
        local=held,
        reasons=({"field": named, "why": why},),
    )


def _write(tx: Tx, work: Work, outcome: _Outcome, at: datetime) -> None:
    links.update_many(tx, outcome.link_changes)
    keep_applied(tx, work, outcome.applied, at)
    intents.clear_of(tx, work.connection_id, outcome.settled)
    keep_questions(tx, work, outcome.rows, at)
    sightings.save(tx, work.connection_id, outcome.seen)
    if outcome.vanished:
        look_again(tx, work.organisation_id, work.connection_id, outcome.vanished)

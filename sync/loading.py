"""Customers loaded from a file of JSON lines: streamed, in batches, each line taken or named."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from connectors.records import JSON, FieldValue
from connectors.strict import UnreadableError, read_json
from sync.billed import HELD, PARENT, held_to_parents
from sync.clock import new_id
from sync.core import normalise
from sync.errors import BadInput
from sync.intake import checked, parse_customer
from sync.references import References
from sync.store import audit, customers
from sync.store.query import now
from sync.store.session import Database
from sync.taking import email_of
from sync.touched import ask_to_create, release_emails, touch_customers

LOAD_BATCH = 1_000
MAX_LINE = 1_000_000


@dataclass(slots=True)
class LoadReport:
    """What loading a file did. `rejected`: line number, field and reason of each line not taken."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: list[dict[str, JSON]] = field(default_factory=list)


def load(
    database: Database,
    organisation_id: str,
    lines: Iterable[bytes],
    *,
    actor: str,
    progress: Callable[[LoadReport], None],
) -> LoadReport:
    """Add or update customers from JSON lines, streamed; a line that cannot be taken is named, not skipped.

    A line whose external id is known changes that customer; loading the same file twice does nothing.
    """
    report = LoadReport()
    batch: dict[str, tuple[int, str | None, dict[str, FieldValue]]] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            external_id, fields = _read(line)
        except BadInput as error:
            _reject(report, number, error.fields)
            continue
        key = external_id or f"\0{number}"
        if key in batch:
            _take(database, organisation_id, list(batch.values()), report, actor)
            batch.clear()
        batch[key] = (number, external_id, fields)
        if len(batch) >= LOAD_BATCH:
            _take(database, organisation_id, list(batch.values()), report, actor)
            batch.clear()
            progress(report)
    _take(database, organisation_id, list(batch.values()), report, actor)
    progress(report)
    return report


def _read(line: bytes) -> tuple[str | None, dict[str, FieldValue]]:
    given = parse_customer(_parse(line))
    if given.connector is not None:
        raise BadInput("no link", fields={"connector": "can be given only where one customer is added"})
    return checked(given)


def _parse(line: bytes) -> object:
    if len(line) > MAX_LINE:
        raise BadInput("too long", fields={"": f"the line is longer than {MAX_LINE:,} bytes"})
    try:
        return read_json(line.removeprefix(b"\xef\xbb\xbf"))
    except UnreadableError as error:
        raise BadInput(
            "not JSON", fields={error.field: f"the line cannot be read: {error.reason}"}
        ) from error


def _reject(report: LoadReport, number: int, fields: Mapping[str, JSON]) -> None:
    for name, why in fields.items():
        report.rejected.append({"line": number, "field": name, "reason": why})


def _take(
    database: Database,
    organisation_id: str,
    batch: Sequence[tuple[int, str | None, dict[str, FieldValue]]],
    report: LoadReport,
    actor: str,
) -> None:
    """Take one batch in one transaction; whose e-mail address is taken is refused, the others land."""
    if not batch:
        return
    with database.transaction() as tx:
        keys = [external_id for _, external_id, _ in batch if external_id]
        known = {
            each.row["external_id"]: each
            for each in customers.load(tx, organisation_id, customers.by_external_ids(keys), lock=True)
            if each.row["deleted_at"] is None
        }
        owners = customers.email_owners(
            tx, organisation_id, {address for _, _, fields in batch if (address := email_of(fields))}
        )
        named = References(tx, organisation_id, [fields for *_, fields in batch])
        given = [(known[key], fields) for _, key, fields in batch if key in known]
        held = held_to_parents(tx, organisation_id, given)
        fresh, changed = [], []
        for number, external_id, fields in batch:
            customer = known.get(external_id) if external_id else None
            made = customer.id if customer else new_id()
            address = email_of(fields)
            if address and owners.setdefault(address, made) != made:
                _reject(report, number, {"email": "belongs to another customer"})
                continue
            news = {
                path: value
                for path, value in fields.items()
                if customer is None or not normalise.identical(path, customer.value(path), value)
            }
            try:
                news = dict(named.resolved(customer.id if customer else None, news))
            except BadInput as error:
                _reject(report, number, error.fields)
                continue
            if customer is None:
                fresh.append((made, external_id, news))
                continue
            if "business_entity_id" in news and customer.row["business_entity_id"] is not None:
                _reject(report, number, {"business_entity_id": "cannot be changed once it is set"})
            elif PARENT in news and customer.id in held:
                _reject(report, number, {PARENT: HELD})
            elif news:
                changed.append((customer, news))
            else:
                report.unchanged += 1
        at = now(tx)
        customers.insert_many(tx, organisation_id, fresh, at)
        if fresh:
            ask_to_create(tx, organisation_id)
        if changed:
            customers.update_many(tx, changed, at, keys={})
            touch_customers(tx, [customer.id for customer, _ in changed], at)
            release_emails(tx, organisation_id, changed)
        details: dict[str, JSON] = {"created": len(fresh), "updated": len(changed)}
        audit.write(tx, organisation_id, actor=actor, action="customers.loaded", subject="", details=details)
    report.created += len(fresh)
    report.updated += len(changed)

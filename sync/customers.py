"""Customers changed here: added, edited, deleted, loaded. Every change marks the links and is audited."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import or_

from connectors.records import JSON, Fields, FieldValue, to_json
from connectors.strict import UnreadableError, read_json
from sync.clock import new_id
from sync.core import normalise
from sync.core.match import LinkState
from sync.errors import BadInput, NotFoundError
from sync.intake import read_assignment, read_customer
from sync.store import audit, conflicts, customers
from sync.store.customers import StoredCustomer
from sync.store.query import now
from sync.store.schema import customers as table
from sync.store.schema import links as links_table
from sync.store.session import Database, Tx
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


def find(tx: Tx, organisation_id: str, name: str, *, lock: bool = False) -> StoredCustomer:
    """A customer by external id, id, or the beginning of its id.

    Raises:
        NotFoundError: there is none, or several.
    """
    exact = or_(table.c.external_id == normalise.text(name), table.c.id == name)
    found = [
        each
        for each in customers.load(tx, organisation_id, exact, lock=lock)
        if each.row["deleted_at"] is None or each.id == name
    ]
    if not found and len(name) >= 8:
        found = customers.load(tx, organisation_id, table.c.id.startswith(name, autoescape=True), lock=lock)
    if len(found) != 1:
        what = "There is no customer" if not found else "There are several customers"
        raise NotFoundError(f"{what} with the id {name}.", cure="See them with: concord customers list")
    return found[0]


def add(database: Database, organisation_id: str, data: Mapping[str, JSON], *, actor: str) -> str:
    """Add one customer; returns its id.

    Raises:
        BadInput: a field is wrong, or the external id or e-mail address is another customer's.
    """
    external_id, fields = read_customer(data)
    with database.transaction() as tx:
        _refuse_taken(tx, organisation_id, external_id, fields)
        made, at = new_id(), now(tx)
        customers.insert_many(tx, organisation_id, [(made, external_id, fields)], at)
        ask_to_create(tx, organisation_id)
        _note(tx, organisation_id, made, actor=actor, action="customer.added", before={}, after=fields)
    return made


def change(
    database: Database, organisation_id: str, name: str, assignments: Sequence[str], *, actor: str
) -> tuple[str, dict[str, JSON]]:
    """Set fields of one customer; returns its id and what changed, path → [before, after].

    Raises:
        NotFoundError: there is no such customer.
        BadInput: a value is wrong, taken, or may not change.
    """
    with database.transaction() as tx:
        customer = find(tx, organisation_id, name, lock=True)
        wanted: dict[str, FieldValue] = {}
        for text in assignments:
            path, value = read_assignment(text, {**_addresses(customer), **wanted})
            wanted[path] = value
        fields = {
            path: value
            for path, value in wanted.items()
            if path != "external_id" and not normalise.identical(path, customer.value(path), value)
        }
        keys = {}
        if "external_id" in wanted and wanted["external_id"] != customer.row["external_id"]:
            keys[customer.id] = normalise.external_id(str(wanted["external_id"] or ""))
        entity = customer.row["business_entity_id"]
        if "business_entity_id" in fields and entity is not None:
            raise BadInput("business_entity_id: cannot be changed once it is set.")
        key = keys.get(customer.id) if keys else None
        _refuse_taken(tx, organisation_id, key, fields, but=customer.id)
        before = {path: customer.value(path) for path in fields}
        if fields or keys:
            at = now(tx)
            customers.update_many(tx, [(customer, fields)], at, keys=keys)
            touch_customers(tx, [customer.id], at)
            release_emails(tx, organisation_id, [(customer, fields)])
            if keys:
                ask_to_create(tx, organisation_id)
                before["external_id"], fields = customer.row["external_id"], {**fields, "external_id": key}
            action = "customer.changed"
            _note(tx, organisation_id, customer.id, actor=actor, action=action, before=before, after=fields)
    return customer.id, {path: [to_json(before[path]), to_json(fields[path])] for path in fields}


def _addresses(customer: StoredCustomer) -> dict[str, FieldValue]:
    return {path: customer.value(path) for path in ("address", "ship_to_address")}


def delete(database: Database, organisation_id: str, name: str, *, actor: str) -> str:
    """Delete a customer here; its links are detached, and the CRM records stay as they are.

    Raises:
        NotFoundError: there is no such customer.
    """
    with database.transaction() as tx:
        customer = find(tx, organisation_id, name, lock=True)
        at = now(tx)
        customers.soft_delete(tx, [customer.id], at)
        tx.execute(
            links_table.update()
            .where(links_table.c.customer_id == customer.id)
            .values(state=LinkState.DETACHED.value, dirty_at=None, dirty_why=None)
        )
        rows = conflicts.listing(tx, organisation_id, customer_id=customer.id, limit=1_000)
        conflicts.close(tx, [row.id for row in rows], conflicts.SUPERSEDED, at)
        release_emails(tx, organisation_id, [(customer, {"email": None})])
        _note(tx, organisation_id, customer.id, actor=actor, action="customer.deleted", before={}, after={})
    return customer.id


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
            external_id, fields = read_customer(_parse(line))
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
            tx, organisation_id, {address for _, _, fields in batch if (address := _email(fields))}
        )
        fresh, changed = [], []
        for number, external_id, fields in batch:
            customer = known.get(external_id) if external_id else None
            made = customer.id if customer else new_id()
            address = _email(fields)
            if address and owners.setdefault(address, made) != made:
                _reject(report, number, {"email": "belongs to another customer"})
                continue
            if customer is None:
                fresh.append((made, external_id, fields))
                continue
            news = {
                path: value
                for path, value in fields.items()
                if not normalise.identical(path, customer.value(path), value)
            }
            if "business_entity_id" in news and customer.row["business_entity_id"] is not None:
                _reject(report, number, {"business_entity_id": "cannot be changed once it is set"})
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


def _email(fields: Fields) -> str | None:
    value = fields.get("email")
    return normalise.email(value) if isinstance(value, str) and value.strip() else None


def _refuse_taken(
    tx: Tx, organisation_id: str, external_id: str | None, fields: Fields, *, but: str | None = None
) -> None:
    wrong: dict[str, JSON] = {}
    if external_id:
        for other in customers.load(tx, organisation_id, table.c.external_id == external_id):
            if other.id != but and other.row["deleted_at"] is None:
                wrong["external_id"] = f"belongs to another customer ({other.id[:12]})"
    address = _email(fields)
    if address:
        owner = customers.email_owners(tx, organisation_id, [address]).get(address)
        if owner not in (None, but):
            wrong["email"] = f"belongs to another customer ({str(owner)[:12]})"
    if wrong:
        text = "; ".join(f"{name}: {why}" for name, why in wrong.items())
        raise BadInput(f"The customer cannot be taken: {text}.", fields=wrong)


def _note(
    tx: Tx, organisation_id: str, customer_id: str, *, actor: str, action: str, before: Fields, after: Fields
) -> None:
    fields: dict[str, JSON] = {
        path: [to_json(before.get(path)), to_json(value)] for path, value in after.items()
    }
    audit.write(
        tx, organisation_id, actor=actor, action=action, subject=customer_id, details={"fields": fields}
    )

"""Customers changed here: added, edited, deleted. Every change marks the links and is audited."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import or_

from connectors.records import JSON, Fields, FieldValue, to_json
from sync import lives
from sync.billed import refuse_another_parent, refuse_while_billed
from sync.clock import new_id
from sync.core import normalise
from sync.crash import crash_here
from sync.errors import BadInput, NotFoundError
from sync.intake import CustomerChange, CustomerInput, checked, read_assignment
from sync.joining import ReadRef, join
from sync.references import resolved
from sync.store import audit, customers
from sync.store.customers import StoredCustomer
from sync.store.query import expect, now
from sync.store.schema import customers as table
from sync.store.session import Database, Tx
from sync.taking import one_of_two, refuse_large, refuse_taken
from sync.touched import ask_to_create, release_emails, touch_customers


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


def add(
    database: Database,
    organisation_id: str,
    given: CustomerInput,
    *,
    actor: str,
    read_ref: ReadRef = lambda _connector, ref: ref,
) -> str:
    """Add one customer; returns its id. Where it names the CRM record that it comes from, both are linked.

    Raises:
        BadInput: a field is wrong.
        Taken: the external id, the e-mail address or the CRM record is another customer's.
    """
    external_id, parsed = checked(given)
    with database.transaction() as tx:
        fields = resolved(tx, organisation_id, None, parsed)
        refuse_large(fields)
        refuse_taken(tx, organisation_id, external_id, fields)
        made, at = new_id(), now(tx)
        with one_of_two(tx, lambda: refuse_taken(tx, organisation_id, external_id, fields)):
            customers.insert_many(tx, organisation_id, [(made, external_id, fields)], at)
        if given.connector is not None:
            join(tx, organisation_id, (made, external_id), given.connector, at, read_ref=read_ref)
        ask_to_create(tx, organisation_id)
        _note(tx, organisation_id, made, actor=actor, action="customer.added", before={}, after=fields)
    return made


def change(
    database: Database, organisation_id: str, name: str, assignments: Sequence[str], *, actor: str
) -> tuple[str, dict[str, JSON]]:
    """Set fields of one customer, each `field=value`: its id, and what changed, path → [before, after].

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
        return customer.id, write(tx, organisation_id, customer, wanted, actor=actor)


def patch(
    database: Database,
    organisation_id: str,
    customer_id: str,
    given: CustomerChange,
    *,
    actor: str,
    version: int | None,
) -> None:
    """Set the given fields of one customer, unless it has changed since it was read.

    An address is replaced whole, and so is the list of tax ids; members of `custom_data` and
    `custom_attributes` are set one by one, and null removes one.

    Args:
        database: where it is kept.
        organisation_id: whose it is.
        customer_id: which.
        given: the fields, as they came in.
        actor: who does it.
        version: that was read; None if the caller does not care.

    Raises:
        NotFoundError: there is no such customer, or it is deleted.
        VersionMoved: it has another version.
        BadInput: a value is wrong, taken, or may not change.
    """
    external_id, wanted = checked(given)
    if "external_id" in given.model_fields_set:
        wanted["external_id"] = external_id
    with database.transaction() as tx:
        customer = living(tx, organisation_id, customer_id, lock=True)
        expect(customer.row, version)
        if "tax_info" in given.model_fields_set:
            wanted = {**dict.fromkeys(customer.tax), **wanted}
        write(tx, organisation_id, customer, wanted, actor=actor)
        crash_here("edit.before_commit")


def _news(customer: StoredCustomer, fields: Fields) -> dict[str, FieldValue]:
    return {
        path: value
        for path, value in fields.items()
        if not normalise.identical(path, customer.value(path), value)
    }


def living(tx: Tx, organisation_id: str, customer_id: str, *, lock: bool = False) -> StoredCustomer:
    """The customer of this id.

    Raises:
        NotFoundError: there is none, or it is deleted.
    """
    if lock:
        found = next(iter(customers.load(tx, organisation_id, table.c.id == customer_id, lock=True)), None)
    else:
        found = customers.one(tx, organisation_id, customer_id)
    if found is None or found.row["deleted_at"] is not None:
        raise NotFoundError("There is no customer of this id.")
    return found


def write(
    tx: Tx, organisation_id: str, customer: StoredCustomer, wanted: Fields, *, actor: str
) -> dict[str, JSON]:
    """Write values to a locked customer, with all that follows; what changed, path → [before, after].

    Raises:
        BadInput: a value is taken, or may not change.
    """
    given = {path: value for path, value in wanted.items() if path != "external_id"}
    fields = _news(customer, resolved(tx, organisation_id, customer.id, _news(customer, given)))
    keys = {}
    if "external_id" in wanted and wanted["external_id"] != customer.row["external_id"]:
        keys[customer.id] = normalise.external_id(str(wanted["external_id"] or ""))
    entity = customer.row["business_entity_id"]
    if "business_entity_id" in fields and entity is not None:
        why = "cannot be changed once it is set"
        raise BadInput(f"business_entity_id: {why}.", fields={"business_entity_id": why})
    refuse_another_parent(tx, organisation_id, customer, fields)
    key = keys.get(customer.id) if keys else None
    refuse_large(fields, customer.row)
    refuse_taken(tx, organisation_id, key, fields, but=customer.id)
    before, news = {path: customer.value(path) for path in fields}, fields
    if fields or keys:
        at = now(tx)
        with one_of_two(tx, lambda: refuse_taken(tx, organisation_id, key, news, but=customer.id)):
            customers.update_many(tx, [(customer, fields)], at, keys=keys)
        touch_customers(tx, [customer.id], at)
        release_emails(tx, organisation_id, [(customer, fields)])
        if keys:
            ask_to_create(tx, organisation_id)
            before["external_id"], fields = customer.row["external_id"], {**fields, "external_id": key}
        action = "customer.changed"
        _note(tx, organisation_id, customer.id, actor=actor, action=action, before=before, after=fields)
    return {path: [to_json(before[path]), to_json(fields[path])] for path in fields}


def _addresses(customer: StoredCustomer) -> dict[str, FieldValue]:
    return {path: customer.value(path) for path in ("address", "ship_to_address")}


def delete(database: Database, organisation_id: str, name: str, *, actor: str) -> str:
    """Delete a customer here; its links are detached, and the CRM records stay as they are.

    Raises:
        NotFoundError: there is no such customer.
        BadInput: contracts that run bill it, or count on it to pay.
    """
    with database.transaction() as tx:
        customer = find(tx, organisation_id, name, lock=True)
        _delete(tx, organisation_id, customer, actor=actor)
    return customer.id


def remove(
    database: Database, organisation_id: str, customer_id: str, *, actor: str, version: int | None
) -> None:
    """As `delete`, for a caller who knows the id, and the version unless it does not care.

    Raises:
        NotFoundError: there is no such customer, or it is deleted.
        VersionMoved: it has another version.
    """
    with database.transaction() as tx:
        customer = living(tx, organisation_id, customer_id, lock=True)
        expect(customer.row, version)
        _delete(tx, organisation_id, customer, actor=actor)


def _delete(tx: Tx, organisation_id: str, customer: StoredCustomer, *, actor: str) -> None:
    at = now(tx)
    refuse_while_billed(tx, organisation_id, customer.id, at)
    lives.delete(tx, organisation_id, [customer], at, actor=actor)


def _note(
    tx: Tx, organisation_id: str, customer_id: str, *, actor: str, action: str, before: Fields, after: Fields
) -> None:
    fields: dict[str, JSON] = {
        path: [to_json(before.get(path)), to_json(value)] for path, value in after.items()
    }
    audit.write(
        tx, organisation_id, actor=actor, action=action, subject=customer_id, details={"fields": fields}
    )

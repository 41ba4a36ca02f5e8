"""Customers and their tax ids: read as views for planning, written set-wise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, func, literal, or_, select, update

from connectors.records import ADDRESS_FIELDS, Fields, FieldValue, from_json, to_json
from sync.core import normalise
from sync.core.match import CustomerView, LinkState
from sync.store import bulk, taxnumbers
from sync.store.query import After, Row, as_list, as_object, one_of, rows, sliced
from sync.store.schema import connections, customers, links, tax_ids
from sync.store.session import Tx

_COLUMNS = ("customer_name", "email", "phone_number", "business_entity_id", "parent_customer_id")
_FLAGS = ("communications_enabled", "auto_charge_enabled")
_MUTABLE = (
    *("external_id", "external_fold", *_COLUMNS, *_FLAGS, "email_fold"),
    *("address", "ship_to_address", "custom_data", "custom_attributes"),
)


@dataclass(frozen=True, slots=True)
class StoredCustomer:
    """A customer row with its tax numbers, from which any set of fields can be viewed.

    `origin`: connection's name and ref of its first link, where it was read to be shown.
    """

    row: Row
    tax: Mapping[str, str]
    origin: Sequence[str] | None = None

    @property
    def id(self) -> str:
        """The customer's id."""
        return str(self.row["id"])

    def value(self, path: str) -> FieldValue:
        """The value of one canonical field."""
        if path in ADDRESS_FIELDS:
            return from_json(path, self.row[path])
        if path.startswith("tax_info."):
            return self.tax.get(path)
        for column in ("custom_data", "custom_attributes"):
            if path.startswith(f"{column}."):
                value: FieldValue = (self.row[column] or {}).get(path.removeprefix(f"{column}."))
                return value
        stored: FieldValue = self.row[path]
        return stored

    def view(self, paths: Sequence[str]) -> CustomerView:
        """What planning sees of it."""
        return CustomerView(
            id=self.id,
            external_id=self.row["external_id"],
            version=self.row["version"],
            fields={path: self.value(path) for path in paths},
            updated_at=self.row["updated_at"],
            deleted=self.row["deleted_at"] is not None,
        )


def load(tx: Tx, organisation_id: str, *conditions: Any, lock: bool = False) -> list[StoredCustomer]:
    """Customers of an organisation that meet any of the conditions, in id order; locked if asked."""
    statement = (
        select(customers)
        .where(customers.c.organisation_id == organisation_id, or_(*conditions))
        .order_by(customers.c.id)
    )
    if lock:
        statement = statement.with_for_update(key_share=True)
    found = rows(tx, statement)
    tax = taxnumbers.numbers_of(tx, [row["id"] for row in found])
    return [StoredCustomer(row, tax.get(row["id"], {})) for row in found]


@cache
def _shown() -> Select[Any]:
    """Customers with tax numbers and origin in one statement: a reader waits for each.

    Not for rows that are locked: beside a row that it waited for, a statement reads others as they were.
    """
    key = literal("tax_info.") + tax_ids.c.country_code + "." + tax_ids.c.tax_code
    numbers = select(as_object(key, tax_ids.c.tax_id)).where(tax_ids.c.customer_id == customers.c.id)
    first = (
        select(as_list(connections.c.name, links.c.ref))
        .join(connections, connections.c.id == links.c.connection_id)
        .where(links.c.customer_id == customers.c.id, links.c.state != LinkState.DETACHED.value)
        .order_by(links.c.id)
        .limit(1)
    )
    return select(customers, numbers.scalar_subquery().label("tax"), first.scalar_subquery().label("origin"))


def _as_shown(row: Row) -> StoredCustomer:
    return StoredCustomer(row, row["tax"] or {}, row["origin"])


@cache
def _one() -> Select[Any]:
    place = (
        customers.c.organisation_id == bindparam("organisation"),
        customers.c.id == bindparam("customer"),
    )
    return _shown().where(*place)


def one(tx: Tx, organisation_id: str, customer_id: str) -> StoredCustomer | None:
    """A customer by its id, deleted or not, to be shown."""
    found = rows(tx, _one(), {"organisation": organisation_id, "customer": customer_id})
    return _as_shown(found[0]) if found else None


def some(tx: Tx, organisation_id: str, ids: Iterable[str]) -> list[StoredCustomer]:
    """Customers by their ids, deleted or not, to be shown."""
    statement = _shown().where(customers.c.organisation_id == organisation_id, by_ids(ids))
    return [_as_shown(row) for row in rows(tx, statement)]


def page(
    tx: Tx, organisation_id: str, condition: Any | None, *, after: str, limit: int
) -> list[StoredCustomer]:
    """A page of living customers in id order, those that meet a condition if one is given."""
    statement = (
        select(customers)
        .where(
            customers.c.organisation_id == organisation_id,
            customers.c.deleted_at.is_(None),
            customers.c.id > after,
        )
        .order_by(customers.c.id)
        .limit(limit)
    )
    found = rows(tx, statement if condition is None else statement.where(condition))
    tax = taxnumbers.numbers_of(tx, [row["id"] for row in found])
    return [StoredCustomer(row, tax.get(row["id"], {})) for row in found]


def search(tx: Tx, organisation_id: str, conditions: Sequence[Any], after: After) -> list[StoredCustomer]:
    """A slice of the living customers that meet every condition, to be shown."""
    statement = _shown().where(
        customers.c.organisation_id == organisation_id, customers.c.deleted_at.is_(None), *conditions
    )
    return [_as_shown(row) for row in rows(tx, sliced(statement, customers, after))]


def narrow_page(
    tx: Tx, organisation_id: str, condition: Any, paths: Sequence[str], *, after: str, limit: int
) -> list[StoredCustomer]:
    """As `page`, but only id, external id and these fields are read."""
    names = {path.partition(".")[0] for path in paths} - {"tax_info"}
    columns = [customers.c[name] for name in ("id", "external_id", *sorted(names))]
    statement = (
        select(*columns)
        .where(customers.c.organisation_id == organisation_id, customers.c.id > after, condition)
        .order_by(customers.c.id)
        .limit(limit)
    )
    found = rows(tx, statement)
    taxed = any(path.startswith("tax_info.") for path in paths)
    tax = taxnumbers.numbers_of(tx, [row["id"] for row in found]) if taxed else {}
    return [StoredCustomer(row, tax.get(row["id"], {})) for row in found]


def by_ids(ids: Iterable[str]) -> Any:
    """Condition: one of these ids."""
    return one_of(customers.c.id, ids)


def by_external_ids(external_ids: Iterable[str]) -> Any:
    """Condition: an external id that equals one of these but for its case; deleted customers too."""
    folded = {normalise.fold(external_id) for external_id in external_ids}
    return one_of(customers.c.external_fold, folded)


def email_owners(tx: Tx, organisation_id: str, folded: Iterable[str]) -> dict[str, str]:
    """Folded e-mail address → id of the customer that has it."""
    statement = select(customers.c.email_fold, customers.c.id).where(
        customers.c.organisation_id == organisation_id,
        customers.c.deleted_at.is_(None),
        one_of(customers.c.email_fold, folded),
    )
    return {row["email_fold"]: row["id"] for row in rows(tx, statement)}


def insert_many(
    tx: Tx, organisation_id: str, made: Sequence[tuple[str, str | None, Fields]], at: datetime
) -> None:
    """Insert new customers, each as (id, external id, fields)."""
    fresh, numbers = [], []
    for customer_id, external_id, fields in made:
        row, tax = _columns_of(fields)
        fresh.append(
            {
                "id": customer_id,
                "organisation_id": organisation_id,
                **_blank_row(),
                **row,
                **_key(external_id),
                "version": 1,
                "created_at": at,
                "updated_at": at,
                "deleted_at": None,
            }
        )
        numbers += taxnumbers.rows_of(customer_id, tax)
    bulk.insert(tx, customers, fresh)
    bulk.insert(tx, tax_ids, numbers)


def update_many(
    tx: Tx, changed: Sequence[tuple[StoredCustomer, Fields]], at: datetime, *, keys: Mapping[str, str | None]
) -> None:
    """Write new field values to locked customers; `keys` gives new external ids by customer id."""
    fresh, numbers, cleared, given_up = [], [], [], []
    taken: set[str] = set()
    for customer, fields in changed:
        row, tax = _columns_of(fields, customer.row)
        if customer.id in keys:
            row |= _key(keys[customer.id])
        kept = {name: customer.row[name] for name in _MUTABLE}
        fresh.append(
            {"id": customer.id, **kept, **row, "version": customer.row["version"] + 1, "updated_at": at}
        )
        if "email_fold" in row and row["email_fold"] != (before := customer.row["email_fold"]):
            taken |= {row["email_fold"]} - {None}
            given_up.append((before, customer.id))
        for path, value in tax.items():
            cleared.append((customer.id, path))
            numbers += taxnumbers.rows_of(customer.id, {path: value})
    if moving := [customer_id for address, customer_id in given_up if address in taken]:
        # What one takes of another passes through a moment in which neither has it.
        tx.execute(update(customers).where(one_of(customers.c.id, moving)).values(email_fold=None))
    bulk.update(tx, customers, ("id",), fresh)
    if cleared:
        taxnumbers.replace(tx, cleared, numbers)


def soft_delete(tx: Tx, ids: Sequence[str], at: datetime) -> None:
    """Mark customers as deleted; their e-mail address and external id are free again."""
    tx.execute(
        update(customers)
        .where(one_of(customers.c.id, ids))
        .values(deleted_at=at, updated_at=at, version=customers.c.version + 1)
    )


def count(tx: Tx, organisation_id: str) -> int:
    """Customers of an organisation that are not deleted."""
    statement = select(func.count()).where(
        customers.c.organisation_id == organisation_id, customers.c.deleted_at.is_(None)
    )
    return int(tx.execute(statement).scalar_one())


def _blank_row() -> dict[str, Any]:
    return {**dict.fromkeys(_MUTABLE), "communications_enabled": True, "auto_charge_enabled": True}


def _key(external_id: str | None) -> dict[str, str | None]:
    key = normalise.external_id(external_id)
    return {"external_id": key, "external_fold": normalise.fold(key) if key else None}


def _columns_of(fields: Fields, present: Row | None = None) -> tuple[dict[str, Any], dict[str, str | None]]:
    """Field values as table columns, and tax numbers by path."""
    row: dict[str, Any] = {}
    tax: dict[str, str | None] = {}
    for path, value in fields.items():
        if path.startswith("tax_info."):
            tax[path] = str(value) if value else None
        elif path in ADDRESS_FIELDS:
            row[path] = to_json(value)
        elif path in _COLUMNS:
            row[path] = None if normalise.blank(value) else str(value).strip()
        elif path in _FLAGS:
            row[path] = True if value is None else bool(value)
        else:
            column, _, name = path.partition(".")
            if column not in row:
                row[column] = dict((present[column] if present else None) or {})
            if normalise.blank(value):
                row[column].pop(name, None)
            else:
                row[column][name] = value
    if "email" in row:
        row["email_fold"] = normalise.email(row["email"]) if row["email"] else None
    return row, tax

"""What bears on a page of rows: the customers that they mean, who has which e-mail address, rows alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from connectors.records import FieldValue
from sync.core import normalise
from sync.imports.columns import Columns
from sync.imports.record import Fault, Given, read
from sync.references import NAMING, judged
from sync.store import customers, imports
from sync.store.customers import StoredCustomer
from sync.store.query import Row
from sync.store.session import Tx
from sync.taking import email_of


@dataclass(frozen=True, slots=True)
class Read:
    """A row with what it gives, and whom it means.

    `near`: a living customer whose external id differs in case only.
    """

    row: Row
    given: Given | Fault
    customer: StoredCustomer | None = None
    near: bool = False


@dataclass(frozen=True, slots=True)
class Scene:
    """A page of rows with everything that decides on them.

    Args:
        rows: as read.
        keys: key → the rows of the file that share it; `emails` the same of e-mail addresses.
        owners: folded e-mail address → id of the living customer that has it.
        named: (line, field) → the id of the record that a row names, or why it cannot be.
    """

    rows: Sequence[Read]
    keys: Mapping[str, Row]
    emails: Mapping[str, Row]
    owners: Mapping[str, str]
    named: Mapping[tuple[int, str], str | Fault]


def load(
    tx: Tx, organisation_id: str, run_id: str, page: Sequence[Row], columns: Columns, *, lock: bool
) -> Scene:
    """Read what bears on a page; the customers are locked if asked."""
    given = [read(row["cells"], columns) for row in page]
    found = _customers(tx, organisation_id, given, lock=lock)
    known = [_meant(row, each, found) for row, each in zip(page, given, strict=True)]
    addresses = {address for each in given if isinstance(each, Given) and (address := email_of(each.fields))}
    return Scene(
        rows=known,
        keys=imports.together(tx, run_id, "key", {row["key"] for row in page}),
        emails=imports.together(tx, run_id, "email_fold", {row["email_fold"] for row in page} - {None}),
        owners=customers.email_owners(tx, organisation_id, addresses),
        named=_named(tx, organisation_id, known),
    )


def _customers(
    tx: Tx, organisation_id: str, given: Sequence[Given | Fault], *, lock: bool
) -> dict[str, list[StoredCustomer]]:
    """Living customers by id, and by folded external id."""
    good = [each for each in given if isinstance(each, Given)]
    ids = [each.id for each in good if each.id]
    keys = [each.external_id for each in good if each.external_id]
    if not (ids or keys):
        return {}
    conditions = [customers.by_ids(ids), customers.by_external_ids(keys)]
    found: dict[str, list[StoredCustomer]] = {}
    for customer in customers.load(tx, organisation_id, *conditions, lock=lock):
        if customer.row["deleted_at"] is None:
            for name in (f"id:{customer.id}", f"key:{customer.row['external_fold']}"):
                found.setdefault(name, []).append(customer)
    return found


def _meant(row: Row, given: Given | Fault, found: Mapping[str, list[StoredCustomer]]) -> Read:
    if isinstance(given, Fault):
        return Read(row, given)
    if given.id:
        return Read(row, given, next(iter(found.get(f"id:{given.id}", ())), None))
    if not given.external_id:
        return Read(row, given)
    alike = found.get(f"key:{normalise.fold(given.external_id)}", [])
    exact = [each for each in alike if each.row["external_id"] == given.external_id]
    return Read(row, given, exact[0] if exact else None, near=len(alike) > len(exact))


def _named(tx: Tx, organisation_id: str, rows: Sequence[Read]) -> dict[tuple[int, str], str | Fault]:
    """The records that rows name and their customers do not name yet."""
    found: dict[tuple[int, str], str | Fault] = {}
    fresh: list[tuple[int, tuple[StoredCustomer | None, str, str]]] = []
    for each in rows:
        if isinstance(each.given, Fault):
            continue
        for path in NAMING:
            value = each.given.fields.get(path)
            if not isinstance(value, str):
                continue
            present = each.customer.value(path) if each.customer else None
            if _plain(present) == _plain(value):
                found[each.row["line"], path] = str(present)
            else:
                fresh.append((each.row["line"], (each.customer, path, value)))
    known = judged(tx, organisation_id, [each for _, each in fresh])
    for (line, (_, path, _)), (kept, why) in zip(fresh, known, strict=True):
        found[line, path] = Fault(path, why) if why else kept
    return found


def _plain(value: FieldValue) -> str | None:
    return str(value).replace("-", "").lower() if value else None

"""Customers as CSV, under the header that an import knows: an export imports again without a change."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

import orjson

from connectors.records import Address
from sync.imports.columns import HEADER, SHIP
from sync.imports.guarding import guarded
from sync.imports.record import EXAMPLE
from sync.store import customers
from sync.store.customers import StoredCustomer
from sync.store.session import Database

PAGE = 500


def line(cells: Iterable[str]) -> str:
    """One row of a file. Every cell is quoted: a spreadsheet that splits at another sign finds no formula."""
    written = io.StringIO()
    csv.writer(written, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerow(
        [guarded(each) for each in cells]
    )
    return written.getvalue()


def sample() -> list[str]:
    """The header and the example row."""
    return [line(HEADER), line(EXAMPLE.get(name, "") for name in HEADER)]


def customers_as_csv(database: Database, organisation_id: str) -> Iterator[list[str]]:
    """All living customers in id order, read page by page: the header first, then some lines at a time."""
    yield [line(HEADER)]
    after = ""
    while True:
        with database.reading() as tx:
            page = customers.page(tx, organisation_id, None, after=after, limit=PAGE)
        if not page:
            return
        yield [line(cells_of(each)) for each in page]
        after = page[-1].id


def cells_of(customer: StoredCustomer) -> Sequence[str]:
    """A customer's cells under `HEADER`."""
    row = customer.row
    texts: dict[str, str] = {
        name: str(row[name] or "")
        for name in ("id", "external_id", "customer_name", "email", "phone_number", "parent_customer_id")
    }
    for path, way in (("address", ""), ("ship_to_address", SHIP)):
        value = customer.value(path)
        parts = value.parts() if isinstance(value, Address) else {}
        texts |= {f"{way}{name}": text for name, text in parts.items()}
    texts["tax_ids"] = "; ".join(
        f"{path.removeprefix('tax_info.')}:{number}" for path, number in sorted(customer.tax.items())
    )
    for name in ("custom_data", "custom_attributes"):
        texts[name] = orjson.dumps(row[name]).decode() if row[name] else ""
    for name in ("communications_enabled", "auto_charge_enabled"):
        texts[name] = "true" if row[name] else "false"
    texts["business_entity"] = str(row["business_entity_id"] or "")
    return [texts.get(name, "") for name in HEADER]

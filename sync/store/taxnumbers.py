"""Tax numbers of customers: a row each, with what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Select, and_, bindparam, select

from sync.core.taxids import problem
from sync.store import bulk
from sync.store.lists import TextList, among
from sync.store.query import one_of, rows
from sync.store.schema import tax_ids
from sync.store.session import Tx


@cache
def _of_customers() -> Select[Any]:
    return select(tax_ids).where(among(tax_ids.c.customer_id, bindparam("ids", type_=TextList())))


def numbers_of(tx: Tx, ids: Sequence[str]) -> dict[str, dict[str, str]]:
    """Customer id → `tax_info.<country>.<code>` → number."""
    if not ids:
        return {}
    numbers: dict[str, dict[str, str]] = {}
    for row in rows(tx, _of_customers(), {"ids": list(ids)}):
        path = f"tax_info.{row['country_code']}.{row['tax_code']}"
        numbers.setdefault(row["customer_id"], {})[path] = row["tax_id"]
    return numbers


def replace(tx: Tx, cleared: Sequence[tuple[str, str]], numbers: Sequence[bulk.Row]) -> None:
    """Take numbers away, each as (customer id, path), and put others in their place."""
    keys = [f"{customer_id}.{path.removeprefix('tax_info.')}" for customer_id, path in cleared]
    key = tax_ids.c.customer_id + "." + tax_ids.c.country_code + "." + tax_ids.c.tax_code
    tx.execute(
        tax_ids.delete().where(
            and_(
                one_of(tax_ids.c.customer_id, [customer_id for customer_id, _ in cleared]), one_of(key, keys)
            )
        )
    )
    bulk.insert(tx, tax_ids, numbers)


def rows_of(customer_id: str, tax: Mapping[str, str | None]) -> list[dict[str, Any]]:
    """The rows of a customer's numbers, by path; one that is blank has none."""
    made = []
    for path, number in tax.items():
        if not number:
            continue
        country_code, tax_code = path.removeprefix("tax_info.").split(".")
        made.append(
            {
                "customer_id": customer_id,
                "country_code": country_code,
                "tax_code": tax_code,
                "tax_id": number,
                "problem": problem(country_code, tax_code, number),
            }
        )
    return made

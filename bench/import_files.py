"""The file of the import's benchmark: rows whose fate is known, and the customers that some of them mean."""

from __future__ import annotations

import csv
import itertools
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

HEADER = (
    *("external_id", "customer_name", "email", "phone_number"),
    *("line1", "city", "state", "zipCode", "country_code", "tax_ids", "custom_data"),
)
ROUND = 100
"""Rows after which their kinds come again."""
_KINDS = {
    **dict.fromkeys(range(10, 15), "update"),
    15: "conflict",
    16: "unchanged",
    **dict.fromkeys(range(25, 30), "rejected"),
}
"""Place in a round → what becomes of the row; of every other a new customer."""
_WRONG = (
    ("email", "nobody at all"),
    ("phone_number", "0" * 300),
    ("tax_ids", "no number"),
    ("custom_data", "{"),
    ("customer_name", ""),
)


def write_known(path: Path, rows: int) -> int:
    """The customers that are there before, of whom the others are told; returns how many."""
    known = [number for number in range(rows) if kind(number) in ("update", "conflict", "unchanged")]
    _write(path, (_row(number) for number in known))
    return len(known)


def write_file(path: Path, rows: int) -> Counter[str]:
    """The file that is measured; returns how many of its rows have which fate."""
    _write(path, map(_told, range(rows)))
    return Counter(map(kind, range(rows)))


def kind(number: int) -> str:
    """What becomes of a row."""
    return _KINDS.get(number % ROUND, "create")


def _write(path: Path, rows: Iterator[dict[str, str]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, HEADER)
        writer.writeheader()
        writer.writerows(rows)


def _row(number: int) -> dict[str, str]:
    return {
        "external_id": f"CUS-{number:07d}",
        "customer_name": f"Customer {number} Incorporated",
        "email": f"billing{number}@customer-{number}.example",
        "phone_number": f"+1 212 555 {number % 10_000:04d}",
        "line1": f"{number % 9_000 + 1} Main Street",
        "city": "Springfield",
        "state": "IL",
        "zipCode": f"{62_000 + number % 999}",
        "country_code": "US",
        "tax_ids": f"EU.VAT:DE{100_000_000 + number}",
        "custom_data": f'{{"tier": "{"gold" if number % 7 else "silver"}"}}',
    }


def _told(number: int) -> dict[str, str]:
    row, fate = _row(number), kind(number)
    if fate == "update":
        row["phone_number"] = f"+1 212 556 {number % 10_000:04d}"
        row["customer_name"] += " & Sons"
    elif fate == "conflict":
        row |= {"line1": "9 Low Road", "city": "Portland", "state": "OR", "zipCode": "97201"}
    elif fate == "rejected":
        column, text = _WRONG[number % len(_WRONG)]
        row[column] = text
    return row


def batches(path: Path, size: int) -> Iterator[list[list[str]]]:
    """The rows of a file, some at a time."""
    with path.open(newline="") as file:
        reader = csv.reader(file)
        next(reader)
        while batch := list(itertools.islice(reader, size)):
            yield batch

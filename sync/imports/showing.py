"""What an import shows: rows with what becomes of them, and the file of those that were not taken."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from connectors.records import JSON, to_json
from sync.imports.columns import TOLD, columns_of
from sync.imports.export import line
from sync.imports.ruling import EFFECTIVE, Action, rule
from sync.imports.scene import load
from sync.store import imports
from sync.store.query import Row
from sync.store.session import Database, Tx

PAGE = 500
NOT_TAKEN = (Action.REJECTED, Action.CONFLICT, Action.SKIPPED)


def rows(
    tx: Tx,
    organisation_id: str,
    run_id: str,
    *,
    actions: Iterable[str] = tuple(Action),
    after: int = -1,
    limit: int = 20,
) -> list[dict[str, JSON]]:
    """A page of rows in the order of their lines; while it waits, each with its values before and after.

    Args:
        tx: a transaction.
        organisation_id: whose import it is.
        run_id: which.
        actions: rows with one of these.
        after: a line; rows behind it.
        limit: rows at most.
    """
    found = imports.of_action(tx, run_id, actions, after=after, limit=limit)
    waiting = [row for row in found if not row["done"] and row["action"] in EFFECTIVE]
    columns = columns_of(imports.get(tx, run_id))
    scene = load(tx, organisation_id, run_id, waiting, columns, lock=False) if waiting else None
    changes: dict[int, JSON] = {}
    for each in rule(scene) if scene else ():
        changes[each.line] = {
            path: [to_json(each.customer.value(path)) if each.customer else None, to_json(value)]
            for path, value in each.fields.items()
        }
    return [
        {
            "line": row["line"],
            "action": row["action"],
            "field": row["field"],
            "reason": row["reason"],
            "customer_id": row["customer_id"],
            "changes": changes.get(row["line"]),
            "cells": row["cells"],
        }
        for row in found
    ]


def result(database: Database, run_id: str) -> Iterator[list[str]]:
    """The rows that were not taken, or will not be, as CSV: the header first, then some lines at a time.

    Each has its line, what became of it, the field and the reason, then its cells: corrected, the file can be
    imported as it is.
    """
    with database.reading() as tx:
        columns = columns_of(imports.get(tx, run_id))
    yield [line([*TOLD, *columns.names])]
    after = -1
    while True:
        with database.reading() as tx:
            page = imports.page(tx, run_id, after=after, limit=PAGE, actions=NOT_TAKEN)
        if not page:
            return
        yield [line([*_told(row), *row["cells"]]) for row in page]
        after = page[-1]["line"]


def _told(row: Row) -> Sequence[str]:
    waits = "waits in the conflict queue: the address is another place than ours"
    reason = row["reason"] or (waits if row["action"] == Action.CONFLICT else "")
    return [str(row["line"]), row["action"], row["field"] or "", reason]

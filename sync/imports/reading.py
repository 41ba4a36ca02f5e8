"""The first stage of an import: the rows of its file are kept, page by page."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from typing import Any

import orjson

from sync.crash import crash_here
from sync.errors import ConcordError
from sync.imports import table, text
from sync.imports.columns import Columns, columns_of
from sync.imports.record import key_of
from sync.store import imports, runs
from sync.store.query import Row
from sync.work import Work

PAGE = 1_000
"""Rows that are kept, planned or carried out together, at most."""


def read_rows(work: Work, row: Row) -> None:
    """Keep the rows of a file, from the last one on that is kept.

    Raises:
        BadInput: the file cannot be read; the text names the place.
        CancelledError: a person cancelled it.
    """
    columns, lines = columns_of(row), text.lines(imports.parts(work.database, work.run_id), row["encoding"])
    found = table.rows(lines, row["delimiter"])
    if row["header"]:
        next(found, None)
    fresh = (each for each in found if each.number > row["position"])
    while True:
        page = _page(fresh)
        work.keep_lease()
        if not page:
            break
        with work.database.transaction() as tx:
            work.hold(tx)
            imports.add_rows(tx, work.run_id, [_kept(each, columns) for each in page])
            imports.save(tx, work.run_id, position=page[-1].number)
            crash_here("import.rows_before_commit")
        crash_here("import.read")
        work.tally.done += len(page)
        work.progress({"event": "read", **work.tally.progress()})
    with work.database.transaction() as tx:
        work.hold(tx)
        if runs.is_cancelled(tx, work.run_id):  # then its file is gone, and not at its end
            raise ConcordError("It was cancelled while it was read.")
        imports.save(tx, work.run_id, stage="planning", position=0)
    crash_here("import.read_whole")


def _page(fresh: Iterator[table.Line]) -> list[table.Line]:
    """As many rows as are kept together: few where they are long."""
    found: list[table.Line] = []
    size = 0
    for line in fresh:
        found.append(line)
        size += sum(map(len, line.cells))
        if len(found) == PAGE or size >= imports.MOST_IN_PAGE:
            break
    return found


def _kept(line: table.Line, columns: Columns) -> dict[str, Any]:
    key, email = key_of(line.cells, columns)
    digest = blake2b(orjson.dumps(list(line.cells)), digest_size=16).digest()
    return {
        "line": line.number,
        "key": (key or f"row:{digest.hex()}").replace("\0", ""),
        "email_fold": email and email.replace("\0", ""),
        "digest": digest,
        "cells": list(line.cells),
    }

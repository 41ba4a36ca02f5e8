"""Page by page: what a CRM lists is taken in, each page's effects and checkpoint together."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import Any

import xxhash

from connectors.port import Cursor, Page
from sync.crash import crash_here
from sync.ingest import Batch, ingest
from sync.reading import read
from sync.store import connections
from sync.store.session import Tx
from sync.work import Work

READ_AGAIN = 1_000  # records planned together; the connector splits its calls itself
SWEEP_EVERY = timedelta(minutes=5)


def take_pages(
    work: Work,
    read: Callable[[Cursor | None], Page],
    cursor: Cursor | None,
    keep: Callable[[Page], Callable[[Tx], None]],
    seen: array[int] | None = None,
    *,
    force: bool = False,
) -> None:
    """Take in a listing from a cursor to its end.

    Args:
        work: the run.
        read: reads a page.
        cursor: where to begin; None at the start.
        keep: of a page, what is committed with its effects.
        seen: takes up a digest of every ref.
        force: plan also what has not changed since it was last seen.
    """
    number = 0
    while True:
        work.keep_lease()
        fetched_at = work.now()
        page = read(cursor)
        crash_here("pull.listed")
        if page.more and page.cursor == cursor:
            raise RuntimeError("the connector gave the same page cursor twice")
        work.tally.of = page.total
        effects = keep(page)
        batch = Batch(
            observations=page.observations, fetched_at=fetched_at, force=force, listed=True, after=effects
        )
        ingest(work, batch)
        if seen is not None:
            seen.extend(xxhash.xxh64_intdigest(each.ref.encode()) for each in page.observations)
        crash_here("pull.taken")
        number += 1
        work.grown(number)
        work.progress({"event": "page", **work.tally.progress()})
        if not page.more:
            return
        cursor = page.cursor


def take_changes(work: Work, *, sweep: bool = True) -> None:
    """Take in what the CRM says has changed; see `pull`."""
    row = work.connection.row
    take_pages(work, work.connector.list_changes, row["cursor"], _keep_cursor(work))
    swept = row["swept_at"]
    if not work.connector.capabilities.deletes_in_changes and (
        sweep or swept is None or work.now() - swept > SWEEP_EVERY
    ):
        take_pages(work, work.connector.list_deleted, None, keep_nothing)
        if not work.dry:
            with work.database.transaction() as tx:
                connections.set_columns(tx, work.connection_id, swept_at=work.now())
            crash_here("pull.swept")


def _keep_cursor(work: Work) -> Callable[[Page], Callable[[Tx], None]]:
    def keep(page: Page) -> Callable[[Tx], None]:
        columns: dict[str, Any] = {"cursor": dict(page.cursor), "looked_at": work.now()}
        return lambda tx: connections.set_columns(tx, work.connection_id, **columns)

    return keep


def keep_nothing(_page: Page) -> Callable[[Tx], None]:
    """For listings that leave no checkpoint."""
    return lambda _tx: None


def read_again(work: Work, refs: Sequence[str]) -> None:
    """Read records directly and take them in; one that the CRM does not know is gone."""
    for batch in batches(refs, READ_AGAIN):
        work.keep_lease()
        fetched_at = work.now()
        found = read(work, batch)
        crash_here("fetch.read")
        ingest(
            work,
            Batch(
                observations=found.observations(batch),
                refused=found.refused,
                fetched_at=fetched_at,
                force=True,
            ),
        )


def batches(items: Iterable[str], size: int) -> Iterable[list[str]]:
    """Split into lists of at most `size`."""
    batch: list[str] = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch

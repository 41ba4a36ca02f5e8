"""Pull: look at what changed in the CRM, page by page, and take it in.

The cursor is saved with each page's effects. A full listing also finds what is missing from it; missing
is never a delete before a direct read confirms it.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import Any

import xxhash

from connectors.port import Cursor, Page
from sync.core import normalise
from sync.core.safety import lost
from sync.core.validate import problem
from sync.ingest import Batch, ingest
from sync.look import DIGEST_STAGED
from sync.reading import read
from sync.store import connections, links, sightings
from sync.store.session import Tx
from sync.store.sightings import Sighting
from sync.touched import ask_own_push
from sync.work import BrakeError, Work

STATISTICS_AFTER = (1, 10, 100)  # pages of a listing
READ_AGAIN = 1_000  # records planned together; the connector splits its calls itself
SWEEP_EVERY = timedelta(minutes=5)


def pull(work: Work, *, full: bool = False, sweep: bool = True) -> None:
    """Take in what is new in the CRM; everything, on the first run or if `full`.

    Args:
        work: the run.
        full: list every record, and look for those that are gone.
        sweep: look for deleted records even if that was done a moment ago.
    """
    row = work.connection.row
    if full or row["listed_at"] is None or row["listing"] is not None:
        _list_everything(work)
        return
    _pages(work, work.connector.list_changes, row["cursor"], _keep_cursor(work))
    swept = row["swept_at"]
    if not work.connector.capabilities.deletes_in_changes and (
        sweep or swept is None or work.now() - swept > SWEEP_EVERY
    ):
        _pages(work, work.connector.list_deleted, None, _keep_nothing)
        if not work.dry:
            with work.database.transaction() as tx:
                connections.set_columns(tx, work.connection_id, swept_at=work.now())


def stage_keys(work: Work) -> None:
    """List every external id before anything is linked: for CRMs whose key field is not unique."""

    def keep(page: Page) -> None:
        fresh = [
            Sighting(each.ref, DIGEST_STAGED, DIGEST_STAGED, key)
            for each in page.observations
            # An impossible key is nobody's, and too long for an index: the listing will say so.
            if not problem("external_id", key := normalise.external_id(each.external_id))
        ]
        with work.database.transaction() as tx:
            known = sightings.load(tx, work.connection_id, [each.ref for each in fresh])
            sightings.save(tx, work.connection_id, [each for each in fresh if each.ref not in known])

    cursor: Cursor | None = None
    while True:
        work.keep_lease()
        page = work.connector.list_all(cursor)
        keep(page)
        if not page.more:
            return
        cursor = page.cursor


def _list_everything(work: Work) -> None:
    resumed: Cursor | None = work.connection.row["listing"]
    seen: array[int] = array("Q")
    _pages(work, work.connector.list_all, None if work.dry else resumed, _keep_listing(work), seen)
    if resumed is None or work.dry:
        _find_missing(work, seen)


def list_again(work: Work) -> None:
    """List everything and plan all of it anew, whatever was seen before; cursors stay where they are."""
    seen: array[int] = array("Q")
    _pages(work, work.connector.list_all, None, _keep_nothing, seen, force=True)
    _find_missing(work, seen)


def _pages(
    work: Work,
    read: Callable[[Cursor | None], Page],
    cursor: Cursor | None,
    keep: Callable[[Page], Callable[[Tx], None]],
    seen: array[int] | None = None,
    *,
    force: bool = False,
) -> None:
    number = 0
    while True:
        work.keep_lease()
        fetched_at = work.now()
        page = read(cursor)
        if page.more and page.cursor == cursor:
            raise RuntimeError("the connector gave the same page cursor twice")
        work.tally.of = page.total
        effects = keep(page)
        ingest(work, Batch(observations=page.observations, fetched_at=fetched_at, force=force, after=effects))
        if seen is not None:
            seen.extend(xxhash.xxh64_intdigest(each.ref.encode()) for each in page.observations)
        number += 1
        if number in STATISTICS_AFTER and not work.dry:
            work.database.refresh_statistics()
        work.progress({"event": "page", **work.tally.progress()})
        if not page.more:
            return
        cursor = page.cursor


def _keep_cursor(work: Work) -> Callable[[Page], Callable[[Tx], None]]:
    def keep(page: Page) -> Callable[[Tx], None]:
        columns: dict[str, Any] = {"cursor": dict(page.cursor), "looked_at": work.now()}
        return lambda tx: connections.set_columns(tx, work.connection_id, **columns)

    return keep


def _keep_listing(work: Work) -> Callable[[Page], Callable[[Tx], None]]:
    def keep(page: Page) -> Callable[[Tx], None]:
        now = work.now()
        columns: dict[str, Any] = {"listing": dict(page.cursor), "looked_at": now}
        if not page.more:
            columns = {"listing": None, "cursor": dict(page.cursor), "listed_at": now, "looked_at": now}

        def effects(tx: Tx) -> None:
            connections.set_columns(tx, work.connection_id, **columns)
            if not page.more:
                ask_own_push(tx, work, create=True)

        return effects

    return keep


def _keep_nothing(_page: Page) -> Callable[[Tx], None]:
    return lambda _tx: None


def _find_missing(work: Work, seen: array[int]) -> None:
    """Read the linked records that a complete listing did not show; the listing itself may be wrong."""
    ordered = array("Q", sorted(seen))
    with work.database.reading() as tx:
        linked = links.count(tx, work.connection_id)
        missing = [ref for ref in links.living_refs(tx, work.connection_id) if not _holds(ordered, ref)]
    if not missing:
        return
    reason = lost(len(ordered), len(missing), linked, work.limits)
    if reason is not None and work.braked:
        raise BrakeError(reason)
    read_again(work, missing)


def _holds(ordered: array[int], ref: str) -> bool:
    digest = xxhash.xxh64_intdigest(ref.encode())
    index = bisect_left(ordered, digest)
    return index < len(ordered) and ordered[index] == digest


def read_again(work: Work, refs: Sequence[str]) -> None:
    """Read records directly and take them in; one that the CRM does not know is gone."""
    for batch in batches(refs, READ_AGAIN):
        work.keep_lease()
        fetched_at = work.now()
        found = read(work, batch)
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

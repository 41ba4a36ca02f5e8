"""Full listings: every record is looked at, and those that are missing are looked for.

Missing is never a delete before a direct read confirms it. A listing that is cut off goes on where it was:
its checkpoint also tells what a full compare has found so far.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import xxhash

from connectors.port import Cursor, Page, Presence
from connectors.records import JSON
from sync.core import normalise
from sync.core.safety import lost
from sync.core.validate import problem
from sync.look import DIGEST_STAGED
from sync.pages import READ_AGAIN, batches, read_again, take_changes, take_pages
from sync.reading import read
from sync.store import connections, jobs, links, runs, sightings
from sync.store.session import Tx
from sync.store.sightings import Sighting
from sync.touched import ask_own_push
from sync.work import BrakeError, Work

RESUME = "resume"
"""In the selection of a run: where a resync of everything goes on if it is cut off, and under which map."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Where a full listing goes on, kept in `connections.listing`.

    Args:
        cursor: of its next page; empty for one that is wanted from its start.
        compared_before: see `Work`; None if nothing is compared.
        drift: how many records had drifted so far.
    """

    cursor: Cursor
    compared_before: datetime | None = None
    drift: int = 0

    def as_json(self) -> dict[str, JSON]:
        """As it is kept."""
        before = self.compared_before.isoformat() if self.compared_before else None
        return {"next": dict(self.cursor), "compared_before": before, "drift": self.drift}


def _checkpoint(kept: Mapping[str, Any] | None) -> Checkpoint:
    """Read what `Checkpoint.as_json` wrote, or a bare cursor."""
    if not kept or "next" not in kept:
        return Checkpoint(kept or {})
    before = kept["compared_before"]
    return Checkpoint(kept["next"], datetime.fromisoformat(before) if before else None, kept["drift"])


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


def list_everything(work: Work, *, compared_before: datetime | None = None) -> None:
    """Take in every record, and look for those that are missing; goes on with a listing that was cut off.

    Args:
        work: the run.
        compared_before: a full compare, if it begins now; see `Work`.

    Raises:
        BrakeError: too much would change, or the listing cannot be believed.
    """
    row = work.connection.row
    begun = Checkpoint({}) if work.dry else _checkpoint(row["listing"])
    if begun.cursor:
        compared_before = begun.compared_before
        if compared_before is not None:
            take_changes(work)  # what has changed or gone since is no drift
    elsewhere = begun.drift - work.tally.drift
    work.compared_before = compared_before

    def keep(page: Page) -> Callable[[Tx], None]:
        now = work.now()

        def effects(tx: Tx) -> None:
            there = Checkpoint(page.cursor, compared_before, elsewhere + work.tally.drift)
            columns: dict[str, Any] = {"listing": there.as_json(), "looked_at": now}
            if not page.more:
                columns |= {"listing": None, "cursor": dict(page.cursor), "listed_at": now}
            connections.set_columns(tx, work.connection_id, **columns)
            if not page.more:
                ask_own_push(tx, work, create=True)

        return effects

    seen: array[int] = array("Q")
    take_pages(work, work.connector.list_all, begun.cursor or None, keep, seen)
    if row["listed_at"] is not None or not begun.cursor:
        _find_missing(work, seen, goes_on=bool(begun.cursor))
    work.compared_before = None
    if compared_before is not None and not work.dry:
        columns = {"drift": elsewhere + work.tally.drift, "compared_at": work.now()}
        with work.database.transaction() as tx:
            connections.set_columns(tx, work.connection_id, **columns)
            jobs.withdraw(tx, work.connection_id, "full")  # of the run that was cut off


def list_again(work: Work, origin: str) -> None:
    """List everything and plan all of it anew, whatever was seen before; the connection's cursors stay.

    Args:
        work: a resync.
        origin: the run that was asked for it. Its selection also says where to go on if this is cut off.
    """
    with work.database.reading() as tx:
        selection = runs.find(tx, work.organisation_id, origin)["selection"] or {}
    there = selection.pop(RESUME, None)
    # Under another map than before, the records of the first pages have yet to be brought to the present one.
    known = there is not None and there["map_version"] == work.connection.map_version and not work.dry
    cursor: Cursor | None = there["cursor"] if known else None

    def keep(page: Page) -> Callable[[Tx], None]:
        more = {RESUME: {"cursor": dict(page.cursor), "map_version": work.connection.map_version}}
        return lambda tx: runs.save(tx, origin, selection=selection | more if page.more else selection)

    seen: array[int] = array("Q")
    take_pages(work, work.connector.list_all, cursor, keep, seen, force=True)
    _find_missing(work, seen, goes_on=cursor is not None)


def _find_missing(work: Work, seen: array[int], *, goes_on: bool) -> None:
    """Read the linked records that a complete listing did not show; the listing itself may be wrong.

    Args:
        work: the run.
        seen: the digests of the refs that were listed.
        goes_on: the first pages were listed by an earlier run, and nobody knows what they showed: it is read
            again, in no more calls than listing it anew would take.
    """
    ordered = array("Q", sorted(seen))
    with work.database.reading() as tx:
        linked = links.count(tx, work.connection_id)
        missing = [ref for ref in links.living_refs(tx, work.connection_id) if not _holds(ordered, ref)]
    listed = len(ordered)
    if goes_on:
        earlier, missing = len(missing), _not_there(work, missing)
        listed += earlier - len(missing)
    if not missing:
        return
    reason = lost(listed, len(missing), linked, work.limits)
    if reason is not None and work.braked:
        raise BrakeError(reason)
    read_again(work, missing)


def _not_there(work: Work, refs: Sequence[str]) -> list[str]:
    """Those that a direct read does not show as living; one that cannot be read is there."""
    away: list[str] = []
    for batch in batches(refs, READ_AGAIN):
        work.keep_lease()
        found = read(work, batch)
        away += [each.ref for each in found.observations(batch) if each.presence is not Presence.LIVE]
    return away


def _holds(ordered: array[int], ref: str) -> bool:
    digest = xxhash.xxh64_intdigest(ref.encode())
    index = bisect_left(ordered, digest)
    return index < len(ordered) and ordered[index] == digest

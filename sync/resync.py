"""Resync: chosen records are read, compared and written now, under the present map and rules."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import or_

from sync.core import normalise
from sync.create import create_missing
from sync.errors import NotFoundError
from sync.ingest import Batch, ingest
from sync.pull import read_again
from sync.push import push_links
from sync.store import customers, links, sightings
from sync.store.query import one_of
from sync.store.schema import customers as table
from sync.work import Work


def resync_records(work: Work, names: Sequence[str]) -> None:
    """Resync the records with these external ids or refs, whatever side they are on.

    Fields whose mapping or rule changed since a link was last planned are taken up again.

    Raises:
        NotFoundError: neither side knows one of them; nothing was done.
    """
    keys = [key for name in names if (key := normalise.external_id(name))]
    with work.database.reading() as tx:
        by_ref = links.load(tx, work.connection_id, links.by_refs(names))
        wanted = or_(one_of(table.c.external_id, keys), customers.by_ids(link.customer_id for link in by_ref))
        found = customers.load(tx, work.organisation_id, wanted)
        own = links.load(tx, work.connection_id, links.by_customers(each.id for each in found))
        seen = sightings.load(tx, work.connection_id, names)
    refs = {link.ref for link in own} | set(seen)
    known = refs | {each.row["external_id"] for each in found}
    unknown = [key for key in keys if key not in known]
    linked = {link.customer_id for link in own}
    looked_up = unknown + [each.row["external_id"] for each in found if each.id not in linked]
    work.keep_lease()
    fetched_at = work.now()
    there = work.connector.find_by_external_id(looked_up) if looked_up else []
    answered = {normalise.external_id(each.external_id) for each in there}
    missing = [key for key in unknown if key not in answered]
    if missing:
        raise NotFoundError(f"Neither side has a record with the id {', '.join(missing)}.")
    if there:
        ingest(work, Batch(observations=there, fetched_at=fetched_at, force=True))
    read_again(work, sorted(refs))
    with work.database.reading() as tx:
        fresh = links.load(tx, work.connection_id, links.by_customers(each.id for each in found))
        fresh += links.load(tx, work.connection_id, links.by_refs(each.ref for each in there))
        dirty = sorted({link.ref for link in fresh if link.row["dirty_at"] is not None})
    if not work.dry:
        push_links(work, dirty)
    create_missing(work, only=[each.id for each in found])

"""Resync: chosen records are read, compared and written now, under the present map and rules.

Doing it twice does nothing the second time, so one that was cut off is simply done again from its start; only
that of all records goes on where it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_

from connectors.errors import InvalidRecord
from connectors.port import Cursor, Observation, Presence
from sync.core import normalise
from sync.core.scope import Condition, in_scope
from sync.create import create_missing
from sync.errors import NotFoundError
from sync.ingest import Batch, ingest
from sync.listing import list_again
from sync.missing import choose
from sync.pages import batches, read_again
from sync.push import push, push_links
from sync.selection import Selection
from sync.store import customers, links, sightings
from sync.store.customers import StoredCustomer
from sync.store.query import one_of
from sync.store.schema import customers as table
from sync.work import Work

BATCH = 500
SHOWN = 20  # ids in an error


def resync(work: Work, selection: Selection, *, origin: str) -> None:
    """Resync the records of a selection, whatever side they are on.

    Fields whose mapping or rule changed since a link was last planned are taken up again.

    Args:
        work: the run.
        selection: which records.
        origin: the run that was asked for it: this one, or one that was cut off.

    Raises:
        NotFoundError: neither side knows one of the named records; nothing was done.
        BrakeError: too much would change; earlier pages stay.
    """
    if selection.everything:
        list_again(work, origin)
        work.creates = True
        push(work)
    elif selection.where:
        _resync_filtered(work, tuple(line.condition() for line in selection.where))
    else:
        _resync_named(work, selection)


@dataclass(frozen=True, slots=True)
class _Found:
    """What both sides know of some records: customers, refs to be read, records read just now."""

    customers: Sequence[StoredCustomer]
    refs: Sequence[str]
    there: Sequence[Observation]
    fetched_at: datetime
    unknown: Sequence[str] = ()


def _resync_named(work: Work, selection: Selection) -> None:
    parts = [(ids, ()) for ids in batches(_distinct(selection.ids), BATCH)]
    parts += [((), refs) for refs in batches(_distinct(selection.refs), BATCH)]  # type: ignore[misc]
    work.tally.of = work.tally.done + sum(len(ids) + len(refs) for ids, refs in parts)
    found = [_find(work, ids, refs) for ids, refs in parts[:1]]
    unknown = [name for each in found for name in each.unknown]
    for ids, refs in parts[1:]:  # nothing is done before all of them are known
        unknown += _find(work, ids, refs).unknown
    if unknown and not selection.skip_unknown:
        more = f" and {len(unknown) - SHOWN} more" if len(unknown) > SHOWN else ""
        raise NotFoundError(
            f"Neither side has a record with the id {', '.join(unknown[:SHOWN])}{more}; nothing was done.",
            cure="Take them out of the list, or pass over them with --skip-unknown.",
        )
    work.tally.unknown += unknown
    for number, (ids, refs) in enumerate(parts):
        _take(work, found[0] if len(parts) == 1 and number == 0 else _find(work, ids, refs))


def _find(work: Work, ids: Sequence[str], refs: Sequence[str]) -> _Found:
    names = [*ids, *refs]
    keys = [key for name in ids if (key := normalise.external_id(name))]
    with work.database.reading() as tx:
        by_ref = links.load(tx, work.connection_id, links.by_refs(names))
        wanted = or_(one_of(table.c.external_id, keys), customers.by_ids(link.customer_id for link in by_ref))
        found = customers.load(tx, work.organisation_id, wanted)
        own = links.load(tx, work.connection_id, links.by_customers(each.id for each in found))
        seen = sightings.load(tx, work.connection_id, names)
    known = {link.ref for link in own} | set(seen)
    mine = {each.row["external_id"] for each in found}
    linked = {link.customer_id for link in own}
    strange = [key for key in keys if key not in known and key not in mine]
    unlinked = [each.row["external_id"] for each in found if each.id not in linked]
    unseen = [ref for ref in refs if ref not in known]
    work.keep_lease()
    fetched_at = work.now()
    there = list(work.connector.find_by_external_id(strange + unlinked)) if strange or unlinked else []
    direct = work.connector.get_many(unseen) if unseen else {}
    answered = {normalise.external_id(each.external_id) for each in there}
    unknown = [key for key in strange if key not in answered] + [ref for ref in unseen if ref not in direct]
    there += [each for each in direct.values() if each.ref not in {other.ref for other in there}]
    return _Found(found, sorted(known), there, fetched_at, unknown)


def _take(work: Work, found: _Found) -> None:
    if found.there:
        ingest(work, Batch(observations=found.there, fetched_at=found.fetched_at, force=True))
    read_again(work, found.refs)
    _push(work, [each.id for each in found.customers], [*found.refs, *(each.ref for each in found.there)])
    if found.customers:
        create_missing(work, only=choose(work, [each.id for each in found.customers]))


def _push(work: Work, customer_ids: Sequence[str], refs: Iterable[str]) -> None:
    if work.dry:
        return
    with work.database.reading() as tx:
        fresh = links.load(
            tx, work.connection_id, links.by_customers(customer_ids), links.by_refs(sorted(set(refs)))
        )
    dirty = [link.ref for link in fresh if link.row["dirty_at"] is not None]
    for batch in batches(dirty, work.connector.capabilities.read_batch):
        push_links(work, batch)


def _resync_filtered(work: Work, conditions: Sequence[Condition]) -> None:
    """Records that meet the conditions on either side: our customers first, then the CRM's listing."""
    done: set[str] = set()
    after = ""
    while True:
        with work.database.reading() as tx:
            page = customers.page(tx, work.organisation_id, None, after=after, limit=BATCH)
        if not page:
            break
        after = page[-1].id
        chosen = [each for each in page if _meets(work, conditions, each)]
        if chosen:
            found = _of_customers(work, chosen)
            _take(work, found)
            done.update(found.refs, (each.ref for each in found.there))
    cursor: Cursor | None = None
    while True:
        work.keep_lease()
        fetched_at = work.now()
        listed = work.connector.list_all(cursor)
        hits = [
            each for each in listed.observations if each.ref not in done and _shows(work, conditions, each)
        ]
        if hits:
            ingest(work, Batch(observations=hits, fetched_at=fetched_at, force=True))
            _push(work, [], [each.ref for each in hits])
        work.progress({"event": "page", **work.tally.progress()})
        if not listed.more:
            return
        cursor = listed.cursor


def _of_customers(work: Work, chosen: Sequence[StoredCustomer]) -> _Found:
    with work.database.reading() as tx:
        own = links.load(tx, work.connection_id, links.by_customers(each.id for each in chosen))
    linked = {link.customer_id for link in own}
    keys = [key for each in chosen if each.id not in linked and (key := each.row["external_id"])]
    work.keep_lease()
    fetched_at = work.now()
    there = work.connector.find_by_external_id(keys) if keys else []
    return _Found(chosen, sorted(link.ref for link in own), there, fetched_at)


def _meets(work: Work, conditions: Sequence[Condition], customer: StoredCustomer) -> bool:
    values = {path: customer.value(path) for path in work.policy.fields}
    return in_scope(conditions, values, customer.row["external_id"])


def _shows(work: Work, conditions: Sequence[Condition], observation: Observation) -> bool:
    if observation.presence is not Presence.LIVE:
        return False
    try:
        fields = work.connector.decode(observation)
    except InvalidRecord:
        return False  # a pull quarantines it; nobody can say whether it was meant
    return in_scope(conditions, fields, normalise.external_id(observation.external_id))


def _distinct(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(name.strip() for name in names if name.strip()))

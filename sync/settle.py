"""Settle what an earlier run left open: writes of which nobody knows whether they landed.

Done at the start of every run. The record is read (by id or external id, never by search), and the intent
says what of it is ours; whatever is neither old nor ours is somebody's edit and is reconciled as one.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from connectors.port import Presence, Update
from connectors.records import Fields
from sync.clock import new_id
from sync.core import normalise
from sync.core.actions import UpdateCrm
from sync.core.coded import with_codes
from sync.core.diff import changeset
from sync.core.landing import Purpose, after_receipt, after_unknown, agreed_after, means, merged
from sync.core.match import EVERY, LinkState
from sync.crash import crash_here
from sync.created import create_change
from sync.kept import keep_applied, keep_questions
from sync.look import look
from sync.reading import read
from sync.receipts import ours_of, overwritten_row, update_change
from sync.situation import Looked
from sync.store import customers, intents, links
from sync.store.baselines import unpack_pairs
from sync.store.intents import StoredIntent
from sync.store.links import StoredLink
from sync.touched import ask_own_push, look_again
from sync.work import Work

INDEX_LAG = timedelta(minutes=10)


def settle_orphans(work: Work) -> int:
    """Settle every intent of the connection whose writer is gone; returns how many there were."""
    if work.dry:
        return 0
    with work.database.reading() as tx:
        orphans = [each for each in intents.load(tx, work.connection_id) if not each.live]
    updates = [each for each in orphans if each.row["kind"] != "create"]
    creates = [each for each in orphans if each.row["kind"] == "create"]
    if updates:
        _settle_updates(work, updates)
    if creates:
        _settle_creates(work, creates)
    return len(orphans)


def _settle_updates(work: Work, orphans: Sequence[StoredIntent]) -> None:
    work.keep_lease()
    refs = [each.row["ref"] for each in orphans]
    # What the CRM does not show is let go: the look that is asked for below quarantines it.
    found = read(work, refs).records
    crash_here("settle.read")
    live = [each for each in orphans if _is_live(found.get(each.row["ref"]))]
    overwrote = dict(zip((each.id for each in live), _history(work, live), strict=True))
    looked = {ref: look(work, observation) for ref, observation in found.items()}
    with work.database.transaction() as tx:
        at = work.now()
        ids = customers.by_ids(each.customer_id for each in orphans)
        fresh = {each.id: each for each in customers.load(tx, work.organisation_id, ids, lock=True)}
        locked = {
            link.id: link
            for link in links.load(
                tx, work.connection_id, links.by_ids(each.row["link_id"] for each in orphans), lock=True
            )
        }
        moved, applied, rows = [], [], []
        for each in live:
            link, record = locked.get(each.row["link_id"]), looked[each.row["ref"]]
            if link is None or record.invalid is not None:
                continue
            landed, purpose = after_unknown(each.sent, record.fields), Purpose(each.row["kind"])
            action = _action(link, each, landed)
            known = unpack_pairs(link.row["baseline"]) or {}
            news = agreed_after(purpose, known, landed)
            # If the baseline stands so already, the write's successor has told it.
            if not normalise.equal({path: known.get(path) for path in news}, dict(news)):
                baseline = merged(known, news)
                moved.append((link, links.packed({"baseline": baseline, "observed_at": at})))
                applied.append(update_change(action, link, purpose))
            # The history proves that these were written, even if somebody has changed them again since.
            whole = _action(link, each, each.sent)
            ours = ours_of(whole, purpose, fresh.get(each.customer_id))
            rows += [overwritten_row(whole, path, value, ours) for path, value in overwrote[each.id].items()]
        links.update_many(tx, moved)
        keep_applied(tx, work, applied, at)
        keep_questions(tx, work, rows, at)
        intents.clear(tx, [each.id for each in orphans])
        links.mark_dirty(tx, [each.customer_id for each in orphans], at, only=work.connection_id)
        look_again(tx, work.organisation_id, work.connection_id, refs)
        ask_own_push(tx, work)
        crash_here("settle.before_commit")
    crash_here("settle.kept")


def _action(link: StoredLink, intent: StoredIntent, paths: Container[str]) -> UpdateCrm:
    """What of an intent is about these fields, as the action that it was."""
    sent = {path: value for path, value in intent.sent.items() if path in paths}
    return UpdateCrm(customer_id=link.customer_id, ref=link.ref, changes=changeset(intent.before, sent))


def _is_live(observation: object) -> bool:
    return getattr(observation, "presence", None) is Presence.LIVE


def _history(work: Work, orphans: Sequence[StoredIntent]) -> Sequence[Fields]:
    if not work.connector.capabilities.history:
        return [{} for _ in orphans]
    return work.connector.overwritten(
        [
            Update(
                ref=each.row["ref"],
                fields=with_codes(each.sent) if each.row["kind"] == Purpose.UPDATE else each.sent,
                expected_version=each.row["version_read"] or "",
                before=each.before,
            )
            for each in orphans
        ]
    )


def _settle_creates(work: Work, orphans: Sequence[StoredIntent]) -> None:
    work.keep_lease()
    found = work.connector.find_by_external_id([each.row["external_id"] for each in orphans])
    crash_here("settle.looked_up")
    by_key: dict[str, list[Looked]] = {}
    for observation in found:
        looked = look(work, observation)
        if looked.external_id is not None:
            by_key.setdefault(looked.external_id, []).append(looked)
    with work.database.transaction() as tx:
        at = work.now()
        ids = [each.customer_id for each in orphans]
        linked = {
            link.customer_id
            for link in links.load(tx, work.connection_id, links.by_customers(ids), lock=True)
        }
        refs = {looked.ref for group in by_key.values() for looked in group}
        taken = {link.ref for link in links.load(tx, work.connection_id, links.by_refs(refs), lock=True)}
        living = {
            each.id
            for each in customers.load(tx, work.organisation_id, customers.by_ids(ids), lock=True)
            if each.row["deleted_at"] is None
        }
        made = [
            _link_of(work, each, ours, at, living=each.customer_id in living)
            for each in orphans
            if each.customer_id not in linked and (ours := _ours(each, by_key, taken)) is not None
        ]
        links.insert_many(tx, made)
        keep_applied(tx, work, [create_change(link) for link in made], at)
        over = [each.id for each in orphans if not _may_yet_appear(work, each, by_key, at)]
        intents.clear(tx, over)
        look_again(tx, work.organisation_id, work.connection_id, sorted(refs))
        if over:
            ask_own_push(tx, work, create=True)
        crash_here("settle.creates_before_commit")
    crash_here("settle.creates_kept")


def _may_yet_appear(
    work: Work, intent: StoredIntent, by_key: Mapping[str, Sequence[Looked]], at: datetime
) -> bool:
    """Whether a record may have been made that the CRM's index does not show yet.

    Keys that are not unique are looked up in an index, and a second record would be made without complaint.
    """
    shown = normalise.external_id(intent.row["external_id"]) in by_key
    young: bool = at - intent.row["created_at"] < INDEX_LAG
    return young and not shown and not work.connection.row["key_unique"]


def _ours(intent: StoredIntent, by_key: dict[str, list[Looked]], taken: set[str]) -> Looked | None:
    """The one record that a create of unknown outcome left, if it is the only one with its key."""
    key = normalise.external_id(intent.row["external_id"])
    candidates = by_key.get(key or "", [])
    if len(candidates) != 1 or candidates[0].ref in taken or candidates[0].invalid is not None:
        return None
    return candidates[0]


def _link_of(work: Work, intent: StoredIntent, ours: Looked, at: datetime, *, living: bool) -> dict[str, Any]:
    """Its link, dirty, so that whatever differs is reconciled at once.

    A record with our key and our name is ours: what differs in it was edited since. Of any other we only
    know what happens to agree.
    """
    sent = intent.sent
    named = means("customer_name", sent.get("customer_name"), ours.fields.get("customer_name"))
    baseline = after_receipt(sent, ours.fields) if named else after_unknown(sent, ours.fields)
    return links.new_row(
        link_id=new_id(),
        organisation_id=work.organisation_id,
        connection_id=work.connection_id,
        customer_id=intent.customer_id,
        ref=ours.ref,
        state=LinkState.ACTIVE if living else LinkState.DETACHED,
        baseline=baseline,
        map_version=work.connection.map_version,
        planned_version=0,
        dirty_why="edit" if living else None,
        observed_at=at,
        at=at,
        doubted=[EVERY] if work.restored else None,
    )

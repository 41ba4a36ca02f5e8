"""Apply a page of plans: one transaction, a fixed number of statements, before-values kept of everything.

What goes to the CRM is not written here: an `UpdateCrm` marks its link dirty, and the push plans it again
against what the CRM has then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from connectors.records import JSON, FieldValue, to_json
from sync.clock import new_id
from sync.core.actions import (
    AdjustLink,
    Conflict,
    CreateCustomer,
    MakeLink,
    RecordPlan,
    UpdateCrm,
    UpdateCustomer,
)
from sync.core.diff import Changeset
from sync.core.landing import merged
from sync.core.match import LinkState
from sync.crash import crash_here
from sync.kept import keep_applied
from sync.situation import Looked, Situation
from sync.store import conflicts, customers, links, sightings
from sync.store.baselines import pack_pairs, unpack_pairs
from sync.store.conflicts import StoredConflict
from sync.store.links import StoredLink
from sync.store.runs import AppliedChange
from sync.store.session import Tx
from sync.store.sightings import Sighting
from sync.touched import ask_own_push, ask_to_create, release_emails, touch_customers
from sync.work import Work


@dataclass(frozen=True, slots=True)
class PlannedRecord:
    """A record as looked at, and what is to be done about it."""

    looked: Looked
    plan: RecordPlan


@dataclass(slots=True)
class _Page:
    """The rows that a page of plans amounts to, gathered before anything is written."""

    work: Work
    situation: Situation
    fetched_at: datetime
    at: datetime
    new_customers: list[tuple[str, str | None, dict[str, FieldValue]]] = field(default_factory=list)
    updates: dict[str, dict[str, FieldValue]] = field(default_factory=dict)
    new_links: dict[str, dict[str, Any]] = field(default_factory=dict)  # by ref
    link_changes: dict[str, dict[str, Any]] = field(default_factory=dict)  # by link id
    applied: list[AppliedChange] = field(default_factory=list)
    overwritten: int = 0
    pushes: bool = False
    closed: int = 0


def apply(
    tx: Tx,
    situation: Situation,
    planned: Sequence[PlannedRecord],
    *,
    fetched_at: datetime,
    known: Mapping[str, Sighting],
) -> None:
    """Write a page: customers, links, queue, changes, sightings; mark other connections' links dirty.

    Args:
        tx: the page's transaction.
        situation: what the plans were made from.
        planned: the records of the page with their plans.
        fetched_at: `Work.now` before the CRM was asked.
        known: the sightings that there are already, by ref.
    """
    work = situation.work
    page = _Page(work, situation, fetched_at=fetched_at, at=work.now())
    by_id = {each.id: each for each in situation.links.values()}
    for record in planned:
        _gather(page, record, by_id)
    _write_customers(tx, page)
    crash_here("page.customers_written")
    _write_links(tx, page, by_id)
    keep_applied(tx, work, page.applied, page.at)
    _level_queue(tx, page, planned)
    crash_here("page.queue_level")
    fresh = [record.looked.sighting() for record in planned]
    sightings.save(tx, work.connection_id, fresh, new={each.ref for each in fresh} - known.keys())
    work.tally.overwritten += page.overwritten
    _ask_for_pushes(tx, page)


def _gather(page: _Page, record: PlannedRecord, by_id: Mapping[str, StoredLink]) -> None:
    plan, tally = record.plan, page.work.tally
    pushes = any(isinstance(action, UpdateCrm) for action in plan.actions)
    page.pushes |= pushes
    link = page.situation.links.get(record.looked.ref)
    for action in plan.actions:
        if isinstance(action, CreateCustomer):
            _create(page, action, pushes=pushes)
            tally.created_local += 1
        elif isinstance(action, UpdateCustomer):
            _update(page, action, link)
            tally.updated_local += 1
        elif isinstance(action, MakeLink):
            _join(page, action, pushes=pushes)
        elif isinstance(action, AdjustLink):
            _adjust(page, action, by_id[action.link_id])
    if link is not None:
        _note_planned(page, plan, link, pushes=pushes)


def _create(page: _Page, action: CreateCustomer, *, pushes: bool) -> None:
    customer_id = new_id()
    page.new_customers.append((customer_id, action.external_id, dict(action.fields)))
    row = _link_row(page, customer_id, action.ref, LinkState.ACTIVE, version=1, pushes=pushes)
    page.new_links[action.ref] = {**row, "baseline": pack_pairs(action.baseline)}
    page.applied.append(_change("local", "create_customer", customer_id, row["id"], action.ref))


def _join(page: _Page, action: MakeLink, *, pushes: bool) -> None:
    version = page.situation.customers[action.customer_id].row["version"]
    row = _link_row(page, action.customer_id, action.ref, action.state, version=version, pushes=pushes)
    doubted = sorted(action.doubted) or None
    page.new_links[action.ref] = {**row, "baseline": pack_pairs(action.baseline), "doubted": doubted}
    page.applied.append(_change("link", "make_link", action.customer_id, row["id"], action.ref))


def _link_row(
    page: _Page, customer_id: str, ref: str, state: LinkState, *, version: int, pushes: bool
) -> dict[str, Any]:
    return links.new_row(
        link_id=new_id(),
        organisation_id=page.work.organisation_id,
        connection_id=page.work.connection_id,
        customer_id=customer_id,
        ref=ref,
        state=state,
        baseline={},
        map_version=page.work.connection.map_version,
        planned_version=version,
        dirty_why="edit" if pushes else None,
        observed_at=page.fetched_at,
        at=page.at,
    )


def _update(page: _Page, action: UpdateCustomer, link: StoredLink | None) -> None:
    values = {path: change.after for path, change in action.changes.items()}
    page.updates.setdefault(action.customer_id, {}).update(values)
    page.overwritten += bool(action.overwrites)
    before: dict[str, JSON] = {}
    if link is not None:
        before = {path: pair for path, pair in (link.row["baseline"] or {}).items() if path in values}
    page.applied.append(
        AppliedChange(
            side="local",
            action="update_customer",
            customer_id=action.customer_id,
            link_id=link.id if link else None,
            ref=link.ref if link else None,
            fields=changes_as_json(action.changes),
            before_baseline=before,
        )
    )


def changes_as_json(changes: Changeset) -> dict[str, JSON]:
    """Path → [before, after]."""
    return {path: [to_json(change.before), to_json(change.after)] for path, change in changes.items()}


def _adjust(page: _Page, action: AdjustLink, link: StoredLink) -> None:
    columns: dict[str, Any] = {"observed_at": page.fetched_at}
    if action.state is not None:
        columns["state"] = action.state.value
        page.applied.append(
            _change("link", f"link_{action.state.value}", link.customer_id, link.id, link.ref)
        )
    if action.baseline:
        known = unpack_pairs(link.row["baseline"])
        columns["baseline"] = pack_pairs(merged(known, action.baseline))
    if action.ref is not None:
        columns["ref"] = action.ref
        page.applied.append(_change("link", "relink", link.customer_id, link.id, action.ref))
    if action.forget_accepted:
        known = link.row["accepted"] or {}
        columns["accepted"] = {
            p: pair for p, pair in known.items() if p not in action.forget_accepted
        } or None
    page.link_changes.setdefault(link.id, {}).update(columns)


def _change(side: str, action: str, customer_id: str, link_id: str, ref: str) -> AppliedChange:
    return AppliedChange(side=side, action=action, customer_id=customer_id, link_id=link_id, ref=ref)


def _note_planned(page: _Page, plan: RecordPlan, link: StoredLink, *, pushes: bool) -> None:
    """Keep the link level: dirty exactly if something waits for the CRM, and planned at this version."""
    columns = page.link_changes.get(link.id, {})
    version = page.situation.customers[link.customer_id].row["version"] + (link.customer_id in page.updates)
    if pushes and link.row["dirty_at"] is None:
        columns |= {"dirty_at": page.at, "dirty_why": "edit"}
    elif not pushes and link.row["dirty_at"] is not None:
        columns |= {"dirty_at": None, "dirty_why": None}
    if plan.doubts is not None and (left := sorted(plan.doubts) or None) != link.row["doubted"]:
        columns["doubted"] = left
    if page.work.reapply and not plan.out_of_scope:
        columns["map_version"] = page.work.connection.map_version
    if columns or link.customer_id in page.updates:
        page.link_changes[link.id] = {
            **columns,
            "planned_version": version,
            "observed_at": page.fetched_at,
        }


def _write_customers(tx: Tx, page: _Page) -> None:
    work, known = page.work, page.situation.customers
    changed = [(known[each], fields) for each, fields in page.updates.items()]
    customers.update_many(tx, changed, page.at, keys={})  # first: what they give up, a new one may take
    customers.insert_many(tx, work.organisation_id, page.new_customers, page.at)
    if not changed:
        return
    touch_customers(tx, page.updates, page.at, but=work.connection_id)
    release_emails(tx, work.organisation_id, changed)


def _write_links(tx: Tx, page: _Page, by_id: Mapping[str, StoredLink]) -> None:
    links.insert_many(tx, list(page.new_links.values()))
    links.update_many(tx, [(by_id[each], columns) for each, columns in page.link_changes.items()])


def _level_queue(tx: Tx, page: _Page, planned: Sequence[PlannedRecord]) -> None:
    work = page.work
    wanted: list[Conflict] = []
    present: dict[str, StoredConflict] = {}
    for record in planned:
        made = page.new_links.get(record.looked.ref, {}).get("customer_id")
        # What is asked about a new customer is its question; when it was planned it had no id.
        wanted += [
            replace(row, customer_id=made) if made and row.customer_id is None and row.ref else row
            for row in record.plan.conflicts
        ]
        for subject in record.plan.subjects:
            present |= {row.id: row for row in page.situation.queue.get(subject, [])}
    change = conflicts.bring_level(
        tx,
        organisation_id=work.organisation_id,
        connection_id=work.connection_id,
        wanted=wanted,
        present=list(present.values()),
        run_id=work.run_id,
        at=page.at,
    )
    work.tally.opened(change.opened)
    page.closed = change.closed


def _ask_for_pushes(tx: Tx, page: _Page) -> None:
    """Last of all, as other runs wait for these rows. What `touch_customers` finds dirty asks by itself."""
    if page.new_customers:
        ask_to_create(tx, page.work.organisation_id, but=page.work.connection_id)
    if page.pushes:
        ask_own_push(tx, page.work)
    if page.closed:
        ask_own_push(tx, page.work, create=True)

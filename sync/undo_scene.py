"""What bears on a page of an undo: the records as they stand on both sides, read set-wise and locked."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connectors.records import Fields, from_json
from sync.core import normalise
from sync.core.actions import ConflictKind
from sync.core.diff import Change, changed
from sync.core.done import Kept, Now
from sync.core.match import LinkState
from sync.decisions import FIELD_KINDS
from sync.look import look
from sync.reading import read
from sync.situation import Looked
from sync.store import contracts, customers, intents, links
from sync.store import undo as store
from sync.store.baselines import unpack_pairs
from sync.store.customers import StoredCustomer
from sync.store.links import StoredLink
from sync.store.query import Row
from sync.store.runs import ANSWER
from sync.store.session import Tx
from sync.work import Work

BUMPS = frozenset(
    {"update_customer", "delete_customer", "restore_customer", "decide", "reopen", ANSWER, *store.SETTLEMENTS}
)
"""Actions that make a new version of their customer."""

ABOUT_FIELDS = FIELD_KINDS | {ConflictKind.PUSH_REJECTED}
"""Kinds of rows that ask about values; the others ask what is to become of a record."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """CRM records of a page's customers as they were read, by ref, and when that was."""

    records: Mapping[str, Looked]
    at: datetime


def fetch(work: Work, customer_ids: Iterable[str]) -> Fetched:
    """Read the records of some customers from the CRM."""
    with work.database.reading() as tx:
        found = links.load(tx, work.connection_id, links.by_customers(customer_ids))
    refs = sorted(link.ref for link in found)
    work.keep_lease()
    at = work.now()
    records = read(work, refs).records if refs else {}
    return Fetched({ref: look(work, each) for ref, each in records.items()}, at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A page of customers with everything that an undo has to know of them. Keys are customers' ids."""

    work: Work
    at: datetime
    fetched: Fetched
    customers: Mapping[str, StoredCustomer]
    own: Mapping[str, StoredLink]
    others: Mapping[str, Sequence[StoredLink]]
    waiting: Mapping[str, frozenset[str]]
    questions: Mapping[str, Sequence[str]]
    moved: Mapping[str, frozenset[str]]
    billed: Collection[str]
    keys: Mapping[str, str]
    busy: Collection[str]

    def now(self, customer_id: str, ref: str | None, paths: Iterable[str]) -> Now:
        """How a customer and its record stand; `ref` is the record that the run knew."""
        customer, link = self.customers[customer_id], self.own.get(customer_id)
        wanted = {*paths, *self.work.policy.fields, "address"} - {"external_id"}
        key = customer.row["external_id"]
        return Now(
            local={path: customer.value(path) for path in wanted},
            remote=self._remote(link),
            baseline=(unpack_pairs(link.row["baseline"]) or {}) if link else {},
            state=LinkState(link.row["state"]) if link else None,
            deleted=customer.row["deleted_at"] is not None,
            same_record=link is not None and link.ref == ref,
            waiting=self.waiting.get(customer_id, frozenset()),
            moved=self.moved.get(customer_id, frozenset()),
            billed=customer_id in self.billed,
            key_taken=self.keys.get(key, customer_id) != customer_id if key else False,
            busy=customer_id in self.busy or (link is not None and link.row["observed_at"] > self.fetched.at),
        )

    def looked(self, customer_id: str) -> Looked:
        """The record of a customer as it was read; only of one that can be read."""
        return self.fetched.records[self.own[customer_id].ref]

    def _remote(self, link: StoredLink | None) -> Fields | None:
        looked = self.fetched.records.get(link.ref) if link else None
        if looked is None or looked.invalid is not None or not looked.fields:
            return None
        return looked.fields


def load(
    tx: Tx, work: Work, fetched: Fetched, by_customer: Mapping[str, Sequence[Row]], run_id: str
) -> Scene:
    """Read and lock the customers of a page, then their links on every connection."""
    ids = list(by_customer)
    found = {
        each.id: each for each in customers.load(tx, work.organisation_id, customers.by_ids(ids), lock=True)
    }
    own: dict[str, StoredLink] = {}
    others: dict[str, list[StoredLink]] = {}
    for link in store.all_links(tx, found):
        if link.row["connection_id"] == work.connection_id:
            own[link.customer_id] = link
        else:
            others.setdefault(link.customer_id, []).append(link)
    made = [each for each, kept in by_customer.items() if any(row["action"] in _MAKING for row in kept)]
    at = work.now()
    waiting, questions = _queue(tx, work, found, own)
    return Scene(
        work=work,
        at=at,
        fetched=fetched,
        customers=found,
        own=own,
        others=others,
        waiting=waiting,
        questions=questions,
        moved=moved_since(tx, _made_at(by_customer, made), found, own, run_id),
        billed=_billed(tx, work, made, at),
        keys=store.key_owners(
            tx, work.organisation_id, {each.row["external_id"] for each in found.values()} - {None}
        ),
        busy={each.customer_id for each in intents.load(tx, work.connection_id, intents.by_customers(found))},
    )


_MAKING = ("create_customer", "restore_customer")


def _queue(
    tx: Tx, work: Work, found: Mapping[str, StoredCustomer], own: Mapping[str, StoredLink]
) -> tuple[dict[str, frozenset[str]], dict[str, list[str]]]:
    """Customer → the fields about which rows of this connection ask, and → ids of all open rows about it."""
    by_ref = {link.ref: link.customer_id for link in own.values()}
    waiting: dict[str, frozenset[str]] = {}
    questions: dict[str, list[str]] = {}
    for row in store.open_about(tx, customer_ids=found, refs=by_ref):
        here = row["connection_id"] == work.connection_id
        customer_id = str(row["customer_id"] or (by_ref.get(row["ref"]) if here else ""))
        if customer_id not in found:
            continue
        questions.setdefault(customer_id, []).append(row["id"])
        if here and row["kind"] in ABOUT_FIELDS:
            asked = {row["field"], *row["local"], *row["remote"]} - {""}
            waiting[customer_id] = waiting.get(customer_id, frozenset()) | asked
    return waiting, questions


def _billed(tx: Tx, work: Work, ids: Sequence[str], at: datetime) -> set[str]:
    named = store.with_contracts(tx, ids) if ids else set()
    return {
        each
        for each in named.intersection(ids)
        if contracts.count_running(tx, work.organisation_id, each, at)
    }


def _made_at(
    by_customer: Mapping[str, Sequence[Row]], made: Iterable[str]
) -> dict[str, tuple[datetime, int | None]]:
    return {
        each: (min(row["at"] for row in by_customer[each] if row["action"] in _MAKING), None) for each in made
    }


def moved_since(
    tx: Tx,
    made: Mapping[str, tuple[datetime, int | None]],
    found: Mapping[str, StoredCustomer],
    own: Mapping[str, StoredLink],
    run_id: str,
) -> dict[str, frozenset[str]]:
    """Which fields of customers that a run made were changed since, by runs or by people.

    `made` says by customer when that was, and its version then; without one it was new. What later runs
    changed and undid again counts as unchanged. A version that no run made was made by a person.
    """
    if not made:
        return {}
    ours = {run_id, *store.undone_by(tx, run_id)}
    histories: dict[str, list[Row]] = {}
    for row in store.history(tx, made):
        histories.setdefault(row["customer_id"], []).append(row)
    moved: dict[str, frozenset[str]] = {}
    for customer_id in made.keys() & found.keys():
        since, version = made[customer_id]
        later = [row for row in histories[customer_id] if row["run_id"] not in ours and row["at"] >= since]
        paths = _net([row for row in later if row["side"] == "local"])
        counted = [row for row in histories[customer_id] if version is None or row["at"] > since]
        versions = (version or 1) + sum(_bumps(row) for row in counted)
        if found[customer_id].row["version"] != versions:
            paths |= _net([row for row in later if row["side"] == "crm"])
            paths = paths | _unsent(found[customer_id], own.get(customer_id)) or frozenset({""})
        moved[customer_id] = paths
    return moved


def _bumps(row: Row) -> bool:
    if row["action"] not in BUMPS or (row["details"] or {}).get("bumps") is False:
        return False  # several decisions about a customer are taken back in one version
    fields = row["fields"] or {}
    return not fields or any(not normalise.equal(before, after) for before, after in fields.values())


def _net(later: Sequence[Row]) -> frozenset[str]:
    """Fields whose value is no longer what it was before these changes."""
    first: dict[str, Any] = {}
    last: dict[str, Any] = {}
    for row in later:
        for path, (before, after) in (row["fields"] or {}).items():
            first.setdefault(path, before)
            last[path] = after
    return frozenset(path for path in first if not normalise.equal(first[path], last[path]))


def _unsent(customer: StoredCustomer, link: StoredLink | None) -> frozenset[str]:
    known = (unpack_pairs(link.row["baseline"]) or {}) if link else {}
    return frozenset(path for path, pair in known.items() if changed(path, pair[0], customer.value(path)))


def kept(row: Row) -> Kept:
    """A stored change as the rules of an undo see it."""
    fields = row["fields"] or {}
    changes = {
        path: Change(from_json(path, pair[0]), from_json(path, pair[1])) for path, pair in fields.items()
    }
    return Kept(action=row["action"], changes=changes)

"""Links: the rows that join a customer and a CRM record, with the baseline of what both agreed on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, func, not_, or_, select, update

from sync.core.diff import Baseline
from sync.core.match import LinkState, LinkView
from sync.store import bulk
from sync.store.baselines import pack_pairs, unpack_pairs
from sync.store.jobs import Wanted
from sync.store.query import Row, one_of, rows
from sync.store.schema import connections, customers, links
from sync.store.session import Tx

_LIVING = (LinkState.ACTIVE.value, LinkState.HELD.value)

WRITEBACK_WINDOW = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class StoredLink:
    """A link row as read, locked or not."""

    row: Row

    @property
    def id(self) -> str:
        """The link's id."""
        return str(self.row["id"])

    @property
    def ref(self) -> str:
        """The CRM record it points to."""
        return str(self.row["ref"])

    @property
    def customer_id(self) -> str:
        """The customer it points to."""
        return str(self.row["customer_id"])

    def view(self, paused: frozenset[str], at: datetime) -> LinkView:
        """What planning sees of it at a time; `paused` as `Rules.paused_since` tells."""
        since = (at - WRITEBACK_WINDOW).isoformat()
        stamps: Mapping[str, list[str]] = self.row["written_back"] or {}
        return LinkView(
            id=self.id,
            customer_id=self.customer_id,
            ref=self.ref,
            state=LinkState(self.row["state"]),
            baseline=unpack_pairs(self.row["baseline"]),
            accepted=self.row["accepted"] or {},
            accepted_key=self.row["accepted_key"],
            paused=paused,
            written_back={path: sum(stamp > since for stamp in times) for path, times in stamps.items()},
            doubted=frozenset(self.row["doubted"] or ()),
        )


def load(tx: Tx, connection_id: str, *conditions: Any, lock: bool = False) -> list[StoredLink]:
    """Links of a connection that meet any of the conditions, in id order; locked if asked."""
    statement = (
        select(links).where(links.c.connection_id == connection_id, or_(*conditions)).order_by(links.c.id)
    )
    if lock:
        statement = statement.with_for_update(key_share=True)
    return [StoredLink(row) for row in rows(tx, statement)]


def of_customer(tx: Tx, customer_id: str) -> list[StoredLink]:
    """All links of one customer, on every connection, locked in id order."""
    statement = select(links).where(links.c.customer_id == customer_id).order_by(links.c.id)
    return [StoredLink(row) for row in rows(tx, statement.with_for_update(key_share=True))]


def with_connections(tx: Tx, customer_id: str) -> list[Row]:
    """A customer's links, each with `name`, `connector` and `connection_state` of its connection."""
    names = (connections.c.name, connections.c.connector, connections.c.state.label("connection_state"))
    statement = (
        select(links, *names)
        .join(connections, connections.c.id == links.c.connection_id)
        .where(links.c.customer_id == customer_id)
        .order_by(links.c.id)
    )
    return rows(tx, statement)


def frozen_with_keys(tx: Tx, organisation_id: str, connection_id: str, folded: Iterable[str]) -> set[str]:
    """Refs of records that went away, of customers with one of these folded external ids."""
    statement = (
        select(links.c.ref)
        .join(customers, customers.c.id == links.c.customer_id)
        .where(
            links.c.connection_id == connection_id,
            links.c.state == LinkState.FROZEN.value,
            customers.c.organisation_id == organisation_id,
            one_of(customers.c.external_fold, folded),
        )
    )
    return set(tx.execute(statement).scalars())


def by_refs(refs: Iterable[str]) -> Any:
    """Condition: points to one of these CRM records."""
    return one_of(links.c.ref, refs)


def by_customers(customer_ids: Iterable[str]) -> Any:
    """Condition: points to one of these customers."""
    return one_of(links.c.customer_id, customer_ids)


def by_ids(ids: Iterable[str]) -> Any:
    """Condition: one of these links."""
    return one_of(links.c.id, ids)


def dirty(tx: Tx, connection_id: str, after: str, limit: int) -> list[StoredLink]:
    """Links whose customer changed since they were last planned, in id order, after an id.

    Held ones too: an edit here may be what makes the two addresses match.
    """
    statement = (
        select(links)
        .where(
            links.c.connection_id == connection_id,
            links.c.dirty_at.is_not(None),
            links.c.state.in_(_LIVING),
            links.c.id > after,
        )
        .order_by(links.c.id)
        .limit(limit)
    )
    return [StoredLink(row) for row in rows(tx, statement)]


def count_dirty(tx: Tx, connection_id: str) -> tuple[int, int]:
    """(active links with something to push, those of them that no person's decision made so)."""
    undecided = func.count().filter(func.coalesce(links.c.dirty_why, "") != "decision")
    statement = select(func.count(), undecided).where(
        links.c.connection_id == connection_id,
        links.c.dirty_at.is_not(None),
        links.c.state == LinkState.ACTIVE,
    )
    total, fresh = tx.execute(statement).one()
    return int(total), int(fresh)


def count(tx: Tx, connection_id: str) -> int:
    """Links whose CRM record should be there."""
    statement = select(func.count()).where(links.c.connection_id == connection_id, links.c.state.in_(_LIVING))
    return int(tx.execute(statement).scalar_one())


def living_refs(tx: Tx, connection_id: str) -> Iterable[str]:
    """Refs of links whose CRM record should be there, streamed."""
    statement = select(links.c.ref).where(links.c.connection_id == connection_id, links.c.state.in_(_LIVING))
    return tx.execution_options(yield_per=5_000).execute(statement).scalars()


def living_but(tx: Tx, connection_id: str, refs: Iterable[str], *, limit: int) -> list[str]:
    """Some refs of links whose CRM record should be there, none of them one of these."""
    mine = (
        links.c.connection_id == connection_id,
        links.c.state.in_(_LIVING),
        not_(one_of(links.c.ref, refs)),
    )
    return list(tx.execute(select(links.c.ref).where(*mine).limit(limit)).scalars())


def insert_many(tx: Tx, made: Sequence[Mapping[str, Any]]) -> None:
    """Insert links; each row as `new_row` makes it."""
    bulk.insert(tx, links, made)


def new_row(
    *,
    link_id: str,
    organisation_id: str,
    connection_id: str,
    customer_id: str,
    ref: str,
    state: LinkState,
    baseline: Baseline,
    map_version: int,
    planned_version: int,
    dirty_why: str | None,
    observed_at: datetime,
    at: datetime,
    doubted: Sequence[str] | None = None,
) -> dict[str, Any]:
    """A row for `insert_many`."""
    return {
        "id": link_id,
        "organisation_id": organisation_id,
        "connection_id": connection_id,
        "customer_id": customer_id,
        "ref": ref,
        "state": state.value,
        "baseline": pack_pairs(baseline),
        "accepted": None,
        "accepted_key": None,
        "map_version": map_version,
        "written_back": None,
        "doubted": doubted,
        "dirty_at": at if dirty_why else None,
        "dirty_why": dirty_why,
        "planned_version": planned_version,
        "observed_at": observed_at,
        "created_at": at,
    }


_UPDATABLE = (
    *("ref", "state", "baseline", "accepted", "accepted_key", "map_version", "written_back"),
    *("dirty_at", "dirty_why", "planned_version", "observed_at", "customer_id", "doubted"),
)


def update_many(tx: Tx, changed: Sequence[tuple[StoredLink, Mapping[str, Any]]]) -> None:
    """Write new column values to locked links."""
    fresh = [
        {"id": link.id, **{name: link.row[name] for name in _UPDATABLE}, **columns}
        for link, columns in changed
    ]
    bulk.update(tx, links, ("id",), fresh)


def packed(columns: Mapping[str, Any]) -> dict[str, Any]:
    """Columns for `update_many` with the baseline as it is kept."""
    if "baseline" not in columns:
        return dict(columns)
    return {**columns, "baseline": pack_pairs(columns["baseline"])}


def mark_dirty(
    tx: Tx,
    customer_ids: Iterable[str],
    at: datetime,
    *,
    why: str = "edit",
    but: str | None = None,
    only: str | None = None,
) -> set[Wanted]:
    """Mark the living links of changed customers, on all connections, all but one, or only one.

    Returns:
        The pushes that follow from it; see `jobs.ask_for`.
    """
    condition = and_(by_customers(customer_ids), links.c.state.in_(_LIVING))
    if but is not None:
        condition = and_(condition, links.c.connection_id != but)
    if only is not None:
        condition = and_(condition, links.c.connection_id == only)
    statement = update(links).where(condition).values(dirty_at=at, dirty_why=why)
    marked = tx.execute(statement.returning(links.c.connection_id, links.c.organisation_id))
    return {Wanted(row[0], "push", organisation_id=row[1]) for row in marked}


def part(tx: Tx, customer_ids: Iterable[str]) -> None:
    """Detach the links of customers that are deleted here; they keep the state that they had."""
    mine = and_(by_customers(customer_ids), links.c.state != LinkState.DETACHED.value)
    gone = {"state": LinkState.DETACHED.value, "state_before": links.c.state}
    tx.execute(update(links).where(mine).values(**gone, dirty_at=None, dirty_why=None))


def rejoin(tx: Tx, customer_ids: Iterable[str]) -> list[tuple[str, str]]:
    """Give the links of customers that are restored their state back; (connection, ref) of each."""
    mine = and_(by_customers(customer_ids), links.c.state_before.is_not(None))
    back = update(links).where(mine).values(state=links.c.state_before, state_before=None)
    return [(row[0], row[1]) for row in tx.execute(back.returning(links.c.connection_id, links.c.ref))]


def delete(tx: Tx, ids: Sequence[str]) -> None:
    """Remove links, so that their customers can be created in the CRM again."""
    tx.execute(links.delete().where(one_of(links.c.id, ids)))

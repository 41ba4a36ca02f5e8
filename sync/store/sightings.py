"""Sightings: what every CRM record looked like when it was last planned."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from sync.core import normalise
from sync.store import bulk
from sync.store.query import one_of, rows
from sync.store.schema import links, sightings
from sync.store.session import Tx


@dataclass(frozen=True, slots=True)
class Sighting:
    """The digests of a CRM record, raw and canonical (16 bytes each), and the external id it carried.

    `stamp`: when it had last changed by the CRM's clock, in milliseconds; 0 if nobody knows.
    """

    ref: str
    raw_digest: bytes
    digest: bytes
    external_id: str | None
    stamp: int = 0


def stamp_of(at: datetime | None) -> int:
    """Milliseconds since 1970; 0 for no time."""
    return int(at.timestamp() * 1000) if at is not None else 0


def load(tx: Tx, connection_id: str, refs: Iterable[str]) -> dict[str, Sighting]:
    """Sightings by ref."""
    statement = select(
        sightings.c.ref,
        sightings.c.raw_digest,
        sightings.c.digest,
        sightings.c.external_id,
        sightings.c.stamp,
    ).where(sightings.c.connection_id == connection_id, one_of(sightings.c.ref, refs))
    return {row.ref: Sighting(*row) for row in tx.execute(statement)}


def sharing_keys(tx: Tx, connection_id: str, folded: Iterable[str]) -> Mapping[str, list[Sighting]]:
    """Sightings by folded external id, for these keys."""
    statement = select(sightings).where(
        sightings.c.connection_id == connection_id, one_of(sightings.c.external_fold, folded)
    )
    found: dict[str, list[Sighting]] = {}
    for row in rows(tx, statement):
        sighting = Sighting(row["ref"], row["raw_digest"], row["digest"], row["external_id"], row["stamp"])
        found.setdefault(row["external_fold"], []).append(sighting)
    return found


def save(tx: Tx, connection_id: str, fresh: Sequence[Sighting], *, new: Container[str] = ()) -> None:
    """Insert or replace sightings. `new`: refs of which there is none yet, to be inserted outright."""
    made: list[bulk.Row] = []
    replaced: list[bulk.Row] = []
    for each in fresh:
        row = {
            "connection_id": connection_id,
            "ref": each.ref,
            "raw_digest": each.raw_digest,
            "digest": each.digest,
            "external_id": each.external_id,
            "external_fold": normalise.fold(each.external_id) if each.external_id else None,
            "stamp": each.stamp,
        }
        (made if each.ref in new else replaced).append(row)
    bulk.insert(tx, sightings, made)
    bulk.upsert(tx, sightings, ("connection_id", "ref"), replaced)


def forget(tx: Tx, connection_id: str, refs: Sequence[str]) -> None:
    """Drop sightings, so that the next look at these records plans them anew."""
    tx.execute(
        sightings.delete().where(sightings.c.connection_id == connection_id, one_of(sightings.c.ref, refs))
    )


def doubt_all(tx: Tx, connection_id: str, digest: bytes) -> None:
    """Give every sighting a digest that no record has, so that the next listing plans all records anew.

    Who carries which external id stays known meanwhile.
    """
    mine = sightings.c.connection_id == connection_id
    tx.execute(sightings.update().where(mine).values(raw_digest=digest, digest=digest))


def forget_undecided(tx: Tx, connection_id: str) -> None:
    """Drop the sightings of records that stand in no active link, so that the next look plans them anew."""
    active = select(links.c.ref).where(links.c.connection_id == connection_id, links.c.state == "active")
    tx.execute(
        sightings.delete().where(sightings.c.connection_id == connection_id, sightings.c.ref.not_in(active))
    )

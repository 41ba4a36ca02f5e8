"""`/customers/{id}/links`: what each CRM has of a customer, and how it stands with us."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field, JsonValue

from connectors.port import Presence
from connectors.records import to_json
from sync.core import normalise
from sync.core.actions import ConflictKind
from sync.core.match import LinkState
from sync.customers import living
from sync.presence import Present, read_now
from sync.store import conflicts, connections, links, runs
from sync.store.baselines import pack_fields, unpack_fields, unpack_pairs
from sync.store.conflicts import StoredConflict
from sync.store.connections import ConnectionState
from sync.store.customers import StoredCustomer
from sync.store.query import Row, now
from web.api.answers import READING, answer
from web.api.caller import Caller, Reader
from web.api.conflict import ConnectionName, PairOut, pairs
from web.api.route import ApiRoute
from web.api.types import At, Id
from web.outward import BUSY

router = APIRouter(route_class=ApiRoute, tags=["links"])
RECEIPTS = 10
_ROWS = 1_000
_LIVING = (LinkState.ACTIVE, LinkState.HELD)
_LIVE = Query(description="Read the record from each CRM now, instead of telling what was last agreed.")


class LinkedConnection(ConnectionName):
    """The connection of a link."""

    connector: str = Field(examples=["salesforce"])
    state: ConnectionState


class CrmSideOut(BaseModel):
    """What the CRM has. `live`: read just now; else what was last agreed, and what open questions say."""

    live: bool
    at: At = Field(description="When the CRM was read, or last looked at.")
    presence: Presence | None = Field(description="Null if it was not read, or is not known there.")
    fields: dict[str, JsonValue] = Field(examples=[{"customer_name": "Acme Limited"}])
    problem: str | None = Field(description="Why the CRM could not be read.")


class EditOut(BaseModel):
    """A value of ours as it was agreed, and as it is now."""

    agreed: JsonValue = Field(examples=["old@acme.example"])
    now: JsonValue = Field(examples=["billing@acme.example"])


class WaitingOut(BaseModel):
    """What is to be written to the CRM; nothing of a held link goes before its question is decided."""

    since: At
    why: str = Field(examples=["edit"])
    fields: dict[str, EditOut]


class OpenConflict(BaseModel):
    """An open question about the link."""

    id: Id
    kind: ConflictKind
    field: str = Field(description="Empty if it is about several, or none.", examples=["email"])
    version: int


class ReceiptOut(BaseModel):
    """A change that a run applied."""

    run_id: Id
    at: At
    side: str = Field(description="`local`, `crm` or `link`.", examples=["crm"])
    action: str = Field(examples=["update"])
    before: dict[str, JsonValue] = Field(examples=[{"email": "old@acme.example"}])
    after: dict[str, JsonValue] = Field(examples=[{"email": "billing@acme.example"}])


class LinkOut(BaseModel):
    """A customer's link to one CRM record."""

    id: Id
    connection: LinkedConnection
    ref: str = Field(examples=["0015g00000XyZabAAF"])
    state: LinkState
    baseline: dict[str, PairOut] | None = Field(description="What both sides last agreed on.")
    crm: CrmSideOut
    waiting: WaitingOut | None
    conflicts: list[OpenConflict]
    receipts: list[ReceiptOut] = Field(description=f"The last {RECEIPTS} changes, newest first.")
    created_at: At


class LinksOut(BaseModel):
    """All links of a customer."""

    data: list[LinkOut]


@router.get("/customers/{customer_id}/links", response_model=LinksOut, responses=READING)
def list_links(caller: Reader, customer_id: Id, live: Annotated[bool, _LIVE] = False) -> Response:
    """What each CRM has of a customer, the baseline, what waits, open questions, the last receipts.

    With `live=true` each CRM is asked, once; one that does not answer is told at its link, and so it is
    when this server asks for too many others at the moment.
    """
    return answer(LinksOut(data=links_shown(caller, customer_id, live=live)))


def links_shown(caller: Caller, customer_id: str, *, live: bool) -> list[LinkOut]:
    """All links of a customer as they are shown; `live` asks each CRM, once.

    Raises:
        NotFoundError: there is no such customer, or it is deleted.
    """
    mine = caller.organisation_id
    with caller.database.reading() as tx:
        customer = living(tx, mine, customer_id)
        found = links.with_connections(tx, customer_id)
        queue = conflicts.listing(tx, mine, customer_id=customer_id, limit=_ROWS)
        receipts = runs.receipts(tx, customer_id, each=RECEIPTS)
        known = {each.id: each for each in connections.listing(tx, mine)} if live and found else {}
    # No transaction is open while the CRMs are asked.
    wanted = [(known[row["connection_id"]], row["ref"]) for row in found if row["connection_id"] in known]
    with caller.site.outward.asked() if wanted else nullcontext(False) as free:
        if free:
            present = read_now(caller.site.services, wanted)
        else:
            present = {connection.id: Present(problem=BUSY) for connection, _ in wanted}
    with caller.database.reading() as tx:
        at = now(tx)
    return [
        _shown(customer, row, queue, receipts.get(row["connection_id"], ()), present=present, at=at)
        for row in found
    ]


def _shown(
    customer: StoredCustomer,
    row: Row,
    queue: Sequence[StoredConflict],
    receipts: Sequence[Row],
    *,
    present: Mapping[str, Present],
    at: datetime,
) -> LinkOut:
    place = row["connection_id"]
    mine = [each for each in queue if each.row["connection_id"] == place]
    live = present.get(place)
    return LinkOut(
        id=row["id"],
        connection=LinkedConnection(
            id=place, name=row["name"], connector=row["connector"], state=row["connection_state"]
        ),
        ref=row["ref"],
        state=row["state"],
        baseline=None if row["baseline"] is None else pairs(row["baseline"]),
        crm=_last_seen(row, mine) if live is None else _seen_now(live, at),
        waiting=_waiting(customer, row),
        conflicts=[OpenConflict.model_validate({"id": each.id, **_about(each.row)}) for each in mine],
        receipts=[_receipt(each) for each in receipts],
        created_at=row["created_at"],
    )


def _about(row: Row) -> dict[str, Any]:
    return {name: row[name] for name in ("kind", "field", "version")}


def _seen_now(live: Present, at: datetime) -> CrmSideOut:
    fields = pack_fields(live.fields)
    return CrmSideOut(live=True, at=at, presence=live.presence, fields=fields, problem=live.problem)


def _last_seen(row: Row, queue: Sequence[StoredConflict]) -> CrmSideOut:
    """The CRM's forms of what was agreed, and of what is asked about what the CRM had when it was seen."""
    fields = {path: theirs for path, (_, theirs) in (unpack_pairs(row["baseline"]) or {}).items()}
    for each in queue:
        fields |= unpack_fields(each.row["remote"])
    return CrmSideOut(
        live=False, at=row["observed_at"], presence=None, fields=pack_fields(fields), problem=None
    )


def _waiting(customer: StoredCustomer, row: Row) -> WaitingOut | None:
    if row["dirty_at"] is None or row["state"] not in _LIVING:
        return None
    agreed = {path: ours for path, (ours, _) in (unpack_pairs(row["baseline"]) or {}).items()}
    changed = {
        path: EditOut(agreed=to_json(ours), now=to_json(customer.value(path)))
        for path, ours in agreed.items()
        if not normalise.identical(path, ours, customer.value(path))
    }
    return WaitingOut(since=row["dirty_at"], why=row["dirty_why"] or "edit", fields=changed)


def _receipt(row: Row) -> ReceiptOut:
    fields = row["fields"] or {}
    return ReceiptOut(
        run_id=row["run_id"],
        at=row["at"],
        side=row["side"],
        action=row["action"],
        before={path: pair[0] for path, pair in fields.items()},
        after={path: pair[1] for path, pair in fields.items()},
    )

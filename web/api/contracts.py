"""`/contracts`: what a customer is billed by, phase after phase."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response

from sync import contracts as use
from sync.contract_input import ContractChange, ContractInput
from sync.core.contract import Status
from sync.customers import living
from sync.store import contracts
from sync.store.billtables import contracts as table
from sync.store.query import now
from sync.store.session import Database, Tx
from web.api.answers import CHANGING, DELETING, READING, WRITING, IfMatch, answer, version_of
from web.api.caller import Caller, Reader, Writer
from web.api.contract import ContractOut, shown
from web.api.once import OnlyOnce
from web.api.paging import Page, Paged, Paging
from web.api.route import ApiRoute
from web.api.search import MOST_IDS, read_ids, times
from web.api.types import Id, When, shown_id

router = APIRouter(route_class=ApiRoute, tags=["contracts"])

_CURRENCY = Query(pattern="^[A-Za-z]{3}$", description="A code of ISO 4217.")
_IDS = Query(
    alias="id__in", max_length=8_000, description=f"At most {MOST_IDS} ids, with commas between them."
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which contracts a list is to hold."""

    conditions: list[Any]
    status: Status | None

    def at(self, moment: datetime) -> list[Any]:
        """All conditions at a moment: what has ended by then is expired."""
        if self.status is None:
            return self.conditions
        return [*self.conditions, contracts.has_status(self.status, moment)]


async def _wanted(
    *,
    status: Annotated[Status | None, Query()] = None,
    currency: Annotated[str | None, _CURRENCY] = None,
    created_from: Annotated[When | None, Query(alias="created_at__gte")] = None,
    created_to: Annotated[When | None, Query(alias="created_at__lte")] = None,
    updated_from: Annotated[When | None, Query(alias="updated_at__gte")] = None,
    updated_to: Annotated[When | None, Query(alias="updated_at__lte")] = None,
    ids: Annotated[str | None, _IDS] = None,
) -> Wanted:
    found = times(table.c.created_at, created_from, created_to)
    found += times(table.c.updated_at, updated_from, updated_to)
    if currency is not None:
        found.append(contracts.in_currency(currency.upper()))
    if ids is not None:
        found.append(contracts.by_ids(read_ids(ids)))
    return Wanted(found, status)


Search = Annotated[Wanted, Depends(_wanted)]


@router.post("/contracts", status_code=201, response_model=ContractOut, responses=WRITING)
def create_contract(caller: Writer, given: ContractInput, once: OnlyOnce) -> Response:
    """Make a contract, active or as a draft.

    Its phases do not overlap and lie within its dates; one without an end runs to the next one, or to the end
    of the contract. When `end_date` is reached, the contract expires by itself.
    """

    def effect(database: Database) -> Response:
        made = use.add(database, caller.organisation_id, given, actor=caller.actor)
        place = {"Location": f"/contracts/{shown_id(made)}"}
        return _one(caller, database, made, status=201, headers=place)

    return once(effect)


@router.get("/contracts", response_model=Page[ContractOut], responses=READING)
def list_contracts(
    caller: Reader, search: Search, paged: Paged, customer_id: Annotated[Id | None, Query()] = None
) -> Response:
    """Contracts that meet every condition, in pages."""
    with caller.database.reading() as tx:
        return _page(tx, caller, search, paged, customer_id)


@router.get("/customers/{customer_id}/contracts", response_model=Page[ContractOut], responses=READING)
def list_contracts_of_customer(caller: Reader, customer_id: Id, search: Search, paged: Paged) -> Response:
    """A customer's contracts that meet every condition, in pages."""
    with caller.database.reading() as tx:
        living(tx, caller.organisation_id, customer_id)
        return _page(tx, caller, search, paged, customer_id)


@router.get("/contracts/{contract_id}", response_model=ContractOut, responses=READING)
def get_contract(caller: Reader, contract_id: Id) -> Response:
    """One contract, with its version as `ETag`."""
    return _one(caller, caller.database, contract_id)


@router.patch("/contracts/{contract_id}", response_model=ContractOut, responses=CHANGING)
def change_contract(
    caller: Writer, contract_id: Id, given: ContractChange, if_match: IfMatch = None
) -> Response:
    """Set the fields that are sent.

    Phases, tags, source and custom attributes are each replaced as a whole. A draft can become active; an
    active contract can be paused or disputed, and active again. The currency can change only while it is a
    draft; currency, dates and phases of an expired contract stay as they are.
    """
    use.patch(
        caller.database,
        caller.organisation_id,
        contract_id,
        given,
        actor=caller.actor,
        version=version_of(if_match),
    )
    return _one(caller, caller.database, contract_id)


@router.delete("/contracts/{contract_id}", status_code=204, response_class=Response, responses=DELETING)
def delete_contract(caller: Writer, contract_id: Id, if_match: IfMatch = None) -> Response:
    """Delete a contract, whatever its status."""
    use.delete(
        caller.database, caller.organisation_id, contract_id, actor=caller.actor, version=version_of(if_match)
    )
    return Response(status_code=204)


def _one(
    caller: Caller,
    database: Database,
    contract_id: str,
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
) -> Response:
    with database.reading() as tx:
        found = use.get(tx, caller.organisation_id, contract_id)
        version = found.stored.row["version"]
        return answer(shown(found), status=status, version=version, headers=headers)


def _page(tx: Tx, caller: Caller, search: Wanted, paged: Paging, customer_id: str | None) -> Response:
    at = now(tx)
    conditions = search.at(at)
    if customer_id is not None:
        conditions = [*conditions, contracts.of_customer(customer_id)]
    found = use.page(tx, caller.organisation_id, conditions, paged.slice, at=at)
    page, cursor = paged.cut([each.stored.row for each in found])
    return answer(Page[ContractOut](data=[shown(each) for each in found[: len(page)]], next_cursor=cursor))

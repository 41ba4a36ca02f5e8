"""`/business_entities`: the legal entities of one's own that issue invoices."""

from __future__ import annotations

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from sync import entities as use
from sync.store.query import Row
from sync.store.session import Database
from web.api.answers import CHANGING, DELETING, READING, WRITING, IfMatch, answer, version_of
from web.api.caller import Reader, Writer
from web.api.customer import AddressOut
from web.api.once import OnlyOnce
from web.api.paging import Page
from web.api.route import ApiRoute
from web.api.sequence import InSequence
from web.api.types import At, Id, shown_id

router = APIRouter(route_class=ApiRoute, tags=["business entities"])


class EntityOut(BaseModel):
    """A business entity."""

    id: Id
    name: str = Field(examples=["Acme Deutschland GmbH"])
    country_code: str | None = Field(description="ISO 3166-1 alpha-2.", examples=["DE"])
    address: AddressOut | None
    version: int
    created_at: At
    updated_at: At


@router.post("/business_entities", status_code=201, response_model=EntityOut, responses=WRITING)
def create_entity(caller: Writer, given: use.EntityInput, once: OnlyOnce) -> Response:
    """Add a business entity. A name that another one has is refused with 400."""

    def effect(database: Database) -> Response:
        row = use.create(database, caller.organisation_id, given, actor=caller.actor)
        return _one(row, status=201, headers={"Location": f"/business_entities/{shown_id(row['id'])}"})

    return once(effect)


@router.get("/business_entities", response_model=Page[EntityOut], responses=READING)
def list_entities(caller: Reader, sequel: InSequence) -> Response:
    """Business entities in the order in which they were made."""
    with caller.database.reading() as tx:
        found = use.page(tx, caller.organisation_id, after=sequel.after, limit=sequel.wanted)
    page, cursor = sequel.cut(found)
    return answer(Page[EntityOut](data=[EntityOut(**row) for row in page], next_cursor=cursor))


@router.get("/business_entities/{entity_id}", response_model=EntityOut, responses=READING)
def get_entity(caller: Reader, entity_id: Id) -> Response:
    """One business entity, with its version as `ETag`."""
    with caller.database.reading() as tx:
        return _one(use.get(tx, caller.organisation_id, entity_id))


@router.patch("/business_entities/{entity_id}", response_model=EntityOut, responses=CHANGING)
def change_entity(
    caller: Writer, entity_id: Id, given: use.EntityChange, if_match: IfMatch = None
) -> Response:
    """Set the fields that are sent; an address is replaced whole."""
    version = version_of(if_match)
    row = use.change(
        caller.database, caller.organisation_id, entity_id, given, actor=caller.actor, version=version
    )
    return _one(row)


@router.delete("/business_entities/{entity_id}", status_code=204, response_class=Response, responses=DELETING)
def delete_entity(caller: Writer, entity_id: Id, if_match: IfMatch = None) -> Response:
    """Remove a business entity that no customer uses; while one does, it is refused with 422."""
    version = version_of(if_match)
    use.delete(caller.database, caller.organisation_id, entity_id, actor=caller.actor, version=version)
    return Response(status_code=204)


def _one(row: Row, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return answer(EntityOut(**row), status=status, version=row["version"], headers=headers)

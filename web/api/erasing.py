"""`/customers/{id}/erase`: nothing of a person stays here but what keeps their records from coming back."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from sync import erase as use
from sync.store.session import Database
from web.api.answers import IfMatch, answer, problems, version_of
from web.api.caller import Admin
from web.api.once import OnlyOnce
from web.api.route import ApiRoute
from web.api.types import Id

router = APIRouter(route_class=ApiRoute, tags=["customers"])


class ErasureState(StrEnum):
    """Whether it was done, or shown."""

    ERASED = "erased"
    PLANNED = "planned"


class LeftRecord(BaseModel):
    """A CRM record that is left as it is."""

    connection: str = Field(examples=["salesforce"])
    ref: str = Field(examples=["0015g00000XyZabAAF"])


class ErasedOut(BaseModel):
    """What was erased, or would be."""

    id: Id
    state: ErasureState
    removed: dict[str, int] = Field(
        description="Rows that were removed or emptied, by table.", examples=[{"customers": 1, "changes": 4}]
    )
    records: list[LeftRecord] = Field(description="CRM records that stay; delete them there, if need be.")


@router.post(
    "/customers/{customer_id}/erase", response_model=ErasedOut, responses=problems(408, 409, 412, 413, 415)
)
def erase_customer(
    caller: Admin,
    customer_id: Id,
    once: OnlyOnce,
    preview: Annotated[bool, Query(description="Show what would go; change nothing.")] = False,
    if_match: IfMatch = None,
) -> Response:
    """Erase a customer's data everywhere here, for good, deleted or not.

    Its CRM records stay as they are, and do not bring it back. It is refused while contracts that run bill
    the customer, and while it is being written to a CRM.
    """
    version = version_of(if_match)

    def effect(database: Database) -> Response:
        found = use.erase(
            database,
            caller.organisation_id,
            customer_id,
            actor=caller.actor,
            preview=preview,
            version=version,
        )
        records = [LeftRecord(connection=name, ref=ref) for name, ref in found.records]
        state = ErasureState.PLANNED if preview else ErasureState.ERASED
        return answer(ErasedOut(id=found.id, state=state, removed=dict(found.removed), records=records))

    made = once(effect)
    caller.site.wake()
    return made

"""Tax ids, each with its jurisdiction and what the check says of it."""

from __future__ import annotations

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from sync.core.taxids import Check, CheckedTaxId, check
from sync.customers import living
from sync.intake import TaxIdInput
from web.api.answers import READING, WRITING, answer
from web.api.caller import Reader
from web.api.route import ApiRoute
from web.api.types import Id

router = APIRouter(route_class=ApiRoute, tags=["tax ids"])


class CheckedOut(BaseModel):
    """A tax number and what the check says of it."""

    country_code: str = Field(examples=["EU"])
    tax_code: str = Field(examples=["VAT"])
    tax_id: str = Field(examples=["BE 0403.019.261"])
    jurisdiction: str | None = Field(
        description="Null where nobody here knows numbers of this kind.", examples=["European Union (VAT)"]
    )
    check: Check = Field(description="`unknown`: there is no rule here that it could be held against.")
    problem: str | None = Field(description="Why it is invalid.")


class CheckedTaxIds(BaseModel):
    """A customer's tax numbers."""

    data: list[CheckedOut]


@router.get("/customers/{customer_id}/tax-ids", response_model=CheckedTaxIds, responses=READING)
def list_tax_ids(caller: Reader, customer_id: Id) -> Response:
    """A customer's tax ids, each checked by the rules of its jurisdiction."""
    with caller.database.reading() as tx:
        customer = living(tx, caller.organisation_id, customer_id)
    found = []
    for path, number in sorted(customer.tax.items()):
        country, code = path.removeprefix("tax_info.").split(".")
        found.append(_shown(check(country, code, number)))
    return answer(CheckedTaxIds(data=found))


@router.post("/tax-ids/check", response_model=CheckedOut, responses=WRITING)
def check_tax_id(_caller: Reader, given: TaxIdInput) -> Response:
    """Check a tax id by the rules of its jurisdiction. Nothing is kept."""
    return answer(_shown(check(given.country_code, given.tax_code, given.tax_id)))


def _shown(found: CheckedTaxId) -> CheckedOut:
    return CheckedOut.model_validate(found, from_attributes=True)

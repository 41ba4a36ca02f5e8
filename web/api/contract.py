"""A contract as the API shows it."""

from __future__ import annotations

from pydantic import BaseModel, Field, JsonValue

from sync.contracts import Contract
from sync.core.contract import Status
from sync.store.query import Row
from web.api.customer import CustomerOut
from web.api.customer import shown as shown_customer
from web.api.types import At, Id


class PhaseOut(BaseModel):
    """A phase of a contract."""

    name: str = Field(examples=["First year"])
    description: str | None
    start_date: At
    end_date: At | None = Field(description="Null: it runs to the next phase, or to the contract's end.")
    pricings: list[JsonValue]


class ContractOut(BaseModel):
    """A whole contract. A time is the first one at which something runs, or no longer runs."""

    id: Id
    customer_id: Id
    name: str = Field(examples=["Platform, yearly"])
    description: str | None
    status: Status
    currency: str = Field(examples=["EUR"])
    start_date: At
    end_date: At | None
    anchor_date: At | None
    is_last_day_of_month: bool
    plan_id: str | None
    tags: list[str]
    custom_attributes: dict[str, JsonValue]
    renewal_policy: str = Field(examples=["do_not_renew"])
    contract_link: str | None = Field(examples=["https://example.com/contract.pdf"])
    bill_parent_customer: bool
    invoice_payer_customer_id: Id | None
    source: dict[str, JsonValue]
    phases: list[PhaseOut] = Field(description="Sorted by their start.")
    current_phase: PhaseOut | None = Field(description="The one that runs now.")
    customer: CustomerOut
    invoice_payer_customer: CustomerOut | None
    version: int
    created_at: At
    updated_at: At


_AS_KEPT = (
    *("id", "customer_id", "name", "description", "currency", "start_date", "end_date", "anchor_date"),
    *("is_last_day_of_month", "plan_id", "tags", "custom_attributes", "renewal_policy", "contract_link"),
    *("bill_parent_customer", "invoice_payer_customer_id", "source", "version", "created_at", "updated_at"),
)


def shown(each: Contract) -> ContractOut:
    """A contract as it is shown."""
    return ContractOut(
        **{name: each.stored.row[name] for name in _AS_KEPT},
        status=each.status,
        phases=[_phase(part) for part in each.stored.phases],
        current_phase=_phase(each.current_phase) if each.current_phase else None,
        customer=shown_customer(each.customer),
        invoice_payer_customer=shown_customer(each.payer) if each.payer else None,
    )


def _phase(row: Row) -> PhaseOut:
    return PhaseOut(**{name: row[name] for name in PhaseOut.model_fields})

"""Contracts as they come in: read strictly, with a bound on everything and a reason per field."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, TypeVar

import orjson
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, WithJsonSchema

from sync.billing import OptionalLine, RecordId
from sync.core.contract import EARLIEST, FIRST, RENEWALS, SUPPORTED_RENEWAL, Phase, Status, read_time
from sync.core.money import currency
from sync.core.validate import storable

MOST_PHASES = 100
MOST_TAGS = 50
_OPEN_LENGTH = 65_536

V = TypeVar("V")


def _moment(value: object) -> datetime:
    if not isinstance(value, str):
        raise ValueError("must be text: a date or time in ISO 8601")
    return read_time(value.strip())


def _bounded(value: V) -> V:
    try:
        kept = orjson.dumps(value)
    except orjson.JSONEncodeError:
        kept = b"null"
    if orjson.loads(kept) != value:  # NaN, or a whole number of more than eight bytes
        raise ValueError("holds a value that cannot be kept")
    if len(kept) > _OPEN_LENGTH:
        raise ValueError(f"is longer than {_OPEN_LENGTH} bytes")
    return value


Moment = Annotated[
    datetime,
    BeforeValidator(_moment),
    WithJsonSchema(
        {
            "type": "string",
            "format": "date-time",
            "description": "ISO 8601. A date alone is its midnight; what names no zone is in UTC.",
        }
    ),
]
Name = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(storable)]
Code = Annotated[str, Field(max_length=20), AfterValidator(lambda text: currency(text) or text)]
LongText = Annotated[str, AfterValidator(storable), Field(max_length=10_000)]
OpenObject = Annotated[dict[str, JsonValue], AfterValidator(_bounded)]
OpenList = Annotated[list[JsonValue], AfterValidator(_bounded)]


class PhaseInput(BaseModel):
    """A phase of a contract as it comes in; without an end it runs to the next one, or to the contract's."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    name: Name = Field(examples=["First year"])
    start_date: Moment
    end_date: Moment | None = None
    description: LongText | None = None
    pricings: OpenList = Field(default_factory=list, max_length=100)

    def times(self) -> Phase:
        """What the rules look at."""
        return Phase(start_date=self.start_date, end_date=self.end_date)


class ContractChange(BaseModel):
    """Fields of a contract that come in; whose it is never changes."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    name: Name = Field(default_factory=str, examples=["Platform, yearly"])
    description: LongText | None = None
    status: str = Field(default_factory=str, max_length=20, json_schema_extra={"enum": [*Status]})
    currency: Code = Field(default_factory=str, examples=["EUR"])
    start_date: Moment = Field(default_factory=lambda: EARLIEST)
    end_date: Moment | None = None
    anchor_date: Moment | None = Field(default=None, description="All billing cycles align to it.")
    is_last_day_of_month: bool = Field(default=False, strict=True)
    plan_id: OptionalLine = None
    tags: list[Name] = Field(default_factory=list, max_length=MOST_TAGS)
    custom_attributes: OpenObject = Field(default_factory=dict)
    renewal_policy: str = Field(
        default=SUPPORTED_RENEWAL, max_length=100, json_schema_extra={"enum": [*RENEWALS]}
    )
    contract_link: Annotated[str, AfterValidator(storable), Field(max_length=2_048)] | None = None
    bill_parent_customer: bool = Field(default=False, strict=True)
    invoice_payer_customer_id: RecordId | None = None
    source: OpenObject = Field(
        default_factory=dict, description="Where it comes from: system, opportunity_id, contract_number."
    )
    phases: list[PhaseInput] = Field(default_factory=list, max_length=MOST_PHASES)

    def given(self) -> dict[str, Any]:
        """The columns that were given, and what they are to hold; the phases apart."""
        return self.model_dump(exclude={"id", "phases"}, exclude_unset=True)


class ContractInput(ContractChange):
    """A new contract as it comes in."""

    id: RecordId | None = Field(default=None, description="A UUID of the caller's choice.")
    customer_id: RecordId
    name: Name = Field(examples=["Platform, yearly"])
    status: str = Field(max_length=20, json_schema_extra={"enum": [*FIRST]})
    currency: Code = Field(description="A code of ISO 4217.", examples=["EUR"])
    start_date: Moment
    phases: list[PhaseInput] = Field(max_length=MOST_PHASES)

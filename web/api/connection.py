"""A connection as the API takes it and shows it; its credentials come in, and never go out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue, SecretStr, model_validator

from connectors.records import JSON
from sync.core.address import Level
from sync.core.policy import AddressPolicy, FirstLink, OnMissingExternalId, OnPartial
from sync.rules import FieldRule, MapLine
from sync.store.connections import ConnectionState, StoredConnection
from sync.store.query import Row
from sync.timetable import Timetable
from web.api.types import At, Id

_NAME = r"^[^/\x00-\x1f\x7f]+$"
_EXAMPLE: dict[str, JsonValue] = {
    "name": "salesforce",
    "connector": "salesforce",
    "url": "https://acme.my.salesforce.com",
    "credentials": {"client_id": "3MVG9...", "client_secret": "..."},
}
Secret = Annotated[SecretStr, Field(min_length=1, max_length=20_000)]
Url = Annotated[str, Field(min_length=1, max_length=2_000, examples=["https://acme.my.salesforce.com"])]
Credentials = Annotated[
    dict[Annotated[str, Field(pattern="^[a-z_]{1,50}$")], Secret],
    Field(max_length=20, examples=[{"client_id": "3MVG9...", "client_secret": "..."}]),
]


class SettingsIn(BaseModel):
    """Settings that are to be put in force; what is not sent stays."""

    model_config = ConfigDict(extra="forbid")

    external_id: str | None = Field(default=None, description="The CRM's key field.")
    map: list[MapLine] | None = Field(default=None, max_length=500)
    rules: dict[str, str | FieldRule | None] | None = Field(
        default=None,
        max_length=500,
        description="Field → the name of a preset, a rule, or null to take the rule away.",
        examples=[{"email": "always_crm"}],
    )
    first_link: FirstLink | None = None
    address_policy: AddressPolicy | None = None
    address_level: Level | None = None
    on_partial: OnPartial | None = None
    require_valid_address: bool | None = Field(
        default=None, description="Hold an address that its country's rules refuse, and ask."
    )
    on_missing_external_id: OnMissingExternalId | None = None
    daily_calls: int | None = Field(
        default=None, ge=0, le=1_000_000_000, description="Calls a day at most; 0 is no limit."
    )
    reserve: float | None = Field(default=None, ge=0, le=0.99, description="Share kept for people.")

    def given(self) -> dict[str, Any]:
        """The settings that were sent, without the rules."""
        found = self.model_dump(mode="json", exclude_none=True, exclude={"rules", "daily_calls"})
        if self.daily_calls is not None:
            found["daily_calls"] = self.daily_calls or None
        return found

    def merge_rules(self, present: Mapping[str, Any]) -> dict[str, Any]:
        """The rules that were sent, merged into those that there are."""
        sent = {
            name: rule.model_dump(mode="json") if isinstance(rule, FieldRule) else rule
            for name, rule in (self.rules or {}).items()
        }
        return {name: rule for name, rule in {**present, **sent}.items() if rule is not None}


class ScheduleIn(BaseModel):
    """When to look, and when to compare everything; what is not sent stays."""

    model_config = ConfigDict(extra="forbid")

    every: int | None = Field(default=None, ge=1, le=31_536_000, description="Seconds between looks.")
    cron: str | None = Field(default=None, max_length=200, examples=["0 6 * * 1-5"])
    full_every: int | None = Field(default=None, ge=60, le=31_536_000)
    full_cron: str | None = Field(default=None, max_length=200)
    quiet: str | None = Field(
        default=None, max_length=20, description="HH:MM-HH:MM, or none.", examples=["22:00-06:00"]
    )
    timezone: str | None = Field(default=None, max_length=100, examples=["Europe/Berlin"])

    @model_validator(mode="after")
    def _either(self) -> ScheduleIn:
        if self.every is not None and self.cron is not None:
            raise ValueError("every and cron exclude each other")
        if self.full_every is not None and self.full_cron is not None:
            raise ValueError("full_every and full_cron exclude each other")
        return self

    def times(self) -> Timetable:
        """As the use-case takes it."""
        return Timetable(**self.model_dump())

    def settings(self) -> dict[str, Any]:
        """What of it is a setting, too: by the time zone a day of calls begins."""
        return {} if self.timezone is None else {"timezone": self.timezone}


class ConnectionIn(BaseModel):
    """A new connection."""

    model_config = ConfigDict(
        extra="forbid", str_strip_whitespace=True, json_schema_extra={"examples": [{**_EXAMPLE}]}
    )

    name: str = Field(min_length=1, max_length=200, pattern=_NAME, examples=["salesforce"])
    connector: str = Field(min_length=1, max_length=100, examples=["salesforce"])
    url: Url | None = Field(default=None, description="Where the CRM stands: https, one of its own hosts.")
    credentials: Credentials
    webhook_secret: Secret | None = None
    settings: SettingsIn = Field(default_factory=SettingsIn)
    schedule: ScheduleIn = Field(default_factory=ScheduleIn)


class ConnectionChangeIn(BaseModel):
    """What of a connection is to change. Credentials go with a new URL: old ones are sent nowhere else."""

    model_config = ConfigDict(
        extra="forbid",
        str_strip_whitespace=True,
        json_schema_extra={"examples": [{"settings": {"rules": {"email": "always_crm"}}}]},
    )

    url: Url | None = None
    credentials: Credentials | None = None
    webhook_secret: Secret | None = None
    settings: SettingsIn = Field(default_factory=SettingsIn)
    schedule: ScheduleIn = Field(default_factory=ScheduleIn)
    scope: list[dict[str, JsonValue]] | None = Field(
        default=None,
        max_length=20,
        description="Which records; alone, since what it moves is a plan to approve. An empty list is all.",
        examples=[[{"field": "address.country_code", "in": ["US", "CA"]}]],
    )


class ScheduleOut(BaseModel):
    """When something is done, by interval or by cron."""

    every: int | None
    cron: str | None
    quiet: str | None
    timezone: str
    next: At


class ConnectionOut(BaseModel):
    """A connection, without its credentials."""

    id: Id
    name: str = Field(examples=["salesforce"])
    connector: str = Field(examples=["salesforce"])
    url: Url
    state: ConnectionState
    reason: str | None = Field(description="Why it is in that state.")
    account_id: str | None
    first_sync: str = Field(examples=["done"])
    map_version: int
    settings: dict[str, JsonValue]
    drift: int | None = Field(description="Records that the last full compare found changed, unannounced.")
    looked_at: At | None
    compared_at: At | None
    created_at: At


class ConnectionDetails(ConnectionOut):
    """A connection with how it stands."""

    webhook_url: str = Field(
        description="Where the CRM sends its webhooks; where its secret is a part of it, after a slash.",
        examples=["https://concord.example.com/webhooks/salesforce/0199b2c47d1e7a3b9c5d2f4e6a8b0c1d"],
    )
    schedule: dict[str, ScheduleOut]
    waiting_until: At | None = Field(description="When the calls of a new day begin, if it waits for them.")
    linked: int
    waiting_to_be_pushed: int
    open: dict[str, int] = Field(description="Open questions by kind.", examples=[{"field_conflict": 2}])
    last_run: Id | None


class CheckOut(BaseModel):
    """What the CRM says of itself, held against the map; `problem` says why it could not be asked."""

    account_id: str | None
    account_name: str | None
    key_unique: bool | None
    problems: list[dict[str, str]]
    problem: str | None


_AS_KEPT = (
    *("id", "name", "connector", "url", "state", "account_id", "first_sync", "map_version", "drift"),
    *("looked_at", "compared_at", "created_at"),
)


def shown(connection: StoredConnection) -> dict[str, Any]:
    """The members of a connection as it is shown."""
    row: Row = connection.row
    settings: dict[str, JSON] = connection.settings.model_dump(mode="json", exclude={"options"})
    return {
        **{name: row[name] for name in _AS_KEPT},
        "reason": row["state_reason"],
        "settings": settings,
    }

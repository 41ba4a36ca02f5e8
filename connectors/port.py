"""The port: what every connector does, and what passes through it.

An `Observation` is a CRM record as fetched. It carries the record's identity, version and digest
ready to use, and its payload unread: `Connector.decode` turns it into canonical fields only when
the digest says that something changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol, TypeAlias

from connectors.access import Allowance, Tokens
from connectors.errors import ConnectorError
from connectors.records import JSON, Fields

Cursor: TypeAlias = Mapping[str, JSON]
"""Where a listing goes on. Opaque to all but its connector; JSON, so that it can be kept."""


@dataclass(frozen=True, slots=True)
class FieldMapping:
    """One line of a connection's field map: a canonical path (or address part) and a CRM field.

    Address parts are `address.line1` ... `address.country_code`, and `address.street` for all
    three lines in one field, split by line breaks.
    """

    field: str
    crm: str


class Presence(StrEnum):
    """Whether the CRM still has the record."""

    LIVE = "live"
    DELETED = "deleted"
    MERGED = "merged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """A CRM record as fetched.

    `version` is opaque and fits `Update.expected_version`; `modified_at` is the CRM's own clock;
    `digest` (16 bytes) changes whenever the payload does; `payload` is for `Connector.decode`.
    A deleted or merged record has no payload that can be decoded.
    """

    ref: str
    external_id: str | None
    version: str
    modified_at: datetime | None
    digest: bytes
    payload: bytes
    presence: Presence = Presence.LIVE
    merged_into: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a listing and where the next one starts.

    `cursor` can be kept as soon as the page's effects are; with `more` false it is where the next
    look starts, already set back by the connector's look-back.
    """

    observations: Sequence[Observation]
    cursor: Cursor
    more: bool
    total: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Create:
    """Make a record with this external id. Fails with `AlreadyExists` where the key is taken."""

    external_id: str
    fields: Fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """Write only `fields` to the record `ref`, if it still is at `expected_version`.

    `before` holds the CRM's values of the same fields as read at that version. `external_id` is
    written only if given.
    """

    ref: str
    fields: Fields
    expected_version: str
    before: Fields
    external_id: str | None = None


Write: TypeAlias = Create | Update


@dataclass(frozen=True, slots=True)
class Landed:
    """The write is in the CRM. `stored` is the record read after it, None if that read failed."""

    ref: str
    stored: Observation | None


@dataclass(frozen=True, slots=True)
class Failed:
    """Nothing was written, for the reason in `error`."""

    error: ConnectorError


@dataclass(frozen=True, slots=True)
class Unknown:
    """The write may have landed or not; the next read of the record tells."""

    error: ConnectorError


Receipt: TypeAlias = Landed | Failed | Unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class CrmField:
    """One field of the CRM's object, as the CRM describes it.

    `case_sensitive`: whether values that differ in case alone are two to the CRM; None if it does not say.
    """

    name: str
    label: str
    type: str
    length: int | None = None
    writable: bool = True
    unique: bool = False
    case_sensitive: bool | None = None
    options: Sequence[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """The account behind the credentials, and the fields of its customer object."""

    account_id: str
    account_name: str
    object_name: str
    fields: Mapping[str, CrmField]


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What this connector can do; declared, never probed.

    `conditional_write`: a stale `expected_version` is refused by the CRM itself. `history`: the CRM
    keeps a history of values, and `overwritten` reads it. `deletes_in_changes`: `list_changes`
    reports deleted records, so that `list_deleted` need not be called.
    """

    page_size: int
    read_batch: int
    write_batch: int
    conditional_write: bool
    history: bool
    deletes_in_changes: bool
    merges: bool
    webhooks: bool = False


class Connector(Protocol):
    """One account of one CRM product. Every method may raise any `ConnectorError`.

    Lists are pages: pass None (or a cursor of `partitions`) first, then each page's cursor while it
    says `more`. Batches of any size are accepted and split by the connector.
    """

    @property
    def capabilities(self) -> Capabilities:
        """What this connector can do."""
        ...

    @property
    def key_field(self) -> str:
        """The CRM field that holds the external id."""
        ...

    def describe(self) -> Description:
        """The account and its fields, for the check of the field map."""
        ...

    def list_changes(self, cursor: Cursor | None) -> Page:
        """Records changed since the cursor; None starts at now (nothing is listed)."""
        ...

    def list_all(self, cursor: Cursor | None = None) -> Page:
        """Every live record once. The last page's cursor is one for `list_changes`."""
        ...

    def partitions(self, count: int) -> Sequence[Cursor]:
        """At most `count` first cursors for `list_all` that together cover every record once."""
        ...

    def list_deleted(self, cursor: Cursor | None = None) -> Page:
        """Every record that the CRM still lists as deleted or archived."""
        ...

    def get_many(self, refs: Sequence[str]) -> Mapping[str, Observation]:
        """Read records by id, strongly consistent.

        A ref that the CRM does not know is absent from the answer; one that was merged away comes
        back as `MERGED`, or under its old ref with the winner's id in `merged_into`.
        """
        ...

    def find_by_external_id(self, external_ids: Sequence[str]) -> Sequence[Observation]:
        """Live records that have one of these keys, strongly consistent; several per key if so."""
        ...

    def write(self, batch: Sequence[Write]) -> Sequence[Receipt]:
        """One receipt per write, in order, even when the CRM fails half of them."""
        ...

    def overwritten(self, updates: Sequence[Update]) -> Sequence[Fields]:
        """Per update: foreign values that it (or an earlier try) overwrote after `before` was read.

        Always empty where writes are conditional or the CRM keeps no history.
        """
        ...

    def decode(self, observation: Observation) -> Fields:
        """The canonical value of every mapped field.

        Raises:
            InvalidRecord: a value does not fit its field.
        """
        ...

    def calls(self) -> Mapping[str, int]:
        """Calls to the CRM since this connector was built, by kind."""
        ...

    def close(self) -> None:
        """Give back connections."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorConfig:
    """All that a connector is built from. `credentials` and `url` as its README names them.

    `tokens` and `allowance` are shared with every other worker of the connection; without them the
    connector keeps its token to itself and may call as often as the CRM lets it. `patience`: the seconds in
    which a call that fails for a moment is tried again; None leaves it to the connector.
    """

    url: str
    credentials: Mapping[str, str] = field(repr=False)
    external_id: str
    mapping: Sequence[FieldMapping]
    options: Mapping[str, JSON] = field(default_factory=dict)
    tokens: Tokens | None = None
    allowance: Allowance | None = None
    patience: float | None = None

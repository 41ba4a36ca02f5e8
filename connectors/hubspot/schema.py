"""The account and its company properties: which there are, which are unique, which can be written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from connectors.hubspot.errors import unknown_property
from connectors.hubspot.mapping import Record, Records
from connectors.hubspot.wire import Wire
from connectors.port import CrmField, Description


class _Option(msgspec.Struct):
    value: str = ""


class _Modification(msgspec.Struct, rename="camel"):
    read_only_value: bool = False


class _Property(msgspec.Struct, rename="camel"):
    name: str
    type: str
    label: str = ""
    options: list[_Option] | None = None
    external_options: bool | None = None
    calculated: bool | None = None
    has_unique_value: bool | None = None
    modification_metadata: _Modification | None = None


class _Properties(msgspec.Struct):
    results: list[_Property]


class _Account(msgspec.Struct):
    portalId: int  # noqa: N815 - the name on the wire


_PROPERTIES = msgspec.json.Decoder(_Properties)
_ACCOUNT = msgspec.json.Decoder(_Account)
_NAMES = msgspec.json.Decoder(dict[str, Any])


class Schema:
    """What the account says of its companies' properties, asked once and kept.

    Args:
        wire: the account.
        records: the field map.
    """

    def __init__(self, wire: Wire, records: Records) -> None:
        self._wire = wire
        self._records = records
        self._fields: Mapping[str, CrmField] | None = None

    def describe(self) -> Description:
        """The account and its properties as they are now."""
        portal = str(self._wire.ask("describe", self._wire.account, _ACCOUNT).value.portalId)
        return Description(
            account_id=portal,
            account_name=f"HubSpot {portal}",
            object_name="Company",
            fields=self._read(),
        )

    def key_is_unique(self) -> bool:
        """Whether the key property takes each value once, and can thus be looked up by.

        Raises:
            Misconfigured: there is no such property.
        """
        key = self._records.key
        self.require([key])
        return self._known()[key].unique

    def require(self, names: Iterable[str]) -> None:
        """Check that properties exist.

        Raises:
            Misconfigured: one does not.
        """
        known = self._known()
        for name in names:
            if name not in known:
                raise unknown_property(name, self._records.path_of(name))

    def check(self, record: Record) -> None:
        """Check that a record shows every property of the map, at least as null.

        HubSpot leaves out what it does not know without a word, and an unknown property would read as a
        blank one on every record. It may leave out blanks too; so the properties decide, asked once.

        Raises:
            Misconfigured: a property of the map does not exist.
        """
        if not record.observation.payload:
            return
        shown = _NAMES.decode(record.observation.payload).get("properties")
        if not isinstance(shown, dict) or any(name not in shown for name in self._records.mapped):
            self.require(self._records.mapped)

    def _known(self) -> Mapping[str, CrmField]:
        return self._fields if self._fields is not None else self._read()

    def _read(self) -> Mapping[str, CrmField]:
        answer = self._wire.ask("describe", self._wire.properties.get_all, _PROPERTIES, "companies")
        self._fields = {each.name: _field(each) for each in answer.value.results}
        return self._fields


def _field(found: _Property) -> CrmField:
    rules = found.modification_metadata
    choices = found.type == "enumeration" and not found.external_options
    return CrmField(
        name=found.name,
        label=found.label or found.name,
        type=found.type,
        writable=not (found.calculated or (rules is not None and rules.read_only_value)),
        unique=bool(found.has_unique_value),
        options=[each.value for each in found.options or ()] if choices else None,
    )

"""The org's knobs: how a test or a demo makes it late, strict, short-lived or otherwise odd."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Annotated, Any, Literal, TypeAlias

import msgspec

from connectors.salesforce.sandbox.fields import account, external_id_field
from connectors.salesforce.sandbox.schema import NUMBER_TYPES, TEXT_TYPES, Field, Schema
from connectors.sandbox.control import ControlError

Whole: TypeAlias = Annotated[int, msgspec.Meta(ge=0)]
Positive: TypeAlias = Annotated[int, msgspec.Meta(gt=0)]
Seconds: TypeAlias = Annotated[float, msgspec.Meta(ge=0)]
CustomName: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z]\w*__c$")]
CustomType: TypeAlias = Literal[
    "string",
    "textarea",
    "phone",
    "url",
    "email",
    "picklist",
    "double",
    "currency",
    "percent",
    "int",
    "boolean",
    "date",
    "datetime",
]


@dataclass(frozen=True, slots=True)
class ExternalId:
    """How the field External_ID__c is set up."""

    present: bool = True
    unique: bool = True
    case_sensitive: bool = True
    writable: bool = True
    length: Positive = 255


@dataclass(frozen=True, slots=True)
class ExtraField:
    """A further custom field on Account; `length` is for texts."""

    name: CustomName
    type: CustomType = "string"
    label: str = ""
    length: Positive = 255
    unique: bool = False
    case_sensitive: bool = False
    external_id: bool = False
    writable: bool = True
    options: tuple[str, ...] = ()
    restricted: bool = False

    def field(self) -> Field:
        """The field as the schema has it."""
        text, number = self.type in TEXT_TYPES, self.type in NUMBER_TYPES - {"int"}
        return Field(
            name=self.name,
            type=self.type,
            label=self.label or self.name.removesuffix("__c").replace("_", " "),
            length=self.length if text else 0,
            precision=18 if number else 0,
            scale=2 if number else 0,
            digits=9 if self.type == "int" else 0,
            createable=self.writable,
            updateable=self.writable,
            unique=self.unique,
            case_sensitive=self.unique and self.case_sensitive,
            external_id=self.external_id,
            custom=True,
            options=self.options,
            restricted=self.restricted,
        )


@dataclass(frozen=True, slots=True)
class Knobs:
    """Where every knob stands.

    Args:
        external_id: the set-up of External_ID__c.
        extra_fields: further custom fields.
        visibility_delay: seconds after which queries see a commit; going back to 0 shows all at once.
        freeze_clock: stops the clock (true, or a time to stop at), so that stamps are equal.
        clock_offset: seconds that the org's clock is ahead.
        token_calls: calls after which a token has expired; None is no limit.
        token_seconds: seconds of the org's clock after which a token has expired; None is no limit.
        certificate: the public key (PEM) of the certificate that the app was given, for the JWT flow.
        username: the user who is let in by it.
        daily_limit: calls that the org allows; setting it starts the count anew.
        page_rows: cuts query pages to so many rows, whatever batch size was asked for; None does not.
        cursor_seconds: seconds of the org's clock that a query locator lives.
    """

    external_id: ExternalId = ExternalId()
    extra_fields: tuple[ExtraField, ...] = ()
    visibility_delay: Seconds = 0.0
    freeze_clock: bool | str = False
    clock_offset: float = 0.0
    token_calls: Whole | None = None
    token_seconds: Seconds | None = None
    certificate: str = ""
    username: str = "integration@concord.example"
    daily_limit: Whole = 1_000_000
    page_rows: Positive | None = None
    cursor_seconds: Seconds = 172_800.0

    def changed(self, settings: Mapping[str, Any]) -> Knobs:
        """The knobs with some set anew.

        Raises:
            ControlError: a knob that is not there, or a value that it does not take.
        """
        merged = {**self.shown(), **settings}
        if isinstance(settings.get("external_id"), dict):
            merged["external_id"] = {**asdict(self.external_id), **settings["external_id"]}
        _known(merged, Knobs, "")
        _known(merged["external_id"], ExternalId, "external_id.")
        for extra in merged["extra_fields"] if isinstance(merged["extra_fields"], list | tuple) else ():
            _known(extra, ExtraField, "extra_fields.")
        try:
            return msgspec.convert(merged, Knobs)
        except msgspec.ValidationError as error:
            raise ControlError(f"settings: {error}") from error

    def shown(self) -> dict[str, Any]:
        """The knobs as JSON."""
        return asdict(self)

    def schema(self) -> Schema:
        """Account with the custom fields as they are set up."""
        key = None
        if self.external_id.present:
            key = external_id_field(
                unique=self.external_id.unique,
                case_sensitive=self.external_id.case_sensitive,
                writable=self.external_id.writable,
                length=self.external_id.length,
            )
        return account(external_id=key, extra=tuple(each.field() for each in self.extra_fields))


def _known(settings: Any, kind: type, where: str) -> None:
    names = {field.name for field in fields(kind)}
    unknown = sorted(set(settings) - names) if isinstance(settings, Mapping) else []
    if unknown:
        raise ControlError(f"there is no setting {where}{unknown[0]}; there are {', '.join(sorted(names))}")

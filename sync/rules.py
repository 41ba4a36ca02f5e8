"""A connection's settings: the field map, the rules per field, and the policies of the whole record.

They are data, checked here where they come in. Each version of map and rules is kept: a link goes on by
the version it was last planned with, and fields that have changed since wait until a resync.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from connectors.port import FieldMapping
from connectors.records import ADDRESS_FIELDS, ADDRESS_PARTS, JSON, is_field
from sync.core.address import Level
from sync.core.policy import (
    PRESETS,
    AddressPolicy,
    Blanks,
    Direction,
    FirstLink,
    OnBothChanged,
    OnMissingExternalId,
    OnPartial,
    Policy,
    Rule,
)
from sync.core.timing import read_zone
from sync.errors import BadInput
from sync.scoping import MOST, ScopeLine, unmapped


def _preset(value: object) -> object:
    """A rule may be given by the name of its preset."""
    if not isinstance(value, str):
        return value
    if value not in PRESETS:
        raise ValueError(f"no such rule: {value}; there are {', '.join(PRESETS)}")
    rule = PRESETS[value]
    return {
        "direction": rule.direction,
        "on_both_changed": rule.on_both_changed,
        "blanks": rule.blanks,
        "first_link": rule.first_link,
    }


class FieldRule(BaseModel):
    """The rule of one field as data."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    direction: Direction = Direction.TWO_WAY
    on_both_changed: OnBothChanged = OnBothChanged.REVIEW
    blanks: Blanks = Blanks.KEEP
    first_link: FirstLink | None = None

    def rule(self) -> Rule:
        """The rule as the core takes it."""
        return Rule(
            direction=self.direction,
            on_both_changed=self.on_both_changed,
            blanks=self.blanks,
            first_link=self.first_link,
        )


class MapLine(BaseModel):
    """One line of the field map."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    field: str
    crm: str = Field(min_length=1, max_length=255, pattern=r"^[A-Za-z_][A-Za-z0-9_.]*$")

    @field_validator("field")
    @classmethod
    def _known(cls, value: str) -> str:
        path, _, part = value.partition(".")
        if path in ADDRESS_FIELDS:
            if part in (*ADDRESS_PARTS, "street"):
                return value
            raise ValueError(f"{value} is no part of an address: {', '.join((*ADDRESS_PARTS, 'street'))}")
        if is_field(value):
            return value
        raise ValueError(
            f"{value} is no field of a customer; beside the plain fields there are "
            "custom_data.NAME, custom_attributes.NAME and tax_info.COUNTRY.CODE"
        )

    @property
    def path(self) -> str:
        """The canonical field that this line maps, or maps a part of."""
        path = self.field.partition(".")[0]
        return path if path in ADDRESS_FIELDS else self.field


class ConnectionSettings(BaseModel):
    """Everything about a connection that a person may set, but for its credentials."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    external_id: str = Field(min_length=1, max_length=255, pattern=r"^[A-Za-z_][A-Za-z0-9_.]*$")
    map: tuple[MapLine, ...] = Field(min_length=1)
    rules: dict[str, Annotated[FieldRule, BeforeValidator(_preset)]] = Field(default_factory=dict)
    first_link: FirstLink = FirstLink.REVIEW
    address_policy: AddressPolicy = AddressPolicy.STRICT
    address_level: Level = Level.NORMALISED
    on_partial: OnPartial = OnPartial.KEEP
    require_valid_address: bool = False
    on_missing_external_id: OnMissingExternalId = OnMissingExternalId.REVIEW
    scope: tuple[ScopeLine, ...] = Field(default=(), max_length=MOST)
    daily_calls: int | None = Field(default=None, ge=1, le=1_000_000_000)
    reserve: float = Field(default=0.1, ge=0, lt=1)
    timezone: str = "UTC"
    options: dict[str, Any] = Field(default_factory=dict)

    @field_validator("timezone")
    @classmethod
    def _zone(cls, value: str) -> str:
        return read_zone(value).key

    @model_validator(mode="after")
    def _consistent(self) -> ConnectionSettings:
        fields = [line.field for line in self.map]
        twice = sorted({name for name in fields if fields.count(name) > 1})
        if twice:
            raise ValueError(f"mapped twice: {', '.join(twice)}")
        targets = [line.crm for line in self.map]
        shared = sorted({name for name in targets if targets.count(name) > 1})
        if shared:
            raise ValueError(f"two fields are mapped to one CRM field: {', '.join(shared)}")
        if "customer_name" not in fields:
            raise ValueError("customer_name must be mapped: a customer without a name cannot be billed")
        for path in ADDRESS_FIELDS:
            if f"{path}.street" in fields and any(f"{path}.line{n}" in fields for n in (1, 2, 3)):
                raise ValueError(f"{path} is mapped both as street and by lines; choose one")
        ruled = sorted(set(self.rules) - set(self.paths))
        if ruled:
            raise ValueError(f"rules for fields that are not mapped: {', '.join(ruled)}")
        if strange := unmapped(self.scope, fields):
            raise ValueError(f"the scope asks for fields that are not mapped: {', '.join(strange)}")
        return self

    @property
    def paths(self) -> tuple[str, ...]:
        """The canonical fields that are mapped, in the order of the map."""
        return tuple(dict.fromkeys(line.path for line in self.map))

    def mapping(self) -> tuple[FieldMapping, ...]:
        """The map as a connector takes it."""
        return tuple(FieldMapping(line.field, line.crm) for line in self.map)

    def policy(self, map_version: int) -> Policy:
        """The rules as the core takes them."""
        return Policy(
            fields=self.paths,
            rules={path: rule.rule() for path, rule in self.rules.items()},
            first_link=self.first_link,
            address_policy=self.address_policy,
            address_level=self.address_level,
            on_partial=self.on_partial,
            require_valid_address=self.require_valid_address,
            on_missing_external_id=self.on_missing_external_id,
            map_version=map_version,
            scope=tuple(line.condition() for line in self.scope),
            coded=frozenset(path for path in ADDRESS_FIELDS if self._keeps_code_alone(path)),
        )

    def _keeps_code_alone(self, path: str) -> bool:
        parts = {line.field for line in self.map}
        return f"{path}.country_code" in parts and f"{path}.country" not in parts

    def versioned(self) -> dict[str, JSON]:
        """What a version of the field map holds: per field its lines and its rule."""
        return {
            path: {
                "lines": sorted([line.field, line.crm] for line in self.map if line.path == path),  # type: ignore[dict-item]
                "rule": self.rules.get(path, FieldRule()).model_dump(mode="json"),
            }
            for path in self.paths
        }


def paused_since(old: Mapping[str, JSON], current: Mapping[str, JSON]) -> frozenset[str]:
    """The fields whose lines or rule differ between two versions of a map."""
    return frozenset(path for path, body in current.items() if old.get(path) != body)


def parse_settings(data: Mapping[str, Any]) -> ConnectionSettings:
    """Check settings that came in.

    Raises:
        BadInput: names each field that is wrong, with the reason.
    """
    try:
        return ConnectionSettings.model_validate(data)
    except ValidationError as error:
        fields = problems_of(error)
        text = "; ".join(f"{name}: {why}" if name else str(why) for name, why in fields.items())
        raise BadInput(f"The settings are not valid: {text}.", fields=fields) from error


def problems_of(error: ValidationError) -> dict[str, JSON]:
    """Field → reason of a validation error, without the values that were given."""
    return {
        ".".join(map(str, each["loc"])): each["msg"].removeprefix("Value error, ") for each in error.errors()
    }

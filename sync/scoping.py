"""Conditions as data: the scope in a connection's settings, and the `--where` of a resync."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_serializer,
    model_validator,
)

from connectors.records import ADDRESS_FIELDS, JSON, is_field
from sync.core.scope import KEY, Condition, Operator, is_part, meaning, root
from sync.errors import BadInput

MOST = 20  # conditions, and
MOST_VALUES = 1_000

_LISTS = (Operator.IN, Operator.NOT_IN)
_BARE = (Operator.BLANK, Operator.PRESENT)
_WAYS = ", ".join(Operator)


class ScopeLine(BaseModel):
    """One condition: `{"field": "address.country_code", "in": ["US", "CA"]}`.

    `eq`, `ne` and `starts` take one value, `in` and `not_in` a list, `blank` and `present` take true.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    field: str
    operator: Operator
    values: tuple[str | int | float | bool, ...] = Field(default=(), max_length=MOST_VALUES)

    @model_validator(mode="before")
    @classmethod
    def _read(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            raise ValueError('a condition is an object such as {"field": "email", "present": true}')
        field, ways = data.get("field"), [name for name in data if name != "field"]
        if not isinstance(field, str) or len(ways) != 1 or ways[0] not in list(Operator):
            raise ValueError(f"a condition names a field and one of {_WAYS}")
        operator, given = Operator(ways[0]), data[ways[0]]
        if operator in _BARE:
            if given is not True:
                raise ValueError(f"{field}: {operator.value} takes true")
            return {"field": field, "operator": operator}
        if operator in _LISTS and not isinstance(given, list | tuple):
            raise ValueError(f"{field}: {operator.value} takes a list of values")
        values = list(given) if operator in _LISTS else [given]
        if not values:
            raise ValueError(f"{field}: {operator.value} takes at least one value")
        return {"field": field, "operator": operator, "values": values}

    @model_validator(mode="after")
    def _consistent(self) -> ScopeLine:
        if not (self.field == KEY or is_part(self.field) or is_field(self.field)):
            raise ValueError(f"{self.field} is no field of a customer, nor {KEY}, nor a part of an address")
        if self.operator in _BARE:
            return self
        if self.field in ADDRESS_FIELDS:
            raise ValueError(f"{self.field} is compared by its parts, such as {self.field}.country_code")
        if any(meaning(self.field, value) is None for value in self.values):
            raise ValueError(f"{self.field}: a blank value is asked for with blank or present")
        return self

    @model_serializer(mode="plain")
    def _written(self) -> dict[str, Any]:
        value: JSON = True
        if self.operator not in _BARE:
            value = [*self.values] if self.operator in _LISTS else self.values[0]
        return {"field": self.field, self.operator.value: value}

    def condition(self) -> Condition:
        """The condition as the core takes it."""
        return Condition(field=self.field, operator=self.operator, values=self.values)


_LINES = TypeAdapter(tuple[ScopeLine, ...])


def unmapped(lines: Sequence[ScopeLine], mapped: Collection[str]) -> list[str]:
    """The fields of conditions that a map does not bring, so that they would be blank for ever.

    Args:
        lines: the conditions.
        mapped: the fields of the lines of a map, such as `email` or `address.street`.
    """
    return sorted({line.field for line in lines if not _is_mapped(line.field, mapped)})


def _is_mapped(field: str, mapped: Collection[str]) -> bool:
    if field == KEY or field in mapped:
        return True
    path = root(field)
    if field in ADDRESS_FIELDS:
        return any(each.startswith(f"{path}.") for each in mapped)
    if path not in ADDRESS_FIELDS:
        return False
    part = field.removeprefix(f"{path}.")
    if part in ("country", "country_code"):
        return bool({f"{path}.country", f"{path}.country_code"} & set(mapped))
    return part.startswith("line") and f"{path}.street" in mapped


def parse_lines(data: object, mapped: Collection[str], *, what: str) -> tuple[ScopeLine, ...]:
    """Check conditions that came in; as they are stored.

    Args:
        data: a list of conditions, or one.
        mapped: see `unmapped`.
        what: how a message calls them.

    Raises:
        BadInput: names what is wrong, without the values.
    """
    try:
        lines = _LINES.validate_python(data if isinstance(data, list | tuple) else [data])
    except ValidationError as error:
        reasons = "; ".join(each["msg"].removeprefix("Value error, ") for each in error.errors())
        raise BadInput(f"{what} is not valid: {reasons}.") from error
    if len(lines) > MOST:
        raise BadInput(f"{what} has {len(lines)} conditions; {MOST} is the most.")
    strange = unmapped(lines, mapped)
    if strange:
        raise BadInput(
            f"{what} asks for fields that are not mapped: {', '.join(strange)}.",
            cure="Map them first: concord connections set NAME --map FILE",
            fields=dict.fromkeys(strange, "not mapped"),
        )
    return lines


def as_json(lines: Sequence[ScopeLine]) -> list[JSON]:
    """Conditions as they were given."""
    return [line.model_dump(mode="json") for line in lines]

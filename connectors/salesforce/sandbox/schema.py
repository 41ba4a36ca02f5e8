"""What an object's fields are: the words of `describe`, kept as values that never change.

A `Schema` is replaced, not edited, when a knob changes a field.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

Row: TypeAlias = "dict[str, Any]"
"""One version of a record: its fields that have a value, by API name. Never changed once made."""

TEXT_TYPES = frozenset({"string", "textarea", "phone", "url", "email", "picklist"})
ID_TYPES = frozenset({"id", "reference"})
NUMBER_TYPES = frozenset({"double", "currency", "percent", "int"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field; the names are describe's, in Python's spelling.

    Args:
        name: API name.
        type: describe's type: string, picklist, reference, address, ...
        label: what people see.
        length: most characters of a text; 0 for other types.
        precision: digits of a number in all.
        scale: digits of a number after the point.
        digits: digits of an int.
        nillable: whether it may be blank.
        createable: whether a create may set it.
        updateable: whether an update may set it.
        filterable: whether SOQL may filter on it.
        sortable: whether SOQL may order by it.
        groupable: whether SOQL may group by it.
        aggregatable: whether SOQL may take its MIN and MAX.
        unique: no two live records have the same value.
        case_sensitive: whether its values differ by case alone.
        external_id: whether a path may name a record by it.
        custom: whether the org's people made it.
        restricted: whether a picklist takes its own values only.
        defaulted: whether a create that leaves it out gives it a value.
        compound: the compound field it is a part of.
        reference_to: the objects that a reference points at.
        relationship: the name of that relationship.
        options: the values of a picklist.
        extra: describe's extraTypeInfo.
    """

    name: str
    type: str = "string"
    label: str = ""
    length: int = 0
    precision: int = 0
    scale: int = 0
    digits: int = 0
    nillable: bool = True
    createable: bool = True
    updateable: bool = True
    filterable: bool = True
    sortable: bool = True
    groupable: bool = True
    aggregatable: bool = True
    unique: bool = False
    case_sensitive: bool = False
    external_id: bool = False
    custom: bool = False
    restricted: bool = False
    defaulted: bool = False
    compound: str | None = None
    reference_to: tuple[str, ...] = ()
    relationship: str | None = None
    options: tuple[str, ...] = ()
    extra: str | None = None

    @property
    def names_records(self) -> bool:
        """Whether an index finds records by its value."""
        return self.external_id or self.unique

    @property
    def exact(self) -> bool:
        """Whether values that differ in case only are different.

        Source: an external id matches whatever the case, unless it is unique and case sensitive.
        """
        return self.unique and self.case_sensitive


@dataclass(frozen=True)
class Schema:
    """The fields of one object, in describe's order."""

    name: str
    prefix: str
    fields: tuple[Field, ...]

    @cached_property
    def by_name(self) -> Mapping[str, Field]:
        """Fields by their API name."""
        return {field.name: field for field in self.fields}

    @cached_property
    def _by_folded_name(self) -> Mapping[str, Field]:
        return {field.name.lower(): field for field in self.fields}

    def find(self, name: str) -> Field | None:
        """The field of that name; API names are the same in any case."""
        return self.by_name.get(name) or self._by_folded_name.get(name.lower())

    @cached_property
    def compounds(self) -> frozenset[str]:
        """The compound address fields."""
        return frozenset(field.name for field in self.fields if field.type == "address")

    @cached_property
    def indexed(self) -> tuple[Field, ...]:
        """The fields by whose value records are found."""
        return tuple(field for field in self.fields if field.names_records)

    def replaced(self, *, without: Iterable[str] = (), plus: Iterable[Field] = ()) -> Schema:
        """The schema without some fields and with others at its end."""
        gone = set(without)
        return Schema(
            self.name, self.prefix, (*(field for field in self.fields if field.name not in gone), *plus)
        )

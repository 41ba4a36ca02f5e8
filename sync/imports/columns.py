"""Which column of a file is which field of a customer: by name, by usual other names, or as a person says."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.records import ADDRESS_PARTS, JSON, is_field
from sync.errors import BadInput

SHIP = "ship_to_"
HEADER = (
    *("id", "external_id", "customer_name", "email", "phone_number"),
    *(part for part in ADDRESS_PARTS),
    *(f"{SHIP}{part}" for part in ADDRESS_PARTS),
    *("tax_ids", "custom_data", "custom_attributes"),
    *("communications_enabled", "auto_charge_enabled", "business_entity", "parent_customer_id"),
)
"""Concord's own columns, in the order of an export."""
TOLD = ("import_line", "import_result", "import_field", "import_reason")
"""Columns that a result file has beside those of the file that was imported; they are passed over."""
IGNORED = "-"
MOST = 1_000
"""Columns of a file."""

_OTHERS: Mapping[str, str] = {
    "external_id": "externalid external_key customer_key customer_number customer_no",
    "customer_name": "name customer company company_name account_name organisation organization",
    "email": "e_mail mail email_address billing_email",
    "phone_number": "phone telephone tel phone_no",
    "line1": "street address address1 address_1 address_line_1 addressline1 street1 billing_street",
    "line2": "address2 address_2 address_line_2 addressline2 street2",
    "line3": "address3 address_3 address_line_3 addressline3 street3",
    "city": "town billing_city",
    "state": "province region state_province county billing_state",
    "zipCode": "zip zip_code postal_code postcode post_code billing_zip billing_postal_code",
    "country": "country_name billing_country",
    "country_code": "country_iso iso_country",
    "tax_ids": "tax_id tax_info",
    "business_entity": "business_entity_id",
    "parent_customer_id": "parent_customer parent_id",
    "communications_enabled": "communications",
    "auto_charge_enabled": "auto_charge",
}


def _fold(name: str) -> str:
    plain = unicodedata.normalize("NFKC", name).casefold()
    return re.sub(r"[\W_]+", "", plain)


def _names() -> dict[str, str]:
    known = {_fold(field): field for field in HEADER}
    for field, others in _OTHERS.items():
        for other in others.split():
            known.setdefault(_fold(other), field)
            if field in ADDRESS_PARTS and not other.startswith("billing"):
                known.setdefault(_fold(f"billing_{other}"), field)
                for way in ("ship_to_", "shipping_", "delivery_"):
                    known.setdefault(_fold(f"{way}{other}"), f"{SHIP}{field}")
    for part in ADDRESS_PARTS:
        known.setdefault(_fold(f"billing_{part}"), part)
        known.setdefault(_fold(f"shipping_{part}"), f"{SHIP}{part}")
    return known


_KNOWN = _names()


def field_of(name: str) -> str | None:
    """The field that a column of this name is taken for, if any."""
    plain = name.strip()
    if plain not in HEADER and is_field(plain) and "." in plain:
        return plain
    return _KNOWN.get(_fold(name))


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a file.

    Args:
        names: as they stand in its header; `#1`, `#2` where it has none.
        fields: the field of each; None for one that is not taken.
    """

    names: Sequence[str]
    fields: Sequence[str | None]

    @property
    def ignored(self) -> list[str]:
        """The names of columns that are not taken."""
        return [
            name
            for name, field in zip(self.names, self.fields, strict=True)
            if field is None and name and name not in TOLD
        ]

    def as_json(self) -> list[JSON]:
        """Column and field, one after the other."""
        return [{"column": name, "field": field} for name, field in zip(self.names, self.fields, strict=True)]


def columns_of(row: Mapping[str, Any]) -> Columns:
    """The columns of a stored import, each with its field."""
    return Columns([each["column"] for each in row["columns"]], [each["field"] for each in row["columns"]])


def known(header: Sequence[str], *, named: bool) -> Columns:
    """The columns of a header, each with the field that its name says; `named`: whether it holds names.

    Raises:
        BadInput: there are too many.
    """
    if len(header) > MOST:
        raise BadInput(
            f"The file has {len(header):,} columns.",
            cure=f"At most {MOST:,} are read: leave out those that are not needed, or look at the delimiter.",
            fields={"columns": f"are more than {MOST:,}"},
        )
    names = [cell.strip() for cell in header] if named else [f"#{n}" for n in range(1, len(header) + 1)]
    return Columns(names, [field_of(name) if named else None for name in names])


def is_takeable(field: str) -> bool:
    """Whether a column may be this field."""
    return field in HEADER or (is_field(field) and "." in field)


def assign(header: Sequence[str], fields: Sequence[str | None], *, named: bool) -> Columns:
    """Give the columns the fields that somebody chose for each, in their order.

    Raises:
        BadInput: they are not as many, a field is not there, two columns are one field, or none is any.
    """
    names = known(header, named=named).names
    if len(fields) != len(names):
        raise BadInput(
            f"The file has {len(names):,} columns, and {len(fields):,} were chosen for.",
            cure="Look at the columns again.",
            fields={"columns": "are not as many"},
        )
    wrong: dict[str, JSON] = {
        name: f"there is no field {field}"
        for name, field in zip(names, fields, strict=True)
        if field is not None and not is_takeable(field)
    }
    return _checked(Columns(names, fields), wrong)


def choose(header: Sequence[str], chosen: Mapping[str, str], *, named: bool = True) -> Columns:
    """Give each column its field.

    Args:
        header: the cells of the first row.
        chosen: column (its name, or `#` and its number) → field, or `-` for none. Goes before what its name
            says.
        named: whether that row holds names.

    Raises:
        BadInput: a column or a field is not there, two columns are one field, or no column is known.
    """
    found = known(header, named=named)
    names, fields = found.names, [*found.fields]
    wrong: dict[str, JSON] = {}
    for column, field in chosen.items():
        places = _places(names, column)
        if len(places) != 1:
            count = len(places)
            wrong[column] = (
                f"stands {count} times in the header; name it by number" if count else _absent(names)
            )
        elif field != IGNORED and not is_takeable(field):
            wrong[column] = f"there is no field {field}; there are: {', '.join(HEADER)}"
        else:
            fields[places[0]] = None if field == IGNORED else field
    return _checked(Columns(names, fields), wrong)


def _checked(columns: Columns, wrong: Mapping[str, JSON]) -> Columns:
    wrong = {**wrong, **_twice(columns.names, columns.fields)}
    if wrong:
        text = "; ".join(f"{column}: {why}" for column, why in wrong.items())
        raise BadInput(
            f"The columns cannot be taken: {text}.",
            cure="Say which is which: COLUMN=FIELD, or COLUMN=- for one that is not to be taken.",
            fields=wrong,
        )
    if not any(columns.fields):
        raise BadInput(
            "No column is known.",
            cure="Say which is which: COLUMN=FIELD, or #1=FIELD by number; and whether there is a header.",
            fields={"columns": "none is known"},
        )
    return columns


def _absent(names: Sequence[str]) -> str:
    return f"there is no such column; there are: {', '.join(name for name in names if name)}"


def _places(names: Sequence[str], column: str) -> list[int]:
    if re.fullmatch(r"#[1-9][0-9]{0,3}", column) and column not in names:
        place = int(column[1:]) - 1
        return [place] if place < len(names) else []
    exact = [place for place, name in enumerate(names) if name == column.strip()]
    return exact or [place for place, name in enumerate(names) if _fold(name) == _fold(column) != ""]


def _twice(names: Sequence[str], fields: Sequence[str | None]) -> dict[str, JSON]:
    by_field: dict[str, list[str]] = {}
    for number, (name, field) in enumerate(zip(names, fields, strict=True), start=1):
        if field is not None:
            by_field.setdefault(field, []).append(name if name.startswith("#") else f"{name} (#{number})")
    return {
        columns[0]: f"{', '.join(columns)} would all be {field}"
        for field, columns in by_field.items()
        if len(columns) > 1
    }

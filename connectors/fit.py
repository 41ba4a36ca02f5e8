"""Whether a field map fits a CRM account: what is missing, read-only or too short, each with its cure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from connectors.port import CrmField, Description, FieldMapping
from connectors.records import ADDRESS_FIELDS, FLAG_FIELDS, TEXT_FIELDS

# Room that ordinary values need; a shorter field will refuse some of them one day.
USUAL_LENGTHS: Mapping[str, int] = {
    "external_id": 36,
    "customer_name": 80,
    "email": 80,
    "phone_number": 20,
    "street": 120,
    "line1": 80,
    "city": 40,
    "state": 20,
    "zipCode": 10,
    "country": 40,
    "country_code": 2,
}
_TEXT_KEYS = ("string", "text", "textarea", "email", "phone", "url", "id")
_NO_TEXT = (
    "bool",
    "boolean",
    "number",
    "int",
    "integer",
    "double",
    "currency",
    "percent",
    "date",
    "datetime",
)
_NO_FLAG = ("number", "int", "integer", "double", "currency", "percent", "date", "datetime")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that does not fit. An `error` stops the sync, a `warning` does not."""

    severity: Literal["error", "warning"]
    field: str
    message: str
    cure: str


def check_fit(
    mapping: Sequence[FieldMapping], external_id: str, description: Description, *, outbound: Collection[str]
) -> list[Problem]:
    """Hold a field map against the fields that the CRM describes.

    Args:
        mapping: the map's lines.
        external_id: the CRM field that holds the external id.
        description: what the CRM says.
        outbound: canonical fields that may be written to the CRM.
    """
    problems = _check_key(external_id, description)
    for line in mapping:
        field = description.fields.get(line.crm)
        if field is None:
            problems.append(_missing(line.field, line.crm, description))
            continue
        path = line.field.partition(".")[0] if line.field not in outbound else line.field
        if not field.writable and path in outbound:
            problems.append(
                Problem(
                    "error",
                    line.field,
                    f"{line.crm} is read-only for this user.",
                    "Give the user edit access to the field, or set the rule of "
                    f"{path} to always_crm (concord connections set NAME --rule {path}=always_crm).",
                )
            )
        problems += _check_length(line.field, field) + _check_type(line.field, field)
    return problems


def _check_key(external_id: str, description: Description) -> list[Problem]:
    field = description.fields.get(external_id)
    if field is None:
        return [_missing("external_id", external_id, description)]
    problems = _check_length("external_id", field)
    if field.type.casefold() not in _TEXT_KEYS:
        problems.append(
            Problem(
                "error",
                "external_id",
                f"{external_id} is of type {field.type}, not text.",
                "Use a text field: a number loses leading zeros.",
            )
        )
    if not field.unique:
        problems.append(
            Problem(
                "warning",
                "external_id",
                f"{external_id} is not unique, so two records can carry one id.",
                "Make the field unique in the CRM; until then doubtful records wait in the queue.",
            )
        )
    elif field.case_sensitive is False:
        problems.append(
            Problem(
                "warning",
                "external_id",
                f"{external_id} ignores case: ids that differ in case alone are one id there, and two here.",
                "Make the field case-sensitive in the CRM; until then the second of them waits in the queue.",
            )
        )
    return problems


def _missing(path: str, name: str, description: Description) -> Problem:
    return Problem(
        "error",
        path,
        f"{description.object_name} has no field {name}, or the user may not see it.",
        f"Make the field {name} in the CRM and give the user access, or map {path} to another field.",
    )


def _check_length(path: str, field: CrmField) -> list[Problem]:
    usual = USUAL_LENGTHS.get(path.rpartition(".")[2])
    if usual is None or field.length is None or field.length == 0 or field.length >= usual:
        return []
    return [
        Problem(
            "warning",
            path,
            f"{field.name} holds {field.length} characters; values of {path} are often longer.",
            "Lengthen the field; a value that does not fit waits in the queue.",
        )
    ]


def _check_type(path: str, field: CrmField) -> list[Problem]:
    top, type_ = path.partition(".")[0], field.type.casefold()
    text = path in TEXT_FIELDS or top in ADDRESS_FIELDS or top == "tax_info"
    if not (text and type_ in _NO_TEXT) and not (path in FLAG_FIELDS and type_ in _NO_FLAG):
        return []
    kept = "text" if text else "yes or no"
    return [
        Problem(
            "warning",
            path,
            f"{field.name} is of type {field.type}; {path} is {kept}.",
            f"Map {path} to a field for {kept}; a value that does not fit waits in the queue.",
        )
    ]

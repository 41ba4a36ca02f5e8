"""Refusals as Salesforce words them.

A REST error body is a list of `{"message", "errorCode", "fields"?}`; a row of a collection has
`{"statusCode", "message", "fields"}` instead. Source: REST API developer guide, status codes and error
responses; texts as recorded or reported for real orgs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

JSON_PARSER_ERROR = "JSON_PARSER_ERROR"


class ApiError(Exception):
    """A call or a row that is refused.

    Args:
        code: Salesforce's error code.
        message: its text.
        status: the HTTP status of a whole call.
        fields: the fields at fault; None leaves the key out of a REST error.
    """

    def __init__(
        self, code: str, message: str, *, status: int = 400, fields: Sequence[str] | None = None
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.fields = fields

    def body(self) -> list[dict[str, Any]]:
        """The body of the whole call's answer."""
        error: dict[str, Any] = {"message": self.message, "errorCode": self.code}
        if self.fields is not None:
            error["fields"] = list(self.fields)
        return [error]

    def row(self) -> dict[str, Any]:
        """The error in one row of a collection."""
        return {"statusCode": self.code, "message": self.message, "fields": list(self.fields or ())}


def no_resource() -> ApiError:
    """No such path, object or record."""
    return ApiError("NOT_FOUND", "The requested resource does not exist", status=404)


def no_key_field(name: str) -> ApiError:
    """A path names a record by a field that cannot name one, or by an id that is none."""
    message = f"Provided external ID field does not exist or is not accessible: {name}"
    return ApiError("NOT_FOUND", message, status=404)


def no_column(name: str, entity: str) -> ApiError:
    """A write names a field that the object does not have."""
    return ApiError("INVALID_FIELD", f"No such column '{name}' on sobject of type {entity}")


def not_writable(names: Sequence[str]) -> ApiError:
    """A write names fields that cannot be written."""
    message = (
        f"Unable to create/update fields: {', '.join(names)}. Please check the security settings of this "
        "field and verify that it is read/write for your profile or permission set."
    )
    return ApiError("INVALID_FIELD_FOR_INSERT_UPDATE", message, fields=names)


def deleted() -> ApiError:
    """A write to a record in the recycle bin."""
    return ApiError("ENTITY_IS_DELETED", "entity is deleted", status=404, fields=[])


def unknown_id() -> ApiError:
    """A write to an id of the right form that no record has."""
    return ApiError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", status=404, fields=[])


def malformed_id(text: object) -> ApiError:
    """A text that is no id of an account."""
    return ApiError("MALFORMED_ID", f"Account ID: id value of incorrect type: {text}", fields=["Id"])


def locked(record: str = "") -> ApiError:
    """Another transaction holds the record."""
    message = f"unable to obtain exclusive access to this record or 1 records: {record[:15]}"
    return ApiError("UNABLE_TO_LOCK_ROW", message.rstrip(": "), fields=[])


def duplicate(field: str, holder: str) -> ApiError:
    """A value of a unique field that another record has; real orgs name it by its short id."""
    message = f"duplicate value found: {field} duplicates value on record with id: {holder[:15]}"
    return ApiError("DUPLICATE_VALUE", message, fields=[])


def deserialization(kind: str, value: object) -> ApiError:
    """A JSON value of a kind that the field does not take."""
    token = "START_OBJECT" if isinstance(value, dict) else "START_ARRAY"
    shown = "{" if isinstance(value, dict) else "["
    if isinstance(value, bool):
        token, shown = f"VALUE_{str(value).upper()}", str(value).lower()
    elif isinstance(value, int | float):
        token = "VALUE_NUMBER_INT" if isinstance(value, int) else "VALUE_NUMBER_FLOAT"
        shown = str(value)
    elif isinstance(value, str):
        token, shown = "VALUE_STRING", value
    message = (
        f"Cannot deserialize instance of {kind} from {token} value {shown} "
        "or request may be missing a required field at [line:1, column:1]"
    )
    return ApiError(JSON_PARSER_ERROR, message)

"""Salesforce's refusals as errors that say what to do. Nothing that Salesforce wrote is quoted.

Source of the codes: REST API developer guide, status codes and error responses.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable, Mapping, Sequence, Set
from typing import Any

import msgspec
import orjson
import requests

from connectors.errors import (
    AlreadyExists,
    AuthFailed,
    ConnectorError,
    InvalidRecord,
    Locked,
    Misconfigured,
    NotFound,
    QuotaExhausted,
    RateLimited,
    Unavailable,
    VersionMismatch,
)
from connectors.mapping import Codec

_ID_IN_TEXT = re.compile(r"\b(001[A-Za-z0-9]{12}(?:[A-Za-z0-9]{3})?)\b")
_ID = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?")
SHORT_ID = 15
LOGIN_PAUSE = 60.0
"""Seconds to wait after too many logins: Salesforce does not say; it counts them by the hour."""
_MAX_LENGTH = re.compile(r"max length=(\d+)")

_REASONS: Mapping[str, str] = {
    "STRING_TOO_LONG": "is longer than the CRM's field",
    "REQUIRED_FIELD_MISSING": "is required by the CRM",
    "INVALID_EMAIL_ADDRESS": "is not an e-mail address to the CRM",
    "INVALID_TYPE_ON_FIELD_IN_RECORD": "is of the wrong type for the CRM's field",
    "JSON_PARSER_ERROR": "is of the wrong type for the CRM's field",
    "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST": "is not one of the values that the CRM's field allows",
    "FIELD_INTEGRITY_EXCEPTION": "does not fit the CRM's other values (a state or country list?)",
    "FIELD_CUSTOM_VALIDATION_EXCEPTION": "is refused by a validation rule of the CRM",
    "FIELD_FILTER_VALIDATION_EXCEPTION": "is refused by a lookup filter of the CRM",
    "DUPLICATES_DETECTED": "is refused by a duplicate rule of the CRM",
    "INSUFFICIENT_ACCESS": "may not be edited by this user in the CRM",
    "INSUFFICIENT_ACCESS_OR_READONLY": "may not be edited by this user in the CRM",
    "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY": "may not be edited by this user in the CRM",
    "INVALID_CROSS_REFERENCE_KEY": "points to a record that the CRM does not have",
    "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY": "is refused by a trigger of the CRM",
    "INVALID_FIELD_FOR_INSERT_UPDATE": "cannot be written to this record of the CRM",
}
_READ_ONLY = "INVALID_FIELD_FOR_INSERT_UPDATE"
_GONE = ("ENTITY_IS_DELETED", "NOT_FOUND", "MALFORMED_ID")
_BUSY = ("UNABLE_TO_LOCK_ROW", "ALL_OR_NONE_OPERATION_ROLLED_BACK", "PROCESSING_HALTED")


def long_id(ref: str) -> str:
    """The 18-character form of a record id: error texts hold the 15-character one.

    Source: Salesforce help, converting 15 character ids; the last three characters say which are capitals.
    """
    if len(ref) != SHORT_ID:
        return ref
    suffix = ""
    for start in range(0, SHORT_ID, 5):
        bits = sum(1 << offset for offset, char in enumerate(ref[start : start + 5]) if char.isupper())
        suffix += "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"[bits]
    return ref + suffix


def is_id(ref: str) -> bool:
    """Whether a text is a record id of 15 characters, or of 18 with its right ending."""
    return _ID.fullmatch(ref) is not None and long_id(ref[:SHORT_ID]).startswith(ref)


def first_error(content: object) -> Mapping[str, Any]:
    """The first error of an answer: REST errors are lists of objects, those of OAuth one object."""
    if isinstance(content, Sequence) and content and isinstance(content[0], Mapping):
        return content[0]
    return content if isinstance(content, Mapping) else {}


def of_row(
    error: Mapping[str, Any],
    codec: Codec,
    key_field: str,
    *,
    read_only: Callable[[], Set[str]] = frozenset,
) -> ConnectorError:
    """The refusal of one record, from an item of an `errors` list or the body of a part of a composite.

    A field may be closed for this record alone (the name of a person account is made of two others). Only one
    that `read_only` names is closed for all, and thus a fault of the connection.
    """
    code = str(error.get("statusCode") or error.get("errorCode") or "UNKNOWN")
    message = str(error.get("message") or "")
    named = [str(name) for name in error.get("fields") or ()]
    if code == "DUPLICATE_VALUE" and (key_field in named or key_field in message):
        found = _ID_IN_TEXT.search(message)
        return AlreadyExists(
            "Another record has this external id.", ref=long_id(found.group(1)) if found else None
        )
    if code in _GONE:
        return NotFound("The record is gone.")
    if code in _BUSY:
        return Locked("Salesforce holds the record for another writer.")
    closed = code == _READ_ONLY and not read_only().isdisjoint(named)
    if closed or code == "INVALID_FIELD":
        where = f" {', '.join(named)}" if named else ""
        return Misconfigured(
            f"Salesforce does not let this user write the field{where} ({code}).",
            cure="Check the field map and the user's field permissions with: concord doctor",
        )
    path = "" if not named else "external_id" if named[0] == key_field else codec.path_of(named[0])
    if code == "DUPLICATE_VALUE":
        return InvalidRecord(path, "belongs to another record, and the CRM's field is unique")
    reason = f"{_REASONS.get(code, 'is refused by the CRM')} ({code})"
    if code == "STRING_TOO_LONG" and (limit := _MAX_LENGTH.search(message)):
        reason = f"is longer than the {limit.group(1)} characters of the CRM's field"
    return InvalidRecord(path, reason)


def of_response(response: requests.Response, codec: Codec, key_field: str) -> ConnectorError:
    """The meaning of an answer that is not a success."""
    status = response.status_code
    error = first_error(_content(response))
    code = str(error.get("errorCode") or "")
    if status == requests.codes.unauthorized:
        return AuthFailed(
            "Salesforce does not accept the session.", cure="Check the connection's credentials."
        )
    if code == "REQUEST_LIMIT_EXCEEDED":
        if "oncurrent" in str(error.get("message") or ""):
            return RateLimited("Too many long calls to Salesforce at once.", retry_after=5.0)
        return QuotaExhausted("Salesforce's API calls of the day are used up.")
    if status == requests.codes.too_many:
        return RateLimited("Salesforce asks to slow down.", retry_after=5.0)
    if status >= requests.codes.internal_server_error:
        return Unavailable(f"Salesforce answered with an error of its own ({status}).", outcome_unknown=True)
    if status == requests.codes.precondition_failed:
        return VersionMismatch("The record has changed since it was read.")
    if code in ("INVALID_QUERY_LOCATOR", "QUERY_TIMEOUT"):
        return Unavailable(f"Salesforce gave up the query ({code}).")
    if code in ("MALFORMED_QUERY", "INVALID_FIELD", "INVALID_TYPE"):
        return Misconfigured(
            f"Salesforce does not understand the query ({code}): a mapped field is missing or hidden.",
            cure="Check the field map with: concord doctor",
        )
    return _of_code(status, error, codec, key_field)


def _of_code(status: int, error: Mapping[str, Any], codec: Codec, key_field: str) -> ConnectorError:
    if status == requests.codes.forbidden:
        return Misconfigured(
            f"Salesforce refuses the call ({error.get('errorCode') or status}).",
            cure="Give the integration user API access and read and edit rights on Accounts.",
        )
    return of_row(error, codec, key_field) if error else Unavailable(f"Salesforce answered with {status}.")


def of_part(
    status: int,
    body: bytes,
    codec: Codec,
    key_field: str,
    *,
    read_only: Callable[[], Set[str]] = frozenset,
) -> ConnectorError:
    """The meaning of one part of a composite answer that is not a success."""
    if status == requests.codes.precondition_failed:
        return VersionMismatch("The record has changed since it was read.")
    if status >= requests.codes.internal_server_error:
        return Unavailable(f"Salesforce answered with an error of its own ({status}).", outcome_unknown=True)
    try:
        error = first_error(orjson.loads(body))
    except orjson.JSONDecodeError:
        error = {}
    if not error:
        return Unavailable(f"Salesforce answered with {status}.", outcome_unknown=True)
    return of_row(error, codec, key_field, read_only=read_only)


def _content(response: requests.Response) -> object:
    try:
        return orjson.loads(response.content)
    except orjson.JSONDecodeError:
        return None


def of_login(response: requests.Response) -> ConnectorError:
    """The meaning of a refused login."""
    error = first_error(_content(response))
    code = str(error.get("error") or response.status_code)
    if response.status_code >= requests.codes.internal_server_error:
        return Unavailable(f"Salesforce's login does not answer ({response.status_code}).")
    hurried = response.status_code == requests.codes.too_many_requests
    if hurried or "rate exceeded" in str(error.get("error_description")):
        # Under the code of wrong credentials: taken for that, it would shut the connection.
        return RateLimited("Salesforce refuses so many logins.", retry_after=LOGIN_PAUSE)
    return AuthFailed(
        f"Salesforce refuses the login ({code}).",
        cure="Check the credentials, and that the app allows the flow: client credentials with a run-as "
        "user; JWT with the certificate of the private key, and the user pre-authorised.",
    )


def of_transport(error: requests.RequestException) -> Unavailable:
    """No answer at all: known not to have arrived if not even the connection was made."""
    if _of_certificate(error):
        return Unavailable("Salesforce's certificate cannot be verified.", cure="Check the URL.")
    never_sent = isinstance(error, requests.ConnectTimeout) or "NewConnectionError" in repr(error)
    if isinstance(error, requests.Timeout) and not never_sent:
        return Unavailable("Salesforce did not answer in time.", outcome_unknown=True)
    reason = "Salesforce cannot be reached." if never_sent else "The connection to Salesforce broke."
    return Unavailable(reason, cure="Check the URL and the network.", outcome_unknown=not never_sent)


def _of_certificate(error: BaseException | None) -> bool:
    """Whether the certificate was refused. Any other failure of TLS may be one of reading the answer."""
    while error is not None and not isinstance(error, ssl.SSLCertVerificationError):
        error = error.__cause__ or error.__context__
    return error is not None


def of_unreadable(_error: msgspec.MsgspecError) -> Unavailable:
    """An answer that is not what the API promises, such as a page of HTML with status 200."""
    return Unavailable("Salesforce's answer cannot be read.", outcome_unknown=True)

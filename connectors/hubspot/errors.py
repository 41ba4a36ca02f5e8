"""HubSpot's refusals as `connectors.errors`, without a word of what was sent or answered.

Source: HubSpot docs, error handling and API usage guidelines.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import msgspec

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
)
from connectors.hubspot.refusals import (
    NOT_FOUND,
    PROPERTY_NAME,
    TAKEN,
    UNKNOWN_PROPERTY,
    Refusal,
    lists_of,
    parse_refusal,
)

ROLLING_WAIT = 2.5
"""Seconds after a refusal for the rolling ten seconds: calls leave that window all the time."""
SEARCH_WAIT = 1.0

_MOVING = "HubSpot is moving this account to another data centre."

_REASONS: Mapping[str, str] = {
    TAKEN: "another record has this value, and the property is unique",
    "INVALID_OPTION": "is not one of the property's options",
    "INVALID_LENGTH": "is too long",
    "INVALID_DATE": "is not a date",
    "INVALID_LONG": "is not a date or whole number",
    "INVALID_INTEGER": "is not a whole number",
    "INVALID_DOUBLE": "is not a number",
    "INVALID_EMAIL": "is not an e-mail address",
    "READ_ONLY_VALUE": "cannot be written: the property is read-only",
}
_SCOPE = re.compile(r"[a-z0-9._-]{1,100}")


def failure_of(status: int, headers: Mapping[str, str], body: bytes | str, *, write: bool) -> ConnectorError:
    """What an answer that is no success means.

    Args:
        status: HTTP status.
        headers: of the answer.
        body: of the answer.
        write: something may have been written although the answer is no success.
    """
    refusal = parse_refusal(body)
    match status:
        case 401:
            return AuthFailed(
                "HubSpot refuses the access token.",
                cure="Give the connection a new private app or service key token.",
            )
        case 403:
            return _forbidden(refusal, body)
        case 404:
            return NotFound("HubSpot has no such record.")
        case 409:
            return AlreadyExists("HubSpot has such a record already.", ref=refusal.existing)
        case 423:
            return Locked("HubSpot holds the record for another writer.")
        case 429:
            return _limited(refusal, headers)
        case 477:
            seconds = seconds_of(headers)
            return Unavailable(_MOVING) if seconds is None else Moving(seconds)
        case _ if 400 <= status < 500 and status != 408:
            return _malformed(status, refusal)
        case _:
            return Unavailable(f"HubSpot answered with {status}.", outcome_unknown=write)


class Moving(RateLimited):
    """HubSpot is moving the account to another data centre (477); inside this package only.

    It is waited for like a rate limit, and told to callers as `Unavailable`.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(_MOVING, retry_after=seconds)

    def told(self) -> Unavailable:
        """The error as callers see it."""
        return Unavailable(self.reason, cure=self.cure)


def unreadable(*, write: bool) -> Unavailable:
    """The answer has a good status but is not what HubSpot answers: a proxy's page, or a changed API."""
    return Unavailable("HubSpot's answer is not in the form of its API.", outcome_unknown=write)


def row_failure(refusal: Refusal, *, key: str, path_of: Callable[[str], str]) -> ConnectorError:
    """Why one row of a batch was refused.

    Args:
        refusal: what HubSpot says of it.
        key: the property that holds the external id.
        path_of: the canonical field of a property.

    Returns:
        An `Unavailable` of unknown outcome if HubSpot's category is none that says "not written".
    """
    for problem in refusal.problems:
        if problem.code == TAKEN and problem.name == key:
            return AlreadyExists("Another company has this external id.", ref=problem.owner)
    for problem in refusal.problems:
        if problem.code == UNKNOWN_PROPERTY:
            return unknown_property(problem.name, path_of(problem.name))
        reason = _REASONS.get(problem.code) or f"is refused by HubSpot ({problem.code or 'no reason given'})"
        path = "external_id" if problem.name == key else path_of(problem.name)
        return InvalidRecord(path, reason)
    match refusal.category:
        case "CONFLICT":
            return AlreadyExists("HubSpot has such a record already.", ref=refusal.existing)
        case _ if refusal.category == NOT_FOUND:
            return NotFound("HubSpot has no such record.")
        case "LOCKED":
            return Locked("HubSpot holds the record for another writer.")
        case "RATE_LIMITS":
            return RateLimited("HubSpot's rate limit is reached.", retry_after=ROLLING_WAIT)
        case "VALIDATION_ERROR":
            named = refusal.context.get("properties", ())
            wanted = f" ({', '.join(named)})" if named and all(map(PROPERTY_NAME.fullmatch, named)) else ""
            return InvalidRecord("", f"HubSpot refuses the record: a required property has no value{wanted}")
        case _:
            return Unavailable("HubSpot could not write the record.", outcome_unknown=True)


def unknown_property(name: str, path: str) -> Misconfigured:
    """A property of the field map that the account does not have."""
    return Misconfigured(
        f"HubSpot companies have no property {name}.",
        cure=f"Make it in HubSpot, or map {path} to another property.",
    )


def seconds_of(headers: Mapping[str, str]) -> float | None:
    """`Retry-After` in seconds, if it is given as a number."""
    value = headers.get("Retry-After", "")
    return float(value) if value.isdecimal() else None


def _limited(refusal: Refusal, headers: Mapping[str, str]) -> ConnectorError:
    if refusal.policy == "DAILY":
        return QuotaExhausted("HubSpot's calls of this day are used up.")
    wait = seconds_of(headers) or (SEARCH_WAIT if refusal.policy == "SECONDLY" else ROLLING_WAIT)
    return RateLimited("HubSpot's rate limit is reached.", retry_after=wait)


def _forbidden(refusal: Refusal, body: bytes | str) -> Misconfigured:
    if refusal.category != "MISSING_SCOPES":
        return Misconfigured(
            "HubSpot forbids this call.", cure="Check the app and its account in HubSpot's settings."
        )
    scopes = sorted(_scopes(body))
    named = f": {', '.join(scopes)}" if scopes else ""
    return Misconfigured(
        f"The HubSpot app lacks scopes{named}.", cure="Grant them to the private app or service key."
    )


def _scopes(body: bytes | str) -> set[str]:
    parsed = msgspec.json.decode(body)
    errors = parsed.get("errors") if isinstance(parsed.get("errors"), list) else []
    contexts = [lists_of(each.get("context")) for each in [parsed, *errors] if isinstance(each, dict)]
    names = ("requiredGranularScopes", "requiredScopes")
    return {
        scope
        for context in contexts
        for name in names
        for scope in context.get(name, ())
        if _SCOPE.fullmatch(scope)
    }


def _malformed(status: int, refusal: Refusal) -> ConnectorError:
    for problem in refusal.problems:
        if problem.code == UNKNOWN_PROPERTY:
            return unknown_property(problem.name, problem.name)
    why = f"{status} {refusal.category}".strip()
    return Misconfigured(f"HubSpot refuses the call ({why}).", cure="Check the connection's field map.")

"""What can go wrong at a CRM, as one tree that says what to do about it.

    ConnectorError
    ├── Retryable      the same call may succeed later
    │   ├── RateLimited      after `retry_after` seconds
    │   ├── QuotaExhausted   the day's calls are used up
    │   ├── Locked           the CRM holds the record for a moment
    │   └── Unavailable      no answer, or a server error
    ├── Skippable      this record cannot be taken; the others can
    │   └── InvalidRecord
    ├── Fatal          nothing will work until a person acts
    │   ├── AuthFailed
    │   ├── Misconfigured
    │   └── Unsupported
    └── Precondition   the record is not as the caller believed
        ├── NotFound
        ├── AlreadyExists
        └── VersionMismatch

No error carries a payload, a token or a response body: its text is safe to log and to show.
"""

from __future__ import annotations

from datetime import datetime

__all__ = [
    "AlreadyExists",
    "AuthFailed",
    "ConnectorError",
    "Fatal",
    "InvalidRecord",
    "Locked",
    "Misconfigured",
    "NotFound",
    "Precondition",
    "QuotaExhausted",
    "RateLimited",
    "Retryable",
    "Skippable",
    "Unavailable",
    "Unsupported",
    "VersionMismatch",
]


class ConnectorError(Exception):
    """Any failure at a CRM. `reason` says what happened, `cure` what a person can do about it."""

    def __init__(self, reason: str, *, cure: str = "") -> None:
        super().__init__(f"{reason} {cure}".strip())
        self.reason = reason
        self.cure = cure


class Retryable(ConnectorError):
    """The same call may succeed later. `outcome_unknown`: a write may have landed all the same."""

    def __init__(self, reason: str, *, cure: str = "", outcome_unknown: bool = False) -> None:
        super().__init__(reason, cure=cure)
        self.outcome_unknown = outcome_unknown


class RateLimited(Retryable):
    """Too many calls at once; try again after `retry_after` seconds."""

    def __init__(self, reason: str, *, retry_after: float) -> None:
        super().__init__(reason, cure=f"It can be tried again in {retry_after:.0f} s.")
        self.retry_after = retry_after


class QuotaExhausted(Retryable):
    """The day's calls are used up; `until` is when the CRM gives new ones, if it says."""

    def __init__(
        self,
        reason: str,
        *,
        until: datetime | None = None,
        cure: str = "Wait for the CRM's new day or buy more calls.",
    ) -> None:
        super().__init__(reason, cure=cure)
        self.until = until


class Locked(Retryable):
    """The CRM holds the record for another writer; nothing was written."""


class Unavailable(Retryable):
    """No connection, no answer in time, or a server error."""


class Skippable(ConnectorError):
    """This record cannot be taken as it stands; the run goes on without it."""


class InvalidRecord(Skippable):
    """A value that the CRM or Concord refuses: `field` names it, `reason` says why.

    `value` is what the CRM has there, for the queue alone: it stands in no text and no log.
    """

    def __init__(self, field: str, reason: str, *, cure: str = "", value: object = None) -> None:
        super().__init__(f"{field}: {reason}" if field else reason, cure=cure)
        self.value = value
        self.field = field
        self.detail = reason


class Fatal(ConnectorError):
    """Nothing on this connection will work until a person acts."""


class AuthFailed(Fatal):
    """The CRM refuses the credentials."""


class Misconfigured(Fatal):
    """The connection's settings or field map do not fit the CRM account."""


class Unsupported(Fatal):
    """The connector cannot do this (see its capabilities)."""


class Precondition(ConnectorError):
    """The record is not as the caller believed; nothing was written."""


class NotFound(Precondition):
    """There is no such record."""


class AlreadyExists(Precondition):
    """Another record has this key; `ref` names it where the CRM says."""

    def __init__(self, reason: str, *, ref: str | None = None) -> None:
        super().__init__(reason)
        self.ref = ref


class VersionMismatch(Precondition):
    """The record changed after it was read."""

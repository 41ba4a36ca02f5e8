"""The second, optional port: what a CRM sends by itself. A hint is all that it is trusted to say.

A delivery is verified first, by its raw bytes; then it is read for hints. The record is fetched again in
any case, so that a duplicate, late, reordered or replayed delivery has no effect on the data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from connectors.strict import UnreadableError

__all__ = ["Answer", "Delivery", "ForgedError", "Hint", "UnreadableError", "Webhook", "WebhookConfig"]


class ForgedError(Exception):
    """The delivery does not come from the CRM, or not now. `reason` is safe to log, and quotes nothing."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One POST as it came.

    Args:
        url: the address that the CRM was told to call: public base, path and query.
        headers: by lower-case name.
        body: the raw bytes, unparsed.
        secret: the part of the path that only the CRM knows, where the connector has one.
        at: when it came in, aware.
    """

    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    at: datetime
    secret: str | None = field(default=None, repr=False)
    method: str = "POST"


@dataclass(frozen=True, slots=True)
class Hint:
    """The record `ref` may have changed. `event` (at most 200 characters) is the same in a redelivery."""

    event: str
    ref: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What the CRM wants to hear once the hints are kept."""

    body: bytes = b""
    media_type: str = "text/plain"


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookConfig:
    """What a reader of deliveries is built from.

    Args:
        secret: as it was set for the connection.
        account_id: the CRM account that the connection was last seen to lead to, if it was.
    """

    secret: str = field(repr=False)
    account_id: str | None = None


class Webhook(Protocol):
    """Reads the deliveries of one connection. Pure: no call is made, nothing is kept."""

    def verify(self, delivery: Delivery) -> None:
        """Refuse what the CRM did not send, in constant time.

        Raises:
            ForgedError: signature, time window or secret do not fit.
        """
        ...

    def parse(self, body: bytes) -> Sequence[Hint]:
        """The records that a verified delivery speaks of.

        Raises:
            ForgedError: it speaks of another account.
            UnreadableError: it is not of the form that the CRM sends.
        """
        ...

    def answer(self) -> Answer:
        """The acknowledgement, for a new delivery and for a duplicate alike."""
        ...

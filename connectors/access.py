"""What several workers of one account share, kept outside of them: its token and its calls of the day."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeAlias


@dataclass(frozen=True, slots=True)
class Token:
    """An access token. `host` is where it is good for, `expires_at` when it ends, if the CRM says."""

    value: str = field(repr=False)
    host: str = ""
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """What a login gave: a token, and the credentials that take the place of those that it was given.

    OAuth hands out a new refresh token now and then; the old one may be worth nothing from then on.
    """

    token: Token
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)


Fetch: TypeAlias = Callable[[Mapping[str, str]], Grant]
"""Asks the CRM for a token with these credentials; raises `ConnectorError`."""


class Tokens(Protocol):
    """The access token of one connection, however many workers use it."""

    def current(self) -> Token | None:
        """The token that was fetched last, unless it has ended or ends within a minute."""
        ...

    def renew(self, stale: Token | None, fetch: Fetch) -> Token:
        """A token other than `stale`: what another worker fetched meanwhile, or a fresh one.

        Of many workers one fetches, with the credentials as they are then; token and credentials are kept
        before anybody uses them.

        Raises:
            ConnectorError: whatever `fetch` raises.
        """
        ...


class Allowance(Protocol):
    """The calls that this process may still make today."""

    def take(self) -> None:
        """Count one call that is about to be made.

        Raises:
            QuotaExhausted: the day's calls are used up; the call must not be made.
        """
        ...

    def give_back(self) -> None:
        """No more calls are made for now: others may have what is left."""
        ...

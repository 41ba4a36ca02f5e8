"""Calls under a token that ends now and then, for connectors whose CRM answers 401 when it has."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from connectors.access import Fetch, Grant, Token, Tokens

T = TypeVar("T")

MOST_REFUSED = 50
"""Tokens that one call may find used up by others before it is taken for refused."""
MOST_OWN = 5
"""Tokens that one call fetches itself: a CRM that gave one may refuse it for a moment, hardly five in a row.

Whoever takes that for refused credentials closes the connection until a person comes.
"""
AHEAD = timedelta(minutes=1)
"""A token that ends within this time is renewed before the call, not in the middle of it."""


class Bearer:
    """Makes calls with the connection's token, and with a new one after a 401."""

    def __init__(self, tokens: Tokens, fetch: Fetch) -> None:
        self._tokens, self._fetch = tokens, fetch

    def call(self, send: Callable[[Token], T], refused: Callable[[T], bool]) -> T:
        """The answer of `send`, which is called again, with all that it sends, while its token is refused.

        Returns:
            The last answer, which is a refused one if new tokens are refused, too.

        Raises:
            ConnectorError: whatever `send` or the login raises.
        """
        own = 0

        def fetch(credentials: Mapping[str, str]) -> Grant:
            nonlocal own
            own += 1
            return self._fetch(credentials)

        token = self._tokens.current() or self._tokens.renew(None, fetch)
        answer = send(token)
        for _ in range(MOST_REFUSED):
            if own >= MOST_OWN or not refused(answer):
                break
            token = self._tokens.renew(token, fetch)
            answer = send(token)
        return answer


class OwnTokens:
    """Implements `connectors.access.Tokens` for a connector that shares its token with nobody."""

    def __init__(self, credentials: Mapping[str, str]) -> None:
        self._credentials = dict(credentials)
        self._token: Token | None = None
        self._lock = threading.Lock()

    @property
    def credentials(self) -> Mapping[str, str]:
        """The credentials as they are by now: a login may have replaced some."""
        return dict(self._credentials)

    def current(self) -> Token | None:
        """The token that was fetched last, unless it ends soon."""
        token = self._token
        if token is None or (token.expires_at and token.expires_at <= datetime.now(UTC) + AHEAD):
            return None
        return token

    def renew(self, stale: Token | None, fetch: Fetch) -> Token:
        """A token other than `stale`; of several threads one fetches."""
        with self._lock:
            present = self.current()
            if present is not None and (stale is None or present.value != stale.value):
                return present
            grant = fetch(self._credentials)
            self._credentials |= grant.credentials
            self._token = grant.token
            return grant.token

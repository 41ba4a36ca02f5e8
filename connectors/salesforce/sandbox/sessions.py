"""Access tokens: who has one, and whether it is still good.

Source: OAuth 2.0 client credentials flow; the identity URL and signature of a token response.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections import OrderedDict
from dataclasses import dataclass

KEPT = 1_000
"""Tokens that are remembered; the oldest is forgotten first."""


@dataclass(slots=True)
class _Session:
    issued: float
    calls: int = 0


class Sessions:
    """The tokens of one org.

    Args:
        client_id: the connected app's consumer key.
        client_secret: its consumer secret.
        organisation: the org's id.
    """

    def __init__(self, client_id: str, client_secret: str, organisation: str) -> None:
        self.client_id = client_id
        self.client_secret = client_secret
        self._organisation = organisation
        self._sessions: OrderedDict[str, _Session] = OrderedDict()

    def accepts(self, client_id: str, client_secret: str) -> bool:
        """Whether these are the app's credentials."""
        return hmac.compare_digest(
            f"{client_id}\0{client_secret}".encode(), f"{self.client_id}\0{self.client_secret}".encode()
        )

    def issue(self, now: float) -> str:
        """A new token."""
        token = f"{self._organisation[:15]}!AQ{secrets.token_urlsafe(64)}"
        self._sessions[token] = _Session(now)
        if len(self._sessions) > KEPT:
            self._sessions.popitem(last=False)
        return token

    def use(self, token: str, now: float, *, calls: int | None, seconds: float | None) -> bool:
        """Count a call under this token; False if it is unknown or has expired."""
        session = self._sessions.get(token)
        if session is None:
            return False
        spent = calls is not None and session.calls >= calls
        old = seconds is not None and now - session.issued >= seconds
        if spent or old:
            del self._sessions[token]
            return False
        session.calls += 1
        return True

    def expire(self, token: str) -> None:
        """Make this token bad."""
        self._sessions.pop(token, None)

    def signature(self, identity: str, issued_at: str) -> str:
        """What a token response is signed with."""
        digest = hmac.new(self.client_secret.encode(), (identity + issued_at).encode(), hashlib.sha256)
        return base64.b64encode(digest.digest()).decode()

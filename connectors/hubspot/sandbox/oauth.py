"""A public app's OAuth: its refresh token, and the access tokens that are handed out for it.

Source: HubSpot docs, OAuth tokens API (refresh_token grant); the dated path takes the place of v1.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

from connectors.hubspot.sandbox.errors import Refusal
from connectors.hubspot.sandbox.knobs import Knobs

PATHS = tuple(f"/oauth/{version}/token" for version in ("v1", "2026-03", "2026-09"))
KEPT = 1_000
"""Access tokens that are remembered; the oldest is forgotten first."""


@dataclass(slots=True)
class _Issued:
    at: float
    calls: int = 0


class OAuthApp:
    """One app that an account has let in.

    Attributes:
        refresh_token: the one that is good now; it changes with every grant if the knobs say so.
        spent: calls made under access tokens that were good for them.
    """

    def __init__(self, seed: int) -> None:
        self.client_id = str(UUID(bytes=_bytes(seed, "client id"), version=4))
        self.client_secret = str(UUID(bytes=_bytes(seed, "client secret"), version=4))
        self.refresh_token = f"na1-{_bytes(seed, 'refresh token').hex()}"
        self.spent = 0
        self._issued: OrderedDict[str, _Issued] = OrderedDict()

    def grant(self, body: bytes, knobs: Knobs) -> Mapping[str, Any]:
        """The answer to a form with `grant_type=refresh_token`.

        Raises:
            Refusal: 400 for another grant, an app that is not this one, or a refresh token that is not good.
        """
        form = {name: values[0] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}
        if form.get("grant_type") != "refresh_token":
            raise _refusal("BAD_GRANT_TYPE", "unsupported_grant_type", "missing or unknown grant type")
        given = (form.get("client_id", ""), form.get("client_secret", ""))
        if not _same("\0".join(given), f"{self.client_id}\0{self.client_secret}"):
            raise _refusal("BAD_CLIENT", "invalid_client", "missing or invalid client id or secret")
        if not _same(form.get("refresh_token", ""), self.refresh_token):
            raise _refusal("BAD_REFRESH_TOKEN", "invalid_grant", "missing or invalid refresh token")
        if knobs.rotate_refresh_token:
            self.refresh_token = f"na1-{secrets.token_hex(16)}"
        token = f"CN{secrets.token_urlsafe(96)}"
        self._issued[token] = _Issued(time.monotonic())
        if len(self._issued) > KEPT:
            self._issued.popitem(last=False)
        return {
            "token_type": "bearer",
            "refresh_token": self.refresh_token,
            "access_token": token,
            "expires_in": int(knobs.oauth_seconds),
        }

    def issued(self, token: str) -> bool:
        """Whether this is an access token of the app, good or not."""
        return token in self._issued

    def spend(self, token: str, knobs: Knobs) -> bool:
        """Count a call under an access token; whether it was still good for it."""
        found = self._issued[token]
        old = time.monotonic() - found.at >= knobs.oauth_seconds
        if old or (knobs.oauth_calls is not None and found.calls >= knobs.oauth_calls):
            return False
        found.calls += 1
        self.spent += 1
        return True


def _refusal(status: str, error: str, text: str) -> Refusal:
    return Refusal(400, text, more={"status": status, "error": error, "error_description": text})


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


def _bytes(seed: int, purpose: str) -> bytes:
    return hashlib.sha256(f"concord sandbox {seed} {purpose}".encode()).digest()[:16]

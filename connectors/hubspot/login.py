"""How HubSpot lets a connection in: by a token that stays, or by OAuth with a refresh token.

Source: HubSpot docs, OAuth tokens API. The SDK knows the path of v1 alone, which ends on 2027-02-16.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

import msgspec

from connectors.access import Grant, Token
from connectors.errors import AuthFailed, ConnectorError, Misconfigured, RateLimited, Unavailable
from connectors.hubspot.errors import ROLLING_WAIT
from connectors.records import JSON
from connectors.transport import Meter

OAUTH_VERSION = "2026-03"
NEEDED = ("client_id", "client_secret", "refresh_token")

_VERSION = re.compile(r"v1|20\d\d-\d\d")
_CODE = re.compile(r"[A-Za-z_]{1,40}")
_TOO_MANY, _SERVER = 429, 500

Post: TypeAlias = Callable[[str, Mapping[str, str]], tuple[int, "bytes | str"]]
"""Posts a form to a path; the answer's status and body."""


class _Granted(msgspec.Struct):
    access_token: str
    expires_in: int
    refresh_token: str | None = None


class _Refused(msgspec.Struct):
    error: str = ""
    status: str = ""


class Login:
    """Gets access tokens for a refresh token. Counts every attempt in the meter, as `token`."""

    def __init__(self, post: Post, meter: Meter, options: Mapping[str, JSON]) -> None:
        version = options.get("oauth_version", OAUTH_VERSION)
        if not isinstance(version, str) or not _VERSION.fullmatch(version):
            raise Misconfigured(f"The option oauth_version must be v1 or a date such as {OAUTH_VERSION}.")
        self._path = f"/oauth/{version}/token"
        self._post, self._meter = post, meter

    def fetch(self, credentials: Mapping[str, str]) -> Grant:
        """A new access token, and the new refresh token if HubSpot gave one.

        Raises:
            AuthFailed: HubSpot refuses the credentials.
            Retryable: there was no answer. The call that needs the token was not made.
        """
        form = {name: _needed(credentials, name) for name in NEEDED}
        self._meter.count("token")
        status, body = self._post(self._path, {"grant_type": "refresh_token", **form})
        if status != 200:
            raise _failure(status, body)
        try:
            granted = msgspec.json.decode(body, type=_Granted)
        except (msgspec.DecodeError, UnicodeDecodeError):
            granted = None
        if granted is None or not _is_token(granted.access_token):
            raise Unavailable("HubSpot's login answered with something else than a token.")
        end = datetime.now(UTC) + timedelta(seconds=granted.expires_in)
        rotated = granted.refresh_token
        changed = rotated is not None and rotated != form["refresh_token"]
        return Grant(
            Token(granted.access_token, expires_at=end), {"refresh_token": str(rotated)} if changed else {}
        )


def fixed_token(credentials: Mapping[str, str]) -> Token | None:
    """The token of a private app or service key; None if the credentials are those of OAuth.

    Raises:
        Misconfigured: they are neither. A token that cannot stand in a header would end up in a text.
    """
    if "token" not in credentials and any(name in credentials for name in NEEDED):
        for name in NEEDED:
            _needed(credentials, name)
        return None
    token = credentials.get("token", "").strip()
    if not _is_token(token):
        raise Misconfigured(
            "There is no access token, or it holds characters that no token has.",
            cure="Copy the token of a private app or service key.",
        )
    return Token(token)


def _is_token(value: str) -> bool:
    return bool(value) and value.isascii() and value.isprintable() and " " not in value


def _needed(credentials: Mapping[str, str], name: str) -> str:
    value = credentials.get(name)
    if not value:
        raise Misconfigured(
            f"The connection has no {name}, which OAuth needs.",
            cure=f"Set it: concord connections set NAME --{name.replace('_', '-')} -",
        )
    return value


def _failure(status: int, body: bytes | str) -> ConnectorError:
    if status == _TOO_MANY:
        return RateLimited("HubSpot's rate limit is reached.", retry_after=ROLLING_WAIT)
    if status >= _SERVER or status < 400:
        return Unavailable(f"HubSpot's login does not answer ({status}).")
    try:
        refused = msgspec.json.decode(body, type=_Refused)
        named = refused.error or refused.status
    except (msgspec.DecodeError, UnicodeDecodeError):
        named = ""
    code = named if _CODE.fullmatch(named) else str(status)
    return AuthFailed(
        f"HubSpot refuses the login ({code}).",
        cure="Check client id and secret, and let the app in again if the account has removed it.",
    )

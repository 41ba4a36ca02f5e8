"""The JWT bearer flow: whom a signed assertion lets in.

Source: Salesforce help, OAuth 2.0 JWT bearer flow for server-to-server integration.
"""

from __future__ import annotations

import jwt

LOGIN_SERVERS = ("https://login.salesforce.com", "https://test.salesforce.com")
LONGEST = 300
"""Seconds that an assertion may still be good: three minutes, and some for a clock that is wrong."""


class AssertionRefused(Exception):
    """`error` and the text are OAuth's."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error, self.description = error, description


def check(assertion: str, *, public_key: str, client_id: str, username: str, now: float) -> None:
    """Whether an assertion lets its user in.

    Args:
        assertion: the JWT.
        public_key: of the certificate that the app was given, as PEM; empty if it was given none.
        client_id: the app's consumer key.
        username: the one user who has let the app act for them.
        now: the org's clock, in seconds.

    Raises:
        AssertionRefused: it does not.
    """
    if not public_key:
        raise AssertionRefused("invalid_client_id", "this app has no certificate")
    try:
        claims = jwt.decode(
            assertion,
            public_key,
            algorithms=["RS256"],
            audience=list(LOGIN_SERVERS),
            options={"require": ["iss", "sub", "aud", "exp"], "verify_exp": False},
        )
        end = float(claims["exp"])
    except (jwt.PyJWTError, ValueError, TypeError):
        raise AssertionRefused("invalid_grant", "invalid assertion") from None
    if claims["iss"] != client_id:
        raise AssertionRefused("invalid_client_id", "client identifier invalid")
    if not now < end <= now + LONGEST:
        raise AssertionRefused("invalid_grant", "expired authorization code")
    if claims["sub"] != username:
        raise AssertionRefused("invalid_grant", "user hasn't approved this consumer")

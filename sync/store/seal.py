"""Sealed credentials: nobody who reads the database can use them, or move them to another connection.

Fernet has no associated data, so organisation, connection id and purpose stand inside the sealed value and
are compared when it is opened.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence

import orjson
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sync.errors import ConfigurationError

MINIMUM_KEY_LENGTH = 32
CREDENTIALS, TOKEN, HOOK, CHANNEL = "credentials", "token", "hook", "channel"
"""What a sealed value is for."""


class Seal:
    """Seals with the newest key, opens with any.

    Args:
        secret_keys: newest first.
        again: reads the keys anew, where they can change while this process runs; it is asked before a value
            is sealed, and when one does not open.

    Raises:
        ConfigurationError: there is no key, or one is too short.
    """

    def __init__(
        self, secret_keys: Sequence[str], *, again: Callable[[], Sequence[str]] | None = None
    ) -> None:
        self._again = again
        self._take(secret_keys)

    def _take(self, secret_keys: Sequence[str]) -> None:
        short = [index + 1 for index, key in enumerate(secret_keys) if len(key) < MINIMUM_KEY_LENGTH]
        if short or not secret_keys:
            which = f"Key {short[0]} of CONCORD_SECRET_KEY is" if short else "CONCORD_SECRET_KEY is"
            raise ConfigurationError(
                f"{which} shorter than {MINIMUM_KEY_LENGTH} characters.",
                cure="Set one or more keys, newest first, separated by commas; "
                "for instance the output of: openssl rand -hex 32",
            )
        self._keys = list(secret_keys)
        self._fernets = [Fernet(_derive(key)) for key in secret_keys]

    @property
    def keys(self) -> int:
        """How many keys there are."""
        return len(self._fernets)

    def close(
        self,
        secrets: Mapping[str, str],
        *,
        organisation_id: str,
        connection_id: str,
        purpose: str = CREDENTIALS,
    ) -> str:
        """Seal credentials, or the token, of one connection."""
        self._look_again()
        inside = {
            "organisation": organisation_id,
            "connection": connection_id,
            "purpose": purpose,
            "secrets": dict(secrets),
        }
        return self._fernets[0].encrypt(orjson.dumps(inside)).decode()

    def open(
        self, sealed: str, *, organisation_id: str, connection_id: str, purpose: str = CREDENTIALS
    ) -> dict[str, str]:
        """Open credentials, or the token, of one connection.

        Raises:
            ConfigurationError: no key fits, or the value was sealed for another connection or purpose.
        """
        inside = orjson.loads(self._decrypted(sealed))
        # Values of version 0.1 name no purpose: all of them are credentials.
        found = (inside["organisation"], inside["connection"], inside.get("purpose", CREDENTIALS))
        if found != (organisation_id, connection_id, purpose):
            raise ConfigurationError(
                "The stored credentials belong to another connection.",
                cure="Someone has copied them in the database: connect again.",
            )
        return {str(name): str(value) for name, value in inside["secrets"].items()}

    def number(self, sealed: str) -> int | None:
        """Which key a value is sealed with, from 1 for the newest; None if it is none of these."""
        for number, fernet in enumerate(self._fernets, start=1):
            try:
                fernet.decrypt(sealed.encode())
            except InvalidToken:
                continue
            return number
        return None

    def renewed(self, sealed: str) -> str:
        """The same value, sealed with the newest key.

        Raises:
            ConfigurationError: no key fits.
        """
        self._decrypted(sealed)
        return MultiFernet(self._fernets).rotate(sealed.encode()).decode()

    def _decrypted(self, sealed: str) -> bytes:
        for _ in range(2):
            try:
                return MultiFernet(self._fernets).decrypt(sealed.encode())
            except InvalidToken:
                if not self._look_again():
                    break
        raise ConfigurationError(
            "The stored credentials cannot be opened with the present CONCORD_SECRET_KEY.",
            cure="Add the key they were sealed with to the end of the list, or connect again.",
        )

    def _look_again(self) -> bool:
        """Take up keys that another process has put there; whether there were any."""
        if self._again is None or (keys := list(self._again())) == self._keys:
            return False
        self._take(keys)
        return True


def _derive(secret: str) -> bytes:
    """A Fernet key from a secret of any length (HKDF, RFC 5869)."""
    key = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"concord credentials v1")
    return urlsafe_b64encode(key.derive(secret.encode()))

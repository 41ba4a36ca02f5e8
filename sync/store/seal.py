"""Sealed credentials: nobody who reads the database can use them, or move them to another connection.

Fernet has no associated data, so organisation and connection id stand inside the sealed value and are
compared when it is opened.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence

import orjson
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sync.errors import ConfigurationError

MINIMUM_KEY_LENGTH = 32


class Seal:
    """Seals with the newest key, opens with any."""

    def __init__(self, secret_keys: Sequence[str]) -> None:
        short = [index + 1 for index, key in enumerate(secret_keys) if len(key) < MINIMUM_KEY_LENGTH]
        if short or not secret_keys:
            which = f"Key {short[0]} of CONCORD_SECRET_KEY is" if short else "CONCORD_SECRET_KEY is"
            raise ConfigurationError(
                f"{which} shorter than {MINIMUM_KEY_LENGTH} characters.",
                cure="Set one or more keys, newest first, separated by commas; "
                "for instance the output of: openssl rand -hex 32",
            )
        self._fernet = MultiFernet([Fernet(_derive(key)) for key in secret_keys])

    def close(self, secrets: Mapping[str, str], *, organisation_id: str, connection_id: str) -> str:
        """Seal the credentials of one connection."""
        inside = {"organisation": organisation_id, "connection": connection_id, "secrets": dict(secrets)}
        return self._fernet.encrypt(orjson.dumps(inside)).decode()

    def open(self, sealed: str, *, organisation_id: str, connection_id: str) -> dict[str, str]:
        """Open the credentials of one connection.

        Raises:
            ConfigurationError: no key fits, or the value was sealed for another connection.
        """
        try:
            inside = orjson.loads(self._fernet.decrypt(sealed.encode()))
        except InvalidToken as error:
            raise ConfigurationError(
                "The stored credentials cannot be opened with the present CONCORD_SECRET_KEY.",
                cure="Add the key they were sealed with to the end of the list, or connect again.",
            ) from error
        if (inside["organisation"], inside["connection"]) != (organisation_id, connection_id):
            raise ConfigurationError(
                "The stored credentials belong to another connection.",
                cure="Someone has copied them in the database: connect again.",
            )
        return {str(name): str(value) for name, value in inside["secrets"].items()}


def _derive(secret: str) -> bytes:
    """A Fernet key from a secret of any length (HKDF, RFC 5869)."""
    key = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"concord credentials v1")
    return urlsafe_b64encode(key.derive(secret.encode()))

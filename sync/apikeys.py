"""Keys of the API: made, looked at with each call, listed, revoked.

A key is `cc_live_<id>_<secret>`. The secret is 32 random bytes, so a plain SHA-256 of it tells nothing of it,
and nothing else of it is kept. The key is shown once, to whoever makes it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from connectors.records import JSON
from sync.clock import new_id
from sync.errors import BadInput, NotFoundError, StoreError
from sync.store import apikeys, audit, connections
from sync.store.keytables import api_keys
from sync.store.query import Row, now
from sync.store.session import Database

LONGEST = timedelta(days=3_660)
LONGEST_NAME = 200
HIGHEST_RATE = 100_000
_FORM = re.compile(r"cc_live_([0-9a-f]{32})_([A-Za-z0-9_-]{43})")
_NOBODYS = bytes(32)


class Scope(StrEnum):
    """How much a key allows; each scope includes those before it."""

    READ = "read"
    WRITE = "write"
    REVIEW = "review"
    ADMIN = "admin"

    def allows(self, other: Scope) -> bool:
        """Whether a key of this scope may do what asks for that one."""
        order = list(Scope)
        return order.index(self) >= order.index(other)


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who calls, by a key that is in force.

    Args:
        id: the key's.
        name: the key's.
        scope: how much it allows.
        organisations: id → name of those that it may be used for.
        rate: calls a second, if it has a rate of its own.
    """

    id: str
    name: str
    scope: Scope
    organisations: Mapping[str, str]
    rate: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A new key. Its text can never be had again."""

    key: str = field(repr=False)
    id: str
    name: str
    scope: Scope
    organisations: Sequence[str]
    expires_at: datetime | None


def make(
    database: Database,
    organisations: Sequence[str],
    scope: Scope,
    *,
    actor: str,
    name: str | None = None,
    expires: timedelta | None = None,
    rate: int | None = None,
) -> Made:
    """Make a key for organisations, by name; those that are not there yet are made.

    Raises:
        BadInput: a name is empty or too long, or the time or the rate is out of bounds.
    """
    names = list(dict.fromkeys(_name("organisation", each) for each in organisations))
    if not names:
        raise BadInput("A key needs an organisation.", fields={"organisation": "is missing"})
    if expires is not None and not timedelta(0) < expires <= LONGEST:
        raise _bad("expires", f"must be more than nothing and at most {LONGEST.days} days")
    if rate is not None and not 1 <= rate <= HIGHEST_RATE:
        raise _bad("rate", f"must be a number from 1 to {HIGHEST_RATE:,}")
    made, secret = new_id(), secrets.token_urlsafe(32)
    label = f"key-{made[-8:]}" if name is None else _name("name", name)
    with database.transaction() as tx:
        ids = [connections.organisation(tx, each) for each in names]
        at = now(tx)
        expires_at = None if expires is None else at + expires
        apikeys.add(
            tx,
            key_id=made,
            name=label,
            digest=_digest(secret),
            scope=scope,
            rate=rate,
            actor=actor,
            created_at=at,
            expires_at=expires_at,
            organisation_ids=ids,
        )
        details: dict[str, JSON] = {"name": label, "scope": scope.value, "rate": rate}
        details["expires_at"] = None if expires_at is None else expires_at.isoformat()
        for each in ids:
            audit.write(tx, each, actor=actor, action="api_key.added", subject=made, details=details)
    key = f"cc_live_{made}_{secret}"
    return Made(key=key, id=made, name=label, scope=scope, organisations=names, expires_at=expires_at)


def look(database: Database, key: str) -> Holder | None:
    """Whose key this is; None if it is not good, whatever the reason.

    It is asked for each call anew: what was revoked, or has expired, is so at once.
    """
    form = _FORM.fullmatch(key)
    if form is None:
        return None
    with database.glance() as tx:
        found = apikeys.in_force(tx, form[1])
    # A key that is not there is compared too, so that it takes as long as one with a wrong secret.
    if not hmac.compare_digest(found[0]["digest"] if found else _NOBODYS, _digest(form[2])) or not found:
        return None
    row = found[0]
    if row["idle"]:
        with suppress(StoreError), database.transaction() as tx:  # no reason to refuse a good key
            apikeys.note_use(tx, row["id"])
    return Holder(
        id=row["id"],
        name=row["name"],
        scope=Scope(row["scope"]),
        organisations={each["organisation_id"]: each["organisation"] for each in found},
        rate=row["rate"],
    )


def listing(database: Database) -> list[Row]:
    """Every key that was made, oldest first: what it is and where it may be used, nothing of its secret."""
    with database.reading() as tx:
        return apikeys.load(tx)


def revoke(database: Database, key_id: str, *, actor: str) -> bool:
    """Put a key out of force for good; False if it was revoked before.

    Raises:
        NotFoundError: there is no such key.
    """
    with database.transaction() as tx:
        found = apikeys.load(tx, api_keys.c.id == key_id)
        if not found:
            # What was given is not repeated: it may be a whole key, pasted.
            raise NotFoundError("There is no API key of this id.", cure="See them with: concord api-key list")
        revoked = apikeys.revoke(tx, key_id)
        for each in found[0]["organisations"] if revoked else ():
            audit.write(tx, each, actor=actor, action="api_key.revoked", subject=key_id)
    return revoked


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _name(what: str, text: str) -> str:
    name = text.strip()
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise _bad(what, f"must be 1 to {LONGEST_NAME} characters that can be printed")
    return name


def _bad(what: str, why: str) -> BadInput:
    return BadInput(f"The key cannot be made: {what} {why}.", fields={what: why})

"""Signing in and out. A session is a random token: the browser has it, and we have a digest of it."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta

from sync import passwords
from sync.core import normalise
from sync.errors import ConcordError, NotFoundError, StoreError
from sync.store import audit, users, websessions
from sync.store.query import Row, now
from sync.store.session import Database, Tx
from sync.users import UserRole

IDLE = timedelta(hours=2)
"""Without use for so long, a session ends."""
LIFETIME = timedelta(hours=12)
"""However it is used, a session ends."""
FREE_TRIES = 5
FIRST_PAUSE, LONGEST_PAUSE = 30.0, 900.0
"""Seconds that no password is taken after the fifth wrong one; twice as long after each that follows."""


class SignInRefused(ConcordError):
    """Nobody was let in. The reason is the same whatever it is, so that it tells nothing of who is known."""

    def __init__(self) -> None:
        super().__init__(
            "The e-mail address or the password is wrong, or there were too many tries.",
            cure="After too many tries, wait a quarter of an hour.",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """A person's role in an organisation."""

    organisation_id: str
    organisation: str
    role: UserRole


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """Who uses a page.

    Args:
        user_id: the person.
        email: theirs.
        here: the organisation that they look at, and their role in it.
        memberships: all of theirs, by the organisation's id, sorted by its name.
    """

    user_id: str
    email: str
    here: Membership
    memberships: Mapping[str, Membership] = field(repr=False)


def sign_in(database: Database, email: str, password: str) -> str:
    """Let a person in; the token of their new session.

    Raises:
        SignInRefused: it is another password, there is no such person, or there were too many tries.
        TooBusy: too many passwords are being checked.
    """
    folded = normalise.email(email)
    with database.glance() as tx:
        known = users.find(tx, folded) if folded.isprintable() else None
    right = passwords.is_right(None if known is None else known["password"], password)
    if known is None:
        raise SignInRefused
    with database.transaction() as tx:
        # Counted under a lock: of many guesses at once no more are looked at than one after the other.
        row = users.find(tx, folded, lock=True)
        token = None if row is None else _decide(tx, row, right=right)
    if token is None:
        raise SignInRefused
    return token


def _decide(tx: Tx, row: Row, *, right: bool) -> str | None:
    at = now(tx)
    if row["disabled_at"] is not None or users.locked(row, at):
        return None
    if not right:
        failures = row["failures"] + 1
        pause = _pause(failures)
        until = at + timedelta(seconds=pause) if pause else None
        users.save(tx, row["id"], failures=failures, locked_until=until)
        if pause:
            _note(tx, row, "user.locked")
        return None
    token = secrets.token_urlsafe(32)
    users.save(tx, row["id"], failures=0, locked_until=None, signed_in_at=at)
    websessions.add(tx, digest=_digest(token), user_id=row["id"], at=at, expires_at=at + LIFETIME)
    _note(tx, row, "user.signed_in")
    return token


def _pause(failures: int) -> float:
    """Seconds that follow so many wrong passwords."""
    if failures < FREE_TRIES:
        return 0.0
    return min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(failures - FREE_TRIES, 10))


def look(database: Database, token: str, *, used: bool = True) -> SignedIn | None:
    """Who holds this token; None if it is of no session in force. `used`: whether a person did something."""
    digest = _digest(token)
    with database.glance() as tx:
        found = websessions.in_force(tx, digest, idle=IDLE.total_seconds())
    if not found:
        return None
    if used and found[0]["rested"]:
        with suppress(StoreError), database.transaction() as tx:  # no reason to send somebody away
            websessions.note_use(tx, digest)
    memberships = {
        row["organisation_id"]: Membership(
            organisation_id=row["organisation_id"],
            organisation=row["organisation"],
            role=UserRole(row["role"]),
        )
        for row in found
    }
    here = memberships.get(found[0]["chosen"]) or next(iter(memberships.values()))
    return SignedIn(user_id=found[0]["user_id"], email=found[0]["email"], here=here, memberships=memberships)


def choose(database: Database, token: str, organisation_id: str) -> None:
    """Look at another of one's organisations.

    Raises:
        NotFoundError: the person has no role there.
    """
    signed = look(database, token)
    if signed is None or organisation_id not in signed.memberships:
        raise NotFoundError("There is no such organisation for you.")
    with database.transaction() as tx:
        websessions.choose(tx, _digest(token), organisation_id)


def sign_out(database: Database, token: str) -> None:
    """End a session; harmless if it has ended."""
    with database.transaction() as tx:
        websessions.end(tx, _digest(token))


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def _note(tx: Tx, row: Row, action: str) -> None:
    actor = f"user:{row['email']}"
    for each in users.roles(tx, row["id"]):
        audit.write(tx, each, actor=actor, action=action, subject=row["id"])

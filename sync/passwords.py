"""Passwords of people: what is kept of them, and whether one is right. Argon2id, a few at a time.

Each check takes some 64 MiB of memory and a good part of a tenth of a second, which is what makes guessing
dear; so no more than a few are made at once, however many ask.
"""

from __future__ import annotations

import threading
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from sync.errors import BadInput, ConcordError

SHORTEST, LONGEST = 12, 1_024
AT_ONCE = 2
PATIENCE = 5.0
"""Seconds that somebody waits for their turn."""
_turns = threading.BoundedSemaphore(AT_ONCE)
_hasher = PasswordHasher()


class TooBusy(ConcordError):
    """Too many passwords are being checked at once; nothing was looked at."""


def digest(password: str) -> str:
    """What is kept of a password.

    Raises:
        BadInput: it is too short, too long, or of too few different characters.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        raise _bad(f"must be {SHORTEST} to {LONGEST} characters long")
    if len(set(password)) < SHORTEST // 3:
        raise _bad("is made of too few different characters")
    return _hasher.hash(_encoded(password))


def is_right(kept: str | None, password: str) -> bool:
    """Whether it is this password. `kept` None, nobody's, takes as long and is False.

    Raises:
        TooBusy: there was no turn within `PATIENCE` seconds.
    """
    if not _turns.acquire(timeout=PATIENCE):
        raise TooBusy("Too many people sign in at once.", cure="Try again in a moment.")
    try:
        _hasher.verify(kept or _nobodys(), _encoded(password))
        return kept is not None
    except (VerificationError, InvalidHashError):
        return False
    finally:
        _turns.release()


@cache
def _nobodys() -> str:
    return _hasher.hash("nobody's password")


def _encoded(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")


def _bad(why: str) -> BadInput:
    return BadInput(f"The password cannot be taken: it {why}.", fields={"password": why})

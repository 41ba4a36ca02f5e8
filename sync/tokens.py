"""One access token for all workers of a connection: fetched once per expiry, kept sealed in the database.

A call to the CRM is never made inside a transaction: who fetches holds the row meanwhile, the others look
every moment for what it stored, and one who died is replaced when its time is over.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from connectors.access import Fetch, Grant, Token
from connectors.errors import AuthFailed, Unavailable
from sync.clock import Clock, utc_now
from sync.errors import NotFoundError
from sync.store import connections, tokens
from sync.store.connections import StoredConnection
from sync.store.query import Row
from sync.store.seal import CREDENTIALS, TOKEN, Seal
from sync.store.session import Database, Tx

AHEAD = 60.0
"""Seconds before its end from which a token counts as ended, or half its life if that is shorter."""
_LOOK = (0.05, 0.1)
"""Seconds between two looks for what another worker fetches."""


@dataclass(frozen=True, slots=True)
class _Claim:
    """The right to fetch, and the credentials to do it with."""

    number: int
    credentials: Mapping[str, str] = field(repr=False)


class StoredTokens:
    """Implements `connectors.access.Tokens` for one connection. The row is read only when it has to be.

    Args:
        database: where the token is kept.
        seal: what it is sealed with.
        connection: whose token it is.
        sleep: how to wait.
        clock: the time of this machine, in which connectors tell when a token ends.
        passed: seconds that have passed, of a clock that nobody sets.
    """

    def __init__(
        self,
        database: Database,
        seal: Seal,
        connection: StoredConnection,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Clock = utc_now,
        passed: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database, self._seal = database, seal
        self._id, self._organisation_id = connection.id, connection.organisation_id
        self._url = str(connection.row["url"])
        self._sleep, self._clock, self._passed = sleep, clock, passed
        self._known: tuple[Token, float | None] | None = None

    def current(self) -> Token | None:
        """The connection's token, unless it ends within a minute."""
        if self._known is not None:
            token, end = self._known
            if end is None or self._passed() < end:
                return token
        with self._database.reading() as tx:
            return self._taken(tokens.find(tx, self._id))

    def renew(self, stale: Token | None, fetch: Fetch) -> Token:
        """A token other than `stale`, fetched by one of all workers with the credentials as they are then.

        Raises:
            ConnectorError: whatever `fetch` raises; refused credentials only if they still stand.
            NotFoundError: the connection was removed.
            ConfigurationError: what is stored cannot be opened.
        """
        while True:
            with self._database.reading() as tx:
                row = tokens.find(tx, self._id)
            found = self._taken(row)
            if found is not None and (stale is None or found.value != stale.value):
                return found
            if (claim := self._claim(row)) is None:
                self._sleep(random.uniform(*_LOOK))  # noqa: S311 - spreads the looks
                continue
            try:
                grant = fetch(claim.credentials)
            except BaseException as error:
                if not self._let_go(claim) and isinstance(error, AuthFailed):
                    continue  # another worker's login, or a person, has replaced the credentials meanwhile
                raise
            if self._keep(claim, grant):
                return grant.token

    def _taken(self, row: Row | None) -> Token | None:
        """The token of a row if it is good, kept in mind for the next call."""
        self._known = None
        if row is None or row["sealed"] is None:
            return None
        left = None if row["expires_at"] is None else (row["expires_at"] - row["now"]).total_seconds()
        if left is not None and left <= 0:
            return None
        inside = self._open(row["sealed"], TOKEN)
        token = Token(inside["value"], inside["host"])
        self._known = token, None if left is None else self._passed() + left
        return token

    def _claim(self, row: Row | None) -> _Claim | None:
        if row is not None and row["renewing_until"] is not None and row["renewing_until"] > row["now"]:
            return None
        number = None if row is None else int(row["number"])
        with self._database.transaction() as tx:
            self._credentials(tx)  # tells of a connection that is gone
            if not tokens.claim(tx, self._id, number):
                return None
            # Read again: a change of them that the claim has waited for counts.
            return _Claim(number or 0, self._credentials(tx))

    def _credentials(self, tx: Tx, *, lock: bool = False) -> dict[str, str]:
        row = tokens.credentials(tx, self._id, lock=lock)
        if row is None:
            raise NotFoundError("This connection does not exist any more.")
        if row["url"] != self._url:
            # Secrets meant for the new address must not be sent to the old one.
            raise Unavailable("The connection's URL was changed.", cure="The next run takes it up.")
        return self._open(row["credentials"])

    def _let_go(self, claim: _Claim) -> bool:
        """Let another try; whether token and credentials are still those that were claimed."""
        with self._database.transaction() as tx:
            tokens.release(tx, self._id, claim.number)
            row, present = tokens.find(tx, self._id), tokens.credentials(tx, self._id)
        if row is None or present is None or row["number"] != claim.number:
            return False
        return self._open(present["credentials"]) == claim.credentials

    def _keep(self, claim: _Claim, grant: Grant) -> bool:
        """Store what was fetched; whether it is the connection's token now."""
        token, seconds = grant.token, None
        if token.expires_at is not None:
            life = (token.expires_at - self._clock()).total_seconds()
            seconds = max(life - AHEAD, life / 2)
        sealed = self._close({"value": token.value, "host": token.host}, TOKEN)
        with self._database.transaction() as tx:
            if grant.credentials:
                present = self._credentials(tx, lock=True)
                # What replaces a refresh token is stored even if the token came too late: it is the only one.
                if all(present.get(name) == claim.credentials.get(name) for name in grant.credentials):
                    rotated = self._close({**present, **grant.credentials})
                    connections.set_columns(tx, self._id, credentials=rotated)
            kept = tokens.keep(tx, self._id, claim.number, sealed=sealed, seconds=seconds)
        if kept:
            self._known = token, None if seconds is None else self._passed() + seconds
        return kept

    def _open(self, sealed: str, purpose: str = CREDENTIALS) -> dict[str, str]:
        return self._seal.open(
            sealed, organisation_id=self._organisation_id, connection_id=self._id, purpose=purpose
        )

    def _close(self, secrets: Mapping[str, str], purpose: str = CREDENTIALS) -> str:
        return self._seal.close(
            secrets, organisation_id=self._organisation_id, connection_id=self._id, purpose=purpose
        )

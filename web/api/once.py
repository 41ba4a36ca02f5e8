"""What is done once however often it is sent: the answer is kept in the transaction of the effect."""

from __future__ import annotations

import re
from collections.abc import Callable
from hashlib import sha256
from typing import Annotated, TypeAlias

from fastapi import Depends, Header, Request
from fastapi.responses import Response
from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite

from sync.crash import crash_here
from sync.store.keytables import idempotency
from sync.store.query import Row, first, now
from sync.store.session import Database, Tx
from web.api.caller import Caller
from web.problems import Refusal

_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_KEPT = ("etag", "location", "content-type")

Effect: TypeAlias = Callable[[Database], Response]
"""Does what was asked, within the database that it is given."""


class Once:
    """Carries out a request's effect, at most once per `Idempotency-Key`.

    Whoever sends a key again gets the first answer again, without a second effect; with another request under
    the same key 422. What was refused had no effect, and is tried again.

    Args:
        caller: who sends it.
        key: as it was sent; None for none.
        digest: of the request, by which it is known again.
    """

    def __init__(self, caller: Caller, key: str | None, digest: bytes) -> None:
        self._caller, self._key, self._digest = caller, key, digest

    def __call__(self, effect: Effect) -> Response:
        """The answer of the effect, or the one that was kept."""
        database = self._caller.database
        with database.transaction() as tx:
            if self._key is None:
                return effect(database.joined(tx))
            kept = self._claim(tx, self._key)
            if kept is not None:
                return self._again(kept)
            made = effect(database.joined(tx))
            self._keep(tx, self._key, made)
        crash_here("request.kept")
        return made

    def _claim(self, tx: Tx, key: str) -> Row | None:
        """Take the key, or what it was taken for. Waits for whoever is at it in this moment."""
        mine = (idempotency.c.key == key, idempotency.c.organisation_id == self._caller.organisation_id)
        dialect = postgresql if tx.dialect.name == "postgresql" else sqlite
        row = {
            "key": key,
            "organisation_id": self._caller.organisation_id,
            "request": self._digest,
            "status": 0,
            "headers": {},
            "body": "",
            "created_at": now(tx),
        }
        claim = dialect.insert(idempotency).values(row).on_conflict_do_nothing().returning(idempotency.c.key)
        taken = tx.execute(claim).first() is not None
        return None if taken else first(tx, select(idempotency).where(*mine))

    def _again(self, kept: Row) -> Response:
        if kept["request"] != self._digest:
            raise Refusal(422, "Idempotency-Key: it was used for another request; take a new one")
        return Response(
            kept["body"], kept["status"], headers={**kept["headers"], "Idempotent-Replayed": "true"}
        )

    def _keep(self, tx: Tx, key: str, made: Response) -> None:
        tx.execute(
            update(idempotency)
            .where(idempotency.c.key == key, idempotency.c.organisation_id == self._caller.organisation_id)
            .values(
                status=made.status_code,
                headers={name: made.headers[name] for name in _KEPT if name in made.headers},
                body=bytes(made.body).decode(),
            )
        )


async def _once(
    request: Request,
    idempotency_key: Annotated[
        str | None,
        Header(
            description="The same key with the same request has one effect and one answer, for 48 hours.",
            max_length=255,
        ),
    ] = None,
) -> Once:
    if idempotency_key is not None and _KEY.fullmatch(idempotency_key) is None:
        raise Refusal(400, "Idempotency-Key: at most 255 visible ASCII characters")
    asked = f"{request.method} {request.url.path}?{request.url.query}\n".encode()
    digest = sha256(asked + await request.body()).digest()
    return Once(request.state.admission(), idempotency_key, digest)


async def _in_parts(
    idempotency_key: Annotated[str | None, Header(include_in_schema=False)] = None,
) -> None:
    if idempotency_key is not None:
        raise Refusal(
            400,
            "Idempotency-Key: this is done in parts, and takes none; send it again without, "
            "what is done already is not done twice",
        )


OnlyOnce = Annotated[Once, Depends(_once)]
InParts = Depends(_in_parts)
"""Of a route whose effect is more than one transaction: it refuses a key, as it could not keep its word."""

"""Records that a request names beside its path."""

from __future__ import annotations

from sync.clock import plain_id
from sync.store import connections
from sync.store.session import Tx
from web.problems import Refusal


def connection_id(tx: Tx, organisation_id: str, wanted: str) -> str:
    """The id of the connection of this name or id.

    Raises:
        Refusal: 404, there is none in the organisation.
    """
    known = connections.named(tx, organisation_id)
    if wanted in known.values():
        return next(each for each, name in known.items() if name == wanted)
    try:
        plain = plain_id(wanted)
    except ValueError:
        plain = ""
    if plain not in known:
        raise Refusal(404, "There is no connection of this name or id.")
    return plain

"""Hints: a CRM said that records may have changed. They are fetched again and go the one common way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sync.crash import crash_here
from sync.store import inbox, jobs
from sync.store.inbox import Announced
from sync.store.jobs import Wanted
from sync.store.session import Database


def keep_hints(
    database: Database, *, organisation_id: str, connection_id: str, events: Mapping[str, str]
) -> int:
    """Keep events (event → ref) of one connection and ask for their records, in one transaction.

    Returns:
        How many were new.
    """
    announced = [
        Announced(connection_id, event, ref, organisation_id=organisation_id) for event, ref in events.items()
    ]
    return len(keep_announced(database, announced))


def keep_announced(database: Database, announced: Iterable[Announced]) -> set[Announced]:
    """Keep events of any connections and ask for their records, in one transaction.

    Returns:
        Those that were new. A duplicate asks for nothing: its record has been asked for.
    """
    with database.transaction() as tx:
        fresh = inbox.add(tx, announced)
        jobs.ask_for(
            tx,
            [
                Wanted(each.connection_id, "fetch", each.ref, organisation_id=each.organisation_id)
                for each in fresh
            ],
        )
        crash_here("inbox.before_commit")
    crash_here("inbox.kept")
    return fresh

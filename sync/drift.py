"""The full compare: what the CRM's feed of changes did not tell is found, taken in, and counted as drift."""

from __future__ import annotations

from datetime import timedelta

from sync.pull import pull
from sync.store import connections
from sync.work import Work

CHANCE = timedelta(hours=1)
"""How long a change may take to appear in a feed: the longest look-back of a connector."""


def compare(work: Work) -> None:
    """Look at the changes first, then list everything: what only the listing knows has drifted.

    A listing that is the first one, or goes on where another was cut off, compares nothing.
    """
    row = work.connection.row
    whole = row["listed_at"] is not None and row["listing"] is None
    if whole:
        pull(work)
        work.compared_before = work.now() - CHANCE
    pull(work, full=True)
    if whole:
        columns = {"drift": work.tally.drift, "compared_at": work.now()}
        work.compared_before = None
        with work.database.transaction() as tx:
            connections.set_columns(tx, work.connection_id, **columns)

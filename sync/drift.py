"""The full compare: what the CRM's feed of changes did not tell is found, taken in, and counted as drift."""

from __future__ import annotations

from datetime import timedelta

from sync.listing import list_everything
from sync.pages import take_changes
from sync.work import Work

CHANCE = timedelta(hours=1)
"""How long a change may take to appear in a feed: the longest look-back of a connector."""


def compare(work: Work) -> None:
    """Look at the changes first, then list everything: what only the listing knows has drifted.

    The first listing compares nothing; one that goes on where another was cut off compares if that one did.
    """
    row = work.connection.row
    if row["listed_at"] is None or row["listing"] is not None:
        list_everything(work)
        return
    take_changes(work)
    list_everything(work, compared_before=work.now() - CHANCE)

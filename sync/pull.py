"""Pull: look at what changed in the CRM, or at everything, and take it in.

The cursor is saved with each page's effects.
"""

from __future__ import annotations

from sync.listing import list_everything
from sync.pages import take_changes
from sync.work import Work


def pull(work: Work, *, full: bool = False, sweep: bool = True) -> None:
    """Take in what is new in the CRM; everything, on the first run or if `full`.

    Args:
        work: the run.
        full: list every record, and look for those that are gone.
        sweep: look for deleted records even if that was done a moment ago.
    """
    row = work.connection.row
    if full or row["listed_at"] is None or row["listing"] is not None:
        list_everything(work)
    else:
        take_changes(work, sweep=sweep)

"""Telling others: programs by hooks, people by channels."""

from __future__ import annotations

import logging

from sqlalchemy.exc import DBAPIError

from sync import deliver, notices
from sync.deliver import Outgoing
from sync.errors import StoreError
from sync.notices import Teller
from sync.store.session import Database
from tasks.notices import notify

_log = logging.getLogger("concord")


def owes(database: Database) -> bool:
    """Whether somebody is to be told something now."""
    return deliver.owed(database) or notices.owed(database)


def tell_turn(outgoing: Outgoing) -> bool:
    """What `tell_all` does; True if something was sent and programs are to be told more, now."""
    try:
        return tell_all(outgoing) > 0 and deliver.owed(outgoing.database)
    except (StoreError, DBAPIError):
        return False  # the next tick asks


def teller_of(outgoing: Outgoing) -> Teller:
    """What it takes to tell people."""
    return Teller(outgoing.database, outgoing.seal, notify, outgoing.public_url)


def tell_all(outgoing: Outgoing) -> int:
    """Send what is due; returns how many messages were tried. What fails is tried again by a later look."""
    try:
        return deliver.deliver(outgoing) + notices.tell(teller_of(outgoing))
    except (StoreError, DBAPIError) as error:
        _log.warning("what is to be told waits (%s)", type(error).__name__)
        return 0

"""What becomes of deliveries: verified, read, and kept as hints, in one transaction for all that wait."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from sqlalchemy.exc import DBAPIError

from connectors.webhook import Answer, Delivery, ForgedError, UnreadableError, Webhook
from sync.hints import keep_announced
from sync.store import connections
from sync.store.inbox import Announced
from sync.store.query import Row
from sync.store.session import Database
from web.problems import Refusal
from web.site import Site

_log = logging.getLogger("concord")
KEPT_READERS = 1_000
TELL_AGAIN = 60.0
_NOT_HERE = "there is no webhook here"


@dataclass(frozen=True, slots=True)
class Posted:
    """A delivery, and whom it is addressed to."""

    connector: str
    name: str
    delivery: Delivery


@dataclass(frozen=True, slots=True)
class Taken:
    """A delivery whose hints are kept."""

    answer: Answer
    fresh: bool


@dataclass(frozen=True, slots=True)
class _Read:
    answer: Answer
    announced: Sequence[Announced]


_Outcome: TypeAlias = "Taken | Exception"


class Deliveries:
    """Takes deliveries in batches, from one thread at a time."""

    def __init__(self, site: Site) -> None:
        self._database: Database = site.database
        self._wake = site.wake
        self._readers = _Readers(site.webhook)
        self._told: dict[tuple[str, str], float] = {}

    def take(self, posted: Sequence[Posted]) -> list[_Outcome]:
        """What became of each: taken, a refusal, or the failure that it met."""
        addresses = dict.fromkeys((each.connector, each.name) for each in posted)
        with self._database.reading() as tx:
            known = {each: connections.addressed(tx, *each) for each in addresses if all(map(_plain, each))}
        read = [self._read(known.get((each.connector, each.name)), each.delivery) for each in posted]
        return self._keep(read)

    def _read(self, row: Row | None, delivery: Delivery) -> _Read | Exception:
        try:
            webhook = None if row is None else self._readers.of(row)
            if row is None or webhook is None:
                return Refusal(404, _NOT_HERE)
            webhook.verify(delivery)
            hints = webhook.parse(delivery.body)
        except (ForgedError, UnreadableError) as error:
            if row is not None:
                self._tell(row, error.reason)
            return Refusal(401 if isinstance(error, ForgedError) else 400, error.reason)
        except Exception as error:  # the fault of one delivery is not that of those beside it
            return error
        mine = {"organisation_id": str(row["organisation_id"])}
        return _Read(webhook.answer(), [Announced(row["id"], hint.event, hint.ref, **mine) for hint in hints])

    def _tell(self, row: Row, reason: str) -> None:
        """Log a refusal once a minute per connection and reason: a flood of forgeries is none of lines."""
        now, key = time.monotonic(), (str(row["id"]), reason)
        if now - self._told.get(key, -TELL_AGAIN) >= TELL_AGAIN:
            if len(self._told) >= KEPT_READERS:
                self._told.clear()
            self._told[key] = now
            _log.warning("a delivery to %s was refused: %s", row["name"], reason)

    def _keep(self, read: Sequence[_Read | Exception]) -> list[_Outcome]:
        announced = [event for each in read if isinstance(each, _Read) for event in each.announced]
        try:
            fresh = keep_announced(self._database, announced) if announced else set()
        except DBAPIError as error:
            # The database refused one of them: alone, each gets its own answer.
            return [error] if len(read) == 1 else [self._keep([each])[0] for each in read]
        if fresh:
            self._wake()
        outcomes: list[_Outcome] = []
        for each in read:
            if isinstance(each, Exception):
                outcomes.append(each)
                continue
            mine = fresh.intersection(each.announced)
            fresh -= mine  # the second of two equal deliveries in a batch is a duplicate
            outcomes.append(Taken(each.answer, bool(mine)))
        return outcomes


def _plain(name: str) -> bool:
    """Whether a connector or a connection can have the name: what no text column holds is not asked for."""
    return name.isprintable() and len(name) <= 200


class _Readers:
    """Readers of deliveries by connection, made anew when credentials or account change."""

    def __init__(self, make: Callable[[Row], Webhook | None]) -> None:
        self._make = make
        self._kept: dict[str, tuple[object, Webhook | None]] = {}

    def of(self, row: Row) -> Webhook | None:
        """The reader of one connection."""
        present = (row["credentials"], row["account_id"])
        kept = self._kept.get(row["id"])
        if kept is None or kept[0] != present:
            if len(self._kept) >= KEPT_READERS:
                self._kept.clear()
            kept = self._kept[row["id"]] = (present, self._make(row))
        return kept[1]

"""Notices to people: one per cause, and not a storm.

What there is to tell is looked for, as it is at that moment, so that nothing is told which is over. A
connection that stands still is told once, until it moves again; questions as counts, of those that are new.
Names of connections, kinds and counts are all that leaves this way.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sync import channels as use
from sync.channels import Cause
from sync.clock import id_at
from sync.core.actions import ConflictKind
from sync.errors import ConfigurationError
from sync.store import channels
from sync.store.connections import ConnectionState
from sync.store.query import Row, now
from sync.store.seal import Seal
from sync.store.session import Database, Tx

_log = logging.getLogger("concord")
LEASE = 120.0
EVERY = 60.0
"""Seconds between two looks for one channel."""
SETTLED = timedelta(minutes=1)
"""A question is told of after it has stood for so long: those of one sync are told together."""
PAUSES = (60.0, 300.0, 900.0, 3_600.0)
MOST_AT_ONCE = 10
_QUARANTINE = frozenset({ConflictKind.INVALID_RECORD.value, ConflictKind.PUSH_REJECTED.value})
_STILL = {
    ConnectionState.HALTED.value: (Cause.HALTED, "was stopped, since something looks wrong"),
    ConnectionState.NEEDS_APPROVAL.value: (Cause.HALTED, "waits for the approval of a plan"),
    ConnectionState.AUTH_FAILED.value: (Cause.CREDENTIALS, "cannot sign in to its CRM: give it credentials"),
}

Notify = Callable[[str, str, str], str]
"""Sends a title and a text to a channel's URL; what went wrong, or nothing. It never repeats the URL."""


@dataclass(slots=True)
class _Notice:
    heads: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Teller:
    """What it takes to tell people.

    Args:
        database: where channels stand.
        seal: what their URLs are sealed with.
        notify: sends.
        public_url: where the site is found, for links; None if nobody said.
    """

    database: Database
    seal: Seal
    notify: Notify
    public_url: str | None = None


def owed(database: Database) -> bool:
    """Whether some channel is to be looked at now."""
    with database.reading() as tx:
        return channels.owed(tx)


def tell(teller: Teller) -> int:
    """Look at the channels whose time has come; returns how many notices were tried."""
    tried = 0
    for _ in range(MOST_AT_ONCE):
        with teller.database.transaction() as tx:
            row = channels.take(tx, seconds=LEASE)
        if row is None:
            break
        tried += _look(teller, row)
    return tried


def send_test(teller: Teller, organisation_id: str, channel_id: str) -> str:
    """Send a notice of no consequence, now; what went wrong, or nothing.

    Raises:
        NotFoundError: there is no such channel.
    """
    with teller.database.reading() as tx:
        row = use.find(tx, organisation_id, channel_id)
    text = f"This is how Concord tells you what waits for you.\n{_desk(teller, '')}".strip()
    return _send(teller, row, "Concord: a test", text)


def _look(teller: Teller, row: Row) -> bool:
    with teller.database.transaction() as tx:
        at = now(tx)
        loud = use.rhythm(row).loud(at)
        if loud > at:
            channels.save(tx, row["id"], look_at=loud)
            return False
        notice, told, digest = _news(tx, teller, row, at)
        after = {"told": told, "digest_at": use.next_digest(row, at) if digest else row["digest_at"]}
        if not notice.heads:
            channels.save(tx, row["id"], **after)
            channels.look_again(tx, row["id"], EVERY)
            return False
    title = f"Concord: {'; '.join(notice.heads)}"
    problem = _send(teller, row, title, "\n".join([*notice.lines, _desk(teller, "")]).strip())
    with teller.database.transaction() as tx:
        if channels.find(tx, row["organisation_id"], row["id"], lock=True) is None:
            return True
        if problem:
            failures = int(row["failures"]) + 1
            channels.save(tx, row["id"], failures=failures, problem=problem)
            channels.look_again(tx, row["id"], PAUSES[min(failures, len(PAUSES)) - 1])
        else:
            channels.save(tx, row["id"], **after, failures=0, problem=None, sent_at=now(tx))
            channels.look_again(tx, row["id"], EVERY)
    return True


def _news(tx: Tx, teller: Teller, row: Row, at: datetime) -> tuple[_Notice, dict[str, object], bool]:
    """What the channel does not know yet; what it knows once it was told; whether questions were its turn."""
    notice, causes = _Notice(), set(row["causes"])
    still, said = [], set(row["told"]["said"])
    for each in channels.standing_still(tx, row["organisation_id"]):
        cause, what = _STILL[each["state"]]
        if cause not in causes:
            continue
        key = f"{each['id']}:{each['state']}"
        still.append(key)
        if key not in said:
            notice.heads.append(f"{each['name']} {what.partition(',')[0].partition(':')[0]}")
            notice.lines.append(f"{each['name']} {what}. {each['state_reason'] or ''}".strip())
    mark, upto = row["told"]["mark"], id_at(at - SETTLED)
    digest = row["digest_at"] is None or row["digest_at"] <= at
    if digest:
        found = channels.open_questions(tx, row["organisation_id"], after=mark, upto=upto)
        for cause, one, page in (
            (Cause.CONFLICTS, "question", "/conflicts"),
            (Cause.QUARANTINED, "record with a mistake", "/conflicts?kind=invalid_record"),
        ):
            mine = [each for each in found if (each["kind"] in _QUARANTINE) == (cause is Cause.QUARANTINED)]
            fresh = sum(each["fresh"] for each in mine)
            if cause not in causes or not fresh:
                continue
            count = sum(each["count"] for each in mine)
            named = one if fresh == 1 else f"{one}s" if cause is Cause.CONFLICTS else "records with a mistake"
            notice.heads.append(f"{fresh} new {named}")
            notice.lines.append(f"{fresh} new {named}, {count} in all: {_desk(teller, page)}".rstrip(": "))
            notice.lines += [
                f"- {each['kind'].replace('_', ' ')}: {each['fresh']}" for each in mine if each["fresh"]
            ]
    return notice, {"mark": max(mark, upto) if digest else mark, "said": still}, digest


def _desk(teller: Teller, page: str) -> str:
    return "" if teller.public_url is None else f"{teller.public_url}/desk{page}"


def _send(teller: Teller, row: Row, title: str, text: str) -> str:
    try:
        url = use.url_of(teller.seal, row)
    except ConfigurationError:
        _log.warning("the URL of the channel %s cannot be opened", row["id"])
        return "its URL cannot be opened with the present CONCORD_SECRET_KEY"
    return teller.notify(url, title, text)

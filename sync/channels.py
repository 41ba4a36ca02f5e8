"""Channels: where people are told what waits for them, of what, how often, and when not."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from connectors.errors import Misconfigured
from connectors.records import JSON
from sync.clock import id_at, new_id
from sync.core.timing import Rhythm, read_quiet, read_zone
from sync.errors import BadInput, NotFoundError, Taken
from sync.store import audit, channels
from sync.store.query import Row, now
from sync.store.seal import CHANNEL, Seal
from sync.store.session import Database, Tx

MOST = 20
LONGEST_NAME, LONGEST_URL = 100, 2_000
NONE = "none"
_HOUR, _CLOCK = 3_600, re.compile(r"([01]\d|2[0-3]):([0-5]\d)", re.ASCII)


class Cause(StrEnum):
    """Why people are told."""

    CONFLICTS = "conflicts"
    HALTED = "halted"
    CREDENTIALS = "credentials"
    QUARANTINED = "quarantined"


class Digest(StrEnum):
    """How often they are told of new questions; what stands still is told at once."""

    AT_ONCE = "at_once"
    HOURLY = "hourly"
    DAILY = "daily"


ReadUrl = Callable[[str], str]
"""Gives the kind of a channel's URL (`mail`, `slack`, ...), or raises `Misconfigured`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelInput:
    """What is given of a channel; None leaves it as it is, or as it is by default.

    Args:
        name: what people call it.
        url: where it leads, as Apprise writes it.
        causes: of what it tells; all by default.
        digest: how often, of new questions.
        daily_at: HH:MM, when that is daily.
        quiet: HH:MM-HH:MM, hours in which nothing is told, or `none`.
        timezone: of both.
        active: whether it tells anything.
    """

    name: str | None = None
    url: str | None = None
    causes: Sequence[Cause] | None = None
    digest: Digest | None = None
    daily_at: str | None = None
    quiet: str | None = None
    timezone: str | None = None
    active: bool | None = None


def add(
    database: Database, seal: Seal, organisation_id: str, given: ChannelInput, *, read: ReadUrl, actor: str
) -> Row:
    """Add a channel, which tells of what comes about from now on, and of what stands still now.

    Raises:
        BadInput: a value is wrong, or there are too many.
        Taken: another channel has the name.
    """
    columns = _columns(given, read)
    missing = {name: "is missing" for name in ("name", "url") if name not in columns}
    if missing:
        raise BadInput(f"The channel has no {' and no '.join(missing)}.", fields=missing)
    made = new_id()
    url = columns.pop("url")
    with database.transaction() as tx:
        known = channels.listing(tx, organisation_id, limit=MOST)
        if len(known) >= MOST:
            raise BadInput(f"An organisation has {MOST} channels at most.", cure="Remove one first.")
        _refuse_taken(known, columns["name"])
        at = now(tx)
        row = {
            "causes": [*Cause],
            "digest": Digest.HOURLY,
            "daily_at": "08:00",
            "quiet": None,
            "timezone": "UTC",
            "state": channels.ACTIVE,
            **columns,
        }
        channels.add(
            tx,
            **row,
            id=made,
            organisation_id=organisation_id,
            url=_sealed(seal, organisation_id, made, url),
            told={"mark": id_at(at), "said": []},
            digest_at=next_digest(row, at),
            look_at=at,
            failures=0,
            created_by=actor,
            created_at=at,
        )
        _note(tx, organisation_id, made, actor=actor, action="channel.added", details={"name": row["name"]})
        return _found(tx, organisation_id, made)


def change(
    database: Database,
    seal: Seal,
    organisation_id: str,
    channel_id: str,
    given: ChannelInput,
    *,
    read: ReadUrl,
    actor: str,
) -> Row:
    """Change what is given.

    Raises:
        NotFoundError: there is no such channel.
        BadInput: a value is wrong.
        Taken: another channel has the name.
    """
    columns = _columns(given, read)
    if "url" in columns:
        columns["url"] = _sealed(seal, organisation_id, channel_id, columns["url"])
    with database.transaction() as tx:
        before = _found(tx, organisation_id, channel_id, lock=True)
        if columns:
            if columns.get("name", before["name"]) != before["name"]:
                _refuse_taken(channels.listing(tx, organisation_id, limit=MOST), columns["name"])
            at = now(tx)
            columns |= {"look_at": at, "failures": 0, "problem": None}
            columns["digest_at"] = next_digest({**before, **columns}, at)
            channels.save(tx, channel_id, **columns)
            _note(tx, organisation_id, channel_id, actor=actor, action="channel.changed", details={})
        return _found(tx, organisation_id, channel_id)


def remove(database: Database, organisation_id: str, channel_id: str, *, actor: str) -> None:
    """Remove a channel.

    Raises:
        NotFoundError: there is no such channel.
    """
    with database.transaction() as tx:
        row = _found(tx, organisation_id, channel_id, lock=True)
        channels.remove(tx, channel_id)
        details: dict[str, JSON] = {"name": row["name"]}
        _note(tx, organisation_id, channel_id, actor=actor, action="channel.removed", details=details)


def find(tx: Tx, organisation_id: str, channel_id: str) -> Row:
    """One channel.

    Raises:
        NotFoundError: there is no such channel.
    """
    return _found(tx, organisation_id, channel_id)


def kind_of(url: str, read: ReadUrl) -> str:
    """What kind of channel a URL leads to.

    Raises:
        BadInput: it may not be used.
    """
    if len(url) > LONGEST_URL:
        raise _bad("url", f"has more than {LONGEST_URL:,} characters")
    try:
        return read(url.strip())
    except Misconfigured as error:
        raise _bad("url", error.reason, error.cure) from None


def url_of(seal: Seal, row: Row) -> str:
    """Where a channel leads."""
    mine = {"organisation_id": row["organisation_id"], "connection_id": row["id"]}
    return seal.open(row["url"], **mine, purpose=CHANNEL)["url"]


def rhythm(row: Row) -> Rhythm:
    """When a channel tells of new questions, and its quiet hours."""
    hour, _, minute = str(row["daily_at"]).partition(":")
    crons = {Digest.HOURLY: "0 * * * *", Digest.DAILY: f"{int(minute)} {int(hour)} * * *"}
    quiet = read_quiet(row["quiet"]) if row["quiet"] else None
    cron = crons.get(Digest(row["digest"]))
    return Rhythm(every=_HOUR, cron=cron, quiet=quiet, zone=read_zone(row["timezone"]))


def next_digest(row: Row, at: datetime) -> datetime | None:
    """When it tells of new questions next; None: as soon as there are some."""
    return None if row["digest"] == Digest.AT_ONCE else rhythm(row).after(at)


def _columns(given: ChannelInput, read: ReadUrl) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if given.name is not None:
        made["name"] = given.name.strip()
        if not 1 <= len(made["name"]) <= LONGEST_NAME or not made["name"].isprintable():
            raise _bad("name", f"must be 1 to {LONGEST_NAME} characters that can be printed")
    if given.url is not None:
        made |= {"kind": kind_of(given.url, read), "url": given.url.strip()}
    if given.causes is not None:
        made["causes"] = [each.value for each in Cause if each in given.causes]
        if not made["causes"]:
            raise _bad("causes", "must name at least one")
    if given.digest is not None:
        made["digest"] = given.digest.value
    for name, text, parse in (
        ("daily_at", given.daily_at, _read_clock),
        ("quiet", given.quiet, read_quiet),
        ("timezone", given.timezone, read_zone),
    ):
        if text is not None:
            made[name] = text.strip()
            if name == "quiet" and made[name].casefold() == NONE:
                made[name] = None
                continue
            try:
                parse(text)
            except ValueError as error:
                raise _bad(name, str(error)) from None
    if given.active is not None:
        made["state"] = channels.ACTIVE if given.active else channels.PAUSED
    return made


def _read_clock(text: str) -> None:
    if _CLOCK.fullmatch(text.strip()) is None:
        raise ValueError("must be of the form HH:MM")


def _refuse_taken(known: Sequence[Row], name: str) -> None:
    if any(row["name"] == name for row in known):
        raise Taken(f"There is a channel {name} already.", fields={"name": "belongs to another channel"})


def _sealed(seal: Seal, organisation_id: str, channel_id: str, url: str) -> str:
    return seal.close(
        {"url": url}, organisation_id=organisation_id, connection_id=channel_id, purpose=CHANNEL
    )


def _found(tx: Tx, organisation_id: str, channel_id: str, *, lock: bool = False) -> Row:
    row = channels.find(tx, organisation_id, channel_id, lock=lock)
    if row is None:
        raise NotFoundError("There is no channel of this id.", cure="See them with: concord channel list")
    return row


def _bad(name: str, why: str, cure: str = "") -> BadInput:
    return BadInput(f"{name}: {why}.", cure=cure, fields={name: why})


def _note(
    tx: Tx, organisation_id: str, channel_id: str, *, actor: str, action: str, details: dict[str, JSON]
) -> None:
    audit.write(tx, organisation_id, actor=actor, action=action, subject=channel_id, details=details)

"""Listings by SOQL: keyset pages over (SystemModstamp, Id) or Id, and the cursors between them.

Stamps are not unique, and a record can become visible after a later stamp was read: pages go on by
(stamp, id), and every pass starts a look-back before the last one's end. Sources: airbyte#27146 (late
visible rows), airbyte#17148 (a cursor stuck on one stamp), tap-salesforce#135 (look-back).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

import msgspec
import requests
from simple_salesforce.format import format_soql

from connectors.mapping import Codec
from connectors.port import Cursor, Observation, Page, Presence
from connectors.salesforce import errors
from connectors.salesforce.session import Session

OBJECT = "Account"
PAGE = 2_000
LOOK_BACK = timedelta(minutes=10)
MAX_SKEW = timedelta(hours=1)
MAX_QUERY = 12_000  # encoded characters; Salesforce refuses URIs over 16,384 bytes

T = TypeVar("T")


class QueryAnswer(msgspec.Struct):
    """A page of a query, its records unread."""

    records: list[msgspec.Raw]
    done: bool
    totalSize: int  # noqa: N815 - Salesforce's name
    nextRecordsUrl: str | None = None  # noqa: N815 - Salesforce's name


@dataclass(frozen=True, slots=True)
class Head:
    """The few fields of a record that are read before its digest is known to be new."""

    ref: str
    stamp: str
    deleted: bool
    master: str | None
    key: str | None
    modified: str | None


class Reader:
    """Reads records out of raw JSON: identity at once, the rest only when it is asked for."""

    def __init__(self, codec: Codec, key_field: str) -> None:
        self.codec = codec
        self.fields = tuple(dict.fromkeys(("Id", "SystemModstamp", key_field, *codec.crm_fields)))
        row = msgspec.defstruct(
            "Row",
            [
                ("ref", str),
                ("stamp", str | None, None),
                ("deleted", bool, False),
                ("master", str | None, None),
                ("key", str | None, None),
                ("modified", str | None, None),
            ],
            rename={
                "ref": "Id",
                "stamp": "SystemModstamp",
                "deleted": "IsDeleted",
                "master": "MasterRecordId",
                "key": key_field,
                "modified": "LastModifiedDate",
            },
        )
        self._head: msgspec.json.Decoder[Any] = msgspec.json.Decoder(row)
        self._page = msgspec.json.Decoder(QueryAnswer)
        self._items = msgspec.json.Decoder(list[msgspec.Raw])

    def page(self, response: requests.Response) -> QueryAnswer:
        """A query's answer."""
        return readable(lambda: self._page.decode(response.content))

    def items(self, content: bytes) -> list[msgspec.Raw]:
        """A list of records."""
        return readable(lambda: self._items.decode(content))

    def observe(self, raw: bytes, *, version: str | None = None) -> Observation:
        """An observation of one raw record."""
        head = readable(lambda: self._head.decode(raw))
        presence = Presence.LIVE
        if head.deleted:
            presence = Presence.MERGED if head.master else Presence.DELETED
        return Observation(
            ref=head.ref,
            external_id=head.key,
            version=version if version is not None else f"since:{head.modified or ''}",
            modified_at=moment(head.stamp) if head.stamp else None,
            digest=self.codec.digest(raw),
            payload=raw,
            presence=presence,
            merged_into=head.master if presence is Presence.MERGED else None,
        )


def readable(read: Callable[[], T]) -> T:
    """Run a decoder; an answer that is not what the API promises is an outage, not an empty page."""
    try:
        return read()
    except msgspec.MsgspecError as error:
        raise errors.of_unreadable(error) from None


def moment(text: str) -> datetime:
    """A REST datetime such as `2022-01-02T21:28:22.000+0000`."""
    return datetime.fromisoformat(text)


def literal(at: datetime) -> str:
    """A SOQL datetime literal in UTC with milliseconds."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Listing:
    """The three listings of the port."""

    def __init__(self, session: Session, reader: Reader) -> None:
        self._session, self._reader = session, reader

    def changes(self, cursor: Cursor | None) -> Page:
        """Changed, deleted and merged records since the cursor, by (SystemModstamp, Id)."""
        if cursor is None:
            _, served = self._query("SELECT Id FROM Account LIMIT 1")
            return Page((), _next_pass(served, None), more=False)
        since, after = moment(str(cursor["since"])), str(cursor.get("after") or "")
        where = f"SystemModstamp >= {literal(since)}"
        if after:
            same = format_soql("Id > {}", after)
            where = f"SystemModstamp > {literal(since)} OR (SystemModstamp = {literal(since)} AND {same})"
        fields = ", ".join(dict.fromkeys((*self._reader.fields, "IsDeleted", "MasterRecordId")))
        answer, served = self._query(
            f"SELECT {fields} FROM {OBJECT} WHERE {where} "  # noqa: S608 - names are checked settings
            f"ORDER BY SystemModstamp, Id LIMIT {PAGE}",
            deleted=True,
        )
        found = [self._reader.observe(bytes(raw)) for raw in answer.records]
        started = str(cursor.get("started") or served.isoformat())
        newest = str(cursor.get("newest") or "")
        if found and found[-1].modified_at is not None:
            newest = max(newest, found[-1].modified_at.isoformat())
        if _more(answer, found):
            last = found[-1]
            stamp = last.modified_at.isoformat() if last.modified_at else since.isoformat()
            following = {"since": stamp, "after": last.ref, "started": started, "newest": newest}
            return Page(found, following, more=True)
        return Page(found, _next_pass(datetime.fromisoformat(started), newest or None), more=False)

    def all(self, cursor: Cursor | None) -> Page:
        """Every live record, by Id."""
        state = dict(cursor or {})
        conditions = [format_soql("Id > {}", str(state["after"]))] if state.get("after") else []
        if state.get("created_from"):
            conditions.append(f"CreatedDate >= {state['created_from']}")
        if state.get("created_to"):
            conditions.append(f"CreatedDate < {state['created_to']}")
        where = f"WHERE {' AND '.join(conditions)} " if conditions else ""
        answer, served = self._query(
            f"SELECT {', '.join(self._reader.fields)} FROM {OBJECT} {where}"  # noqa: S608 - as above
            f"ORDER BY Id LIMIT {PAGE}"
        )
        found = [self._reader.observe(bytes(raw)) for raw in answer.records]
        started = str(state.get("started") or served.isoformat())
        if _more(answer, found):
            return Page(found, {**state, "after": found[-1].ref, "started": started}, more=True)
        return Page(found, _next_pass(datetime.fromisoformat(started), None), more=False)

    def deleted(self, cursor: Cursor | None) -> Page:
        """Everything in the recycle bin, by Id."""
        after = str((cursor or {}).get("after") or "")
        condition = "IsDeleted = TRUE" + (format_soql(" AND Id > {}", after) if after else "")
        fields = ", ".join(dict.fromkeys((*self._reader.fields, "IsDeleted", "MasterRecordId")))
        answer, _ = self._query(
            f"SELECT {fields} FROM {OBJECT} WHERE {condition} "  # noqa: S608 - as above
            f"ORDER BY Id LIMIT {PAGE}",
            deleted=True,
        )
        found = [self._reader.observe(bytes(raw)) for raw in answer.records]
        more = _more(answer, found)
        return Page(found, {"after": found[-1].ref if more else ""}, more=more)

    def partitions(self, count: int) -> Sequence[Cursor]:
        """Ranges of CreatedDate of equal length."""
        if count <= 1:
            return [{}]
        edges, started = [], ""
        for order in ("ASC", "DESC"):
            answer, served = self._query(
                f"SELECT CreatedDate FROM {OBJECT} ORDER BY CreatedDate {order} LIMIT 1"  # noqa: S608
            )
            if not answer.records:
                return [{}]
            edges.append(moment(msgspec.json.decode(answer.records[0])["CreatedDate"]))
            started = started or served.isoformat()
        width = (edges[1] - edges[0]) / count
        cuts = [literal(edges[0] + width * step) for step in range(1, count)]
        lows, highs = [None, *cuts], [*cuts, None]
        return [
            {"started": started, "created_from": low, "created_to": high}
            for low, high in zip(lows, highs, strict=True)
        ]

    def where_in(self, field: str, values: Sequence[str], *, deleted: bool) -> list[Observation]:
        """Records of which `field` is one of the values, in as few calls as the length of a URI allows."""
        names = (*self._reader.fields, "LastModifiedDate", "IsDeleted", "MasterRecordId")
        fields = ", ".join(dict.fromkeys(names))
        found: list[Observation] = []
        for chunk in _chunks(values):
            condition = format_soql(f"{field} IN {{}}", list(chunk))
            answer, _ = self._query(
                f"SELECT {fields} FROM {OBJECT} WHERE {condition}",  # noqa: S608 - as above
                deleted=deleted,
            )
            found += [self._reader.observe(bytes(raw)) for raw in answer.records]
            while answer.nextRecordsUrl:  # Salesforce may cut any answer short
                rest = answer.nextRecordsUrl.removeprefix(self._session.path).lstrip("/")
                answer = self._reader.page(self._session.call("query_more", "GET", rest, repeatable=True))
                found += [self._reader.observe(bytes(raw)) for raw in answer.records]
        return found

    def organisation(self) -> Mapping[str, str]:
        """Id and name of the org."""
        answer, _ = self._query("SELECT Id, Name FROM Organization")
        return {str(key): str(value) for key, value in msgspec.json.decode(answer.records[0]).items()}

    def _query(self, soql: str, *, deleted: bool = False) -> tuple[QueryAnswer, datetime]:
        response = self._session.call(
            "query", "GET", "queryAll/" if deleted else "query/", repeatable=True, params={"q": soql}
        )
        return self._reader.page(response), _served(response)


def _more(answer: QueryAnswer, found: Sequence[Observation]) -> bool:
    """Whether there may be a next page. Salesforce may cut a page short and say that it is not done."""
    return bool(found) and (len(found) >= PAGE or not answer.done)


def _served(response: requests.Response) -> datetime:
    """When Salesforce answered, by its own clock."""
    try:
        return parsedate_to_datetime(response.headers["Date"]).astimezone(UTC)
    except (KeyError, ValueError):
        return datetime.now(UTC)


def _next_pass(started: datetime, newest: str | None) -> dict[str, str]:
    """Where the next pass starts: before this one's end by either clock, but not before all skew."""
    end = started
    if newest is not None:
        end = max(min(datetime.fromisoformat(newest), started), started - MAX_SKEW)
    return {"since": (end - LOOK_BACK).isoformat()}


def _chunks(values: Sequence[str]) -> list[list[str]]:
    chunks: list[list[str]] = [[]]
    length = 0
    for value in values:
        size = 3 * len(value.encode()) + 10  # as percent-encoded at worst
        if chunks[-1] and length + size > MAX_QUERY:
            chunks.append([])
            length = 0
        chunks[-1].append(value)
        length += size
    return chunks if values else []

"""What is written set-wise is read back as it was, whatever it holds, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    delete,
    select,
)
from sqlalchemy.exc import IntegrityError

from sync.store import bulk
from sync.store.query import one_of, rows
from sync.store.session import Database, Tx
from sync.store.types import Exact, Json, UtcDateTime, db_now, later

probe = Table(
    "probe",
    MetaData(),
    Column("key", Text, primary_key=True),
    Column("part", String(32), primary_key=True),
    Column("words", Text),
    Column("number", Integer),
    Column("large", BigInteger),
    Column("flag", Boolean, nullable=False),
    Column("digest", LargeBinary),
    Column("body", Json),
    Column("exact", Exact),
    Column("at", UtcDateTime),
    prefixes=["TEMPORARY"],
)

KEYS = ("key", "part")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ODD = [
    "",
    "\\N",
    "\\.",
    "NULL",
    "null",
    "\\",
    "\\\\n",
    "a\tb\nc\r\nd",
    "'\"`;--",
    '{"a": [1,2]}',
    "%(rows)s %s :name $1 ?",
    "ÄÖ ß Ж 漢字 العربية",
    "🏢👩‍💻",
    "\u200f\u2028\ufeff\x7f\x01",
    " padded ",
]
text = st.sampled_from(ODD) | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
small = st.integers(-(2**31), 2**31 - 1)
large = st.integers(-(2**63), 2**63 - 1)
# Inside JSON even NUL may stand: it is written as an escape.
words = st.sampled_from(ODD) | st.text(st.characters(exclude_categories=["Cs"]))
json = st.recursive(
    st.none() | st.booleans() | large | st.floats(allow_nan=False, allow_infinity=False) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)
exact = st.decimals(-(10**18) + 1, 10**18 - 1, places=9)
zones = st.integers(-14, 14).map(lambda hours: timezone(timedelta(hours=hours)))
times = st.integers(0, 4 * 10**15).map(lambda micro: EPOCH + timedelta(microseconds=micro))
zoned = st.builds(lambda at, zone: at.astimezone(zone), times, zones)
values = st.fixed_dictionaries(
    {
        "words": st.none() | text,
        "number": st.none() | small,
        "large": st.none() | large,
        "flag": st.booleans(),
        "digest": st.none() | st.binary(max_size=20),
        "body": json,
        "exact": st.none() | exact,
        "at": st.none() | zoned,
    }
)
tables = st.dictionaries(st.tuples(text, st.text("ab\\'\t", max_size=3)), values, min_size=1, max_size=6)
Cells = dict[tuple[str, str], dict[str, Any]]


@contextmanager
def probing(database: Database) -> Iterator[Tx]:
    """A transaction with an empty probe table, undone at the end."""
    with database.engine.connect() as tx:
        probe.create(tx)
        yield tx
        tx.rollback()


def lines(cells: Cells) -> list[dict[str, Any]]:
    return [{"key": key, "part": part, **each} for (key, part), each in cells.items()]


def stored(tx: Tx) -> Cells:
    found = rows(tx, select(probe))
    return {(row["key"], row["part"]): {k: v for k, v in row.items() if k not in KEYS} for row in found}


both = settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@both
@given(before=tables, after=tables, fresh=tables)
def test_insert_update_and_upsert_keep_every_value(
    database: Database, before: Cells, after: Cells, fresh: Cells
) -> None:
    with probing(database) as tx:
        bulk.insert(tx, probe, lines(before))
        assert stored(tx) == before

        changed = dict(zip(before, after.values(), strict=False))
        bulk.update(tx, probe, KEYS, lines(changed))
        assert stored(tx) == {**before, **changed}

        mixed = {**fresh, **dict.fromkeys(list(before)[:2], next(iter(fresh.values())))}
        bulk.upsert(tx, probe, KEYS, lines(mixed))
        assert stored(tx) == {**before, **changed, **mixed}


@both
@given(asked=st.lists(text, max_size=8), present=st.lists(text, max_size=8, unique=True))
def test_one_parameter_finds_any_number_of_values(
    database: Database, asked: list[str], present: list[str]
) -> None:
    blank = {"part": "", "flag": True}
    with probing(database) as tx:
        bulk.insert(tx, probe, [{"key": key, **blank} for key in present])
        found = tx.execute(select(probe.c.key).where(one_of(probe.c.key, asked))).scalars()
        assert set(found) == set(asked) & set(present)


@pytest.mark.parametrize("write", [bulk.insert, lambda tx, table, rows: bulk.upsert(tx, table, KEYS, rows)])
def test_no_rows_are_no_statement(database: Database, write: Any) -> None:
    with probing(database) as tx:
        write(tx, probe, [])
        bulk.update(tx, probe, KEYS, [])
        assert stored(tx) == {}


def test_some_columns_alone_are_updated(database: Database) -> None:
    row = {"key": "k", "part": "", "words": "kept", "flag": True, "number": 1}
    with probing(database) as tx:
        bulk.insert(tx, probe, [row])
        bulk.update(tx, probe, KEYS, [{"key": "k", "part": "", "number": 2}])
        bulk.update(tx, probe, KEYS, [{"key": "missing", "part": "", "number": 3}])
        (found,) = rows(tx, select(probe))
        assert (found["words"], found["number"]) == ("kept", 2)


def test_a_key_that_is_there_is_refused_without_showing_the_record(database: Database) -> None:
    secret = {"key": "jane@example.com", "part": "", "flag": True}
    with probing(database) as tx:
        bulk.insert(tx, probe, [secret])
        with pytest.raises(IntegrityError) as caught:
            bulk.insert(tx, probe, [secret])
        assert caught.value.hide_parameters
        assert caught.value.params is None or "jane" not in str(caught.value)


def test_a_failed_page_leaves_nothing(database: Database) -> None:
    with database.engine.connect() as tx:
        probe.create(tx)
        point = tx.begin_nested()
        with pytest.raises(IntegrityError):
            bulk.insert(tx, probe, [{"key": key, "part": "", "flag": True} for key in ("a", "b", "a")])
        point.rollback()
        assert stored(tx) == {}
        tx.rollback()


def test_times_of_the_database_and_of_rows_compare(database: Database) -> None:
    """Due times are compared with the database's clock, so both must sort alike."""
    now = datetime.now(UTC)
    moments = {"past": now - timedelta(seconds=5), "future": now + timedelta(seconds=60)}
    with probing(database) as tx:
        bulk.insert(
            tx, probe, [{"key": key, "part": "", "flag": True, "at": at} for key, at in moments.items()]
        )
        due = tx.execute(select(probe.c.key).where(probe.c.at <= db_now())).scalars()
        assert list(due) == ["past"]
        soon = tx.execute(select(probe.c.key).where(probe.c.at <= later(120)).order_by("key")).scalars()
        assert list(soon) == ["future", "past"]
        tx.execute(delete(probe).where(probe.c.at > later(30.5)))
        assert list(stored(tx)) == [("past", "")]


def test_a_time_without_a_zone_is_refused(database: Database) -> None:
    row = {"key": "k", "part": "", "flag": True, "at": datetime(2026, 1, 1)}  # noqa: DTZ001
    with probing(database) as tx:
        with pytest.raises(ValueError, match="time zone"):
            bulk.insert(tx, probe, [row])
        for write in (bulk.update, bulk.upsert):
            with pytest.raises(ValueError, match="time zone"):
                write(tx, probe, KEYS, [row])

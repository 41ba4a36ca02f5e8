"""Schedules of a connection: interval or cron, quiet hours, the daily compare; each slot once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import select, text, update

from sync.core.timing import read_zone, spread_daily
from sync.errors import BadInput
from sync.store import migrate, schedules
from sync.store.query import now, rows
from sync.store.session import Database
from sync.store.worktables import jobs
from sync.store.worktables import schedules as table
from sync.timetable import Timetable, begin, change
from tasks.schedule import tick
from tests.store.together import together
from tests.world import World

BERLIN = read_zone("Europe/Berlin")


@pytest.fixture
def timed(world: World) -> World:
    """A connection with the schedules of a new one."""
    with world.database.transaction() as tx:
        begin(tx, world.ids["crm"], 60)
    return world


def set_times(world: World, **options: Any) -> None:
    with world.database.transaction() as tx:
        change(tx, world.ids["crm"], Timetable(**options))


def slots(world: World) -> dict[str, Any]:
    with world.database.reading() as tx:
        return {row["kind"]: row for row in schedules.of(tx, world.ids["crm"])}


def clock(world: World) -> datetime:
    with world.database.reading() as tx:
        return now(tx)


def overdue(world: World, kind: str, seconds: float = 1) -> None:
    with world.database.transaction() as tx:
        late = now(tx) - timedelta(seconds=seconds)
        tx.execute(update(table).where(table.c.kind == kind).values(next_run_at=late))
        tx.execute(update(table).where(table.c.kind != kind).values(next_run_at=now(tx) + timedelta(days=1)))


def taken(world: World) -> list[str]:
    with world.database.transaction() as tx:
        return [row["kind"] for row in schedules.take_due(tx)]


def test_a_new_connection_is_looked_at_now_and_compared_once_a_day(timed: World) -> None:
    found, at = slots(timed), clock(timed)
    assert found["pull"]["next_run_at"] <= at
    assert found["full"]["cron"] == spread_daily(timed.ids["crm"])
    assert at < found["full"]["next_run_at"] <= at + timedelta(days=1)


def test_cron_takes_the_place_of_the_interval_and_the_interval_that_of_cron(timed: World) -> None:
    set_times(timed, cron="0 6 * * 1-5", timezone="Europe/Berlin")
    slot = slots(timed)["pull"]
    local = slot["next_run_at"].astimezone(BERLIN)
    assert (local.hour, local.minute, local.weekday() < 5) == (6, 0, True)
    set_times(timed, every=30)
    assert (slots(timed)["pull"]["cron"], slots(timed)["pull"]["every_seconds"]) == (None, 30)
    set_times(timed, full_every=7_200)
    slot = slots(timed)["full"]
    assert (slot["cron"], slot["every_seconds"]) == (None, 7_200)
    assert timedelta(0) < slot["next_run_at"] - clock(timed) <= timedelta(hours=2), "not at once"
    set_times(timed, full_cron="0 3 * * 0")
    assert slots(timed)["full"]["cron"] == "0 3 * * 0"


def test_what_is_not_named_stays_as_it_is(timed: World) -> None:
    overdue(timed, "pull")
    before = slots(timed)
    set_times(timed, full_cron="0 3 * * 0")
    assert slots(timed)["pull"] == before["pull"]
    set_times(timed)
    assert slots(timed)["pull"] == before["pull"]
    set_times(timed, quiet="22:00-06:00")
    assert {row["quiet"] for row in slots(timed).values()} == {"22:00-06:00"}
    set_times(timed, quiet="none")
    assert {row["quiet"] for row in slots(timed).values()} == {None}


def test_connections_of_an_older_schema_are_compared_daily_from_now_on(tmp_path: Path) -> None:
    """The migration says in its own words what `begin` does."""
    database, identity = Database(f"sqlite:///{tmp_path / 'old.db'}"), "0" * 24 + "cafe0123"
    config = Config()
    config.set_main_option("script_location", str(Path(migrate.__file__).parent / "migrations"))
    values = {
        "id": identity,
        "organisation_id": "o",
        "name": "crm",
        "connector": "memory",
        "url": "memory://",
    }
    values |= {"credentials": "", "settings": "{}", "map_version": "1", "state": "active"}
    values |= {"key_unique": "1", "first_sync": "done", "created_at": "2026-01-01 00:00:00.000000"}
    with database.transaction() as tx:
        config.attributes["connection"] = tx
        command.upgrade(config, "0001")
        tx.execute(text("INSERT INTO organisations VALUES ('o', 'default', '2026-01-01 00:00:00.000000')"))
        names = ", ".join(values)
        marks = ", ".join(f":{name}" for name in values)
        tx.execute(text(f"INSERT INTO connections ({names}) VALUES ({marks})"), values)  # noqa: S608
    migrate.upgrade(database)
    with database.reading() as tx:
        (slot,) = schedules.of(tx, identity)
        at = now(tx)
    database.close()
    assert (slot["kind"], slot["cron"]) == ("full", spread_daily(identity))
    assert at < slot["next_run_at"] == schedules.rhythm(slot).after(at)


def test_a_connection_from_before_gets_the_daily_compare(world: World) -> None:
    with world.database.transaction() as tx:
        schedules.put(tx, world.ids["crm"], "pull", 60)
    set_times(world, timezone="Europe/Berlin")
    assert slots(world)["full"]["cron"] == spread_daily(world.ids["crm"])


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"cron": "every day"}, "--cron 'every day' must have five fields"),
        ({"full_cron": "0 25 * * *"}, "--full-cron '0 25 \\* \\* \\*' bad hour"),
        ({"quiet": "22-6"}, "--quiet '22-6' must be of the form HH:MM-HH:MM"),
        ({"timezone": "Mars"}, "--timezone 'Mars' is no time zone"),
        ({"every": 5, "cron": "* * * * *"}, "--every and --cron exclude each other"),
        ({"full_every": 90, "full_cron": "* * * * *"}, "--full-every and --full-cron exclude each other"),
    ],
)
def test_a_wrong_option_is_named_with_its_cure_and_nothing_changes(
    timed: World, options: dict[str, Any], named: str
) -> None:
    before = slots(timed)
    with pytest.raises(BadInput, match=named) as refused:
        set_times(timed, **options)
    assert refused.value.cure
    assert slots(timed) == before


def test_slots_that_were_missed_fire_once_and_not_in_quiet_hours(timed: World) -> None:
    at = clock(timed)
    around = f"{at - timedelta(hours=1):%H:%M}-{at + timedelta(hours=1):%H:%M}"
    overdue(timed, "pull", 7_200)
    with timed.database.transaction() as tx:
        tx.execute(update(table).values(quiet=around))
    assert taken(timed) == []
    end = slots(timed)["pull"]["next_run_at"]
    assert f"{end:%H:%M}" == around[6:]
    assert timedelta(minutes=58) < end - at <= timedelta(hours=1)
    with timed.database.transaction() as tx:
        tx.execute(update(table).values(quiet=None))
    overdue(timed, "pull", 7_200)
    assert taken(timed) == ["pull"]
    assert taken(timed) == []


def test_the_slot_of_a_full_compare_asks_for_one(timed: World) -> None:
    overdue(timed, "full")
    assert tick(timed.services)
    with timed.database.reading() as tx:
        assert [row["kind"] for row in rows(tx, select(jobs))] == ["full"]
    assert slots(timed)["full"]["next_run_at"] > datetime.now(UTC)


def test_slots_by_cron_are_taken_once_by_several_tickers(timed: World) -> None:
    set_times(timed, cron="*/5 * * * *")
    fired = 0
    for _ in range(5):
        overdue(timed, "pull")

        def take(_number: int) -> list[str]:
            own = Database(timed.database.url.render_as_string(hide_password=False))
            try:
                with own.transaction() as tx:
                    return [row["kind"] for row in schedules.take_due(tx)]
            finally:
                own.close()

        fired += sum(map(len, together(4, take)))
    assert fired == 5

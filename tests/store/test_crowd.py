"""A crowd at work: two tickers, four workers, every wake-up ten times. Each slot and each job once."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from sqlalchemy import select, update

from sync.store import connections, jobs, lanes, schedules
from sync.store.connections import ConnectionState
from sync.store.query import rows
from sync.store.session import Database
from sync.store.types import later
from sync.store.worktables import jobs as jobs_table
from sync.store.worktables import schedules as schedules_table
from tasks.schedule import tick
from tests.store.together import together
from tests.world import World

CONNECTIONS = 20
JOBS = 250  # of each connection
TICKERS, WORKERS, WAKES = 2, 4, 10


@pytest.fixture
def crowded(database: Database) -> World:
    """Connections with a slot that is due and records to be fetched."""
    made = World(database)
    for number in range(CONNECTIONS):
        made.connect(f"c{number}")
    with database.transaction() as tx:
        for each in made.ids.values():
            connections.set_state(tx, each, ConnectionState.ACTIVE)
            schedules.put(tx, each, "pull", 3_600)
            keys = [f"r{number}" for number in range(JOBS)]
            asked = {"organisation_id": made.organisation_id, "connection_id": each}
            jobs.ask(tx, kind="fetch", keys=keys, **asked)  # type: ignore[arg-type]
        tx.execute(update(schedules_table).values(next_run_at=later(-600)))
    return made


@pytest.mark.slow
def test_each_slot_and_each_job_is_taken_once(crowded: World) -> None:
    url = crowded.database.url.render_as_string(hide_password=False)

    def ticker(own: World) -> list[tuple[str, str]]:
        for _ in range(WAKES):
            tick(own.services)
        return []

    def worker(own: World, number: int) -> list[tuple[str, str]]:
        """Take lanes, begin and finish jobs as a run does, as long as anything is due."""
        random, done = Random(number), []
        for _ in range(WAKES):
            while True:
                with own.database.reading() as tx:
                    waiting = [row["connection_id"] for row in jobs.due(tx) if row["kind"] == "fetch"]
                if not waiting:
                    break
                connection_id = random.choice(waiting)
                with own.database.transaction() as tx:
                    lease = lanes.take(tx, connection_id, "pull", owner=f"w{number}", seconds=60)
                if lease is None:
                    continue
                with own.database.transaction() as tx:
                    begun = jobs.begin(tx, connection_id, ["fetch"], limit=100)
                done += [(connection_id, job.key) for job in begun]
                with own.database.transaction() as tx:
                    jobs.finish(tx, begun)
                with own.database.transaction() as tx:
                    lanes.give_back(tx, lease)
        return done

    def one(number: int) -> list[tuple[str, str]]:
        own = World(Database(url), crowded.crms, crowded.ids, owner=f"w{number}")
        try:
            return ticker(own) if number < TICKERS else worker(own, number)
        finally:
            own.database.close()

    claimed = Counter(each for done in together(TICKERS + WORKERS, one) for each in done)
    assert len(claimed) == CONNECTIONS * JOBS
    assert set(claimed.values()) == {1}, "no job is claimed twice"
    with crowded.database.reading() as tx:
        found = rows(tx, select(jobs_table))
        assert jobs.due(tx) != [], "the pulls that the slots asked for"
    pulls = {row["connection_id"]: row["asked"] for row in found if row["kind"] == "pull"}
    assert pulls == dict.fromkeys(crowded.ids.values(), 1), "each slot once"
    fetched = [row for row in found if row["kind"] == "fetch"]
    assert {(row["state"], row["asked"], row["lost"]) for row in fetched} == {("done", 1, 0)}

"""T24: the same schedules on SQLite and on PostgreSQL come to the same end."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any

import psycopg
from sqlalchemy import event, make_url

from bench.torture.clock import SimulatedClock
from bench.torture.database import memory, ticking
from bench.torture.history import PATHS
from bench.torture.registry import Order, Result
from bench.torture.schedules import Schedule
from sync.store import migrate
from sync.store.session import Database
from tests import servers

QUICK = "-c synchronous_commit=off"  # no machine crashes here


class OnPostgreSql:
    """A migrated database on the test server, put back for each schedule, under its clock."""

    def __init__(self, url: str) -> None:
        server = make_url(url)
        self._template = str(server.database)
        self._admin = server.set(database="postgres").render_as_string(hide_password=False)
        template = Database(url)
        migrate.upgrade(template)
        template.close()
        self._name = f"{self._template}_play"
        self.database = Database(
            server.set(database=self._name)
            .update_query_dict({"options": QUICK})
            .render_as_string(hide_password=False)
        )
        self._clock = SimulatedClock(0)
        event.listen(self.database.engine, "before_cursor_execute", self._with_our_time, retval=True)
        ticking(self.database, lambda: self._clock)

    def _with_our_time(
        self, _connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any
    ) -> tuple[str, Any]:
        return statement.replace(
            "clock_timestamp()", f"timestamptz '{self._clock.now.isoformat()}'"
        ), parameters

    def fresh(self, clock: SimulatedClock) -> Database:
        """The empty database, under this clock."""
        self._clock = clock
        self._drop()
        with psycopg.connect(self._admin, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{self._name}" TEMPLATE "{self._template}"'.encode())
        return self.database

    def close(self) -> None:
        """Leave nothing behind."""
        self._drop()

    def _drop(self) -> None:
        self.database.close()
        with psycopg.connect(self._admin, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{self._name}" WITH (FORCE)'.encode())


@contextlib.contextmanager
def postgresql() -> Iterator[OnPostgreSql]:
    """A place on the test server that goes when it is no longer needed."""
    with contextlib.ExitStack() as closing:
        servers.start(closing)
        here = OnPostgreSql(closing.enter_context(servers.own_database("concord_torture")))
        closing.callback(here.close)
        yield here


def end_state(schedule: Schedule) -> dict[str, Any]:
    """What a person sees at the end: records, customers and questions, without ids and times of ours."""
    scene = schedule.scene
    keys = {each.id: str(each.row["external_id"]) for each in scene.customers()}
    names = {known: name for name, known in scene.ids.items()}
    return {
        "records": {
            name: [(each.ref, each.presence.value, dict(each.values)) for each in crm.inner.records.values()]
            for name, crm in scene.crms.items()
        },
        "customers": sorted(
            (
                str(each.row["external_id"]),
                each.row["deleted_at"] is not None,
                tuple(str(each.value(path)) for path in PATHS.values()),
            )
            for each in scene.customers()
        ),
        "questions": sorted(
            (
                names[row.row["connection_id"]],
                row.row["kind"],
                row.row["ref"] or "",
                row.row["field"],
                keys.get(str(row.row["customer_id"]), ""),
                str(sorted(row.conflict().local.items())),
                str(sorted(row.conflict().remote.items())),
            )
            for row in scene.queue()
        ),
    }


def both(order: Order) -> Result:
    """Play each schedule on either."""
    seeds = range(order.seed, order.seed + order.of(short=20, usual=100, nightly=2_000))
    wrong, alike = [], 0
    spent = {"sqlite": 0.0, "postgresql": 0.0}
    with postgresql() as server:
        for seed in seeds:
            ends, traces = [], []
            for place in (memory(), server):
                schedule = Schedule(seed, place)
                begun = time.monotonic()
                verdict = schedule.play()
                spent[place.database.dialect] += time.monotonic() - begun
                ends.append(end_state(schedule))
                traces.append(verdict.digest)
                wrong += [
                    f"seed {seed} on {place.database.dialect}: {name}: {each}"
                    for name, found in verdict.findings.by_name().items()
                    for each in found
                ]
            alike += traces[0] == traces[1]
            wrong += [
                f"seed {seed}: other {what} on PostgreSQL"
                for what in ends[0]
                if ends[0][what] != ends[1][what]
            ]
            if wrong and order.first:
                break
    return Result(
        figures={
            "schedules": len(seeds),
            "with the same trace to the last line": alike,
            **{f"seconds on {name}": round(took, 1) for name, took in spent.items()},
        },
        wrong=wrong,
    )

"""From the stream to hints, jobs and a position in the database, over breaks and lost positions."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from sqlalchemy import select

from connectors.errors import AuthFailed
from connectors.salesforce import PLUGIN
from connectors.salesforce.capture import AccountChanges
from sync import connect
from sync.listening import Listener, listen
from sync.rules import parse_settings
from sync.store import captures, connections
from sync.store.seal import Seal
from sync.store.session import Database
from sync.store.worktables import inbox, jobs
from tests.connectors.salesforce_capture.conftest import Broadcast
from tests.tasks.conftest import until

KEY = "a-secret-key-of-these-tests-alone-long-enough"


class Ear:
    """One connection, and the listening to it."""

    def __init__(self, broadcast: Broadcast, database: Database) -> None:
        self.broadcast, self.database = broadcast, database
        self.told: list[str] = []
        self.wakes = 0
        with database.transaction() as tx:
            organisation_id = connections.organisation(tx, "default")
        lines = [{"field": line.field, "crm": line.crm} for line in PLUGIN.mapping]
        self.connection_id = connect.add(
            database,
            Seal([KEY]),
            organisation_id,
            name="crm",
            connector="salesforce",
            url=broadcast.config.url,
            credentials={},
            settings=parse_settings({"external_id": PLUGIN.external_id, "map": lines}),
            actor="test",
        )
        self.listener = Listener(
            database=database,
            organisation_id=organisation_id,
            connection_id=self.connection_id,
            wake=self._wake,
            tell=self.told.append,
            first_pause=0.05,
        )

    def _wake(self) -> None:
        self.wakes += 1

    @contextmanager
    def listening(self) -> Iterator[AccountChanges]:
        """Listen from a thread until the block ends."""
        stop, capture = threading.Event(), self.broadcast.capture()
        thread = threading.Thread(target=listen, args=(self.listener, capture, stop))
        before = self.broadcast.bus.subscribed
        thread.start()
        until(lambda: self.broadcast.bus.subscribed > before, 5)
        try:
            yield capture
        finally:
            stop.set()
            capture.close()
            thread.join(5)
            assert not thread.is_alive()

    def hints(self) -> list[str]:
        with self.database.reading() as tx:
            return sorted(tx.execute(select(inbox.c.ref)).scalars())

    def asked(self) -> set[tuple[str, str]]:
        with self.database.reading() as tx:
            found = tx.execute(select(jobs.c.kind, jobs.c.key).where(jobs.c.state == "open"))
            return {(row.kind, row.key) for row in found}

    def position(self) -> bytes | None:
        with self.database.reading() as tx:
            return captures.position(tx, self.connection_id)

    def finish_jobs(self) -> None:
        with self.database.transaction() as tx:
            tx.execute(jobs.update().values(state="done"))


@pytest.fixture
def ear(broadcast: Broadcast, database: Database) -> Ear:
    return Ear(broadcast, database)


def soon(found: Callable[[], object]) -> None:
    until(found, 5)


def test_a_change_becomes_a_hint_a_job_and_a_position(ear: Ear) -> None:
    with ear.listening():
        made = ear.broadcast.create()
        soon(ear.hints)
        assert ear.hints() == [made]
        assert ear.asked() == {("pull", ""), ("fetch", made)}
        assert ear.position()
        soon(lambda: ear.wakes == 1)


def test_without_a_position_what_came_before_is_listed_and_with_one_it_is_not(ear: Ear) -> None:
    with ear.listening():
        soon(ear.position)
    assert ear.asked() == {("pull", "")}
    ear.finish_jobs()
    with ear.listening():
        made = ear.broadcast.create()
        soon(ear.hints)
    assert ear.asked() == {("fetch", made)}


def test_what_happens_while_nobody_listens_is_heard_afterwards(ear: Ear) -> None:
    with ear.listening():
        soon(ear.position)
    made = [ear.broadcast.create() for _ in range(3)]
    with ear.listening():
        soon(lambda: ear.hints() == sorted(made))


def test_a_broken_stream_is_taken_up_again_and_nothing_is_missed(ear: Ear) -> None:
    with ear.listening():
        soon(ear.position)
        made = []
        for _ in range(3):
            ear.broadcast.bus.drop()
            made.append(ear.broadcast.create())
        soon(lambda: ear.hints() == sorted(made))
    assert ear.told
    assert all("Listening again" in each for each in ear.told)


def test_a_position_that_is_lost_is_told_and_the_changes_are_listed(ear: Ear) -> None:
    with ear.listening():
        soon(ear.position)
    ear.finish_jobs()
    ear.broadcast.create()
    ear.broadcast.bus.forget()
    with ear.listening():
        soon(lambda: ear.asked() == {("pull", "")})
        soon(lambda: ear.told)
        soon(ear.position)
        made = ear.broadcast.create()
        soon(ear.hints)
    assert ear.hints() == [made]


def test_an_overflow_lists_the_changes(ear: Ear) -> None:
    with ear.listening():
        soon(ear.position)
        ear.finish_jobs()
        ear.broadcast.bus.publish("GAP_OVERFLOW", [])
        soon(lambda: ear.asked() == {("pull", "")})
        soon(lambda: ear.wakes == 1)


def test_events_heard_twice_are_kept_once(ear: Ear) -> None:
    with ear.listening():
        soon(ear.position)
    position = ear.position()
    made = ear.broadcast.create()
    with ear.listening():
        soon(ear.hints)
    ear.finish_jobs()
    with ear.database.transaction() as tx:
        captures.keep(tx, ear.connection_id, position)
    with ear.listening():
        soon(lambda: ear.position() != position)
    assert ear.hints() == [made]
    assert ear.asked() == set()


def test_what_waiting_does_not_help_ends_the_listening(ear: Ear) -> None:
    config = replace(ear.broadcast.config, credentials={"session_id": "forged"})
    ear.broadcast.config = config
    with pytest.raises(AuthFailed):
        listen(ear.listener, ear.broadcast.capture(), threading.Event())

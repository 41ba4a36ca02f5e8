from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import select, update

from connectors.outbound import PRIVATE_ALLOWED
from sync import deliver, hooks
from sync.deliver import Outgoing
from sync.hooks import HookEvent, MadeHook
from sync.store import connections
from sync.store.connections import ConnectionState
from sync.store.hooktables import hook_deliveries
from sync.store.hooktables import hooks as table
from sync.store.query import Row, now, rows
from sync.store.seal import Seal
from sync.store.session import Database
from tasks.post import outgoing_url, post
from tests.hooks.receiver import Receiver, receiving
from tests.world import World

KEY = "a-secret-key-of-these-tests-alone-long-enough"
SITE = "https://concord.example.com"


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """A program on this machine, which may be called."""
    monkeypatch.setenv(PRIVATE_ALLOWED, "1")
    with receiving() as made:
        yield made


@dataclass
class Told:
    """A world, and a program that is told of it."""

    world: World
    receiver: Receiver
    seal: Seal = field(default_factory=lambda: Seal([KEY]))

    @property
    def outgoing(self) -> Outgoing:
        return Outgoing(self.world.database, self.seal, post, SITE)

    def add(self, *events: HookEvent, url: str | None = None, organisation: str | None = None) -> MadeHook:
        return hooks.add(
            self.world.database,
            self.seal,
            organisation or self.world.organisation_id,
            url=url or f"{self.receiver.url}/told",
            events=events or tuple(HookEvent),
            check=outgoing_url,
            actor="test",
        )

    def deliver(self) -> list[tuple[str, Any]]:
        """Send what is due; what came in, as (event, data)."""
        deliver.deliver(self.outgoing)
        return [(each.json["type"], each.json["data"]) for each in self.receiver.take()]

    def deliveries(self) -> list[Row]:
        with self.world.database.reading() as tx:
            return rows(tx, select(hook_deliveries).order_by(hook_deliveries.c.id))

    def hook(self, made: MadeHook) -> Row:
        with self.world.database.reading() as tx:
            return hooks.find(tx, self.world.organisation_id, made.row["id"])

    def let_pass(self, **columns: Any) -> None:
        """Let every pause be over."""
        with self.world.database.transaction() as tx:
            tx.execute(update(hook_deliveries).values(not_before=now(tx)))
            tx.execute(update(table).values(not_before=None, **columns))


@pytest.fixture
def told(database: Database, receiver: Receiver) -> Told:
    """One organisation with an active connection `crm`, on both databases one after the other."""
    world = World(database)
    world.connect()
    with database.transaction() as tx:
        connections.set_state(tx, world.ids["crm"], ConnectionState.ACTIVE)
    return Told(world, receiver)

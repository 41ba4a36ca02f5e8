"""Whatever fails: no secret and no value of a customer gets into logs, events or reasons."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
from sqlalchemy import select

from connectors.sandbox.faults import Fault
from sync.customers import change
from sync.store.query import rows
from sync.store.schema import customers
from sync.store.session import Database
from sync.store.worktables import jobs, runs
from tests.tasks.place import NAMES, Place, placed

CANARY = "canaria"
LOUD = ("hubspot", "urllib3")
"""Libraries that write bodies and addresses when they are told to debug, as nobody tells them here."""


@pytest.fixture
def place(postgresql: Database) -> Iterator[Place]:
    """An installation without connections."""
    with placed(postgresql) as made:
        yield made


@pytest.mark.parametrize("kind", ["salesforce", "hubspot"])
def test_no_fault_makes_anybody_talk(place: Place, kind: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for name in LOUD:
        caplog.set_level(logging.INFO, logger=name)
    crm = place.connect(kind)
    secrets = [value for value in place.credentials[crm.url].values() if value != kind]
    phone = NAMES[kind][2]
    for number in range(4):
        place.create(
            crm, f"{CANARY}-{number}", **{phone: f"+1 212 555 01{number:02d}", NAMES[kind][0]: CANARY}
        )
    events: list[str] = []
    for number, fault in enumerate(Fault):
        # A login that is refused for good shuts the connection, and nothing more would be tried.
        kinds = [each for each in crm.control("GET", "stats")["calls"] if each != "token"]
        rules = [{"kind": each, "fault": fault, "rate": 0.6, "seconds": 0.1} for each in kinds]
        crm.control("PUT", "faults", rules)
        place.create(crm, f"{CANARY}-more-{number}", **{phone: f"{CANARY} {number}"})
        _edit_here(place, number)
        place.make_due(crm)
        events += [json.dumps(event, default=str) for event in place.tell()]
    crm.control("PUT", "faults", [])
    place.make_due(crm)
    place.drain()
    assert len(place.known()) > len(Fault), "it went on all the same"
    with place.services.database.reading() as tx:
        kept = [
            *(str((row["reason"], row["progress"])) for row in rows(tx, select(runs))),
            *(str(row["last_error"]) for row in rows(tx, select(jobs))),
        ]
    told = caplog.text + "".join(events) + "".join(kept)
    assert "failed" in told, "nothing went wrong: this shows nothing"
    assert CANARY not in told
    assert "555 01" not in told
    assert not [name for name in secrets if name in told]


def _edit_here(place: Place, number: int) -> None:
    with place.services.database.reading() as tx:
        found = rows(tx, select(customers).limit(3))
    for row in found:
        change(
            place.services.database,
            row["organisation_id"],
            row["external_id"],
            [f"customer_name={CANARY} {number}"],
            actor="test",
        )

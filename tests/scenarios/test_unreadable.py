"""A record that the CRM will not show is quarantined with the reason, and holds back no other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from connectors.errors import AuthFailed, InvalidRecord, Misconfigured, Unavailable
from connectors.memory import KEY, MemoryConnector
from connectors.memory_crm import MemoryCrm
from connectors.port import Observation
from sync.hints import keep_hints
from sync.store import intents, jobs
from sync.store.query import rows
from sync.store.worktables import jobs as jobs_table
from tasks.jobs import drain
from tests.world import World

COUNT = 30
POISON = "m000008"

REAL = MemoryConnector.get_many


class Poison:
    """A read of these refs, alone or beside others, ends in an error; None is every ref."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, error: Exception, refs: set[str] | None) -> None:
        self.calls = 0

        def get_many(connector: MemoryConnector, asked: Sequence[str]) -> Mapping[str, Observation]:
            self.calls += 1
            if refs is None or refs & set(asked):
                raise error
            return REAL(connector, asked)

        monkeypatch.setattr(MemoryConnector, "get_many", get_many)


@pytest.fixture
def crm(world: World) -> MemoryCrm:
    """Thirty customers in sync."""
    crm = world.connect(crm=MemoryCrm(page_size=COUNT))
    for number in range(COUNT):
        crm.create({KEY: f"k{number}", "name": f"Customer {number}", "email": f"k{number}@example.com"})
    world.sync()
    return crm


def hint(world: World, refs: Sequence[str]) -> None:
    events = {f"event of {ref}": ref for ref in refs}
    keep_hints(
        world.database, organisation_id=world.organisation_id, connection_id=world.ids["crm"], events=events
    )


def open_fetches(world: World) -> int:
    with world.database.reading() as tx:
        found = rows(tx, jobs_table.select().where(jobs_table.c.kind == "fetch"))
    return sum(row["state"] != "done" for row in found)


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (Misconfigured("HubSpot refuses the call (400)."), "HubSpot refuses the call (400)."),
        (InvalidRecord("", "is too long"), "is too long"),
        (KeyError("Jane Roe"), "its answer is odd (KeyError)"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_one_hinted_record_that_cannot_be_read_holds_back_no_other(
    world: World, crm: MemoryCrm, monkeypatch: pytest.MonkeyPatch, error: Exception, why: str
) -> None:
    for ref in crm.records:
        crm.edit(ref, {"email": f"{ref}@example.com"})
    hint(world, list(crm.records))
    poison = Poison(monkeypatch, error, {POISON})
    drain(world.services, world.events.append)
    landed = [each for each in world.customers().values() if each.row["email"].startswith("m0")]
    assert len(landed) == COUNT - 1
    (row,) = world.queue()
    assert (row.row["kind"], row.row["ref"]) == ("invalid_record", POISON)
    assert why in row.row["reasons"][0]["why"]
    assert "Jane" not in str(row.row)
    assert row.row["customer_id"] == world.links()[POISON].customer_id
    assert open_fetches(world) == 0
    assert poison.calls <= 12, "it is found by halves"

    monkeypatch.undo()
    world.resolve(retry=True)
    world.sync()
    assert world.values("k7")["email"] == f"{POISON}@example.com"
    assert world.queue() == []


def test_a_record_that_is_shown_again_leaves_the_queue_by_itself(
    world: World, crm: MemoryCrm, monkeypatch: pytest.MonkeyPatch
) -> None:
    hint(world, [POISON])  # alone: that others can be read tells whose fault it is
    Poison(monkeypatch, Misconfigured("No."), {POISON})
    drain(world.services, world.events.append)
    assert world.kinds() == ["invalid_record"]
    monkeypatch.undo()
    world.sync(full=True)
    assert world.queue() == []


@pytest.mark.parametrize("error", [Misconfigured("No."), AuthFailed("No."), Unavailable("No.")])
def test_what_the_crm_refuses_altogether_is_no_records_fault(
    world: World, crm: MemoryCrm, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    hint(world, list(crm.records)[: COUNT - 5])
    poison = Poison(monkeypatch, error, None)
    drain(world.services, world.events.append)
    assert poison.calls <= 4
    assert world.queue() == []
    assert open_fetches(world) == COUNT - 5


def test_on_a_connection_without_links_the_halves_tell(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    crm = world.connect()
    world.sync()
    refs = [crm.create({KEY: f"k{number}", "name": f"Customer {number}"}) for number in range(4)]
    hint(world, refs)
    Poison(monkeypatch, Misconfigured("No."), {refs[1]})
    drain(world.services, world.events.append)
    assert set(world.customers()) == {"k0", "k2", "k3"}
    assert world.kinds() == ["invalid_record"]


def test_an_edit_here_of_a_record_that_cannot_be_read_waits_and_the_others_land(
    world: World, crm: MemoryCrm, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(COUNT):
        world.change(f"k{number}", f"email=ours{number}@example.com")
    Poison(monkeypatch, Misconfigured("No."), {POISON})
    world.sync()
    landed = [record for record in crm.records.values() if str(record.values["email"]).startswith("ours")]
    assert len(landed) == COUNT - 1
    assert world.kinds() == ["invalid_record"]
    monkeypatch.undo()
    world.sync(full=True)
    world.settle()
    assert crm.records[POISON].values["email"] == "ours7@example.com"
    assert world.queue() == []


def test_a_write_of_unknown_outcome_to_a_record_that_cannot_be_read_stops_no_run(
    world: World, crm: MemoryCrm, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.change("k7", "email=ours@example.com")
    world.change("k8", "email=also@example.com")
    crm.fault = lambda kind, _write: "lost_answer" if kind == "write" else None
    world.sync()
    crm.fault = lambda _kind, _write: None
    Poison(monkeypatch, Misconfigured("No."), {POISON})
    world.sync()
    with world.database.reading() as tx:
        assert intents.load(tx, world.ids["crm"]) == []
        assert jobs.dead(tx, world.organisation_id) == []
    assert world.kinds() == ["invalid_record"]
    monkeypatch.undo()
    world.sync(full=True)
    assert world.links()[POISON].row["baseline"]["email"] == ["ours@example.com"]
    assert world.queue() == []

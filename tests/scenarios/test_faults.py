"""What happens when a CRM fails, an answer is lost, a process dies, or someone edits in between."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from connectors.errors import Unavailable
from connectors.memory import KEY, MemoryConnector
from connectors.memory_crm import MemoryCrm
from connectors.port import Cursor, Page, Write
from sync import push as push_module
from sync.store import intents
from tests.world import World


class Killed(BaseException):
    """The process is gone: nothing after this line runs."""


def once(kind: str, fault: str) -> Callable[[str, Write | None], str | None]:
    """A fault at the first call of a kind."""
    state = {"left": 1}

    def ask(called: str, _write: Write | None) -> str | None:
        if called == kind and state["left"]:
            state["left"] -= 1
            return fault
        return None

    return ask


@pytest.fixture(params=["conditional", "history"])
def crm(world: World, request: pytest.FixtureRequest) -> MemoryCrm:
    """A CRM with three records in sync: one that writes conditionally, and one that keeps a history."""
    crm = world.connect(crm=MemoryCrm(conditional_write=request.param == "conditional"))
    for key in ("a1", "b1", "c1"):
        crm.create({KEY: key, "name": key, "email": f"{key}@example.com"})
    world.sync()
    return crm


def open_intents(world: World, name: str = "crm") -> int:
    with world.database.reading() as tx:
        return len(intents.load(tx, world.ids[name]))


def test_a_crm_that_is_down_loses_nothing(world: World, crm: MemoryCrm) -> None:
    world.change("a1", "email=new@example.com")
    crm.fault = once("list_changes", "unavailable")
    with pytest.raises(Unavailable):
        world.sync()
    world.settle()
    assert crm.records["m000001"].values["email"] == "new@example.com"


def test_a_write_that_fails_is_tried_again(world: World, crm: MemoryCrm) -> None:
    world.change("a1", "email=new@example.com")
    crm.fault = once("write", "unavailable")
    report = world.sync()
    assert report.counts["updated_remote"] == 1
    assert open_intents(world) == 0


def test_an_update_whose_answer_is_lost_is_settled_by_the_next_read(world: World, crm: MemoryCrm) -> None:
    world.change("a1", "email=new@example.com")
    crm.fault = once("write", "lost_answer")
    world.sync()
    assert open_intents(world) == 1
    world.settle()
    assert open_intents(world) == 0
    ours = [entry for entry in crm.records["m000001"].history if entry[3]]
    assert len(ours) == 1


def test_an_index_that_is_behind_takes_nothing_back_after_a_lost_answer(
    world: World, crm: MemoryCrm, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = crm.records["m000001"]
    world.change("a1", "email=new@example.com")
    crm.fault = once("write", "lost_answer")
    world.sync()

    def behind(self: MemoryConnector, cursor: Cursor | None) -> Page:
        page = listed(self, cursor)
        return replace(page, observations=[self._observe(before)])

    listed = MemoryConnector.list_changes
    monkeypatch.setattr(MemoryConnector, "list_changes", behind)
    version = world.customers()["a1"].row["version"]
    world.settle()
    assert world.values("a1")["email"] == "new@example.com"
    assert world.customers()["a1"].row["version"] == version


def test_an_edit_after_a_lost_answer_is_not_lost(world: World, crm: MemoryCrm) -> None:
    world.change("a1", "email=new@example.com")
    crm.fault = once("write", "lost_answer")
    world.sync()
    crm.edit("m000001", {"email": "person@example.com"})
    world.settle()
    values = {world.values("a1")["email"], crm.records["m000001"].values["email"]}
    held = {row.row["remote"].get("email") for row in world.queue()}
    assert "person@example.com" in values | held


def test_a_create_whose_answer_is_lost_makes_no_second_record(world: World, crm: MemoryCrm) -> None:
    world.add("d1", email="d1@example.com")
    crm.fault = once("write", "lost_answer")
    world.sync()
    assert open_intents(world) == 1
    world.settle()
    assert [r.values[KEY] for r in crm.records.values()].count("d1") == 1
    assert open_intents(world) == 0
    assert world.queue() == []


def test_an_edit_of_a_record_whose_create_was_lost_arrives(world: World, crm: MemoryCrm) -> None:
    world.add("d1", email="d1@example.com")
    crm.fault = once("write", "lost_answer")
    world.sync()
    crm.edit("m000004", {"email": "person@example.com"})
    world.settle()
    assert world.values("d1")["email"] == "person@example.com"
    assert world.queue() == []


def test_a_record_made_in_between_is_linked_and_compared(world: World, crm: MemoryCrm) -> None:
    world.add("d1", email="ours@example.com")

    def someone_else() -> None:
        crm.before_write = lambda: None
        crm.create({KEY: "d1", "name": "Customer d1", "email": "theirs@example.com"})

    crm.before_write = someone_else
    world.sync()
    assert len(crm.records) == 4
    assert world.kinds() == ["field_conflict"]


def test_an_edit_between_read_and_write_is_never_lost(world: World, crm: MemoryCrm) -> None:
    world.change("a1", "email=ours@example.com")

    def person() -> None:
        crm.before_write = lambda: None
        crm.edit("m000001", {"email": "person@example.com"})

    crm.before_write = person
    world.settle()
    rows = world.queue("field_conflict")
    assert [row.row["remote"]["email"] for row in rows] == ["person@example.com"]
    assert world.values("a1")["email"] == "ours@example.com"
    world.resolve(take="theirs")
    world.settle()
    assert world.values("a1")["email"] == "person@example.com"
    assert crm.records["m000001"].values["email"] == "person@example.com"
    assert world.queue() == []


def test_an_overwritten_value_waits_until_it_is_decided(world: World, crm: MemoryCrm) -> None:
    world.change("a1", "email=ours@example.com")

    def person() -> None:
        crm.before_write = lambda: None
        crm.edit("m000001", {"email": "person@example.com"})

    crm.before_write = person
    world.settle()
    crm.edit("m000001", {"phone": "+1 217 555 0100"})
    world.settle()
    assert world.kinds() == ["field_conflict"]
    world.resolve(take="ours")
    world.settle()
    assert crm.records["m000001"].values["email"] == "ours@example.com"
    assert world.queue() == []


def test_an_edit_of_another_field_in_between_goes_on(world: World, crm: MemoryCrm) -> None:
    world.change("a1", "email=ours@example.com")

    def person() -> None:
        crm.before_write = lambda: None
        crm.edit("m000001", {"phone": "+1 217 555 0100"})

    crm.before_write = person
    world.settle()
    assert world.values("a1")["phone_number"] == "+1 217 555 0100"
    assert crm.records["m000001"].values["email"] == "ours@example.com"
    assert world.queue() == []


def test_a_local_edit_during_the_write_goes_in_the_next_round(world: World, crm: MemoryCrm) -> None:
    world.change("a1", "email=first@example.com")

    def person() -> None:
        crm.before_write = lambda: None
        world.change("a1", "email=second@example.com")

    crm.before_write = person
    world.settle()
    assert crm.records["m000001"].values["email"] == "second@example.com"
    assert world.values("a1")["email"] == "second@example.com"


@pytest.mark.parametrize("moment", ["before_write", "after_write"])
def test_a_process_killed_at_the_write_leaves_nothing_undone(
    world: World, crm: MemoryCrm, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.change("a1", "email=new@example.com")
    world.add("d1", email="d1@example.com")
    real = MemoryConnector.write

    def dies(connector: MemoryConnector, batch: object) -> object:
        if moment == "after_write":
            real(connector, batch)  # type: ignore[arg-type]
        raise Killed

    monkeypatch.setattr(MemoryConnector, "write", dies)
    with pytest.raises(Killed):
        world.sync()
    monkeypatch.undo()
    world.settle()
    assert crm.records["m000001"].values["email"] == "new@example.com"
    assert [r.values[KEY] for r in crm.records.values()].count("d1") == 1
    assert sum(1 for entry in crm.records["m000001"].history if entry[3]) == 1
    assert open_intents(world) == 0
    assert world.queue() == []


def test_a_run_killed_in_mid_listing_goes_on_where_it_was(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    crm = world.connect(crm=MemoryCrm(page_size=2))
    for number in range(7):
        crm.create({KEY: f"k{number}", "name": f"Customer {number}"})
    real = MemoryConnector.list_all
    pages = {"left": 2}

    def dies(connector: MemoryConnector, cursor: object = None) -> object:
        if not pages["left"]:
            raise Killed
        pages["left"] -= 1
        return real(connector, cursor)  # type: ignore[arg-type]

    monkeypatch.setattr(MemoryConnector, "list_all", dies)
    with pytest.raises(Killed):
        world.sync()
    assert len(world.customers()) == 4
    monkeypatch.undo()
    report = world.sync(yes=False)
    assert len(world.customers()) == 7
    assert report.counts["created_local"] == 3
    assert report.calls["list_all"] == 2


def test_two_workers_at_once_write_each_change_once(world: World, crm: MemoryCrm) -> None:
    """A second run that starts while the first is at its write waits for the lane."""
    world.change("a1", "email=new@example.com")
    calls = []

    def second() -> None:
        crm.before_write = lambda: None
        with world.database.reading() as tx:
            calls.append([each.live for each in intents.load(tx, world.ids["crm"])])

    crm.before_write = second
    world.sync()
    assert calls == [[True]]
    assert push_module.MAX_PASSES == 3

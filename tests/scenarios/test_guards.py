from __future__ import annotations

import pytest

from connectors.memory import KEY
from connectors.memory_crm import MemoryCrm
from sync import planned
from sync.errors import ConcordError, NeedsApproval
from sync.store import connections
from sync.store.connections import ConnectionState
from tests.world import World


def fill(world: World, count: int, **settings: object) -> MemoryCrm:
    crm = world.connect(**settings)  # type: ignore[arg-type]
    for number in range(count):
        crm.create({KEY: f"k{number:03d}", "name": f"Customer {number}", "phone": "+1 217 555 0100"})
    world.sync()
    return crm


def edit_all(crm: MemoryCrm, values: dict[str, str | None], share: float = 1.0) -> None:
    refs = sorted(crm.records)
    for ref in refs[: int(len(refs) * share)]:
        crm.edit(ref, {**values})


def test_a_pull_that_would_change_too_much_stops_and_asks(world: World) -> None:
    crm = fill(world, 120)
    edit_all(crm, {"name": "Oops"})
    report = world.sync()
    assert report.state == "needs_approval"
    assert world.connection().state == "halted"
    assert sum(c.row["customer_name"] == "Oops" for c in world.customers().values()) == 0
    with pytest.raises(NeedsApproval):
        world.sync()


def test_earlier_pages_stay_when_the_brake_trips(world: World) -> None:
    crm = fill(world, 120, crm=MemoryCrm(page_size=20))
    edit_all(crm, {"name": "Oops"})
    world.sync()
    assert sum(c.row["customer_name"] == "Oops" for c in world.customers().values()) == 40


def test_a_released_plan_is_carried_out(world: World) -> None:
    crm = fill(world, 120)
    edit_all(crm, {"name": "Meant"})
    report = world.sync()
    world.sync(approval=report.run)
    assert world.connection().state == "active"
    assert all(c.row["customer_name"] == "Meant" for c in world.customers().values())


def test_a_halt_whose_plan_was_cut_off_is_planned_anew(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    crm = fill(world, 120)
    edit_all(crm, {"name": "Meant"})

    def killed(*_given: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(planned, "keep", killed)
        with pytest.raises(KeyboardInterrupt):
            world.sync()
    assert world.connection().state == "halted"
    with pytest.raises(NeedsApproval, match="halted"):
        world.sync(trigger="schedule")  # only a person is there to look at it
    report = world.sync()
    assert (report.state, report.counts["writes"], world.connection().state) == (
        "needs_approval",
        0,
        "halted",
    )
    with pytest.raises(NeedsApproval, match="halted"):
        world.sync()
    world.sync(approval=report.run)
    assert world.connection().state == "active"
    assert all(c.row["customer_name"] == "Meant" for c in world.customers().values())


def test_a_release_covers_that_plan_and_no_more(world: World) -> None:
    crm = fill(world, 120)
    edit_all(crm, {"name": "Meant"}, share=0.5)
    report = world.sync()
    edit_all(crm, {"email": None, "phone": "+1 217 555 0199"})
    released = world.sync(approval=report.run)
    assert released.state == "needs_approval"
    assert released.counts["updated_local"] == 60
    assert released.counts["deferred"] == 60


def test_few_changes_pass_however_small_the_account(world: World) -> None:
    crm = fill(world, 50)
    edit_all(crm, {"name": "Fine"})
    assert world.sync().state == "done"


def test_changes_of_a_whole_day_count_together(world: World) -> None:
    crm = fill(world, 120)
    refs = sorted(crm.records)
    for ref in refs[:40]:
        crm.edit(ref, {"name": "First"})
    assert world.sync().state == "done"
    for ref in refs[40:80]:
        crm.edit(ref, {"name": "Second"})
    assert world.sync().state == "needs_approval"


def test_one_field_blanked_on_many_records_stops(world: World) -> None:
    crm = fill(world, 120, rules={"phone_number": {"blanks": "propagate"}})
    edit_all(crm, {"phone": None}, share=0.25)
    assert world.sync().state == "needs_approval"
    assert all(c.row["phone_number"] for c in world.customers().values())


def test_a_push_that_would_change_too_much_stops_before_its_first_write(world: World) -> None:
    crm = fill(world, 120)
    for number in range(60):
        world.change(f"k{number:03d}", "customer_name=Oops")
    report = world.sync()
    assert report.state == "needs_approval"
    assert not any(record.values["name"] == "Oops" for record in crm.records.values())


def test_what_people_decided_does_not_count(world: World) -> None:
    crm = fill(world, 120)
    for number in range(40):
        crm.edit(f"m{number + 1:06d}", {"name": "Theirs"})
        world.change(f"k{number:03d}", "customer_name=Ours")
    world.sync()
    world.resolve_all("ours", "field_conflict")
    for number in range(40, 60):
        world.change(f"k{number:03d}", "customer_name=Ours")
    report = world.sync()
    assert report.state == "done"
    assert report.counts["updated_remote"] == 60


def test_an_empty_listing_is_not_believed(world: World) -> None:
    crm = fill(world, 30)
    records = dict(crm.records)
    crm.records.clear()
    report = world.sync(full=True)
    assert report.state == "needs_approval"
    assert world.queue() == []
    assert len(world.customers()) == len(records)


def test_a_listing_that_lost_a_tenth_is_not_believed(world: World) -> None:
    crm = fill(world, 30)
    for ref in sorted(crm.records)[:4]:
        del crm.records[ref]
    assert world.sync(full=True).state == "needs_approval"


def test_another_account_behind_the_credentials_halts(world: World) -> None:
    fill(world, 3)
    with world.database.transaction() as tx:
        connections.set_columns(tx, world.ids["crm"], account_id="another", inspected_at=None)
    with pytest.raises(Exception, match="another CRM account"):
        world.sync()
    assert world.connection().state == "halted"


def test_a_paused_connection_says_so(world: World) -> None:
    fill(world, 3)
    with world.database.transaction() as tx:
        connections.set_state(tx, world.ids["crm"], ConnectionState.PAUSED)
    with pytest.raises(ConcordError, match="paused"):
        world.sync()


def test_a_plan_writes_nothing_and_says_what_it_would(world: World) -> None:
    crm = fill(world, 3)
    crm.edit("m000001", {"name": "New"})
    world.change("k001", "customer_name=Ours")
    world.add("new1")
    report = world.sync(kind="plan", dry=True)
    assert report.state == "done"
    assert report.counts["updated_local"] == 1
    assert report.counts["updated_remote"] == 1
    assert report.counts["created_remote"] == 1
    assert world.values("k000")["customer_name"] == "Customer 0"
    assert len(crm.records) == 3
    assert report.planned is not None
    assert report.planned["calls"] == {"read": 2, "write": 2}
    done = world.sync()
    looked = done.calls["get_many"] + done.calls["find_by_external_id"]
    assert (looked, done.calls["write"]) == (2, 2)
    assert {k: done.counts[k] for k in ("updated_local", "updated_remote", "created_remote")} == {
        k: report.counts[k] for k in ("updated_local", "updated_remote", "created_remote")
    }


def test_records_that_come_after_the_first_plan_wait_for_another(world: World) -> None:
    crm = world.connect()
    for number in range(3):
        crm.create({KEY: f"k{number}", "name": f"Customer {number}"})
    plan = world.sync(yes=False)
    crm.create({KEY: "later", "name": "Later"})
    report = world.sync(yes=False, approval=plan.run)
    assert report.counts["created_local"] == 3
    assert report.state == "needs_approval"
    world.sync(yes=True)
    assert "later" in world.customers()

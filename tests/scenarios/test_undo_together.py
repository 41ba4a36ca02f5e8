"""Undo where several things meet: decisions about one customer, addresses that changed hands, pages, cuts."""

from __future__ import annotations

import pytest

from sync import undoing as undoing_module
from sync.errors import ConcordError
from tests.scenarios.undoing import REF, fill, in_conflict, left, quiet, told, undo, values
from tests.world import World

PHONES = {"ours": "+1 217 555 0100", "theirs": "+1 217 555 0199"}


@pytest.mark.parametrize("take", ["ours", "theirs"])
@pytest.mark.parametrize("pushed", [False, True])
def test_two_decisions_about_one_customer_go_back_together(world: World, take: str, pushed: bool) -> None:
    crm = fill(world)
    world.change("k0", "customer_name=Ours", f"phone_number={PHONES['ours']}")
    crm.edit(REF, {"name": "Theirs", "phone": PHONES["theirs"]})
    world.sync()
    assert world.kinds() == ["field_conflict"] * 2
    outcomes = world.resolve_all(take)
    if pushed:
        world.sync()
    undone = undo(world, str(outcomes[0].run))
    here = world.values("k0")
    assert (here["customer_name"], here["phone_number"]) == ("Ours", PHONES["ours"])
    assert (values(crm)["name"], values(crm)["phone"]) == ("Theirs", PHONES["theirs"])
    assert world.kinds() == ["field_conflict"] * 2
    quiet(world)

    undo(world, undone)
    assert world.queue() == []
    world.settle()
    here = world.values("k0")
    assert here["customer_name"] == values(crm)["name"] == take.title()
    assert here["phone_number"] == values(crm)["phone"] == PHONES[take]


@pytest.mark.parametrize("meanwhile", [False, True])
def test_an_undo_of_a_decision_that_the_crm_did_not_take_goes_on_when_asked_again(
    world: World, meanwhile: bool
) -> None:
    crm = in_conflict(world)
    outcome = world.resolve(take="ours")
    world.sync()
    crm.fault = lambda kind, _write: "unavailable" if kind == "write" else None
    with pytest.raises(ConcordError):
        undo(world, str(outcome.run))
    crm.fault = lambda _kind, _write: None
    assert values(crm)["name"] == "Ours 0"
    if meanwhile:
        crm.edit(REF, {"phone": PHONES["theirs"]})
        world.sync()
        assert world.queue() == [], "both sides are alike, so the question closes by itself"
    undo(world, str(outcome.run))
    assert (world.values("k0")["customer_name"], values(crm)["name"]) == ("Ours 0", "Theirs 0")
    assert world.kinds() == ["field_conflict"]
    quiet(world)
    assert told(world, undo(world, str(outcome.run))) == [], "it is undone already"
    crm.edit(REF, {"name": "Ours 0"})
    assert told(world, undo(world, str(outcome.run))) == [], "what came later is not ours to take back"
    world.sync()
    assert world.queue() == []
    undo(world, str(outcome.run))
    assert values(crm)["name"] == "Ours 0"


def test_an_undo_of_a_decision_that_meets_an_edit_of_another_field_is_carried_through(world: World) -> None:
    crm = in_conflict(world)
    outcome = world.resolve(take="ours")
    world.sync()
    edits = [lambda: crm.edit(REF, {"phone": PHONES["theirs"]})]
    crm.before_write = lambda: edits.pop()() if edits else None
    undo(world, str(outcome.run))
    assert not edits
    assert (world.values("k0")["customer_name"], values(crm)["name"]) == ("Ours 0", "Theirs 0")
    assert world.kinds() == ["field_conflict"]
    world.settle()
    assert world.values("k0")["phone_number"] == PHONES["theirs"]
    quiet(world)


@pytest.mark.parametrize("pushed", [False, True])
def test_the_address_of_a_decision_is_left_alone_if_someone_else_has_it_by_now(
    world: World, pushed: bool
) -> None:
    crm = fill(world)
    world.change("k0", "email=ours@example.com", "customer_name=Ours")
    crm.edit(REF, {"email": "theirs@example.com", "name": "Theirs"})
    world.sync()
    outcomes = world.resolve_all("theirs")
    if pushed:
        world.sync()
    world.add("other", email="ours@example.com")
    report = undo(world, str(outcomes[0].run))
    assert left(world, report) == {("local", "email"): "another customer has this value since"}
    assert world.values("k0")["email"] == values(crm)["email"] == "theirs@example.com"
    assert world.values("k0")["customer_name"] == "Ours", "the other decision is taken back"
    assert [row.row["field"] for row in world.queue()] == ["customer_name"]
    world.settle()  # the other one is made in the CRM
    quiet(world)


def test_a_record_that_a_run_changed_twice_is_undone_whole_whatever_page_its_changes_stand_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    crm = fill(world, 2)
    for number, ref in enumerate(sorted(crm.records)):
        world.change(f"k{number}", f"customer_name=Ours {number}", f"phone_number={PHONES['ours']}")
        crm.edit(ref, {"name": f"Theirs {number}", "phone": PHONES["theirs"]})
    world.sync()
    outcomes = world.resolve_all("theirs")
    world.sync()
    world.change("k0", "phone_number=+1 217 555 0177")
    monkeypatch.setattr(undoing_module, "PAGE", 1)
    preview = undo(world, str(outcomes[0].run), preview=True)
    report = undo(world, str(outcomes[0].run))
    assert told(world, preview) == told(world, report)
    assert preview.counts["undone"] == report.counts["undone"] == {"left": 1}
    assert left(world, report) == {("local", "phone_number"): "it was changed here since"}
    assert [world.values(f"k{n}")["customer_name"] for n in range(2)] == ["Ours 0", "Ours 1"]
    assert world.values("k1")["phone_number"] == PHONES["ours"]


def test_a_preview_of_addresses_that_wait_for_one_another_tells_each_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    crm = fill(world, 2)
    refs = sorted(crm.records)
    crm.edit(refs[0], {"email": "k1@example.com", "name": "Theirs"})
    crm.edit(refs[1], {"email": "k0@example.com", "name": "Theirs"})
    run = world.sync()
    monkeypatch.setattr(undoing_module, "PAGE", 1)
    preview = undo(world, run, preview=True)
    fields = sorted(path for each in told(world, preview) for path in each["changes"])
    assert fields == ["customer_name", "customer_name", "email", "email"]
    report = undo(world, run)
    fields = sorted(path for each in told(world, report) for path in each["changes"])
    assert fields == ["customer_name", "customer_name", "email", "email"]
    assert left(world, report) == {}


def test_what_went_back_here_is_told_though_the_crm_moved_on_meanwhile(world: World) -> None:
    crm = fill(world)
    world.change("k0", "customer_name=Ours")
    crm.edit(REF, {"phone": PHONES["theirs"]})
    run = world.sync()
    assert (values(crm)["name"], world.values("k0")["phone_number"]) == ("Ours", PHONES["theirs"])
    edits = [lambda: crm.edit(REF, {"name": "Just now"})]
    crm.before_write = lambda: edits.pop()() if edits else None
    report = undo(world, run)
    assert world.values("k0")["phone_number"] is None
    assert [(each["action"], each.get("why")) for each in told(world, report)] == [
        ("restore_local", None),
        ("leave", "it was changed in the CRM since"),
    ]

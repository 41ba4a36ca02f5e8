"""Rows that the address check holds, and imports that are taken back."""

from __future__ import annotations

import pytest

from sync.errors import BadInput, Conflicted
from tests.scenarios.importing import OTHER, PLACE, approve, counts, take, undone
from tests.world import World


def held(world: World) -> str:
    """A row whose address is another place than ours: held, whole."""
    world.add("A", customer_name="Customer A", address=PLACE)
    made = take(world, OTHER)
    assert counts(world, made) == {"conflict": 1}
    assert world.queue() == []
    approve(world, made)
    assert world.values("A")["customer_name"] == "Customer A"
    assert world.kinds() == ["address_mismatch"]
    return made


@pytest.mark.parametrize("way", ["theirs", "ours", "dismiss"])
def test_a_row_that_fails_the_address_check_asks_instead_of_overwriting(world: World, way: str) -> None:
    crm = world.connect()
    held(world)
    world.settle()
    (row,) = world.queue()
    assert row.conflict().remote.keys() == {"address", "customer_name"}
    world.resolve(**({"dismiss": True} if way == "dismiss" else {"take": way}))
    assert world.queue() == []
    if way != "theirs":
        assert world.values("A")["customer_name"] == "Customer A"
        return
    assert (world.values("A")["customer_name"], world.values("A")["address"].city) == ("Aye", "York")
    world.settle()
    (record,) = crm.records.values()
    assert "9 Low Road" in str(record.values)
    assert world.queue() == [], "one edit, one decision"


@pytest.mark.parametrize("way", ["theirs", "ours", "dismiss"])
def test_the_undo_of_a_decision_asks_again_and_its_undo_decides_again(world: World, way: str) -> None:
    crm = world.connect()
    made = held(world)
    world.settle()
    outcome = world.resolve(**({"dismiss": True} if way == "dismiss" else {"take": way}))
    world.settle()
    there = way == "theirs"
    assert outcome.run is not None
    (preview,) = undone(world, outcome.run, preview=True)
    assert world.queue() == []
    assert (preview.counts["updated_local"], preview.counts.get("undone")) == (int(there), None)
    (report,) = undone(world, outcome.run)
    assert (world.values("A")["address"].city, world.kinds()) == ("Leeds", ["address_mismatch"])
    assert world.queue()[0].row["run_id"] == made
    world.settle()
    assert "1 High Street" in str([each.values for each in crm.records.values()])
    (again,) = undone(world, report.run)
    assert "undone" not in again.counts
    assert (world.values("A")["address"].city, world.kinds()) == ("York" if there else "Leeds", [])
    world.settle()
    (late,) = undone(world, outcome.run, preview=True)
    assert late.counts["undone"] == {"left": 1}, "it was decided anew since"
    undone(world, again.run)
    assert (world.values("A")["address"].city, world.kinds()) == ("Leeds", ["address_mismatch"])


def test_what_was_changed_since_a_decision_stays_and_its_question_too(world: World) -> None:
    held(world)
    outcome = world.resolve(take="theirs")
    world.change("A", "customer_name=Since")
    assert outcome.run is not None
    (report,) = undone(world, outcome.run)
    assert report.counts["undone"] == {"left": 1}
    assert (world.values("A")["customer_name"], world.values("A")["address"].city) == ("Since", "Leeds")
    assert world.queue() == []


def test_an_import_that_only_asked_is_undone_by_taking_back_what_it_asked(world: World) -> None:
    made = held(world)
    (preview,) = undone(world, made, preview=True)
    assert (preview.counts["undone"], world.kinds()) == ({"questions": 1}, ["address_mismatch"])
    (report,) = undone(world, made)
    assert (report.counts["undone"], world.kinds()) == ({"questions": 1}, [])
    with pytest.raises(BadInput, match="none of its questions is open"):
        undone(world, made)


def test_a_question_is_the_import_s_that_asked_it_last(world: World) -> None:
    first = held(world)
    second = take(world, OTHER.replace("9 Low", "8 Low"))
    approve(world, second)
    (row,) = world.queue()
    assert row.row["run_id"] == second
    with pytest.raises(BadInput, match="none of its questions is open"):
        undone(world, first)
    undone(world, second)
    assert world.queue() == []


def test_a_question_whose_customer_has_moved_on_is_refused_and_shown_afresh(world: World) -> None:
    held(world)
    world.change("A", "customer_name=Another")
    with pytest.raises(Conflicted, match="changed here since"):
        world.resolve(take="theirs")
    (row,) = world.queue()
    assert row.conflict().local["customer_name"] == "Another"
    world.change("A", "address.line1=9 Low Road", "address.city=York", "address.zipCode=YO1 7HH")
    world.change("A", "customer_name=Aye")
    with pytest.raises(Conflicted, match="changed here since"):
        world.resolve(take="theirs")
    assert world.queue() == [], "both are the same by now"


def test_the_same_place_in_another_spelling_or_with_less_of_it_changes_nothing(world: World) -> None:
    world.add("A", customer_name="A", address=PLACE)
    world.add("B", customer_name="B", address={"city": "Leeds", "country_code": "GB"})
    made = take(
        world,
        "external_id,line1,city,country,zip\nA,1 HIGH ST,Leeds,United Kingdom,\n"
        "B,1 High Street,Leeds,GB,LS1 4AP\n",
    )
    assert counts(world, made) == {"unchanged": 1, "update": 1}
    approve(world, made)
    assert world.values("B")["address"].line1 == "1 High Street"


def test_an_import_is_undone_but_for_what_changed_since(world: World) -> None:
    world.connect()
    world.add("A", customer_name="A")
    world.add("H", customer_name="H", address=PLACE)
    made = take(world, OTHER.replace("\nA,Aye", "\nH,Aitch") + "A,Aye,,,,\nN,New,,,,\nM,Moved,,,,\n")
    approve(world, made)
    assert world.kinds() == ["address_mismatch"]
    world.settle()
    world.change("M", "customer_name=Mine")
    (preview,) = undone(world, made, preview=True)
    assert preview.counts["undone"] == {"delete": 1, "left": 1, "questions": 1}
    assert world.values("A")["customer_name"] == "Aye"
    (report,) = undone(world, made)
    assert report.counts["undone"] == {"delete": 1, "left": 1, "questions": 1}
    assert world.values("A")["customer_name"] == "A"
    assert "N" not in world.customers()
    assert world.values("M")["customer_name"] == "Mine"
    assert world.queue("address_mismatch") == []

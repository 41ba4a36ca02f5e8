"""A file becomes a plan, the plan edits, the edits reach the CRMs; what is doubtful waits in the queue."""

from __future__ import annotations

import pytest
from sqlalchemy import event

from sync import approve as approving
from sync.cycle import run
from sync.errors import BadInput, Conflicted
from sync.imports import importing, showing
from sync.imports.export import customers_as_csv
from sync.steps import Order
from sync.store import imports
from sync.store.session import Database
from tests.scenarios.importing import PLACE, approve, changed, counts, reasons, take, undone
from tests.world import World


def test_nothing_is_written_before_the_plan_is_approved_and_then_it_reaches_the_crm(world: World) -> None:
    crm = world.connect()
    world.add("A", email="a@x.example", phone_number="+1 212 555 0100")
    world.add("B", customer_name="Bee")
    world.settle()
    made = take(
        world,
        "external_id,Company,E-mail,phone\nA,Customer A,new@x.example,+12125550100\n"
        "B,Bee,,\nC,Sea,c@x.example,\n",
    )
    assert counts(world, made) == {"update": 1, "unchanged": 1, "create": 1}
    assert world.values("A")["email"] == "a@x.example"
    assert "C" not in world.customers()

    report = approve(world, made)
    assert (report.state, report.counts["created_local"], report.counts["updated_local"]) == ("done", 1, 1)
    assert world.values("A")["email"] == "new@x.example"
    assert changed(world, made) == [
        ("create_customer", None),
        ("update_customer", {"email": ["a@x.example", "new@x.example"]}),
    ]
    world.settle()
    there = {each["key"]: each for each in (record.values for record in crm.records.values())}
    assert there["A"]["email"] == "new@x.example"
    assert there["C"]["name"] == "Sea"
    with pytest.raises(Conflicted, match="does not wait"):
        approve(world, made)


def test_the_planner_hears_of_what_an_import_and_its_undo_make(postgresql: Database) -> None:
    """Without statistics PostgreSQL looks through all customers for each page: slower with each."""
    world = World(postgresql)
    heard: list[str] = []

    def hear(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("ANALYZE"):
            heard.append(statement)

    event.listen(postgresql.engine, "before_cursor_execute", hear)
    made = take(world, "external_id,Company\nA,Aye\n")
    assert len(heard) == 1
    approve(world, made)
    assert len(heard) == 2
    undone(world, made, preview=True)
    assert len(heard) == 3
    for table in ("customers", "tax_ids", "import_rows", "changes", "planned_records"):
        assert table in heard[0], table


def test_every_row_that_is_not_taken_has_one_reason(world: World) -> None:
    world.add("A", customer_name="A", email="a@x.example")
    world.add("B", customer_name="B")
    world.add("Case", customer_name="C")
    mine = world.customers()["B"].id
    text = (
        "id,external_id,name,email\n"
        ",EXAMPLE-1,John Doe,john.doe@example.com\n"  # 2
        ",N1,,n1@x.example\n"  # 3
        ",N2,New,A@x.example\n"  # 4
        ",N3,New,n3@x.example\n"  # 5
        ",N4,New,N3@X.example\n"  # 6
        ",N5,One,\n"  # 7
        ",N5,Two,\n"  # 8
        ",N6,Same,\n"  # 9
        ",N6,Same,\n"  # 10
        ",CASE,New,\n"  # 11
        "0199b2c4-7d1e-7a3b-9c5d-2f4e6a8b0c1d,,New,\n"  # 12
        f"{mine},B2,New,\n"  # 13
        f"{mine},,By id,\n"  # 14
        ",B,By key,\n"  # 15
        ",,Keyless,\n"  # 16
        ",,Keyless,\n"  # 17
        ",N7,Broken,nobody\n"  # 18
        ",N8,Ragged\n"  # 19
    )
    made = take(world, text)
    twice = "another row names the same customer, once by its id and once by its external id"
    assert reasons(world, made) == {
        3: ("customer_name", "is required for a new customer"),
        4: ("email", "belongs to another customer"),
        5: ("email", "line 6 has the same e-mail address"),
        6: ("email", "line 5 has the same e-mail address"),
        7: ("external_id", "line 8 is of the same customer, with other values"),
        8: ("external_id", "line 7 is of the same customer, with other values"),
        10: (None, "is the same as line 9"),
        11: ("external_id", "differs only in case from that of another customer"),
        12: ("id", "there is no customer of this id"),
        13: ("external_id", "is not that of the customer of this id"),
        14: (None, twice),
        15: (None, twice),
        17: (None, "is the same as line 16"),
        18: ("email", "is not a valid e-mail address (An email address must have an @-sign)"),
        19: (None, "has 3 cells where the header has 4"),
    }
    assert list(reasons(world, made, "skipped")) == [2]
    approve(world, made)
    assert world.customers().keys() >= {"N6"}
    assert len(world.customers()) == 5


def test_two_that_swap_their_addresses_are_no_clash(world: World) -> None:
    world.add("A", customer_name="A", email="a@x.example")
    world.add("B", customer_name="B", email="b@x.example")
    made = take(world, "external_id,email\nA,b@x.example\nB,a@x.example\n")
    approve(world, made)
    assert [world.values(each)["email"] for each in "AB"] == ["b@x.example", "a@x.example"]


def test_what_changed_since_the_plan_is_left_alone_and_named(world: World) -> None:
    world.add("A", customer_name="A", email="a@x.example")
    world.add("B", customer_name="B", phone_number="+1 212 555 0100")
    made = take(world, "external_id,name,email\nA,Aye,a2@x.example\nB,Bee,\nC,Sea,\nD,Dee,a@x.example\n")
    assert reasons(world, made) == {}
    world.change("A", "customer_name=Other")
    world.change("B", "phone_number=+1 212 555 0111")
    world.add("C", customer_name="Somebody")
    approve(world, made)
    moved = "the customer has changed since the plan was shown; import the row again"
    assert reasons(world, made) == {
        2: (None, moved),
        4: (None, moved),
        5: ("email", "belongs to another customer"),
    }
    assert world.values("B")["customer_name"] == "Bee", "another field has changed, which is no matter"
    assert counts(world, made) == {"rejected": 3, "update": 1}


def test_an_export_imports_again_without_a_change(world: World) -> None:
    world.add("A", customer_name="=Formula()", phone_number="+1 212 555 0100", address=PLACE)
    world.add(
        None,
        customer_name='\'@keyless, with "quotes"\nand lines',
        custom_data={"a": {"b": [1, None]}, "=c": "-d"},
        custom_attributes={"tier": "gold"},
        tax_info=[{"country_code": "EU", "tax_code": "VAT", "tax_id": "x;y"}],
        ship_to_address={"city": "Leeds"},
        auto_charge_enabled=False,
    )
    before = {name: dict(each.row) for name, each in world.customers().items()}
    text = "".join(line for page in customers_as_csv(world.database, world.organisation_id) for line in page)
    made = take(world, text)
    assert (counts(world, made), reasons(world, made)) == ({"unchanged": 2}, {})
    approve(world, made)
    assert {name: dict(each.row) for name, each in world.customers().items()} == before


def test_a_new_customer_takes_the_address_that_another_gives_up_in_the_same_page(world: World) -> None:
    world.add("A", customer_name="Aye", email="desk@x.example")
    made = take(world, "external_id,name,email\nA,Aye,aye@x.example\nB,Bee,desk@x.example\n")
    assert counts(world, made) == {"create": 1, "update": 1}

    def addresses() -> dict[str, object]:
        return {name: each.value("email") for name, each in world.customers().items()}

    assert approve(world, made).state == "done"
    assert addresses() == {"A": "aye@x.example", "B": "desk@x.example"}
    (back,) = undone(world, made)
    assert addresses() == {"A": "desk@x.example"}
    (again,) = undone(world, back.run)
    assert (again.state, addresses()) == ("done", {"A": "aye@x.example", "B": "desk@x.example"})


def test_a_customer_without_an_address_takes_that_of_one_further_down_which_gives_it_up(world: World) -> None:
    world.add("A", customer_name="Aye", email="desk@x.example")
    world.add("B", customer_name="Bee")
    made = take(world, "external_id,name,email\nB,Bee,desk@x.example\nA,Aye,aye@x.example\n")
    assert approve(world, made).state == "done"
    found = {name: each.value("email") for name, each in world.customers().items()}
    assert found == {"A": "aye@x.example", "B": "desk@x.example"}


def test_rows_of_many_characters_are_planned_and_carried_out_few_at_a_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "MOST_IN_PAGE", 500)
    taken: list[int] = []
    real = imports.page

    def counted(*given: object, **named: object) -> object:
        found = real(*given, **named)  # type: ignore[arg-type]
        taken.append(len(found))
        return found

    monkeypatch.setattr(imports, "page", counted)
    rows = [f"k{number},{'x' * 200},{number}" for number in range(7)]
    made = take(world, "\n".join(["external_id,name,email", *rows, ""]))
    assert approve(world, made).state == "done"
    assert len(world.customers()) == 0
    refused = [each for some in showing.result(world.database, made) for each in some]
    assert len(refused) == 8
    assert max(taken) == 3


def test_an_import_that_is_cancelled_does_nothing_more_and_goes_on_when_asked(world: World) -> None:
    made = take(world, "external_id,name\nA,Aye\n")
    assert approving.cancel(world.database, world.organisation_id, made, actor="test") == "needs_approval"
    with pytest.raises(Conflicted):
        approve(world, made)
    with world.database.transaction() as tx:
        again = importing.resume(tx, world.organisation_id, made, actor="test")
    assert again["state"] == "needs_approval"
    assert approve(world, made).state == "done"
    with world.database.transaction() as tx, pytest.raises(Conflicted, match="nothing to go on with"):
        importing.resume(tx, world.organisation_id, made, actor="test")


def test_a_file_that_leaves_something_open_is_refused_and_nothing_of_it_is_kept(world: World) -> None:
    for text, said in (
        ("x,y\n1,2\n", "names no column"),
        ("", "no rows"),
        ("name,company\n", "would all be"),
    ):
        with pytest.raises(BadInput, match=said):
            take(world, text)
    with world.database.reading() as tx:
        assert imports.listing(tx, world.organisation_id) == []


def test_files_are_no_crm(world: World) -> None:
    made = take(world, "name\nA\n")
    with world.database.transaction() as tx:
        connection = imports.files(tx, world.organisation_id)
    with pytest.raises(BadInput, match="imported, not synced"):
        run(
            world.services,
            connection,
            Order(kind="sync", trigger="manual", actor="test"),
            world.events.append,
        )
    assert approve(world, made).state == "done"

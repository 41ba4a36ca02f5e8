"""Rows of a file that name other records: the customers above them, and business entities."""

from __future__ import annotations

import pytest

from connectors.memory import KEY, MAPPING
from sync import entities
from sync.errors import BadInput
from sync.loading import LoadReport, load
from tests.scenarios.importing import approve, counts, reasons, take
from tests.scenarios.test_maps import change_settings
from tests.scenarios.test_statements import statements
from tests.world import World


def _ids(world: World, *keys: str) -> list[str]:
    for each in keys:
        world.add(each, customer_name=each)
    return [world.customers()[each].id for each in keys]


def _above(world: World) -> dict[str, str | None]:
    found = world.customers()
    names = {each.id: key for key, each in found.items()}
    return {key: names.get(str(each.row["parent_customer_id"])) for key, each in found.items()}


def _loaded(world: World, field: str, *rows: tuple[str, str]) -> LoadReport:
    lines = [
        f'{{"external_id":"{key}","customer_name":"{key}","{field}":"{value}"}}'.encode()
        for key, value in rows
    ]
    return load(world.database, world.organisation_id, lines, actor="test", progress=lambda _report: None)


def _entity(world: World, name: str) -> str:
    given = entities.EntityInput(name=name)
    return str(entities.create(world.database, world.organisation_id, given, actor="test")["id"])


def test_rows_never_close_a_ring_of_parents(world: World) -> None:
    a, b, c = _ids(world, "A", "B", "C")
    made = take(world, f"external_id,parent_customer_id\nA,{b}\nB,{c}\nC,{a}\n")
    assert reasons(world, made) == {4: ("parent_customer_id", "stands below this customer")}
    approve(world, made)
    assert counts(world, made) == {"update": 2, "rejected": 1}
    assert _above(world) == {"A": "B", "B": "C", "C": None}


def test_the_rows_of_another_page_close_no_ring_either(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sync.imports.stages.PAGE", 1)
    a, b = _ids(world, "A", "B")
    made = take(world, f"external_id,parent_customer_id\nA,{b}\nB,{a}\n")
    approve(world, made)
    assert reasons(world, made) == {3: ("parent_customer_id", "stands below this customer")}
    assert _above(world) == {"A": "B", "B": None}


def test_parents_are_looked_up_together(world: World) -> None:
    ids = _ids(world, *(f"P{number}" for number in range(20)))

    def taken(first: int, last: int) -> int:
        lines = [f"N{number},N,{ids[number]}" for number in range(first, last)]
        text = "\n".join(["external_id,name,parent_customer_id", *lines, ""])
        return statements(world, lambda: approve(world, take(world, text)))

    taken(0, 1)
    assert taken(1, 4) == taken(4, 20)
    assert _above(world)["N19"] == "P19"


def test_a_file_of_json_lines_is_held_to_the_same(world: World) -> None:
    a, b = _ids(world, "A", "B")

    def loaded(*rows: tuple[str, str]) -> LoadReport:
        return _loaded(world, "parent_customer_id", *rows)

    ring = {"line": 2, "field": "parent_customer_id", "reason": "stands below this customer"}
    assert loaded(("A", b), ("B", a)).rejected == [ring]
    missing = {"line": 1, "field": "parent_customer_id", "reason": "there is no such customer"}
    assert loaded(("C", "0" * 32), ("D", a)).rejected == [missing]
    assert _above(world) == {"A": "B", "B": None, "D": "A"}


def test_a_file_changes_no_business_entity(world: World) -> None:
    entity, other = _entity(world, "One"), _entity(world, "Two")

    def loaded(given: str) -> LoadReport:
        return _loaded(world, "business_entity_id", ("a1", given))

    assert loaded("nobody").rejected == [
        {"line": 1, "field": "business_entity_id", "reason": "there is no such business entity"}
    ]
    assert loaded(entity).created == 1
    assert loaded(other).rejected
    assert world.customers()["a1"].value("business_entity_id") == entity


def test_a_crm_that_names_what_is_not_there_is_asked_about(world: World) -> None:
    crm = world.connect()
    parent = world.add("P", customer_name="P")
    ref = crm.create({KEY: "A", "name": "A", "parent": "nobody"})
    lines = [{"field": line.field, "crm": line.crm} for line in MAPPING]
    change_settings(world, map=[*lines, {"field": "parent_customer_id", "crm": "parent"}])
    world.sync()
    assert world.kinds() == ["invalid_record"]
    (asked,) = world.queue()
    assert tuple(asked.conflict().reasons) == (
        {"field": "parent_customer_id", "why": "there is no such customer"},
    )
    crm.edit(ref, {"parent": parent})
    world.sync()
    assert (world.kinds(), _above(world)) == ([], {"A": "P", "P": None})
    mine = world.customers()["A"].id
    (theirs,) = (each for each in crm.records if crm.records[each].values[KEY] == "P")
    crm.edit(theirs, {"parent": mine})
    world.sync()
    assert world.kinds() == ["invalid_record"]
    assert _above(world) == {"A": "P", "P": None}
    crm.edit(theirs, {"parent": None})
    world.sync()
    assert world.kinds() == []


def test_a_business_entity_never_changes(world: World) -> None:
    extra = [{"field": "customer_name", "crm": "name"}, {"field": "business_entity_id", "crm": "entity"}]
    crm = world.connect(map=extra)
    one, two = (
        entities.create(world.database, world.organisation_id, entities.EntityInput(name=name), actor="test")[
            "id"
        ]
        for name in ("One", "Two")
    )
    ref = crm.create({KEY: "a1", "name": "Anna", "entity": one})
    world.sync()
    crm.edit(ref, {"entity": two})
    assert world.sync().counts["held"] == {"immutable_field": 1}
    with pytest.raises(BadInput):
        world.resolve(take="theirs")
    world.resolve(take="ours")
    world.settle()
    assert crm.records[ref].values["entity"] == one

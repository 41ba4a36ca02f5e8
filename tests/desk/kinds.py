"""How each kind of question comes about in a CRM, is decided in a browser, and what the CRM has then.

Each play stops three times: what there is at the start; what happens then; the decision. All plays of a
stack stop together, and a sync goes between, so that one stack and four syncs are enough for all kinds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from playwright.sync_api import Page

from sync import customers as local
from sync import entities
from sync.entities import EntityInput
from tests.desk.browser import Person
from tests.desk.stack import Stack

HOME = {"city": "Springfield", "state": "Illinois", "postal": "62701", "country": "United States"}
ENTITY = {"salesforce": "Description", "hubspot": "description"}
STAFF = {"salesforce": "NumberOfEmployees", "hubspot": "numberofemployees"}


@dataclass(frozen=True)
class Scene:
    """A reviewer at a browser, and a site over one CRM."""

    person: Person
    stack: Stack
    crm: str

    def entity(self, name: str) -> str:
        """Add a business entity here; its id."""
        served = self.stack.served
        made = entities.create(served.database, served.organisation_id, EntityInput(name=name), actor="test")
        return str(made["id"])

    def create(self, key: str | None, **values: str) -> str:
        """Make a record as a person; its id."""
        return self.stack.create(self.crm, key, **values)

    def edit(self, ref: str, **values: str) -> None:
        """Edit a record as a person."""
        self.stack.edit(self.crm, ref, **values)

    def has(self, ref: str, name: str) -> object:
        """What the CRM has."""
        return self.stack.record(self.crm, ref)[name]

    def question(self, kind: str, ref: str | None = None) -> Page:
        """Open the one question of a kind, or that about a record, and look it over."""
        rows = [each for each in self.stack.questions(kind) if ref in (None, each.row["ref"])]
        assert len(rows) == 1, f"{len(rows)} questions of {kind}"
        return self.person.open(f"/desk/conflicts/{rows[0].id}")


Play = Callable[[Scene], Iterator[None]]


def decide(page: Page, button: str) -> None:
    """Press a button of a question."""
    page.get_by_role("button", name=button).first.click()
    page.locator(".toast").wait_for()


def _edit(page: Page, **parts: str) -> None:
    page.get_by_label("another").check()
    page.get_by_text("Type it").click()
    for label, text in parts.items():
        page.get_by_label(label).last.fill(text)
    decide(page, "Decide as chosen")


def address_mismatch(scene: Scene) -> Iterator[None]:
    there = scene.create("A1", name="Acme", street="1 Main Street", **HOME)
    address = {"line1": "2 Other Road", "city": "Chicago", "state": "IL", "zipCode": "60601", "country": "US"}
    scene.stack.add("A1", customer_name="Acme", address=address)
    yield
    yield
    page = scene.question("address_mismatch")
    assert "Different postal codes." in page.locator("main").inner_text()
    decide(page, "Keep ours")
    yield
    assert scene.has(there, "postal") == "60601"


def address_invalid(scene: Scene) -> Iterator[None]:
    theirs = scene.create("V1", name="No such region", street="1 Main Street", **{**HOME, "state": "Ontario"})
    wrong = {"line1": "1 Main Street", "city": "Springfield", "state": "IL", "country": "US"}
    scene.stack.add("V2", customer_name="No postal code", address=wrong)
    yield
    assert scene.stack.customers()["V1"].value("address") is None
    ours = scene.stack.refs(scene.crm)["V2"]
    assert not scene.has(ours, "city")
    yield
    page = scene.question("address_invalid", theirs)
    assert "is no region of US" in page.locator("main").inner_text()
    _edit(page, State="Illinois")
    decide(scene.question("address_invalid", ours), "Keep ours")
    yield
    assert scene.has(theirs, "state") == "Illinois"
    assert scene.has(ours, "city") == "Springfield"


def field_conflict(scene: Scene) -> Iterator[None]:
    ref = scene.create("F1", name="Before")
    yield
    scene.edit(ref, name="Theirs")
    scene.stack.change("F1", "customer_name=Ours")
    yield
    decide(scene.question("field_conflict"), "Keep ours")
    yield
    assert scene.has(ref, "name") == "Ours"


def key_changed(scene: Scene) -> Iterator[None]:
    ref = scene.create("N1", name="One")
    yield
    scene.edit(ref, key="N1-NEW")
    yield
    decide(scene.question("key_changed"), "Keep our number")
    yield
    assert scene.has(ref, "key") == "N1"


def email_taken(scene: Scene) -> Iterator[None]:
    scene.create("T1", name="First", email="one@acme.example")
    ref = scene.create("T2", name="Second", email="two@acme.example")
    yield
    scene.edit(ref, email="one@acme.example")
    yield
    _edit(scene.question("email_taken"), **{"E-mail": "both@acme.example"})
    yield
    assert scene.has(ref, "email") == "both@acme.example"


def remote_deleted(scene: Scene) -> Iterator[None]:
    ref = scene.create("D1", name="Deleted there")
    yield
    scene.stack.control(scene.crm, "delete", {"id": ref})
    yield
    decide(scene.question("remote_deleted"), "Make it in")
    yield
    assert scene.stack.refs(scene.crm)["D1"] != ref, "it was made again"


def delete_vs_edit(scene: Scene) -> Iterator[None]:
    ref = scene.create("D2", name="Deleted here")
    yield
    local.delete(scene.stack.served.database, scene.stack.served.organisation_id, "D2", actor="test")
    scene.edit(ref, name="Edited since")
    yield
    decide(scene.question("delete_vs_edit"), "Bring it back here")
    yield
    assert scene.stack.customers()["D2"].value("customer_name") == "Edited since"
    scene.stack.change("D2", "customer_name=Lives here")
    yield
    assert scene.has(ref, "name") == "Lives here"


def missing_external_id(scene: Scene) -> Iterator[None]:
    lone = scene.create(None, name="Same Name Ltd")
    new = scene.create(None, name="Quite new")
    scene.stack.add("", customer_name="Same Name Ltd")
    yield
    yield
    page = scene.person.open("/desk/conflicts?kind=missing_external_id")
    page.get_by_label("all 2").check()
    page.get_by_role("button", name="Take theirs").click()
    assert "2 cannot be decided so" in page.locator("main").inner_text()
    assert page.get_by_role("button", name="Do it").count() == 0
    decide(scene.question("missing_external_id", lone), "It is this one")
    decide(scene.question("missing_external_id", new), "Make a new customer of it")
    yield
    found = scene.stack.customers()
    scene.stack.change(found["Same Name Ltd"].id, "customer_name=Renamed here")
    scene.stack.change(found["Quite new"].id, "customer_name=Not so new")
    yield
    assert [scene.has(each, "name") for each in (lone, new)] == ["Renamed here", "Not so new"]


def ambiguous_match(scene: Scene) -> Iterator[None]:
    ref = scene.create("case1", name="Case")
    scene.stack.add("CASE1", customer_name="Case")
    yield
    yield
    decide(scene.question("ambiguous_match"), "These belong together")
    yield
    scene.stack.change("CASE1", "customer_name=One case")
    yield
    assert scene.has(ref, "name") == "One case"


def remote_merged(scene: Scene) -> Iterator[None]:
    refs = {key: scene.create(key, name=f"Name {key}") for key in ("M1", "M2")}
    yield
    scene.stack.control(scene.crm, "merge", {"winner": refs["M1"], "losers": [refs["M2"]]})
    yield
    page = scene.question("remote_merged")
    page.locator("li", has_text="Name M1").get_by_role("button").click()
    page.locator(".toast").wait_for()
    yield
    scene.stack.change("M1", "customer_name=Lives on")
    yield
    left = scene.stack.refs(scene.crm)
    assert "M2" not in left
    assert scene.has(left["M1"], "name") == "Lives on"


def push_rejected(scene: Scene) -> Iterator[None]:
    ref = scene.create("P1", name="Refused there")
    yield
    scene.stack.change("P1", "custom_data.staff=many")
    yield
    page = scene.question("push_rejected")
    assert "staff" in page.locator("main").inner_text()
    decide(page, "Try again")
    scene.stack.change("P1", "custom_data.staff=12")
    yield
    assert str(scene.stack.raw(scene.crm, ref)[STAFF[scene.crm]]) == "12"


def invalid_record(scene: Scene) -> Iterator[None]:
    name, entity = ENTITY[scene.crm], scene.entity("Taken Ltd")
    ref = scene.create("R1", name="Refused here", **{name: "x" * 65})
    yield
    assert "R1" not in scene.stack.customers()
    yield
    page = scene.question("invalid_record")
    assert "is 65 characters long; at most 64 are allowed" in page.locator("main").inner_text()
    scene.stack.control(scene.crm, "edit", {"id": ref, "fields": {name: entity}})
    decide(page, "Try again")
    yield
    assert scene.stack.customers()["R1"].value("business_entity_id") == entity
    scene.stack.change("R1", "customer_name=Taken")
    yield
    assert scene.has(ref, "name") == "Taken"


def immutable_field(scene: Scene) -> Iterator[None]:
    name, first, other = ENTITY[scene.crm], scene.entity("First Ltd"), scene.entity("Other Ltd")
    ref = scene.create("E1", name="Entity", **{name: first})
    yield
    scene.stack.control(scene.crm, "edit", {"id": ref, "fields": {name: other}})
    yield
    page = scene.question("immutable_field")
    assert page.get_by_role("button", name="Take theirs").count() == 0
    decide(page, "Keep ours")
    yield
    assert scene.stack.raw(scene.crm, ref)[name] == first


PLAYS: tuple[Play, ...] = (
    address_mismatch,
    address_invalid,
    field_conflict,
    key_changed,
    email_taken,
    remote_deleted,
    delete_vs_edit,
    missing_external_id,
    ambiguous_match,
    remote_merged,
    push_rejected,
    invalid_record,
    immutable_field,
)
"""Each is named after its kind."""

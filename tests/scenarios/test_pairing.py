from __future__ import annotations

import pytest

from connectors.memory import KEY
from connectors.memory_crm import MemoryCrm
from sync.errors import BadInput
from tests.world import World

HOME = {"billing_line1": "12 Main Street", "billing_city": "Springfield", "billing_zipCode": "62701"}


def test_a_record_without_a_key_waits_for_a_person(world: World) -> None:
    crm = world.connect()
    crm.create({"name": "Anna"})
    report = world.sync()
    assert report.counts["held"] == {"missing_external_id": 1}
    assert world.customers() == {}
    assert world.sync(full=True).counts["held"] == {}


def test_a_record_without_a_key_can_be_linked(world: World) -> None:
    crm = world.connect()
    ref = crm.create({"name": "Anna", "email": "anna@example.com"})
    world.sync()
    customer = world.add("a1", customer_name="Anna")
    world.resolve(link=customer)
    world.settle()
    assert crm.records[ref].values[KEY] == "a1"
    assert world.values("a1")["email"] == "anna@example.com"
    assert len(crm.records) == 1
    assert world.queue() == []


def test_a_record_without_a_key_can_become_a_customer(world: World) -> None:
    crm = world.connect()
    ref = crm.create({"name": "Anna"})
    world.sync()
    world.resolve(create=True, values={"external_id": "a1"})
    world.settle()
    assert world.values("a1")["customer_name"] == "Anna"
    assert crm.records[ref].values[KEY] == "a1"


def test_a_dismissed_record_stays_away_until_it_has_a_key(world: World) -> None:
    crm = world.connect()
    ref = crm.create({"name": "Anna"})
    world.sync()
    world.resolve(dismiss=True)
    assert world.sync(full=True).counts["held"] == {}
    assert world.queue() == []
    crm.edit(ref, {"name": "Anna B."})
    assert world.sync().counts["held"] == {}
    crm.edit(ref, {KEY: "a1"})
    assert world.sync().counts["created_local"] == 1


def test_a_dismissed_doubt_comes_back_with_a_newcomer(world: World) -> None:
    crm = world.connect(crm=MemoryCrm(unique_key=False))
    for name in ("One", "Two"):
        crm.create({KEY: "k1", "name": name})
    world.sync()
    world.resolve(dismiss=True)
    crm.edit("m000001", {"name": "One and only"})
    assert world.sync().counts["held"] == {}
    crm.create({KEY: "k1", "name": "Three"})
    assert world.sync().counts["held"] == {"ambiguous_match": 1}


def test_a_key_given_later_closes_the_row(world: World) -> None:
    crm = world.connect()
    ref = crm.create({"name": "Anna"})
    world.sync()
    crm.edit(ref, {KEY: "a1"})
    report = world.sync()
    assert report.counts["created_local"] == 1
    assert world.queue() == []


def test_records_without_a_key_are_skipped_where_the_rule_says_so(world: World) -> None:
    crm = world.connect(on_missing_external_id="skip")
    crm.create({"name": "Anna"})
    assert world.sync().counts["held"] == {}
    assert world.customers() == {}


def test_the_crms_own_id_is_adopted_as_key_where_the_rule_says_so(world: World) -> None:
    crm = world.connect(on_missing_external_id="adopt_ref")
    ref = crm.create({"name": "Anna"})
    world.settle()
    assert list(world.customers()) == [ref]
    assert crm.records[ref].values[KEY] == ref
    assert world.sync(full=True).counts["writes"] == 0


def test_two_records_with_one_key_are_both_held(world: World) -> None:
    crm = world.connect(crm=MemoryCrm(unique_key=False, page_size=2))
    for name in ("Anna", "Ben", "Carl"):
        crm.create({KEY: name[0], "name": name})
    crm.create({KEY: "A", "name": "Anna again"})
    report = world.sync()
    assert set(world.customers()) == {"B", "C"}
    assert report.counts["held"] == {"ambiguous_match": 1}
    (row,) = world.queue()
    assert row.row["reasons"][0]["refs"] == ["m000001", "m000004"]


def test_doubt_ends_when_the_rival_goes(world: World) -> None:
    crm = world.connect(crm=MemoryCrm(unique_key=False))
    crm.create({KEY: "A", "name": "Anna"})
    second = crm.create({KEY: "A", "name": "Anna again"})
    world.sync()
    crm.delete(second)
    world.settle()
    assert world.values("A")["customer_name"] == "Anna"
    assert world.queue() == []


def test_a_person_can_say_which_of_two_records_it_is(world: World) -> None:
    crm = world.connect(crm=MemoryCrm(unique_key=False))
    crm.create({KEY: "A", "name": "Anna"})
    second = crm.create({KEY: "A", "name": "Anna"})
    customer = world.add("A", customer_name="Anna")
    world.sync()
    world.resolve(link=customer, ref=second)
    world.settle()
    assert list(world.links()) == [second]
    assert len(crm.records) == 2


def test_a_newcomer_with_the_key_of_a_linked_record_is_held(world: World) -> None:
    crm = world.connect(crm=MemoryCrm(unique_key=False))
    first = crm.create({KEY: "A", "name": "Anna"})
    world.sync()
    crm.create({KEY: "A", "name": "Impostor"})
    assert world.sync().counts["held"] == {"ambiguous_match": 1}
    crm.edit(first, {"name": "Anna B."})
    world.sync()
    assert world.values("A")["customer_name"] == "Anna B."


def test_keys_that_differ_in_case_only_are_a_doubt(world: World) -> None:
    crm = world.connect()
    crm.create({KEY: "acme", "name": "Acme"})
    world.add("ACME", customer_name="Acme")
    report = world.sync()
    assert report.counts["held"] == {"ambiguous_match": 1}
    assert len(crm.records) == 1
    assert list(world.customers()) == ["ACME"]


def test_an_exact_match_is_certain_whatever_looks_like_it(world: World) -> None:
    crm = world.connect()
    for key in ("acme", "ACME"):
        crm.create({KEY: key, "name": key})
    world.add("ACME", customer_name="ACME")
    world.sync()
    assert world.customers()["ACME"].id == world.links()["m000002"].customer_id
    assert world.kinds() == ["ambiguous_match"]


def test_spaces_around_a_key_do_not_matter(world: World) -> None:
    crm = world.connect()
    crm.create({KEY: " a1 ", "name": "Anna"})
    world.add("a1", customer_name="Anna")
    assert world.sync().counts["matched"] == 1


@pytest.mark.parametrize("take", ["ours", "theirs"])
def test_a_changed_key_waits_for_a_person(world: World, take: str) -> None:
    crm = world.connect()
    ref = crm.create({KEY: "a1", "name": "Anna"})
    world.sync()
    crm.edit(ref, {KEY: "a2", "name": "Anna B."})
    report = world.sync()
    assert report.counts["held"] == {"key_changed": 1}
    assert report.counts["writes"] == 0
    world.resolve(take=take)
    world.settle()
    key = {"ours": "a1", "theirs": "a2"}[take]
    assert crm.records[ref].values[KEY] == key
    assert world.values(key)["customer_name"] == "Anna B."
    assert world.queue() == []
    assert len(crm.records) == 1


def test_a_changed_key_can_detach(world: World) -> None:
    crm = world.connect()
    ref = crm.create({KEY: "a1", "name": "Anna"})
    world.sync()
    crm.edit(ref, {KEY: "a2"})
    world.sync()
    world.resolve(dismiss=True)
    world.settle()
    assert world.links()[ref].row["state"] == "detached"
    assert len(crm.records) == 1


def test_a_taken_key_cannot_be_taken(world: World) -> None:
    crm = world.connect()
    ref = crm.create({KEY: "a1", "name": "Anna"})
    world.sync()
    world.add("a2")
    crm.edit(ref, {KEY: "a2"})
    world.sync(kind="pull")
    with pytest.raises(BadInput, match="belongs to another"):
        world.resolve(take="theirs")


def test_an_email_that_another_customer_has_holds_that_field_alone(world: World) -> None:
    crm = world.connect()
    world.add("a1", email="shared@example.com")
    crm.create({KEY: "b1", "name": "Ben", "email": "SHARED@example.com", "phone": "+1 217 555 0100"})
    report = world.sync()
    assert report.counts["held"] == {"email_taken": 1}
    assert world.values("b1")["phone_number"] == "+1 217 555 0100"
    assert world.values("b1")["email"] is None


def test_a_freed_email_is_taken_up_by_itself(world: World) -> None:
    crm = world.connect()
    world.add("a1", email="shared@example.com")
    crm.create({KEY: "b1", "name": "Ben", "email": "shared@example.com"})
    world.sync()
    world.change("a1", "email=own@example.com")
    world.settle()
    assert world.values("b1")["email"] == "shared@example.com"
    assert world.queue() == []


@pytest.mark.parametrize("page_size", [100, 1])
def test_two_customers_that_swap_emails_are_no_clash(world: World, page_size: int) -> None:
    crm = world.connect(crm=MemoryCrm(page_size=page_size))
    a = crm.create({KEY: "a1", "name": "Anna", "email": "one@example.com"})
    b = crm.create({KEY: "b1", "name": "Ben", "email": "two@example.com"})
    world.sync()
    crm.edit(a, {"email": "two@example.com"})
    crm.edit(b, {"email": "one@example.com"})
    report = world.sync()
    world.settle()
    assert world.values("a1")["email"] == "two@example.com"
    assert world.values("b1")["email"] == "one@example.com"
    assert world.queue() == []
    if page_size > 1:
        assert report.counts["held"] == {}


def test_two_new_records_with_one_email(world: World) -> None:
    crm = world.connect()
    for key in ("a1", "b1"):
        crm.create({KEY: key, "name": key, "email": "shared@example.com"})
    world.sync()
    assert world.values("a1")["email"] == "shared@example.com"
    assert world.values("b1")["email"] is None
    assert world.kinds() == ["email_taken"]


def test_open_fields_of_any_name_travel(world: World) -> None:
    lines = [("customer_name", "name"), ("custom_data.tier", "tier"), ("tax_info.EU.VAT", "vat")]
    lines.append(("communications_enabled", "mails"))
    crm = world.connect(map=[{"field": field, "crm": name} for field, name in lines])
    ref = crm.create({KEY: "a1", "name": "Anna", "tier": 3, "vat": "BE 0403 019 261", "mails": "false"})
    world.sync()
    customer = world.customers()["a1"]
    assert customer.row["custom_data"] == {"tier": 3}
    assert customer.tax == {"tax_info.EU.VAT": "BE 0403 019 261"}
    assert customer.row["communications_enabled"] is False
    world.change("a1", "custom_data.tier=gold", "tax_info.EU.VAT=BE0403019261")
    world.settle()
    assert crm.records[ref].values["tier"] == "gold"
    assert crm.records[ref].values["vat"] == "BE 0403 019 261"


def test_a_first_link_asks_about_what_differs(world: World) -> None:
    crm = world.connect()
    crm.create({KEY: "a1", "name": "Anna Ltd", **HOME})
    body = {"line1": "12 Main St", "city": "Springfield", "zipCode": "62701"}
    world.add("a1", customer_name="Anna Limited", phone="+1 217 555 0100", address=body)
    report = world.sync()
    assert report.counts["held"] == {"field_conflict": 1}
    assert report.counts["updated_remote"] == 1
    assert crm.records["m000001"].values["phone"] == "+1 217 555 0100"
    assert crm.records["m000001"].values["billing_line1"] == "12 Main Street"
    assert world.values("a1")["address"].line1 == "12 Main St"

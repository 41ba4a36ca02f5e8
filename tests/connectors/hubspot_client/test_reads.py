"""Reads by id and key: merges, archived records, silent answers, keys that are not unique."""

from __future__ import annotations

import pytest

from connectors.errors import Misconfigured
from connectors.port import Landed, Presence
from tests.conformance.playground import customer, fields, update, walk
from tests.connectors.hubspot_client.conftest import Start
from tests.connectors.hubspot_client.hub import Hub, Reply


def test_every_id_of_a_chain_of_merges_leads_to_the_record(hub: Hub) -> None:
    refs = [hub.create(customer(n), f"K{n}") for n in range(3)]
    middle = hub.merge(refs[0], refs[1])
    left = hub.merge(refs[2], middle)
    old = [*refs, middle]
    found = hub.connector.get_many([*old, left])
    assert [(found[ref].presence, found[ref].merged_into) for ref in old] == [(Presence.MERGED, left)] * 4
    assert all(found[ref].ref == ref for ref in old)
    assert found[left].presence is Presence.LIVE
    assert len(hub.asked()) == 1
    listed, _ = walk(hub.connector.list_all)
    assert {each.ref for each in listed[:4]} == set(old)
    assert listed[4:] == [found[left]]


def test_the_digest_of_a_merge_stays_when_the_record_changes(hub: Hub) -> None:
    one, other = hub.create(customer(1)), hub.create(customer(2))
    left = hub.merge(one, other)
    before = hub.connector.get_many([one])[one]
    hub.edit(left, {"customer_name": "Changed"})
    listed = {each.ref: each for each in walk(hub.connector.list_all)[0]}
    assert before.digest == listed[one].digest != listed[other].digest


def test_ids_of_which_the_answer_says_nothing_are_read_one_by_one(hub: Hub) -> None:
    one, other = hub.create(customer(1)), hub.create(customer(2))
    gone = hub.create(customer(3))
    left = hub.merge(one, other)
    hub.delete(gone)

    def silent(path: str, reply: Reply) -> Reply:
        if not path.endswith("/batch/read"):
            return reply
        return Reply(200, b'{"status": "COMPLETE", "results": []}')

    hub.between.outward = silent
    found = hub.connector.get_many([one, left, gone, "99999999999"])
    assert found[one].merged_into == left
    assert {ref: each.presence for ref, each in found.items()} == {
        one: Presence.MERGED,
        left: Presence.LIVE,
        gone: Presence.DELETED,
    }


def test_only_what_is_said_not_to_be_there_is_missing(hub: Hub) -> None:
    ref, gone = hub.create(customer(1)), "99999999999"

    def troubled(path: str, reply: Reply) -> Reply:
        if not path.endswith("/batch/read"):
            return reply
        error = {"category": "INTERNAL_ERROR", "context": {"ids": [ref, gone]}}
        return Reply(207, b"{}").with_json({"results": [], "errors": [error]})

    hub.between.outward = troubled
    assert hub.connector.get_many([ref, gone]).keys() == {ref}


def test_what_is_no_id_is_not_asked_for(hub: Hub) -> None:
    assert hub.connector.get_many(["", "no-ref", "１２", "1 OR 1", "-1"]) == {}
    assert hub.asked() == []


def test_an_update_under_an_old_id_lands_on_the_record_that_is_left(hub: Hub) -> None:
    one, other = hub.create(customer(1)), hub.create(customer(2))
    known = update(hub, one, {"customer_name": "Ours"})
    left = hub.merge(one, other)
    (receipt,) = hub.connector.write([known])
    assert isinstance(receipt, Landed)
    assert fields(hub, left)["customer_name"] == "Ours"


def test_the_recycle_bin_is_asked_for_missing_records_only(hub: Hub) -> None:
    refs = [hub.create(customer(n), f"K{n}") for n in range(3)]
    hub.connector.get_many(refs)
    assert len(hub.asked("/batch/read")) == 1
    hub.delete(refs[1])
    found = hub.connector.get_many(refs)
    assert [each.query for each in hub.asked("/batch/read")][1:] == ["archived=False", "archived=True"]
    assert [each.body["inputs"] for each in hub.asked("/batch/read")][2] == [{"id": refs[1]}]
    assert found[refs[1]].presence is Presence.DELETED
    (listed,) = walk(hub.connector.list_deleted)[0]
    assert listed == found[refs[1]]
    assert listed.payload == b""


def test_more_archived_records_than_a_page_shows(start: Start) -> None:
    hub = start(population=[{"name": f"C{n}"} for n in range(130)])
    refs = [each.ref for each in walk(hub.connector.list_all)[0]]
    for ref in refs[:120]:
        hub.delete(ref)
    gone = walk(hub.connector.list_deleted)[0]
    assert [each.ref for each in gone] == refs[:120]


def test_a_key_that_is_not_unique_is_searched(start: Start) -> None:
    hub = start(external_id="plain")
    keys = ["Same", "Same", "same", " Same ", "Other", "Ümlaut 日本", 'q"uote']
    refs = [hub.create(customer(n), key) for n, key in enumerate(keys)]
    found = hub.connector.find_by_external_id(["Same"])
    assert {each.ref for each in found} == set(refs[:3])
    found = hub.connector.find_by_external_id(["Ümlaut 日本", 'q"uote', "none", " "])
    assert {each.ref for each in found} == set(refs[5:])
    assert not hub.connector.describe().fields["company_id"].unique


def test_many_long_keys_are_searched_in_bodies_that_fit(start: Start) -> None:
    hub = start(external_id="plain")
    keys = [f"{n:03d} " + "é日" * 30 for n in range(60)]
    refs = [hub.create(customer(n), key) for n, key in enumerate(keys)]
    found = hub.connector.find_by_external_id(keys)
    assert {each.ref for each in found} == set(refs)


def test_more_records_of_one_key_than_a_page_shows(start: Start) -> None:
    hub = start(population=[{"name": f"C{n}", "company_id": "Same"} for n in range(1)], external_id="plain")
    refs = [hub.create(customer(n), "Same") for n in range(220)]
    found = hub.connector.find_by_external_id(["Same"])
    assert {each.ref for each in found} >= set(refs)
    assert len(found) == 221


def test_a_key_property_that_is_not_there_is_named(start: Start) -> None:
    hub = start(external_id="absent")
    with pytest.raises(Misconfigured, match="company_id"):
        hub.connector.find_by_external_id(["K1"])


def test_description(hub: Hub) -> None:
    found = hub.connector.describe()
    assert found.account_id == str(hub.account.portal_id)
    assert found.fields["company_id"].unique
    assert not found.fields["hs_lastmodifieddate"].writable
    assert found.fields["lifecyclestage"].options is not None
    assert found.fields["hubspot_owner_id"].options is None
    assert found.fields["name"].type == "string"


def test_a_record_that_has_another_key_by_now_is_not_found(start: Start) -> None:
    hub = start(external_id="plain")
    ref = hub.create(customer(1), "Old")
    hub.settings(index_delay=1000)
    hub.control("POST", "edit", {"id": ref, "fields": {"company_id": "New"}})
    assert hub.connector.find_by_external_id(["Old"]) == []
    hub.settings(index_delay=0)
    (found,) = hub.connector.find_by_external_id(["New"])
    assert found.ref == ref

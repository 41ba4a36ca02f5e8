"""What a write overwrote unseen, by the property history: what is claimed, and what is not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from connectors.errors import Unavailable
from connectors.hubspot import PLUGIN
from connectors.hubspot.history import HISTORY_BATCH
from connectors.port import FieldMapping, Landed, Update
from connectors.records import Address, Fields
from tests.conformance.playground import customer, live, update
from tests.connectors.hubspot_client.conftest import Start
from tests.connectors.hubspot_client.hub import Hub, Reply

HOME = Address(line1="Lange Allee 1", city="Berlin", zipCode="10117", country="Germany")


@pytest.fixture
def hub(start: Start) -> Hub:
    """Two changes never share a millisecond: each moves the clock on, as people do."""
    hub = start()
    control, seconds = hub.control, iter(range(1, 10_000))

    def moved(method: str, path: str, body: object = None) -> object:
        if path in ("edit", "create", "merge"):
            control("PUT", "settings", {"clock_offset": next(seconds)})
        return control(method, path, body)

    def before_write(path: str, body: object) -> object:
        if "/batch/" in path and not path.endswith("read"):
            hub.account.state.configure({"clock_offset": next(seconds)})
        return body

    hub.control = moved  # type: ignore[method-assign]
    hub.between.inward = before_write
    return hub


def write(hub: Hub, wanted: Update) -> None:
    assert isinstance(hub.connector.write([wanted])[0], Landed)


def lost(hub: Hub, wanted: Update) -> Fields:
    (found,) = hub.connector.overwritten([wanted])
    return found


def test_a_value_that_somebody_set_in_between(hub: Hub) -> None:
    ref = hub.create(customer(1))
    wanted = update(hub, ref, {"customer_name": "Ours", "phone_number": "+49 30 1"})
    hub.edit(ref, {"customer_name": "First"})
    hub.edit(ref, {"customer_name": "Theirs", "email": "not@written.de"})
    write(hub, wanted)
    hub.edit(ref, {"customer_name": "Afterwards"})
    assert lost(hub, wanted) == {"customer_name": "Theirs"}


def test_our_own_write_is_nothing_foreign(hub: Hub) -> None:
    ref = hub.create(customer(1))
    first = update(hub, ref, {"customer_name": "Ours"})
    write(hub, first)
    write(hub, first)
    assert lost(hub, first) == {}


def test_an_edit_between_two_tries_of_one_write(hub: Hub) -> None:
    ref = hub.create(customer(1))
    wanted = update(hub, ref, {"customer_name": "Ours"})
    hub.break_once("lost_answer")
    hub.connector.write([wanted])
    hub.mend()
    hub.edit(ref, {"customer_name": "Theirs"})
    write(hub, wanted)
    assert lost(hub, wanted) == {"customer_name": "Theirs"}


def test_an_edit_after_the_only_try_is_not_lost(hub: Hub) -> None:
    ref = hub.create(customer(1))
    wanted = update(hub, ref, {"customer_name": "Ours"})
    hub.break_once("lost_answer")
    hub.connector.write([wanted])
    hub.edit(ref, {"customer_name": "Theirs"})
    assert lost(hub, wanted) == {}


def test_a_write_that_did_not_land_has_overwritten_nothing(hub: Hub) -> None:
    ref = hub.create(customer(1))
    wanted = update(hub, ref, {"customer_name": "Ours"})
    hub.edit(ref, {"customer_name": "Theirs"})
    assert lost(hub, wanted) == {}


def test_a_value_that_was_set_and_put_back_is_not_lost(hub: Hub) -> None:
    ref = hub.create(customer(1))
    wanted = update(hub, ref, {"customer_name": "Ours"})
    hub.edit(ref, {"customer_name": "For a moment"})
    hub.edit(ref, {"customer_name": "Customer 1"})
    write(hub, wanted)
    assert lost(hub, wanted) == {}


def test_the_same_value_from_somebody_else_is_not_lost(hub: Hub) -> None:
    ref = hub.create(customer(1))
    wanted = update(hub, ref, {"customer_name": "Ours"})
    hub.edit(ref, {"customer_name": "Ours"})
    write(hub, wanted)
    assert lost(hub, wanted) == {}


def test_a_cleared_value_is_lost_as_nothing(hub: Hub) -> None:
    ref = hub.create(customer(1))
    wanted = update(hub, ref, {"email": "ours@x.de"})
    hub.edit(ref, {"email": None})
    write(hub, wanted)
    assert lost(hub, wanted) == {"email": None}


def test_clearing_loses_what_was_set(hub: Hub) -> None:
    ref = hub.create(customer(1))
    wanted = update(hub, ref, {"email": None})
    hub.edit(ref, {"email": "theirs@x.de"})
    write(hub, wanted)
    assert lost(hub, wanted) == {"email": "theirs@x.de"}


def test_an_address_comes_whole(hub: Hub) -> None:
    ref = hub.create(customer(1, address=HOME))
    wanted = update(hub, ref, {"address": replace(HOME, line1="Neue Allee 7", line2="Hof")})
    hub.edit(ref, {"address": replace(HOME, city="Potsdam")})
    write(hub, wanted)
    assert lost(hub, wanted) == {"address": replace(HOME, city="Potsdam")}


def test_an_address_keeps_the_lines_as_they_were_read(hub: Hub) -> None:
    given = {"name": "C", "address2": "Hof", "city": "Berlin"}
    ref = str(hub.control("POST", "create", {"fields": given})["id"])
    wanted = update(hub, ref, {"address": HOME})
    hub.edit(ref, {"customer_name": "Not written"})
    hub.control("POST", "edit", {"id": ref, "fields": {"city": "Potsdam"}})
    write(hub, wanted)
    assert lost(hub, wanted) == {"address": Address(line2="Hof", city="Potsdam")}


def test_an_unreadable_flag_is_shown_as_it_is(start: Start) -> None:
    hub = start(mapping=(*PLUGIN.mapping, FieldMapping("communications_enabled", "about_us")))
    ref = hub.create(customer(1))
    wanted = update(hub, ref, {"communications_enabled": True})
    hub.settings(clock_offset=1)
    hub.control("POST", "edit", {"id": ref, "fields": {"about_us": "perhaps"}})
    hub.settings(clock_offset=2)
    write(hub, wanted)
    assert lost(hub, wanted) == {"communications_enabled": "perhaps"}


def test_another_apps_write_is_foreign_once_ours_is_known(hub: Hub) -> None:
    ref = hub.create(customer(1))
    wanted = update(hub, ref, {"customer_name": "Ours", "email": "ours@x.de"})
    mine, account = hub.account.app_id, hub.account.state.account
    account.app_id = mine + 1
    write(hub, replace(wanted, fields={"customer_name": "Other app", "email": "ours@x.de"}))
    account.app_id = mine
    write(hub, wanted)
    known = hub.other(options={"app_id": str(mine)})
    unknown = hub.other(options={"app_id": mine + 5})
    assert known.overwritten([wanted]) == [{"customer_name": "Other app"}]
    assert lost(hub, wanted) == {"customer_name": "Other app"}
    assert unknown.overwritten([wanted]) == [{}]
    known.close()
    unknown.close()


def test_a_merge_in_between_hides_nothing(hub: Hub) -> None:
    ref, other = hub.create(customer(1)), hub.create(customer(2))
    wanted = update(hub, ref, {"customer_name": "Ours"})
    hub.edit(ref, {"customer_name": "Theirs"})
    write(hub, wanted)
    hub.merge(ref, other)
    assert lost(hub, wanted) == {"customer_name": "Theirs"}


def test_nothing_is_claimed_without_a_version_or_a_record(hub: Hub) -> None:
    ref = hub.create(customer(1))
    wanted = update(hub, ref, {"customer_name": "Ours"})
    hub.edit(ref, {"customer_name": "Theirs"})
    write(hub, wanted)
    assert lost(hub, replace(wanted, expected_version="")) == {}
    assert lost(hub, replace(wanted, fields={})) == {}
    assert lost(hub, replace(wanted, ref="99999999999")) == {}
    hub.delete(ref)
    assert lost(hub, wanted) == {}


OWN, PERSON = "INTEGRATION", "CRM_UI"
READ_AT = datetime(2026, 5, 1, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("versions", "expected"),
    [
        ([(3, "Theirs", PERSON), (4, "Ours", OWN), (5, "Ours", OWN)], {"customer_name": "Theirs"}),
        ([(3, "Theirs", PERSON), (4, "Ours", PERSON), (5, "Ours", OWN)], {}),
        ([(3, "Theirs", PERSON), (3, "Ours", OWN)], {"customer_name": "Theirs"}),
        ([(3, "Ours", OWN), (3, "Theirs", PERSON)], {}),
        ([(-3, "Theirs", PERSON), (-2, "Ours", OWN), (-1, "Now", PERSON)], {}),
        ([(0, "Theirs", PERSON), (1, "Ours", OWN)], {}),
        ([(3, "Theirs", PERSON), (4, "Ours", PERSON)], {}),
        ([(3, "Theirs", "WORKFLOWS"), (4, " Ours ", OWN)], {"customer_name": "Theirs"}),
        ([(3, "Theirs", OWN), (4, "Ours", OWN)], {"customer_name": "Theirs"}),
    ],
)
def test_histories(hub: Hub, versions: Sequence[tuple[int, str, str]], expected: Fields) -> None:
    ref = hub.create(customer(1))
    told = [
        {"value": value, "sourceType": source, "timestamp": (READ_AT + timedelta(seconds=at)).isoformat()}
        for at, value, source in reversed(versions)
    ]

    def recorded(_: str, reply: Reply) -> Reply:
        return reply.with_json({"results": [{"id": ref, "propertiesWithHistory": {"name": told}}]})

    wanted = Update(
        ref=ref,
        fields={"customer_name": "Ours"},
        before={"customer_name": "Customer 1"},
        expected_version="2026-05-01T10:00:00Z",
    )
    hub.between.outward = recorded
    assert lost(hub, wanted) == expected


def test_a_history_of_another_form_is_no_empty_history(hub: Hub) -> None:
    ref = hub.create(customer(1))
    wanted = update(hub, ref, {"customer_name": "Ours"})

    def odd(_: str, reply: Reply) -> Reply:
        return reply.with_json({"results": [{"id": ref, "propertiesWithHistory": {"name": [1]}}]})

    hub.between.outward = odd
    with pytest.raises(Unavailable):
        lost(hub, wanted)


def test_histories_are_read_for_fifty_records_and_the_written_properties(hub: Hub) -> None:
    refs = [hub.create(customer(n)) for n in range(HISTORY_BATCH + 10)]
    batch = [
        Update(
            ref=ref,
            fields={"email": f"ours{n}@x.de"} if n else {"customer_name": "Ours"},
            expected_version=live(hub, ref).version,
            before={"email": f"billing-{n}@example.com"} if n else {"customer_name": "Customer 0"},
        )
        for n, ref in enumerate(refs)
    ]
    hub.edit(refs[0], {"customer_name": "Theirs"})
    hub.edit(refs[-1], {"email": "theirs@x.de"})
    hub.connector.write(batch)
    hub.between.seen.clear()
    found = hub.connector.overwritten(batch)
    assert found[0] == {"customer_name": "Theirs"}
    assert found[-1] == {"email": "theirs@x.de"}
    assert found[1:-1] == [{}] * (len(batch) - 2)
    bodies = [each.body for each in hub.asked("/batch/read")]
    assert [len(each["inputs"]) for each in bodies] == [HISTORY_BATCH, 10]
    assert [each["propertiesWithHistory"] for each in bodies] == [
        ["billing_email", "name"],
        ["billing_email"],
    ]

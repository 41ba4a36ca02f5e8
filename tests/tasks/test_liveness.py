"""A CRM that is down, slow or strict holds up nobody but itself, and a bad record only itself."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from sync.store import conflicts
from sync.store.session import Database
from tests.tasks.conftest import until
from tests.tasks.place import Place, placed

HANG = [{"kind": "*", "fault": "timeout_before", "rate": 1.0, "seconds": 2.0}]
DOWN = [{"kind": "*", "fault": "unavailable_html", "rate": 1.0}]
STRICT = [{"kind": "*", "fault": "rate_limit", "rate": 1.0}]


@pytest.fixture
def place(postgresql: Database) -> Iterator[Place]:
    """An installation without connections."""
    with placed(postgresql) as made:
        yield made


def test_a_crm_that_is_down_for_good_leaves_the_others_as_fast_as_they_were(place: Place) -> None:
    salesforce, hubspot = place.connect("salesforce"), place.connect("hubspot")
    hubspot.control("PUT", "faults", DOWN)
    for number in range(12):
        place.create(salesforce, f"s{number}")
        place.make_due(salesforce, hubspot)
        made = place.drain()
        assert f"s{number}" in place.known(), "seen in the first wake-up, as ever"
        assert [kind for name, kind in made if name == "salesforce"] == ["pull"]
        assert len([name for name, _ in made if name == "hubspot"]) == 1, "asked once, not for each job"
    waiting = place.jobs_of(hubspot)
    assert {(job["state"], job["last_error"]) for job in waiting if job["attempts"]} == {
        ("open", "Unavailable")
    }
    hubspot.control("DELETE", "faults")
    place.create(hubspot, "h1")
    place.make_due(hubspot)
    place.drain()
    assert "h1" in place.known()
    assert hubspot.control("GET", "stats")["records"] == 13, "what waited for it went there"


def test_two_workers_do_not_both_hang_in_a_crm_that_hangs(place: Place) -> None:
    salesforce, hubspot = place.connect("salesforce"), place.connect("hubspot")
    place.create(salesforce, "s0")
    hubspot.control("PUT", "faults", HANG)
    place.make_due(salesforce, hubspot)
    place.drain()
    assert {job["kind"] for job in place.jobs_of(hubspot)} == {"pull", "push"}, "work in both lanes"
    hubspot.control("POST", "stats/reset")

    place.create(salesforce, "s1")
    place.make_due(hubspot)
    first = threading.Thread(target=place.drain)
    first.start()
    until(lambda: hubspot.control("GET", "stats")["faults"])
    place.make_due(salesforce)
    made = place.drain("b")
    assert ("salesforce", "pull") in made
    assert "s1" in place.known()
    assert first.is_alive(), "the other worker still hangs"
    assert "hubspot" not in {name for name, _ in made}
    first.join()


def test_one_organisation_at_its_limit_does_not_hold_up_the_others(place: Place) -> None:
    crms = [place.connect("hubspot", f"org{number}") for number in range(4)]
    crms[0].control("PUT", "faults", STRICT)
    for number, crm in enumerate(crms):
        place.create(crm, f"o{number}")
    place.make_due(*crms)
    made = place.drain()
    assert len(made) == 4
    assert place.known() == {"o1", "o2", "o3"}
    (waiting,) = place.jobs_of(crms[0])
    assert (waiting["state"], waiting["last_error"]) == ("open", "RateLimited")
    crms[0].control("DELETE", "faults")
    place.make_due(crms[0])
    place.drain()
    assert "o0" in place.known()


def test_a_record_that_cannot_be_taken_keeps_itself_only(place: Place) -> None:
    hubspot = place.connect("hubspot")
    for number in range(20):
        place.create(hubspot, f"h{number}", billing_email="not an address" if number == 7 else "")
    place.make_due(hubspot)
    place.drain()
    assert place.known() == {f"h{number}" for number in range(20)} - {"h7"}
    with place.services.database.reading() as tx:
        (row,) = conflicts.listing(tx, place.connection(hubspot.credentials["id"]).organisation_id)
    assert row.row["kind"] == "invalid_record"
    assert row.row["reasons"][0]["field"] == "email"
    assert place.jobs_of(hubspot) == []

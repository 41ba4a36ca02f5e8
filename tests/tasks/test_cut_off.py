"""A resync whose process was killed in the middle is finished by the next worker that looks."""

from __future__ import annotations

from sqlalchemy import select

from sync.store import runs
from sync.store.query import rows
from sync.store.schema import customers
from sync.store.worktables import jobs
from tasks.jobs import drain
from tests.tasks.conftest import Crm, Production, until
from tests.tasks.test_worker import first_sync


def test_a_resync_of_everything_that_was_killed_is_finished_by_a_worker(
    production: Production, crm: Crm
) -> None:
    for number in range(5):
        crm.create(f"k{number}")
    first_sync(production, crm)
    for record in crm.control("GET", "records"):
        crm.control("POST", "edit", {"id": record["Id"], "fields": {"Name": "Renamed"}})
    hang = {"kind": "query", "fault": "timeout_before", "rate": 1.0, "seconds": 60.0}
    crm.control("PUT", "faults", [hang])

    with production.process("resync", "crm", "--all", "--yes") as process:

        def at_work() -> bool:
            with production.services.database.reading() as tx:
                newest = runs.listing(tx, production.organisation_id)[0]
            asked = crm.control("GET", "stats")["faults"]
            return bool(asked) and newest["kind"] == "resync" and newest["state"] == "running"

        until(at_work)
        process.kill()
        process.wait()
    crm.control("DELETE", "faults")
    assert names(production) == {"A customer"}

    assert drain(production.services, lambda _event: None) >= 1
    assert names(production) == {"Renamed"}
    with production.services.database.reading() as tx:
        second, first, _ = runs.listing(tx, production.organisation_id)
        states = {row["state"] for row in rows(tx, select(jobs).where(jobs.c.kind == "resync"))}
    assert (first["state"], second["state"], states) == ("failed", "done", {"done"})
    assert "cut off" in first["reason"]
    assert (second["actor"], second["selection"]) == (first["actor"], {"all": True})
    assert second["trigger"] == "schedule"


def names(production: Production) -> set[str]:
    with production.services.database.reading() as tx:
        return {row["customer_name"] for row in rows(tx, select(customers.c.customer_name))}

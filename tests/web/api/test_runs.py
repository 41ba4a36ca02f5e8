"""Runs over HTTP: asked for, carried out by a worker, planned, approved, cancelled."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select, update

from connectors.port import Write
from sync.apikeys import Scope
from sync.store import audit, connections, lanes, orders
from sync.store import jobs as store
from sync.store.connections import ConnectionState
from sync.store.session import Database
from sync.store.worktables import jobs
from tasks.jobs import drain
from tests.web.api.steered import Steered, steer


@pytest.fixture
def world(database: Database) -> Iterator[Steered]:
    """A site with a CRM that was never synced."""
    for steered in steer(database):
        with steered.api.database.transaction() as tx:
            connections.set_state(tx, steered.connection().id, ConnectionState.NEW)
        yield steered


def work(world: Steered) -> list[dict[str, Any]]:
    """Let a worker do what is due; what it tells."""
    told: list[dict[str, Any]] = []
    drain(world.api.served.services, lambda event: told.append(dict(event)))
    return told


def start(world: Steered, **body: Any) -> dict[str, Any]:
    made: dict[str, Any] = world.api.post("/runs", {"connection": "crm", **body}, status=202)
    assert made["state"] == "queued"
    return made


def get(world: Steered, run: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = world.api.get(f"/runs/{run['id']}")
    return found


def leave_to_the_dead(world: Steered, run: dict[str, Any], *, running: bool = False) -> None:
    """What a killed worker leaves: its name on the run, and the job begun."""
    services = world.api.served.services
    gone = "/".join([*services.owner.split("/")[:2], "999999999", "1"])
    plain = run["id"].replace("-", "")
    with world.api.database.transaction() as tx:
        begun = store.begin(tx, world.connection().id, [store.ORDER])
        store.hold(tx, begun, 60, heard=False)
        assert orders.take(tx, plain, gone)
        assert not running or orders.begin(tx, plain, gone)


def due_again(world: Steered) -> None:
    """The time has come of every job that was put off."""
    with world.api.database.transaction() as tx:
        tx.execute(update(jobs).values(not_before=jobs.c.created_at))


def test_a_first_sync_is_planned_approved_and_carried_out_by_workers(world: Steered) -> None:
    for n in range(3):
        world.pair(f"k{n}")
    asked = start(world)
    assert world.api.served.wakes
    work(world)
    planned = get(world, asked)
    assert planned["state"] == "needs_approval"
    assert planned["planned"]["create_local"] == 3
    first = world.api.get(f"/runs/{asked['id']}/plan", limit=2)
    rest = world.api.get(f"/runs/{asked['id']}/plan", limit=2, cursor=first["next_cursor"])
    subjects = [each["subject"] for each in (*first["data"], *rest["data"])]
    assert len(set(subjects)) == 3
    assert rest["next_cursor"] is None
    assert first["data"][0]["actions"][0]["action"] == "create_local"
    assert world.api.get("/customers")["data"] == []
    world.api.post(f"/runs/{asked['id']}/approve", None, status=202)
    again = world.api.refused("POST", f"/runs/{asked['id']}/approve")
    assert again["status"] == 409
    work(world)
    assert get(world, asked)["state"] == "done"
    assert len(world.api.get("/customers")["data"]) == 3
    doing = world.api.get("/runs", state="done", limit=1)["data"][0]
    assert doing["id"] != asked["id"]
    assert doing["actor"] == "api:test"
    page = world.api.get(f"/runs/{doing['id']}/changes", limit=1)
    assert page["next_cursor"] is not None
    with world.api.database.reading() as tx:
        deeds = {row["action"] for row in audit.listing(tx, world.api.organisation_id)}
    assert {"run.ordered", "run.approved"} <= deeds
    assert world.api.refused("POST", f"/runs/{asked['id']}/approve")["status"] == 409


def test_plans_and_resyncs_are_asked_for_as_at_the_command_line(world: Steered) -> None:
    refs = world.pair("a"), world.pair("b")
    world.sync()
    world.crms["crm"].edit(refs[0]["crm"], {"name": "New name"})
    world.crms["crm"].edit(refs[1]["crm"], {"name": "New too"})
    plan = start(world, kind="plan")
    preview = start(world, kind="resync", preview=True, selection={"ids": ["b"]})
    work(world)
    assert get(world, plan)["planned"]["update_local"] == 2
    assert len(world.api.get(f"/runs/{preview['id']}/plan")["data"]) == 1
    assert world.value("a", "customer_name") == "Customer a"
    done = start(world, kind="resync", selection={"refs": [refs[0]["crm"]]})
    work(world)
    found = get(world, done)
    assert (found["state"], found["counts"]["updated_local"]) == ("done", 1)
    assert found["selection"] == {"refs": [refs[0]["crm"]]}
    assert (world.value("a", "customer_name"), world.value("b", "customer_name")) == (
        "New name",
        "Customer b",
    )
    listed = [each["id"] for each in world.api.get("/runs", connection="crm")["data"]]
    assert listed[:3] == [done["id"], preview["id"], plan["id"]]
    assert world.api.get("/runs", limit=1, kind="plan")["data"][0]["id"] == plan["id"]


def test_what_cannot_be_asked_for_is_refused_with_its_reason(world: Steered) -> None:
    for body, place in (
        ({"kind": "resync"}, ""),
        ({"kind": "sync", "selection": {"all": True}}, ""),
        ({"kind": "resync", "selection": {"all": True, "ids": ["a"]}}, "selection"),
        ({"kind": "undo"}, "kind"),
        ({"kind": "sync", "yes": True}, "yes"),
        ({"kind": "resync", "selection": {"where": [{"field": "nonsense", "present": True}]}}, ""),
    ):
        assert place in world.api.wrong("/runs", {"connection": "crm", **body}), body
    assert world.api.refused("POST", "/runs", {"connection": "nowhere"})["status"] == 404
    with world.api.database.transaction() as tx:
        connections.set_state(tx, world.connection().id, ConnectionState.PAUSED)
    assert world.api.refused("POST", "/runs", {"connection": "crm"})["status"] == 409
    assert world.api.get("/runs")["data"] == []


def test_who_may_start_and_who_approve(world: Steered) -> None:
    asked = start(world)
    reader, writer = world.api.with_key(Scope.READ), world.api.with_key(Scope.WRITE)
    assert reader.get(f"/runs/{asked['id']}")["id"] == asked["id"]
    assert reader.refused("POST", "/runs", {"connection": "crm"})["status"] == 403
    for deed in ("approve", "cancel"):
        assert writer.refused("POST", f"/runs/{asked['id']}/{deed}")["status"] == 403
    theirs = world.api.with_key(Scope.ADMIN, "theirs")
    for method, path in (("GET", ""), ("GET", "/plan"), ("GET", "/changes"), ("POST", "/approve")):
        assert theirs.refused(method, f"/runs/{asked['id']}{path}")["status"] == 404
    assert theirs.refused("POST", "/runs", {"connection": world.connection().id})["status"] == 404
    assert theirs.get("/runs")["data"] == []


def test_a_run_that_is_cancelled_while_it_waits_is_not_carried_out(world: Steered) -> None:
    world.pair("a")
    asked = start(world)
    assert world.api.post(f"/runs/{asked['id']}/cancel", None, status=200)["state"] == "cancelled"
    assert work(world) == []
    assert get(world, asked)["state"] == "cancelled"
    assert world.api.refused("POST", f"/runs/{asked['id']}/cancel")["status"] == 409


def test_a_run_whose_crm_is_silent_ends_with_the_reason_and_is_not_tried_for_ever(world: Steered) -> None:
    def silent(_kind: str, _write: Write | None) -> str:
        return "unavailable"

    asked = start(world)
    world.crms["crm"].fault = silent
    work(world)
    found = get(world, asked)
    assert (found["state"], found["reason"]) == ("failed", "The CRM does not answer.")
    assert work(world) == []


def test_a_run_waits_while_another_worker_is_at_its_connection(world: Steered) -> None:
    world.pair("a")
    world.sync()
    asked = start(world)
    connection = world.connection().id
    with world.api.database.transaction() as tx:
        lease = lanes.take(tx, connection, "push", owner="another", seconds=60, dead_owners=[])
    assert lease
    work(world)
    assert get(world, asked)["state"] == "queued"
    with world.api.database.transaction() as tx:
        lanes.give_back(tx, lease)
        tx.execute(update(jobs).values(not_before=jobs.c.created_at))
    work(world)
    assert get(world, asked)["state"] == "done"


def test_a_run_whose_worker_died_is_carried_out_by_the_next_one(world: Steered) -> None:
    world.pair("a")
    world.sync()
    asked = start(world)
    leave_to_the_dead(world, asked)
    due_again(world)
    work(world)
    assert get(world, asked)["state"] == "done"
    with world.api.database.reading() as tx:
        assert set(tx.execute(select(jobs.c.state).where(jobs.c.kind == store.ORDER)).scalars()) == {"done"}


def test_a_run_whose_worker_died_is_not_lost_to_a_pull_that_comes_first(world: Steered) -> None:
    world.pair("a")
    world.sync()
    asked = start(world)
    leave_to_the_dead(world, asked, running=True)
    with world.api.database.transaction() as tx:
        wanted = store.Wanted(world.connection().id, "pull", organisation_id=world.api.organisation_id)
        store.ask_for(tx, [wanted])
    assert [each["kind"] for each in work(world) if each["event"] == "run"] == ["pull"]
    assert get(world, asked)["state"] == "running"
    due_again(world)
    work(world)
    assert get(world, asked)["state"] == "done"


def test_a_run_is_asked_for_once_however_often_it_is_sent(world: Steered) -> None:
    headers = {"Idempotency-Key": "once"}
    first = world.api.call("POST", "/runs", {"connection": "crm"}, headers=headers)
    again = world.api.call("POST", "/runs", {"connection": "crm"}, headers=headers)
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json()["id"] == again.json()["id"]
    assert first.headers["Location"] == f"/runs/{first.json()['id']}"
    assert len(world.api.get("/runs")["data"]) == 1


def test_a_run_is_undone_by_workers_and_the_undo_too(world: Steered) -> None:
    with world.api.database.transaction() as tx:
        connections.set_state(tx, world.connection().id, ConnectionState.ACTIVE)
    refs = world.pair("k0")
    world.settle()
    world.crms["crm"].edit(refs["crm"], {"name": "Edited there"})
    edit = world.sync()
    assert world.value("k0", "customer_name") == "Edited there"
    path = f"/runs/{edit.run}/undo"
    asked = world.api.post(path, {"preview": True}, status=202)["runs"]
    work(world)
    assert get(world, asked[0])["state"] == "done"
    assert world.value("k0", "customer_name") == "Edited there", "a preview writes nothing"
    assert world.api.get(f"/runs/{asked[0]['id']}/plan")["data"]
    assert world.api.refused("POST", path, {"record": "nobody"})["status"] == 404
    assert world.api.refused("POST", f"/runs/{'0' * 32}/undo", {})["status"] == 404
    assert world.api.with_key(Scope.WRITE).refused("POST", path, {})["status"] == 403
    first = world.api.post(path, {"record": "k0"}, status=202)["runs"]
    assert [each["state"] for each in first] == ["queued"]
    work(world)
    assert world.value("k0", "customer_name") == "Customer k0"
    assert not world.sync().counts["writes"], "nothing moves until someone edits"
    world.api.post(f"/runs/{first[0]['id']}/undo", {}, status=202)
    work(world)
    assert world.value("k0", "customer_name") == "Edited there"

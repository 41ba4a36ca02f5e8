"""Forms of connections as somebody sends them who may not, or whose values cannot be."""

from __future__ import annotations

import re

from sync import users
from sync.clock import new_id
from sync.store import connections, imports, schedules
from sync.users import UserRole
from tests.desk.conftest import PASSWORD
from tests.desk.test_forms import Client, served
from tests.desk.test_rights import pages
from tests.web.conftest import Served

__all__ = ["served"]


def test_what_cannot_be_is_named_and_changes_nothing(served: Served) -> None:
    connection = served.connect("crm", secret="")
    client = Client(served)
    client.sign_in()
    place = f"/desk/connections/{connection.id}"
    page = client.send("GET", f"{place}/rules").text
    shown = re.search(r'name="shown" value="([0-9a-f]{32})"', page)
    assert shown is not None
    base = {"csrf": client.csrf(place), "shown": shown[1]}
    when = {"by": "every", "number": "1", "unit": "60", "cron": ""}
    good = {**when, **{f"full_{name}": text for name, text in when.items()}}
    good |= {"quiet_from": "", "quiet_to": "", "timezone": "UTC", "daily_calls": "", "reserve": "10"}
    wrong = (
        ("schedule", {**good, "number": "0"}, "greater than or equal"),
        ("schedule", {**good, "number": "x"}, "whole number"),
        ("schedule", {**good, "by": "cron", "cron": "* * *"}, "must have five fields"),
        ("schedule", {**good, "unit": "61"}, "a cron line, or a number"),
        ("schedule", {**good, "by": "moon"}, "a cron line, or a number"),
        ("schedule", {**good, "quiet_from": "22:00"}, "a beginning and an end"),
        ("schedule", {**good, "quiet_from": "22:00", "quiet_to": "22:00"}, "same time"),
        ("schedule", {**good, "timezone": "Mars/Olympus"}, "no time zone"),
        ("schedule", {**good, "daily_calls": "-1"}, "whole number"),
        ("schedule", {**good, "reserve": "100"}, "less than or equal"),
        ("rules", {"preset:email": "nonsense"}, "no such rule"),
        ("rules", {"preset:email": "custom", "direction:email": "sideways"}, "no such rule"),
        ("policies", {"address_policy": "lax"}, "cannot be taken"),
        ("scope", {"field": "email", "operator": "nonsense", "values": "x"}, "one of"),
        ("scope", {"field": "ship_to_address.city", "operator": "eq", "values": "x"}, "not mapped"),
        ("scope", {"field": "email", "operator": "eq", "values": ""}, "not valid"),
        ("map", {"crm:external_id": "key", "crm:email": "email"}, "customer_name must be mapped"),
        ("map", {"crm:external_id": "1 2", "crm:customer_name": "name"}, "no name of a CRM field"),
        ("map", {"crm:customer_name": "name", "crm:external_id": "k", "field": "x", "crm": "y"}, "no field"),
        ("map", {"crm:customer_name": "name", "crm:external_id": "k", "field": "", "crm": "y"}, "both names"),
        ("credentials", {"way": "private app"}, "Nothing was given"),
    )
    for path, form, reason in wrong:
        answer = client.send("POST", f"{place}/{path}", **base, **form)
        assert (answer.status_code, reason in answer.text) == (422, True), (path, form)
    assert client.send("POST", f"{place}/credentials", **base, way="x").status_code == 400
    assert client.send("POST", f"{place}/run", **base, what="x").status_code == 400
    assert client.send("POST", f"{place}/resume", **base).status_code == 409
    assert client.send("GET", f"{place}/values?x=y").status_code == 400
    with served.database.reading() as tx:
        assert connections.load(tx, connection.id) == connection
    hubspot = {"name": "h", "url": "http://127.0.0.1:9", "way": "private app", "private app:token": "canary"}
    answer = client.send("POST", "/desk/connections/new/hubspot", **base, **hubspot)
    assert (answer.status_code, "own hosts" in answer.text, "canary" in answer.text) == (422, True, False)
    taken = client.send(
        "POST", "/desk/connections/new/hubspot", **base, **hubspot | {"name": "crm", "url": ""}
    )
    assert (taken.status_code, "belongs to another connection" in taken.text) == (422, True)
    for name in ("memory", "nothing"):
        assert client.send("GET", f"/desk/connections/new/{name}").status_code == 404


def test_who_may_what_and_whose_is_whose(served: Served) -> None:
    mine = served.connect("crm", secret="")
    with served.database.transaction() as tx:
        foreign = connections.organisation(tx, "Foreign")
        files = imports.files(tx, served.organisation_id).id
    theirs = Served(served.url, served.site, served.settings, served.services, foreign, []).connect("theirs")
    routes = [each for each in pages(served) if each[1].startswith("/desk/connections")]
    assert len(routes) >= 20
    for role in (UserRole.VIEWER, UserRole.REVIEWER):
        email = f"{role.value}@acme.example"
        users.add(served.database, email, PASSWORD, role, "default", actor="test")
        client = Client(served)
        client.sign_in(email=email)
        token = client.csrf("/desk")
        for method, path, wanted in routes:
            if wanted is not UserRole.VIEWER and role.scope.allows(wanted.scope):
                continue
            there = path.replace("{connection}", mine.id).replace("{connector}", "hubspot")
            answer = client.send(method, there, **({"csrf": token} if method == "POST" else {}))
            assert answer.status_code == (200 if wanted is UserRole.VIEWER else 403), path
            posts = set(re.findall(r'action="/desk/connections[^"]*/([a-z]+)"', answer.text))
            assert posts == (
                {"run"} if role is UserRole.REVIEWER and path.endswith("{connection}") else set()
            )
            assert f"{mine.id}/map" not in answer.text
    admin = Client(served)
    admin.sign_in()
    token = admin.csrf("/desk")
    for method, path, _ in routes:
        if "{connection}" not in path:
            continue
        for connection_id in (theirs.id, files, new_id(), "x"):
            there = path.replace("{connection}", connection_id)
            form = {"csrf": token, "what": "sync", "way": "private app"} if method == "POST" else {}
            assert admin.send(method, there, **form).status_code == 404, (path, connection_id)
    assert "theirs" not in admin.send("GET", "/desk/connections").text
    with served.database.reading() as tx:
        assert connections.load(tx, theirs.id).row == theirs.row


def test_times_that_somebody_else_has_changed_meanwhile_are_not_changed_back(served: Served) -> None:
    connection = served.connect("crm", secret="")
    client = Client(served)
    client.sign_in()
    place = f"/desk/connections/{connection.id}"
    shown = re.search(r'name="shown" value="([0-9a-f]{32})"', client.send("GET", f"{place}/schedule").text)
    assert shown is not None
    form = {
        "csrf": client.csrf(place),
        "shown": shown[1],
        "timezone": "UTC",
        "daily_calls": "",
        "reserve": "10",
    }
    form |= {"by": "every", "number": "7", "unit": "60", "cron": "", "quiet_from": "", "quiet_to": ""}
    form |= {"full_by": "every", "full_number": "1", "full_unit": "86400", "full_cron": ""}
    assert client.send("POST", f"{place}/schedule", **form).status_code == 303
    late = client.send(
        "POST", f"{place}/schedule", **{**form, "number": "1", "quiet_from": "22:00", "quiet_to": "06:00"}
    )
    assert late.status_code == 409
    with served.database.reading() as tx:
        assert [each["every_seconds"] for each in schedules.of(tx, connection.id)] == [86_400, 420]

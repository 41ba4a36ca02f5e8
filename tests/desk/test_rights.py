"""Who may do what on pages, and that a form which makes no sense changes nothing."""

from __future__ import annotations

from sync import users
from sync.core.actions import Conflict, ConflictKind
from sync.store import conflicts, connections
from sync.store.query import now
from sync.users import UserRole
from tests.desk.conftest import PASSWORD
from tests.desk.test_forms import Client, served
from tests.web.conftest import Served
from web.app import create_app
from web.pages.route import PageRoute

__all__ = ["served"]


def pages(served: Served) -> list[tuple[str, str, UserRole]]:
    """Method, path and role of every page that is not for everybody."""
    routes = [each for each in create_app(served.site).routes if isinstance(each, PageRoute)]
    return [
        ("GET" if "GET" in (each.methods or ()) else "POST", each.path, each.role)
        for each in routes
        if each.role is not None
    ]


def test_whose_role_is_too_small_decides_nothing(served: Served) -> None:
    users.add(served.database, "viewer@acme.example", PASSWORD, UserRole.VIEWER, "default", actor="test")
    client = Client(served)
    client.sign_in(email="viewer@acme.example")
    token = client.csrf("/desk")
    asked = [path for method, path, role in pages(served) if role is UserRole.REVIEWER]
    assert len(asked) >= 6
    for path in asked:
        answer = client.send("POST", path.replace("{conflict}", "0" * 32), csrf=token, way="ours")
        assert (answer.status_code, "reviewer" in answer.text) == (403, True), path


def test_what_is_another_organisations_is_not_there(served: Served) -> None:
    with served.database.transaction() as tx:
        foreign = connections.organisation(tx, "Foreign")
    made = Served(served.url, served.site, served.settings, served.services, foreign, [])
    place = made.connect("theirs")
    with served.database.transaction() as tx:
        at = now(tx)
        question = Conflict(kind=ConflictKind.PUSH_REJECTED, subject="ref:1", ref="1")
        conflicts.open_more(
            tx, organisation_id=foreign, connection_id=place.id, wanted=[question], run_id="0" * 32, at=at
        )
        (row,) = conflicts.listing(tx, foreign)
    client = Client(served)
    client.sign_in()
    token = client.csrf("/desk")
    forms = {"csrf": token, "way": "dismiss", "version": "1", "assignee": "", "note": "x", "run": row.id}
    for method, path, _ in pages(served):
        if "{conflict}" in path or path == "/desk/undo":
            form = forms if method == "POST" else {}
            answer = client.send(method, path.replace("{conflict}", row.id), **form)
            assert answer.status_code == 404, path
    shown = {"csrf": token, "way": "dismiss", "shown": f"{row.id}:1", "id": row.id}
    assert "0 questions decided" in client.send("POST", "/desk/conflicts/many", **shown).text
    assert client.send("POST", "/desk/conflicts/preview", **shown).status_code == 422
    assert client.send("POST", "/desk/organisation", csrf=token, organisation=foreign).status_code == 404
    with served.database.reading() as tx:
        assert conflicts.listing(tx, foreign)[0].row["version"] == row.row["version"]
    for query in ("kind=x", "connection=x", "age=x", "after=x"):
        assert client.send("GET", f"/desk/conflicts?{query}").status_code == 400, query


def test_a_form_that_makes_no_sense_changes_nothing(served: Served) -> None:
    place = served.connect("crm")
    with served.database.transaction() as tx:
        question = Conflict(
            kind=ConflictKind.FIELD_CONFLICT,
            subject="ref:1",
            field="email",
            ref="1",
            local={"email": "a@acme.example"},
            remote={"email": "b@acme.example"},
        )
        conflicts.open_more(
            tx,
            organisation_id=served.organisation_id,
            connection_id=place.id,
            wanted=[question],
            run_id="0" * 32,
            at=now(tx),
        )
        (row,) = conflicts.listing(tx, served.organisation_id)
    client = Client(served)
    client.sign_in()
    token = client.csrf("/desk")
    path = f"/desk/conflicts/{row.id}"
    for form, status in (
        ({}, 422),
        ({"way": "nothing"}, 422),
        ({"way": "link", "customer": "nobody"}, 422),
        ({"way": "link"}, 422),
        ({"way": "theirs", "version": "7"}, 409),
        ({"way": "theirs", "version": "x"}, 409),
        ({"way": "fields", "side:email": "edit", "edit:email": "no address", "version": "1"}, 422),
    ):
        assert client.send("POST", path, csrf=token, **form).status_code == status, form
    assert client.send("POST", f"{path}/assign", csrf=token, assignee="x@y.example").status_code == 422
    assert client.send("POST", f"{path}/note", csrf=token, note=" ").status_code == 422
    assert client.send("POST", "/desk/conflicts/many", csrf=token, way="ours", shown="x").status_code == 400
    assert client.send("POST", "/desk/conflicts/many", csrf=token, way="ours").status_code == 400
    assert client.send("POST", "/desk/conflicts/preview", csrf=token, way="link").status_code == 422
    with served.database.reading() as tx:
        (after,) = conflicts.listing(tx, served.organisation_id)
    assert after.row == row.row

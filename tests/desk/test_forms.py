"""Pages and forms as somebody sends them who is no browser, or not from our page."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from sqlalchemy import select, update
from starlette.routing import Route

from sync import users
from sync.signin import FREE_TRIES
from sync.store import connections, customers, imports
from sync.store.schema import customers as table
from sync.store.session import Database
from sync.store.types import later
from sync.store.usertables import web_sessions
from sync.users import UserRole
from tests.desk.conftest import PASSWORD
from tests.web.conftest import Served, serve
from web.app import create_app
from web.pages.assets import assets
from web.pages.render import POLICY
from web.pages.route import PageRoute
from web.pages.visit import COOKIE

EMAIL = "jane@acme.example"


@pytest.fixture
def served(database: Database) -> Any:
    for each in serve(database, public_url=None):
        users.add(database, EMAIL, PASSWORD, UserRole.ADMIN, "default", actor="test")
        yield each


class Client:
    """A program that behaves like a browser, but where it is told not to."""

    def __init__(self, served: Served) -> None:
        self.url, self.http, self.cookie = served.url, requests.Session(), ""

    def send(self, method: str, path: str, headers: Any = None, files: Any = None, **form: str) -> Any:
        told = {"Cookie": f"{COOKIE}={self.cookie}"} if self.cookie else {}
        told |= {"Origin": self.url, "Sec-Fetch-Site": "same-origin"} if method == "POST" else {}
        told = {name: value for name, value in {**told, **(headers or {})}.items() if value != "-"}
        answer = self.http.request(
            method,
            self.url + path,
            data=form or None,
            files=files,
            headers=told,
            timeout=20,
            allow_redirects=False,
        )
        self.http.cookies.clear()
        if found := re.match(rf"{COOKIE}=([^;]+)", answer.headers.get("Set-Cookie", "")):
            self.cookie = found[1]
        return answer

    def csrf(self, path: str = "/desk/sign-in") -> str:
        found = re.search(r'name="csrf" value="([0-9a-f]{64,96})"', self.send("GET", path).text)
        assert found is not None
        return found[1]

    def sign_in(self, password: str = PASSWORD, email: str = EMAIL, **form: str) -> Any:
        given = {"csrf": self.csrf(), "email": email, "password": password, **form}
        return self.send("POST", "/desk/sign-in", **given)


def test_every_page_but_few_asks_who_it_is(served: Served) -> None:
    routes = [each for each in create_app(served.site).routes if isinstance(each, PageRoute)]
    open_to_all = {(each.path, *sorted(each.methods or ())) for each in routes if each.role is None}
    assert open_to_all == {
        ("/desk/sign-in", "GET", "HEAD"),
        ("/desk/sign-in", "POST"),
        ("/desk/sign-out", "POST"),
        ("/desk/signed-in", "GET", "HEAD"),  # whether and who: asked by a form that has outlived its session
        ("/desk/{rest:path}", "GET", "HEAD", "POST"),
    }
    client = Client(served)
    nowhere = "0" * 32
    for route in routes:
        if route.role is None:
            continue
        path = re.sub(r"{[^}]+}", nowhere, route.path)
        if "GET" in (route.methods or ()):
            answer = client.send("GET", path)
            assert (answer.status_code, urlsplit(answer.headers["Location"]).path) == (303, "/desk/sign-in")
        else:
            assert client.send("POST", path, a="b").status_code == 403, path
            answer = client.send("POST", path, csrf=client.csrf())
            assert answer.headers["Location"] == "/desk/sign-in", path


def test_a_form_has_to_be_ours(served: Served) -> None:
    client = Client(served)
    assert client.sign_in().headers["Location"] == "/desk"
    good = client.csrf("/desk")
    organisation = {"organisation": served.organisation_id}
    for headers, token in (
        ({}, ""),
        ({}, "0" * 64),
        ({"Sec-Fetch-Site": "cross-site"}, good),
        ({"Sec-Fetch-Site": "same-site"}, good),
        ({"Sec-Fetch-Site": "none"}, good),
        ({"Sec-Fetch-Site": "-", "Origin": "https://evil.example"}, good),
        ({"Sec-Fetch-Site": "-", "Origin": "null"}, good),
        ({"Sec-Fetch-Site": "-", "Origin": "-"}, good),
    ):
        answer = client.send("POST", "/desk/organisation", headers, csrf=token, **organisation)
        assert answer.status_code == 403, (headers, token)
        assert answer.headers["Content-Type"].startswith("text/html")
    stranger = Client(served)
    assert stranger.send("POST", "/desk/organisation", csrf=good, **organisation).status_code == 403
    old = {"Sec-Fetch-Site": "-"}  # a browser that does not say it, but sends Origin
    for headers in ({}, old):
        answer = client.send("POST", "/desk/organisation", headers, csrf=good, **organisation)
        assert answer.headers["Location"] == "/desk"
    json = {"Content-Type": "application/json"}
    assert client.send("POST", "/desk/organisation", json, csrf=good).status_code == 415


def test_a_form_writes_into_the_organisation_of_its_page_alone(served: Served) -> None:
    users.set_role(served.database, EMAIL, UserRole.ADMIN, "Bolt", actor="test")
    client = Client(served)
    client.sign_in()
    with served.database.transaction() as tx:
        both = {name: connections.organisation(tx, name) for name in ("default", "Bolt")}
    client.send("POST", "/desk/organisation", csrf=client.csrf("/desk"), organisation=both["default"])
    first = client.csrf("/desk/imports")
    assert client.send("POST", "/desk/organisation", csrf=first, organisation=both["Bolt"]).status_code == 303
    file = {"file": ("a.csv", b"external_id,customer_name\nA-1,Acme\n")}
    flags = {"communications_enabled": "1", "auto_charge_enabled": "1"}
    for path, form, files in (
        ("/desk/imports", {}, file),
        ("/desk/customers/new", {"customer_name": "Acme", **flags}, None),
        ("/desk/connections/new/hubspot", {"name": "hubspot"}, None),
        ("/desk/notices/channels", {}, None),
    ):
        answer = client.send("POST", path, files=files, csrf=first, **form)
        assert (answer.status_code, "another organisation" in answer.text) == (403, True), path
    forged = first[:64] + both["Bolt"]
    assert client.send("POST", "/desk/imports", files=file, csrf=forged).status_code == 403
    with served.database.reading() as tx:
        for each in both.values():
            assert not imports.listing(tx, each)
            assert not customers.load(tx, each, table.c.id > "")
    there = client.csrf("/desk/imports")
    assert client.send("POST", "/desk/imports", files=file, csrf=there).status_code == 303
    assert client.send("GET", f"/desk/signed-in?organisation={both['Bolt']}").text == there
    assert client.send("POST", "/desk/sign-out", csrf=first).headers["Location"].startswith("/desk/sign-in")


def test_a_session_is_new_at_the_sign_in_and_over_at_the_sign_out(served: Served) -> None:
    client = Client(served)
    client.csrf()
    before = client.cookie
    client.sign_in()
    inside = client.cookie
    assert inside != before
    token = client.csrf("/desk")
    assert client.send("POST", "/desk/sign-out", csrf=token).headers["Location"].startswith("/desk/sign-in")
    for cookie in (before, inside):
        client.cookie = cookie
        assert client.send("GET", "/desk").status_code == 303


def test_a_page_that_renews_itself_keeps_nobody_signed_in(served: Served) -> None:
    client = Client(served)
    client.sign_in()

    def used() -> datetime:
        with served.database.transaction() as tx:
            found: datetime = tx.execute(select(web_sessions.c.used_at)).scalar_one()
            return found

    with served.database.transaction() as tx:
        tx.execute(update(web_sessions).values(used_at=later(-600)))
    before = used()
    for path, part in (("/desk", "overview"), ("/desk/runs", "run"), ("/desk/imports", "import")):
        assert client.send("GET", path, {"HX-Request": "true", "HX-Trigger": part}).status_code == 200
        assert used() == before, part
    client.send("GET", "/desk")
    assert used() > before


def test_nobody_is_sent_to_another_site(served: Served) -> None:
    strange = ("https://evil.example", "//evil.example", "/desk/../x\\", "/\\evil.example")
    for place in (*strange, "/desk//x", "/desk?a=b"):
        answer = Client(served).sign_in(next=place)
        assert answer.headers["Location"] in ("/desk", place)
        assert not answer.headers["Location"].startswith(("http", "//", "/\\")), place


def test_too_many_tries_are_refused_even_with_the_right_password(served: Served) -> None:
    client = Client(served)
    for _ in range(FREE_TRIES):
        assert client.sign_in("wrong").status_code == 403
    assert client.sign_in().status_code == 403


def test_answers_are_sealed(served: Served) -> None:
    client = Client(served)
    for path, status in (("/desk/sign-in", 200), ("/desk/nothing", 404), ("/desk/sign-in?x=%00", 400)):
        answer = client.send("GET", path)
        assert answer.status_code == status
        assert answer.headers["Content-Security-Policy"] == POLICY
        assert "unsafe" not in POLICY
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert not re.search(r"<script(?![^>]* src=)|<style| style=| on[a-z]+=", answer.text)
    for place in ("/", "/desk/"):
        assert client.send("GET", place).headers["Location"] == "/desk"
    for asset in assets().values():
        answer = client.send("GET", asset.address)
        assert (answer.content, answer.headers["Cache-Control"]) == (
            asset.body,
            "public, max-age=31536000, immutable",
        )
    assert client.send("GET", "/desk/static/0000/desk.css").status_code == 404


def test_what_cannot_be_read_is_a_page_too(served: Served) -> None:
    client = Client(served)
    client.csrf()
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for body in (b"csrf=%ff", b"csrf=\xff", b"csrf=%00", b"&".join([b"a=b"] * 3_000)):
        told = {**form, "Cookie": f"{COOKIE}={client.cookie}", "Origin": client.url}
        answer = requests.post(f"{client.url}/desk/sign-in", body, headers=told, timeout=20)
        assert answer.status_code == 400
        assert "<h1>" in answer.text


def test_what_nobody_expected_is_a_page_that_tells_nothing(
    served: Served, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    client = Client(served)
    client.sign_in()
    monkeypatch.setattr("web.pages.overview.words", None)
    answer = client.send("GET", "/desk", {"X-Request-Id": "n-1"})
    assert answer.status_code == 200, "there is no connection to name"
    monkeypatch.setattr("sync.store.overview.read", lambda *_: 1 / 0)
    answer = client.send("GET", "/desk", {"X-Request-Id": "n-1"})
    assert answer.status_code == 500
    assert "n-1" in answer.text
    assert "ZeroDivision" not in answer.text
    assert "request n-1 failed: ZeroDivisionError" in caplog.text
    assert isinstance(create_app(served.site).routes[0], Route)

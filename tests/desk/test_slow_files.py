"""Files that drip in, from strangers and from people: nobody else waits for them."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from sync import users
from sync.store import imports
from sync.store.session import Database
from sync.users import UserRole
from tests.desk.conftest import PASSWORD
from tests.desk.test_forms import EMAIL, Client
from tests.web.conftest import Served, serve
from tests.web.wire import read_answer, status
from web.pages import sending
from web.pages.visit import COOKIE
from web.server import THREADS

MANY = THREADS + 2
VIEWER = "viewer@acme.example"


@pytest.fixture
def served(database: Database) -> Any:
    for each in serve(database, public_url=None):
        users.add(database, EMAIL, PASSWORD, UserRole.REVIEWER, "default", actor="test")
        users.add(database, VIEWER, PASSWORD, UserRole.VIEWER, "default", actor="test")
        yield each


def part(name: str, text: str, more: str = "") -> str:
    return f'--x\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n{text}'


def dripping(served: Served, stack: ExitStack, text: str, cookie: str = "", origin: str = "") -> Any:
    """So many sockets with the beginning of a form each."""
    place = urlsplit(served.url)
    told = [
        "POST /desk/imports HTTP/1.1",
        f"Host: {place.netloc}",
        f"Origin: {origin or served.url}",
        "Content-Type: multipart/form-data; boundary=x",
        "Content-Length: 100000",
        *([f"Cookie: {COOKIE}={cookie}"] if cookie else []),
    ]
    made = []
    for _ in range(MANY):
        assert place.hostname
        assert place.port
        client = stack.enter_context(socket.create_connection((place.hostname, place.port), timeout=20))
        client.sendall(("\r\n".join(told) + "\r\n\r\n" + text).encode())
        made.append(client)
    return made


def others_are_answered(served: Served) -> None:
    for path in ("/desk/sign-in", "/health"):
        assert requests.get(served.url + path, timeout=5).status_code == 200


def test_who_may_send_no_file_is_turned_away_before_it_comes(served: Served) -> None:
    viewer = Client(served)
    viewer.sign_in(email=VIEWER)
    person = Client(served)
    person.sign_in()
    stranger = Client(served)
    stranger.csrf()
    with ExitStack() as stack:
        for cookie, origin, expected in (
            ("", "", 403),
            ("a" * 43, "", 303),
            (stranger.cookie, "", 303),
            (viewer.cookie, "", 403),
            (person.cookie, "https://evil.example", 403),
        ):
            made = dripping(served, stack, part("csrf", "0"), cookie, origin)
            others_are_answered(served)
            assert [status(read_answer(each)) for each in made] == [expected] * MANY, (cookie, origin)


def test_fields_that_drip_hold_up_nobody_and_are_let_go(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = Client(served)
    person.sign_in()
    with ExitStack() as stack:
        made = dripping(served, stack, part("csrf", "0"), person.cookie)
        others_are_answered(served)
        monkeypatch.setattr(sending, "PATIENCE", 0.5)
        late = dripping(served, stack, part("csrf", "0"), person.cookie)
        assert [status(read_answer(each)) for each in late] == [408] * MANY
        for each in made:
            each.close()


def test_files_that_drip_hold_up_nobody(served: Served) -> None:
    person = Client(served)
    person.sign_in()
    begun = part("csrf", person.csrf("/desk")) + "\r\n" + part("file", "a,b\r\n", '; filename="a.csv"')
    with ExitStack() as stack:
        made = dripping(served, stack, begun, person.cookie)
        others_are_answered(served)
        for each in made:
            each.settimeout(1)
        answers = [status(read_answer(each)) for each in made]
        assert set(answers) == {0, 503}
        assert 1 <= answers.count(0) <= THREADS // 3, "as many as come in at once"
    with served.database.reading() as tx:
        assert len(imports.listing(tx, served.organisation_id)) <= THREADS // 3

"""What stands far down in a long list: the pages say how far they looked, and lead on."""

from __future__ import annotations

import re

import pytest

from sync import customers, users
from sync.intake import parse_customer
from sync.store import searching, texts
from sync.store.session import Database
from sync.users import UserRole
from tests.desk.conftest import PASSWORD
from tests.desk.test_forms import EMAIL, Client
from tests.store.test_searching import open_about
from tests.web.conftest import serve


def test_pages_lead_on_to_what_is_far_down(postgresql: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"NEAR": 2, "FAR": 4, "NEAR_QUESTIONS": 2, "FAR_QUESTIONS": 4}.items():
        monkeypatch.setattr(texts, name, value)
    monkeypatch.setattr(searching, "MOST", 2)
    for served in serve(postgresql, public_url=None):
        users.add(postgresql, EMAIL, PASSWORD, UserRole.ADMIN, "default", actor="test")
        mine = served.organisation_id
        names = [f"{'Acme' if number < 3 else 'Bolt'} {number}" for number in range(9)]
        made = {
            name: customers.add(postgresql, mine, parse_customer({"customer_name": name}), actor="test")
            for name in names
        }
        open_about(served, made)
        client = Client(served)
        client.sign_in()
        first = client.send("GET", "/desk/customers?q=acme").text
        assert "None of the customers that were looked at" in first
        assert "The next page looks further" in first
        assert not re.search(r">Acme \d", first)
        pages = [first, *follow(client, first)]
        assert [each for page in pages for each in re.findall(r">(Acme \d)<", page)] == names[2::-1]
        assert "looks further" not in pages[-1]

        first = client.send("GET", "/desk/conflicts?q=acme").text
        told = re.findall(r"([\d,]+) questions? that fits? among those that were looked at", first)
        assert told == [str(len(re.findall(r">Acme \d<", first)))]
        pages = [first, *follow(client, first)]
        assert sorted(each for page in pages for each in re.findall(r">(Acme \d)<", page)) == names[:3]


def follow(client: Client, page: str) -> list[str]:
    """The pages behind one, as their links lead to them."""
    found: list[str] = []
    while link := re.search(r'<a href="([^"]+)" rel="next"', page):
        page = client.send("GET", link[1].replace("&amp;", "&")).text
        found.append(page)
    return found

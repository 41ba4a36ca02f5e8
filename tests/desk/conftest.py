"""The pages, in a browser, on a site with an organisation and people who may sign in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Browser

from sync import users
from sync.store.session import Database
from sync.users import UserRole
from tests.desk.browser import Person, chromium
from tests.web.conftest import Served, serve

PASSWORD = "correct horse battery"


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One browser for all these tests of a worker: while it is there, no other event loop can run."""
    with chromium() as found:
        yield found


@dataclass
class Desk:
    """A site with people; `visitor` opens a browser window of its own."""

    served: Served
    browser: Browser
    stack: ExitStack

    @property
    def database(self) -> Database:
        return self.served.database

    def person(self, role: UserRole = UserRole.ADMIN, organisation: str = "default") -> str:
        """Let somebody in; the e-mail address."""
        email = f"{role.value}@{organisation}.example"
        users.add(self.database, email, PASSWORD, role, organisation, actor="test")
        return email

    def visitor(self, **options: Any) -> Person:
        """Somebody who is not signed in."""
        context = self.browser.new_context(**options)
        self.stack.callback(context.close)
        return Person(context, self.served.url)

    def signed_in(self, role: UserRole = UserRole.ADMIN, path: str = "/desk", **options: Any) -> Person:
        """Somebody who is signed in, at a page."""
        person = self.visitor(**options)
        person.page.goto(self.served.url + path)
        person.sign_in(self.person(role), PASSWORD)
        return person


def desk_of(served: Served, browser: Browser) -> Iterator[Desk]:
    """The desk of a site."""
    with ExitStack() as stack:
        yield Desk(served, browser, stack)


@pytest.fixture
def desk(postgresql: Database, browser: Browser) -> Iterator[Desk]:
    """An empty installation on PostgreSQL."""
    for served in serve(postgresql, public_url=None):
        yield from desk_of(served, browser)


Make = Callable[..., Person]

"""Whatever a CRM fills a customer with: pages show it as text, on a narrow screen too, and nothing runs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser
from sqlalchemy import select

from sync.store.query import rows
from sync.store.session import Database
from sync.store.worktables import runs
from sync.users import UserRole
from tests.desk.browser import Person
from tests.desk.conftest import Desk, desk_of
from tests.desk.stack import Stack, stack_of
from tests.web.conftest import serve

CRM = "hubspot"
TEXTS = (
    "<script>window.hit=1;alert(1)</script>",
    "</script><script src=//evil.example/x.js></script>",
    "<img src=x onerror=window.hit=1>",
    "\"'><svg/onload=window.hit=1>",
    "' autofocus onfocus=window.hit=1 x='",
    "<svg><animate onbegin=window.hit=1 attributeName=x dur=1s>",
    "<a href=javascript:window.hit=1>here</a>",
    "javascript:window.hit=1//%0Awindow.hit=1",
    "data:text/html,<script>top.hit=1</script>",
    "</title></textarea></style><iframe srcdoc='<script>top.hit=1</script>'>",
    "<form action=//evil.example><button>Save</button><base href=//evil.example/>",
    "<!--<style>*{display:none}</style>--><meta http-equiv=refresh content=0>",
    "{{7*7}}${7*7}#{7*7}{% raise %}<%= 7*7 %>",
    "\u202egnp.exe\u2066\u200b\u00ad\ufeff\u2028\u2029end",
    "\x01\x1b[31m\x7f\u2400%00\\0&#0;&lt;b&gt;",
    "<div hx-get=/desk/sign-out hx-trigger=load data-submits data-opens=x>",
    "z\u0334\u0335\u0336" * 12,
)
MORE = {
    "ship_to_address.line1": "domain",
    "custom_data.about": "about_us",
    "custom_attributes.note": "description",
    "tax_info.EU.VAT": "website",
    "custom_data.zone": "timezone",
    "custom_attributes.founded": "founded_year",
}
LONGEST = {"name": 255, "phone": 100, "website": 64}
"""Characters that a customer takes of what stands in a field of the CRM."""
FIELDS = ("name", "phone", "address", "address2", "city", "state", "zip", "country", *MORE.values())
LONG = 30_000


@pytest.fixture
def world(postgresql: Database, browser: Browser) -> Iterator[tuple[Desk, Stack]]:
    for served in serve(postgresql, public_url=None):
        for desk in desk_of(served, browser):
            with stack_of(served, names=(CRM,)) as stack:
                for path, name in MORE.items():
                    stack.map(CRM, path, name)
                yield desk, stack


def values(turn: int) -> dict[str, str]:
    """Every field with another text; over all turns every text stands in every field."""
    texts = {name: TEXTS[(turn + place) % len(TEXTS)] for place, name in enumerate(FIELDS)}
    return {name: text[: LONGEST.get(name, 500)] for name, text in texts.items()}


def look(person: Person, path: str, *, closely: bool = False) -> None:
    """Open a page: nothing has run, nothing was asked for elsewhere, and it is as wide as the window."""
    page = person.page
    page.goto(person.url + path)
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    assert page.evaluate("window.hit") is None, path
    assert page.locator("iframe, base, main img, main script, main style, main meta, animate").count() == 0
    assert (
        page.locator("[href^='javascript:' i], [href^='data:' i], [onclick], [onerror], [onload]").count()
        == 0
    )
    wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert wide <= 0, f"{path} is {wide} pixels wider than the window"
    assert page.evaluate("window.violations") == [], path
    assert person.complaints == [], path
    if closely:
        person.check()


def test_every_text_in_every_field_is_shown_and_does_nothing(world: tuple[Desk, Stack]) -> None:
    desk, stack = world
    refs = [stack.create(CRM, f"K{turn}", **values(turn)) for turn in range(len(TEXTS))]
    long = stack.create(
        CRM, "LONG", name="Long", about_us="w" * LONG, description="\u202e" + "<b>" * (LONG // 3)
    )
    stack.sync()
    assert len(stack.customers()) == len(TEXTS) + 1, stack.questions()
    taken = stack.customers()["K0"]
    assert taken.value("customer_name") == TEXTS[0]
    assert taken.value("custom_attributes.founded") == values(0)["founded_year"]
    stack.edit(CRM, long, name="n" * LONG, about_us="v" * LONG)
    for turn, ref in enumerate(refs):
        stack.edit(CRM, ref, **values(turn + 1))
        stack.change(f"K{turn}", f"customer_name={TEXTS[turn - 1][:250]}")
    stack.sync()
    asked = stack.questions()
    assert {each.row["ref"] for each in asked} == {*refs, long}
    held = next(each for each in asked if each.row["ref"] == refs[0])
    assert len(held.row["remote"]) > 5, "one question about the whole of it"

    person = desk.signed_in(UserRole.REVIEWER, "/desk/customers", viewport={"width": 320, "height": 700})
    opened: list[str] = []
    person.page.on("dialog", lambda dialog: opened.append(dialog.message))
    person.context.on("request", lambda made: opened.append(made.url))
    with desk.database.reading() as tx:
        done = [row["id"] for row in rows(tx, select(runs.c.id))]
    for path in (
        "customers",
        "customers?q=%3Cscript",
        "conflicts",
        "runs",
        "",
        *(f"runs/{each}" for each in done),
    ):
        look(person, f"/desk/{path}".rstrip("/"), closely=True)
    for place, customer in enumerate(stack.customers().values()):
        look(person, f"/desk/customers/{customer.id}", closely=place == 0)
        if place % 4 == 0:
            look(person, f"/desk/customers/{customer.id}/edit", closely=place == 0)
    for place, each in enumerate(asked):
        look(person, f"/desk/conflicts/{each.id}", closely=place == 0)
    assert [each for each in opened if not each.startswith(person.url)] == []

"""Files that are strange or hostile, through the pages in a browser: text stays text."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from sync.store.session import Database
from sync.users import UserRole
from tests.desk.conftest import Desk, desk_of
from tests.desk.stack import Stack
from tests.desk.test_imports import file, known, send, work
from tests.web.conftest import serve

DATA = Path(__file__).parents[3] / "shared" / "data"

HOSTILE = (
    "<script>window.ran = 1</script>",
    "<img src=x onerror='window.ran = 1'>",
    '"><svg onload=window.ran=1>',
    "' autofocus onfocus='window.ran = 1",
    "</option></select><script>window.ran = 1</script>",
    "</textarea></title></style><iframe srcdoc='<script>top.ran = 1</script>'>",
    "<a href='javascript:window.ran = 1'>here</a>",
    "<div hx-get='/desk' hx-trigger='load' hx-target='body'>",
    "<base href='//evil.example/'><meta http-equiv=refresh content='0;//evil.example'>",
    "<form action='//evil.example'><input name=csrf><button>Approve this plan",
    "{{ 7 * 7 }}{% for a in visit %}${7 * 7}#{7 * 7}",
    "<!-- <style>*{display:none}</style>",
    "&lt;script&gt;&#60;b&#62;",
    "evil\u202egnp.exe",
    "\u2066hidden\u2069\u200b\ufeffmarks",
    "مرحبا <b>بك</b>",
    "=2+5+cmd|' /C calc'!A0",
    "Z\u0351\u036b\u0343\u036a\u0342a\u0358l\u034fg\u0334o" + "\u0336" * 40,
    "W" * 30_000,
    "word " * 6_000,
)


@pytest.fixture
def desk(postgresql: Database, browser: Browser) -> Iterator[Desk]:
    for served in serve(postgresql, public_url=None):
        yield from desk_of(served, browser)


def written(rows: list[list[str]]) -> str:
    made = io.StringIO()
    csv.writer(made, quoting=csv.QUOTE_ALL).writerows(rows)
    return made.getvalue()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_hostile_text_is_shown_and_does_nothing(desk: Desk, tmp_path: Path, scheme: str) -> None:
    Stack(desk.served).add("H0", customer_name="Old", custom_data={"note": HOSTILE[0]})
    header = ["external_id", "customer_name", "email", *(each[:80] for each in HOSTILE[:16])]
    rows = [
        [f"H{n}", each if len(each) <= 255 else f"long {n}", "", *([each] * 16)]
        for n, each in enumerate(HOSTILE)
    ]
    rows += [[f"R{n}", "Name", each, *([each] * 16)] for n, each in enumerate(HOSTILE)]
    name = "<img src=x onerror=window.ran=1> \u202evsc.csv"
    narrow = {"width": 320, "height": 800}
    person = desk.signed_in(UserRole.REVIEWER, "/desk/imports", color_scheme=scheme, viewport=narrow)
    page = send(person, file(tmp_path, written([header, *rows]), name.replace("/", "")))
    assert "U+202E" in page.get_by_role("heading", level=1).inner_text()
    body = page.locator("table.columns").inner_text()
    assert "<script>window.ran = 1</script>" in body
    assert "{{ 7 * 7 }}" in body
    assert "evilU+202Egnp.exe" in body
    (first, *_) = page.locator("table.columns select").nth(3).locator("option").all_inner_texts()
    assert first == "not taken"
    page.get_by_role("button", name="Make the plan").click()
    page.get_by_text("A worker takes it up").wait_for()
    work(desk)
    page.get_by_role("button", name="Approve this plan").wait_for()
    for tab in ("Rejected", "New customers", "Changes"):
        page.get_by_role("link", name=tab).click()
        page.wait_for_load_state()
        person.check()
        assert page.locator(".past li").count() >= 1, tab
    assert page.evaluate("window.ran") is None
    assert page.locator("iframe, svg, base, main script, [hx-get='/desk']").count() == 0
    page.get_by_role("button", name="Approve this plan").click()
    work(desk)
    page.get_by_role("heading", name="What became of its rows").wait_for()
    person.check()
    assert known(desk)["H0"].row["customer_name"] == HOSTILE[0]
    page.goto(f"{person.url}/desk/imports")
    person.check()
    page.locator("tbody th a").first.click()
    page.get_by_role("link", name="What it did").click()
    page.get_by_role("heading", name="What it did").wait_for()
    person.check()
    assert page.evaluate("window.ran") is None


STRANGE: dict[str, str | bytes] = {
    "one column": "name\nA\nB\n",
    "no header": "A;B\n1;2\n",
    "quotes": 'name,phone\n"A ""the\nfirst""",1\n',
    "broken quote": 'name,phone\n"A,1\nB,2\n',
    "ragged": "name,phone\nA\nB,1,2\n",
    "old line ends": "name,phone\rA,1\rB,2\r",
    "NUL": "name,phone\nA\0,1\n",
    "empty columns": "name,,\nA,,\n",
    "the same name twice": "name,name\nA,B\n",
    "a byte order mark": b"\xef\xbb\xbfname\nA\n",
    "UTF-16": "name\nAé\n".encode("utf-16"),
    "UTF-16 without its mark": "name\nAé\n".encode("utf-16-le"),
    "latin-1": "name\nAé\n".encode("latin-1"),
    "binary": bytes(range(256)) * 20,
    "many columns": ",".join(["name", *(f"c{n}" for n in range(400))]) + "\n" + "x," * 400 + "y\n",
    "too many columns": ",".join(["name", *(f"c{n}" for n in range(1_100))]) + "\n",
    "a long line": "name\n" + "x" * 1_100_000,
    "nothing": "",
    "empty lines": "\n\n\r\n",
    "formulas": "name,phone\n=1+1,+1-555-0100\n@SUM(1),-1\n",
}


def strange() -> dict[str, bytes]:
    """Ours, and, where the shared data stands beside the repository, those that others have gathered."""
    found = {name: each.encode() if isinstance(each, str) else bytes(each) for name, each in STRANGE.items()}
    for folder in ("csv-spectrum/csvs", "csvkit"):
        for path in sorted((DATA / "csv" / folder).glob("*.csv")):
            found[f"{folder}/{path.name}"] = path.read_bytes()
    return found


def test_strange_files_are_read_asked_about_or_refused_and_never_break_the_page(
    desk: Desk, tmp_path: Path
) -> None:
    person = desk.signed_in(UserRole.REVIEWER, "/desk/imports")
    person.expected += ["422", "413"]
    page, ends = person.page, dict[str, str]()
    for number, (name, body) in enumerate(strange().items()):
        page.goto(f"{person.url}/desk/imports")
        page.get_by_label("A CSV file of customers").set_input_files(file(tmp_path, body, f"{number}.csv"))
        page.get_by_role("button", name="Send the file").click()
        page.locator("#reading, [data-refused]:not([hidden])").first.wait_for()
        person.check()
        if page.locator("#reading").count() == 0:
            ends[name] = page.locator("[data-refused]").inner_text()
        elif page.get_by_role("button", name="Make the plan").count() == 0:
            ends[name] = " ".join(page.get_by_role("alert").all_inner_texts())
        else:
            with page.expect_navigation():
                page.get_by_role("button", name="Make the plan").click()
            ends[name] = "planned" if "/read" not in page.url else page.get_by_role("alert").inner_text()
    work(desk)
    for said, names in (
        ("planned", ("one column", "quotes", "a byte order mark", "UTF-16", "many columns", "formulas")),
        ("names no column that is known", ("no header",)),
        ("never closed", ("broken quote",)),
        ("would all be customer_name", ("the same name twice",)),
        ("not UTF-8", ("UTF-16 without its mark", "latin-1", "binary")),
        ("columns", ("too many columns",)),
        ("longer than 1,000,000", ("a long line",)),
        ("has no rows", ("nothing", "empty lines")),
    ):
        for name in names:
            assert said in ends[name], (name, ends[name])
    page.goto(f"{person.url}/desk/imports")
    for each in page.locator("tbody th a").all():
        assert each.get_attribute("href")
    person.check()

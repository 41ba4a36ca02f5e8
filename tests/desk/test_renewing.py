"""Pages that renew themselves leave those alone who read them."""

from __future__ import annotations

from sync.imports.importing import Reading, take_in
from sync.store import runs
from sync.users import UserRole
from tasks.jobs import drain
from tests.desk.conftest import Desk

FILE = b"external_id,customer_name\nA-1,Acme\nA-2,\n"


def test_whoever_reads_the_rows_of_an_import_is_not_thrown_back(desk: Desk) -> None:
    served = desk.served
    made = take_in(
        served.database, served.organisation_id, [FILE], Reading(), file_name="a.csv", actor="test"
    )
    drain(served.services, lambda _event: None)

    def become(state: str) -> None:
        with served.database.transaction() as tx:
            runs.save(tx, made, state=state)

    become("running")
    place = f"/desk/imports/{made}?what=create"
    page = desk.signed_in(UserRole.REVIEWER, place).page
    chosen = page.locator(".tabs [aria-current]")
    page.locator("summary").click()
    for _ in range(2):
        with page.expect_response(lambda answer: f"/desk/imports/{made}" in answer.url):
            pass
    page.wait_for_timeout(100)
    assert chosen.inner_text().startswith("New customers")
    assert page.locator("details").evaluate("each => each.open")
    with page.expect_navigation():
        become("needs_approval")
    page.get_by_role("button", name="Approve this plan").wait_for()
    assert page.url.endswith(place)
    assert chosen.inner_text().startswith("New customers")

"""`make screenshots`: the pages in light, dark and narrow, over sandboxes with people at work."""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from cli.context import Context
from cli.demo_edits import edit_everywhere
from cli.output import Output
from sync.store import connections, migrate
from sync.store.session import Database
from tests.desk.browser import chromium
from tests.desk.conftest import PASSWORD, Desk
from tests.desk.stack import Stack, stack_of
from tests.web.conftest import serve

KINDS = ("address_mismatch", "missing_external_id")
LOOKS = (("light", 1280), ("dark", 1280), ("light", 320))


def main() -> None:
    """Make them."""
    given = argparse.ArgumentParser(prog="screenshots", description=__doc__)
    given.add_argument("--into", type=Path, default=Path("docs/images"))
    folder: Path = given.parse_args().into
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        place = stack.enter_context(TemporaryDirectory(prefix="concord-screenshots-"))
        database = Database(f"sqlite:///{place}/concord.db")
        stack.callback(database.close)
        migrate.upgrade(database)
        browser = stack.enter_context(chromium())
        for served in serve(database, public_url=None, tour=True):
            crms = stack.enter_context(stack_of(served, empty=False))
            _work(crms)
            _shoot(Desk(served, browser, stack), crms, folder)


def _work(crms: Stack) -> None:
    for names in (("salesforce", "hubspot"), ("salesforce",), ("salesforce", "hubspot")):
        crms.sync(*names)
    context = Context(crms.served.services, crms.served.organisation_id, Output(as_json=True))
    edit_everywhere(context, crms.urls)
    crms.sync()


def _shoot(desk: Desk, crms: Stack, folder: Path) -> None:
    pages = {"sign-in": "/desk/sign-in", "overview": "/desk", "conflicts": "/desk/conflicts"}
    for kind in KINDS:
        pages[f"conflict-{kind}"] = f"/desk/conflicts/{crms.questions(kind)[0].id}"
    with desk.database.reading() as tx:
        place = f"/desk/connections/{connections.find(tx, crms.served.organisation_id, 'hubspot').id}"
    pages |= {"connection": place, "map": f"{place}/map"}
    email = desk.person()
    for scheme, width in LOOKS:
        person = desk.visitor(color_scheme=scheme, viewport={"width": width, "height": 900})
        for name, path in pages.items():
            if name == "overview":
                person.sign_in(email, PASSWORD)
            person.open(path)
            look = scheme if width > 320 else "narrow"
            person.page.screenshot(path=folder / f"{name}-{look}.png")
            sys.stdout.write(f"{folder}/{name}-{look}.png\n")


if __name__ == "__main__":
    main()

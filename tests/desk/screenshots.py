"""`make screenshots`: the pages in light and dark, some narrow, over sandboxes with people at work."""

from __future__ import annotations

import argparse
import base64
import os
import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from connectors.outbound import PRIVATE_ALLOWED
from sync.store import migrate
from sync.store.session import Database
from tests.desk.browser import Person, chromium
from tests.desk.conftest import PASSWORD, Desk
from tests.desk.scenery import places, sync_with_people
from tests.desk.stack import stack_of
from tests.hooks.receiver import receiving
from tests.web.conftest import serve

WIDE, NARROW = 1280, 320
LOOKS = (("light", WIDE), ("dark", WIDE), ("light", NARROW))
ALSO_NARROW = ("sign-in", "overview", "conflicts", "conflict-address_mismatch", "customer", "import-plan")
QUALITY = 80
"""Of the WebP images: small enough for a page that shows a dozen, with letters as clear as on the screen."""


def main() -> None:
    """Make them."""
    given = argparse.ArgumentParser(prog="screenshots", description=__doc__)
    given.add_argument("--into", type=Path, default=Path("docs/images"))
    folder: Path = given.parse_args().into
    folder.mkdir(parents=True, exist_ok=True)
    os.environ[PRIVATE_ALLOWED] = "1"  # the program that is told stands on this machine
    with ExitStack() as stack:
        place = stack.enter_context(TemporaryDirectory(prefix="concord-screenshots-"))
        database = Database(f"sqlite:///{place}/concord.db")
        stack.callback(database.close)
        migrate.upgrade(database)
        browser = stack.enter_context(chromium())
        receiver = stack.enter_context(receiving())
        for served in serve(database, public_url=None, tour=True):
            crms = stack.enter_context(stack_of(served, empty=False))
            sync_with_people(crms)
            desk = Desk(served, browser, stack)
            _shoot(desk, {"conflicts": "/desk/conflicts", **places(desk, crms, receiver)}, folder)


def _shoot(desk: Desk, pages: dict[str, str], folder: Path) -> None:
    email = desk.person()
    for scheme, width in LOOKS:
        look = scheme if width == WIDE else "narrow"
        person = desk.visitor(color_scheme=scheme, viewport={"width": width, "height": 900})

        def keep(name: str, person: Person = person, look: str = look) -> None:
            if look != "narrow" or name in ALSO_NARROW:
                _keep(person, folder / f"{name}-{look}.webp")

        person.open("/desk/sign-in")
        keep("sign-in")
        person.sign_in(email, PASSWORD)
        person.open("/desk")
        keep("tour")
        person.page.get_by_role("button", name="Close the tour").click()
        person.page.wait_for_load_state()
        person.check()
        keep("overview")
        for name, path in pages.items():
            if look != "narrow" or name in ALSO_NARROW:
                person.open(path)
                keep(name)


def _keep(person: Person, path: Path) -> None:
    session = person.context.new_cdp_session(person.page)
    shot = session.send("Page.captureScreenshot", {"format": "webp", "quality": QUALITY})
    path.write_bytes(base64.b64decode(shot["data"]))
    sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()

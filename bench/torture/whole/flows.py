"""What people do while a process is about to be killed, so that it passes the point where it is to die."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from bench.torture.whole.installation import StuckError
from bench.torture.whole.people import HERE, People
from bench.torture.whole.values import PATHS, number_of

Flow = Callable[[People], None]
PATIENCE = 60.0


def edits(people: People) -> None:
    """Edits in both CRMs and here."""
    people.apart(6)


def creations(people: People) -> None:
    """New customers, here and in the first CRM."""
    edits(people)
    for site in (HERE, next(iter(people.installation.crms))):
        people.create(site, f"NEW-{people.number():06d}")


def decisions(people: People) -> None:
    """An edit on both sides of the same field, and a decision on it."""
    at = people.installation
    site = people.chance.choice([*at.crms])
    key = people.chance.choice([each for each in people.keys if each in people.refs[site]])
    path = people.chance.choice(PATHS)
    at.quiet(PATIENCE)
    for each in (HERE, site):
        people.edit(each, key, path)
    _until(lambda: at.api.get("/conflicts?limit=1&kind=field_conflict")["data"])
    at.quiet(PATIENCE)
    while people.decide():
        at.quiet(PATIENCE)


def orders(people: People) -> None:
    """A sync that is asked for by HTTP."""
    edits(people)
    name = people.chance.choice([*people.installation.crms])
    _follow(people, people.installation.api.post("/runs", {"connection": name, "kind": "sync"}).json())


def approvals(people: People) -> None:
    """A new scope, whose plan is approved by HTTP."""
    at = people.installation
    name = people.chance.choice([*at.crms])
    scope = [{"field": "external_id", "ne": f"NOBODY-{people.number()}"}]
    place = next(f"/connections/{each['id']}" for each in at.api.all("/connections") if each["name"] == name)
    at.api.patiently("PATCH", place, {"scope": scope}).raise_for_status()
    edits(people)

    def waiting() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = at.api.get(f"/runs?connection={name}&state=needs_approval")["data"]
        return found

    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        # What came after the plan waits for another: one is approved after the other.
        for run in waiting():
            at.api.post(f"/runs/{run['id']}/approve")
        if at.api.get(place)["state"] == "active":
            return
        time.sleep(0.1)
    raise StuckError("the scope was never approved")


def imports(people: People) -> None:
    """A file with new customers, whose plan is approved by HTTP."""
    edits(people)
    api = people.installation.api
    text, made = people.file(f"NEW-{people.number():06d}")
    path = f"/imports/{api.upload('/imports', text).json()['id']}"
    _until(lambda: api.get(path)["state"] == "needs_approval")
    api.post(f"{path}/approve")
    people.edits += made
    _until(lambda: api.get(path)["state"] == "done")


def undone(people: People) -> tuple[str, str]:
    """A push to the first CRM that somebody wants back there: the run that made it, and whose it was."""
    at = people.installation
    name = next(iter(at.crms))
    key = people.chance.choice([each for each in people.keys if each in people.refs[name]])
    at.quiet(PATIENCE)
    made = people.edit(HERE, key, people.chance.choice(PATHS))
    customer = people.refs[HERE][key]
    found: list[str] = []

    def pushed() -> bool:
        for run in at.api.get(f"/runs?connection={name}&kind=push&limit=5")["data"]:
            changes = at.api.get(f"/runs/{run['id']}/changes?limit=200")["data"]
            sent = [each["fields"] or {} for each in changes if each["customer_id"] == customer]
            # An earlier run may have changed the same customer: it is not the one that is wanted back.
            if any(
                number_of(made.path, each.get(made.path, (None, None))[1]) == made.number for each in sent
            ):
                found.append(str(run["id"]).replace("-", ""))  # as commands name it
                return True
        return False

    _until(pushed)
    at.quiet(PATIENCE)
    before = made.seen[0] if made.seen else None
    people.undo(made, before)
    return found[0], key


def _until(found: Callable[[], Any]) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if found():
            return
        time.sleep(0.05)
    raise StuckError("what people waited for did not come")


def _follow(people: People, run: dict[str, Any]) -> None:
    """Wait for the end of a run, and ask anew where its worker took it with him."""
    at = people.installation
    ended = ("done", "failed", "cancelled")
    _until(lambda: at.api.get(f"/runs/{run['id']}")["state"] in ended)

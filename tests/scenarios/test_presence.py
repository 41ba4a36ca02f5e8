"""A look at what the CRMs have ends in time, and one that answers oddly spoils it for nobody."""

from __future__ import annotations

import threading

from connectors.memory import KEY
from sync.presence import read_now
from tests.world import World


def test_a_crm_that_answers_oddly_or_not_at_all_is_told_apart_from_one_that_does(world: World) -> None:
    crms = {name: world.connect(name) for name in ("well", "odd", "slow")}
    refs = {name: crm.create({KEY: "a", "name": "A"}) for name, crm in crms.items()}
    release = threading.Event()

    def odd(_kind: str, _write: object) -> None:
        raise KeyError("jane@example.com")

    def slow(_kind: str, _write: object) -> None:
        release.wait(60)

    crms["odd"].fault = odd
    crms["slow"].fault = slow

    wanted = [(world.connection(name), ref) for name, ref in refs.items()]
    try:
        found = read_now(world.services, wanted, patience=3)
    finally:
        release.set()
    told = {name: found[world.ids[name]] for name in crms}
    assert (told["well"].problem, told["well"].fields["customer_name"]) == (None, "A")
    assert told["odd"].problem == "The CRM does not show the record: its answer is odd (KeyError)."
    assert told["slow"].problem == "The CRM did not answer within 3 seconds."

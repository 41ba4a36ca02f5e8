"""T14: what is broken for good holds up nothing else: a CRM that is down, or something that is poison."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from functools import partial

from bench.torture.crashes import VARIABLE
from bench.torture.registry import Order, Result
from bench.torture.whole.installation import Installation, StuckError, installed
from bench.torture.whole.people import HERE, People
from bench.torture.whole.proxy import Fate
from bench.torture.whole.trouble import populated
from bench.torture.whole.values import value_of

Before = Callable[[People, Result], None]
LEASE = 2.0
LONGEST = 30.0
MORE = 1.1  # of the time that it usually takes
NOISE = 1.0  # seconds that a busy machine may add to a median
GIVEN_UP = 180.0
WAYS = {"refuses": {Fate.RESET: 1.0}, "is silent": {Fate.HALF_OPEN: 1.0}}
POISON = "no address at all"
"""An e-mail address that HubSpot takes, and this side does not."""


def alive(order: Order) -> Result:
    """Measure how long an edit takes while all is well, and then beside each thing that is broken."""
    count = order.of(short=10, usual=30, nightly=100)
    result = Result()
    with installed(seed=order.seed, lease=LEASE, workers=2, proxied=("hubspot",)) as at:
        people = populated(at, order.seed)
        usual = _median(_delays(people, count))
        result.figures["seconds from Salesforce to here"] = round(usual, 2)
        for way, fates in WAYS.items():
            at.lanes["hubspot"].fates = fates
            at.lanes["hubspot"].cut()
            people.edit(HERE, people.keys[0], "phone_number")  # something waits for it all the time
            _compare(people, result, usual, count, f"while HubSpot {way}")
        at.lanes["hubspot"].fates = {}
        at.sooner()
        _compare(people, result, usual, count, "beside a record that is poison", before=_poison)
        _order_that_kills(people, result, count)
    return result


def _delays(people: People, count: int) -> Iterable[float]:
    """Seconds from edits in Salesforce to here."""
    at = people.installation
    for _ in range(count):
        key = people.chance.choice(people.keys)
        made = people.edit("salesforce", key, "customer_name")
        people.next_day()
        begun, wanted = time.monotonic(), value_of(made.path, made.number)
        at.until(
            partial(_is_named, at, people.refs[HERE][key], wanted),
            LONGEST,
            "an edit in Salesforce",
        )
        yield time.monotonic() - begun


def _is_named(at: Installation, customer_id: str, wanted: str) -> bool:
    return bool(at.api.get(f"/customers/{customer_id}")["customer_name"] == wanted)


def _median(values: Iterable[float]) -> float:
    found = sorted(values)
    return found[len(found) // 2]


def _compare(
    people: People, result: Result, usual: float, count: int, when: str, *, before: Before | None = None
) -> None:
    try:
        if before is not None:
            before(people, result)
        took = _median(_delays(people, count))
    except StuckError as error:
        result.wrong.append(f"{when}: {error}")
        return
    result.figures[f"seconds {when}"] = round(took, 2)
    if took > usual * MORE + NOISE:
        result.wrong.append(f"{when} an edit takes {took:.2f} s, and {usual:.2f} s otherwise")


def _poison(people: People, result: Result) -> None:
    """A record that nobody can take waits in the queue with its reason, and the others go on."""
    at = people.installation
    key = people.keys.pop()
    at.crms["hubspot"].edit(people.refs["hubspot"][key], "email", POISON)

    def refused() -> list[dict[str, object]]:
        return list(at.api.all("/conflicts", kind="invalid_record"))

    result.figures["seconds until it is given up"] = round(at.until(refused, GIVEN_UP, "a quarantine"), 2)
    if not all(row["reasons"] for row in refused()):
        result.wrong.append("a quarantine tells no reason")


def _order_that_kills(people: People, result: Result, count: int) -> None:
    """Every worker that takes an order dies: it is given up with its reason, and the others go on."""
    at = people.installation
    for name in ("worker", "worker 2"):
        at.end(name)
        at.begin(name, **{VARIABLE: "order.begun:1"})
    run = at.api.post("/runs", {"connection": "hubspot", "kind": "sync"}).json()
    try:
        delays = [_median(_delays(people, count))]
        took = at.until(lambda: _state(at, run) == "failed", GIVEN_UP, "the end of an order that kills")
        result.figures["seconds beside an order that kills its workers"] = round(delays[0], 2)
        result.figures["seconds until that is given up"] = round(took, 1)
    except StuckError as error:
        result.wrong.append(f"an order that kills: {error}")
        return
    if not at.api.get(f"/runs/{run['id']}")["reason"]:
        result.wrong.append("an order that was given up tells no reason")


def _state(at: Installation, run: dict[str, str]) -> str:
    return str(at.api.get(f"/runs/{run['id']}")["state"])

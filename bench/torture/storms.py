"""T4: edits in two CRMs and here, while one call in five goes wrong and the network is no help either."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bench.torture.registry import Order, Result
from bench.torture.whole.installation import KINDS, Installation, installed
from bench.torture.whole.proxy import Fate
from bench.torture.whole.trouble import busy, concluded, populated

EVERYWHERE = (
    {"fault": "server_error", "rate": 0.05},
    {"fault": "unavailable_html", "rate": 0.02},
    {"fault": "error_after", "rate": 0.04},
    {"fault": "timeout_after", "rate": 0.02, "seconds": 0.5},
    {"fault": "timeout_before", "rate": 0.01, "seconds": 0.5},
    {"fault": "partial", "rate": 0.03, "share": 0.3},
)
WITH_TOKEN = ("query", "read", "retrieve", "update", "collections", "composite", "create", "upsert")
RULES: Mapping[str, Sequence[Mapping[str, object]]] = {
    "salesforce": (
        *EVERYWHERE,
        *({"kind": kind, "fault": "expire_token", "rate": 0.03} for kind in WITH_TOKEN),
    ),
    "hubspot": (*EVERYWHERE, {"fault": "rate_limit", "rate": 0.03}),
}
"""20 % of all calls; a call that writes no rows passes over `partial`.

Too many calls are, in Salesforce, those of the day; a login that it refuses, and a token of HubSpot that has
expired, are for a person to mend: these are waited for, rightly, and not here.
"""
CALM: Mapping[str, Sequence[Mapping[str, object]]] = dict.fromkeys(RULES, ())
NETWORK = {Fate.DELAY: 0.05, Fate.DROP: 0.02, Fate.RESET: 0.02, Fate.SLOW_READ: 0.02}
PATIENCE = 300.0
PAUSE = 0.1  # seconds between two edits: all at once would be but a few writes


def storm(at: Installation, rules: Mapping[str, Sequence[Mapping[str, object]]] = RULES) -> None:
    """Let the sandboxes answer by these rules."""
    for crm in at.crms.values():
        crm.control("PUT", "faults", list(rules[crm.kind]))


def faults(order: Order) -> Result:
    """Edit through the storm, then let it pass."""
    count = order.of(short=300, usual=1_000, nightly=10_000)
    result = Result()
    with installed(seed=order.seed, workers=2, proxied=KINDS) as at:
        people = populated(at, order.seed)
        storm(at)
        for lane in at.lanes.values():
            lane.fates = NETWORK
        busy(people, count, PAUSE)
        struck = [crm.control("GET", "stats") for crm in at.crms.values()]
        storm(at, CALM)
        for lane in at.lanes.values():
            lane.fates = {}
        at.sooner()  # the pauses have grown with the storm
        calls = sum(sum(each["calls"].values()) for each in struck)
        injected = sum(sum(kind.values()) for each in struck for kind in each["faults"].values())
        met = sum(sum(lane.met.values()) - lane.met[Fate.GOOD] for lane in at.lanes.values())
        result.figures |= {"calls": calls, "faults": injected, "connections that went wrong": met}
        if not injected:
            result.wrong.append("no fault was injected")
        return concluded(people, result, patience=PATIENCE)

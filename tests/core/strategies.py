"""Perturbed triples: baseline, local and CRM made of the same few values, so that they meet often."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from connectors.records import Address, FieldValue
from sync.core.diff import Baseline
from sync.core.policy import (
    AddressPolicy,
    Blanks,
    Direction,
    FirstLink,
    OnBothChanged,
    OnPartial,
    Policy,
    Rule,
)
from sync.core.reconcile import Sides, accepted_pair

FIELDS = ("customer_name", "email", "phone_number", "address", "ship_to_address", "custom_data.tier")

VALUES: dict[str, list[FieldValue]] = {
    "customer_name": ["Anna", " Anna", "Ben", None],
    "email": ["a@x.example", "A@X.example", "b@x.example", None, ""],
    "phone_number": ["+1 217 555 0100", "(217) 555-0100", "+1 217 555 0199", None],
    "custom_data.tier": [1, "1", "gold", None],
}
ADDRESSES: list[FieldValue] = [
    Address(line1="12 Main Street", city="Springfield", state="IL", zipCode="62701", country="US"),
    Address(line1="12 Main St", city="Springfield", state="Illinois", zipCode="62701", country="US"),
    Address(line1="12 Main Street", line2="Suite 5", city="Springfield", state="IL", country="US"),
    Address(line1="12 Main Street", city="Springfield", state="IL", country="US"),
    Address(line1="99 Oak Avenue", city="Springfield", state="IL", zipCode="62701", country="US"),
    None,
]


def values(path: str) -> st.SearchStrategy[FieldValue]:
    """Values of one field."""
    return st.sampled_from(VALUES.get(path, ADDRESSES))


rules = st.builds(
    Rule,
    direction=st.sampled_from(Direction),
    on_both_changed=st.sampled_from(OnBothChanged),
    blanks=st.sampled_from(Blanks),
    first_link=st.none() | st.sampled_from(FirstLink),
)

policies = st.builds(
    Policy,
    fields=st.just(FIELDS),
    rules=st.dictionaries(st.sampled_from(FIELDS), rules),
    first_link=st.sampled_from(FirstLink),
    address_policy=st.sampled_from(AddressPolicy),
    on_partial=st.sampled_from(OnPartial),
)

times = st.none() | st.integers(0, 2).map(
    lambda hour: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=hour)
)


@st.composite
def sides(draw: st.DrawFn) -> Sides:
    """A local and a CRM record, each a perturbation of what they may have agreed on."""
    agreed = {path: (draw(values(path)), draw(values(path))) for path in FIELDS}
    local = {path: draw(st.just(agreed[path][0]) | values(path)) for path in FIELDS}
    remote = {path: draw(st.just(agreed[path][1]) | st.just(local[path]) | values(path)) for path in FIELDS}
    baseline: Baseline | None = None
    if draw(st.booleans()):
        known = draw(st.sets(st.sampled_from(FIELDS), min_size=4))
        baseline = {path: agreed[path] for path in FIELDS if path in known}
    accepted = {}
    for path in ("address", "ship_to_address"):
        if draw(st.integers(0, 4)) == 0:
            accepted[path] = accepted_pair(local[path], remote[path])
    return Sides(
        local=local,
        remote=remote,
        baseline=baseline,
        local_at=draw(times),
        remote_at=draw(times),
        accepted=accepted,
    )

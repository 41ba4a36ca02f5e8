"""Addresses that may not move, for what they say of their country.

A CRM that keeps countries by code alone cannot take one that has none; with `require_valid_address` no side
takes an address that the rules of its country refuse.

Only an address that is about to be taken by a side is judged; what merely stands there is left alone, and so
is what a person let pass. Where no rules are known nothing is held.
"""

from __future__ import annotations

from connectors.records import ADDRESS_FIELDS, Address, Fields, FieldValue
from sync.core.actions import Conflict, ConflictKind, subject_of
from sync.core.address import validity
from sync.core.address.validity import Reason, ValidationStatus
from sync.core.coded import has_no_code
from sync.core.diff import Baseline
from sync.core.policy import Policy

NOT_VALID = "not_valid"
"""Why an address that would have moved waits."""
_NO_CODE = Reason("country", "is none whose code is known here, and the code is all that the CRM keeps")


def refusals(path: str, value: FieldValue, policy: Policy) -> tuple[Reason, ...]:
    """Why the policy lets no side take `value` as its field `path`; nothing if it may."""
    if path not in ADDRESS_FIELDS or not isinstance(value, Address):
        return ()
    if path in policy.coded and has_no_code(value):
        return (_NO_CODE,)
    if not policy.require_valid_address:
        return ()
    found = validity(value)
    return found.reasons if found.status is ValidationStatus.INVALID else ()


def withheld(values: Fields, policy: Policy) -> frozenset[str]:
    """The fields that no side may take; a new customer or record is made without them."""
    return frozenset(path for path, value in values.items() if refusals(path, value, policy))


def question(
    path: str,
    *,
    ref: str,
    customer_id: str | None,
    local: FieldValue,
    remote: FieldValue,
    policy: Policy,
    baseline: Baseline | None = None,
) -> Conflict:
    """The row for an address that waits, with what is wrong with it on each side."""
    return Conflict(
        kind=ConflictKind.ADDRESS_INVALID,
        subject=subject_of(ref),
        field=path,
        ref=ref,
        customer_id=customer_id,
        local={path: local},
        remote={path: remote},
        baseline=dict(baseline or {}),
        reasons=tuple(
            {"field": reason.field, "why": f"{reason.reason} ({side})"}
            for side, value in (("ours", local), ("the CRM's", remote))
            for reason in refusals(path, value, policy)
        ),
    )

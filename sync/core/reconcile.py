"""Three-way comparison of one record: the address check first, then every field by the table.

Nothing of a record moves while its billing addresses fail the check: the whole record is then held,
with every differing field beside the address, so that one decision settles them all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from connectors.records import ADDRESS_FIELDS, Address, Fields, FieldValue
from sync.core import normalise
from sync.core.address import AddressVerdict, Outcome, check, country_code, digest
from sync.core.decide import Comparison, Decision, Ruling, decide
from sync.core.diff import Baseline, Pair, Regions, as_address, changed
from sync.core.match import EVERY
from sync.core.policy import AddressPolicy, Direction, Policy
from sync.core.valid import NOT_VALID, refusals

MAX_WRITEBACKS = 2
RESTORED = "restored"
"""Why a value of ours does not go out: it is that of a backup, and the CRM's may be the newer one."""
_SETTLED = (Decision.AGREE, Decision.TAKE_CRM)
_STANDS = (Decision.UNCHANGED, Decision.BLANK_KEPT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """Both sides of a matched record and what they last agreed on.

    Args:
        local: canonical values of the customer.
        remote: canonical values of the CRM record.
        baseline: None on a first link.
        local_at: when the customer last changed; `remote_at` the same of the CRM record.
        accepted: field → the pair of digests that a person decided on (`accepted_pair`): of addresses, and
            of any field that was to be emptied.
        paused: fields whose mapping or rule is newer than the link; they wait for a resync.
        written_back: field → how often in 24 hours an edit in the CRM was overwritten by our value.
        doubted: see `LinkView`.
    """

    local: Fields
    remote: Fields
    baseline: Baseline | None
    local_at: datetime | None = None
    remote_at: datetime | None = None
    accepted: Mapping[str, str] = field(default_factory=dict)
    paused: frozenset[str] = frozenset()
    written_back: Mapping[str, int] = field(default_factory=dict)
    doubted: frozenset[str] = frozenset()

    def doubts(self, path: str) -> bool:
        """Whether the CRM may know better than we do, whatever both sides look like."""
        return (path in self.doubted) != (EVERY in self.doubted)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """What reconciling one record decided.

    `baseline` holds only the pairs that change now; a pushed field's pair waits for its receipt.
    With `held` nothing moves, and `conflicts` names every field that differs.
    """

    held: bool
    rulings: Mapping[str, Ruling]
    to_local: Fields
    to_remote: Fields
    baseline: Baseline
    conflicts: Mapping[str, str]
    verdicts: Mapping[str, AddressVerdict]
    forget_accepted: frozenset[str]


def accepted_pair(local: FieldValue, remote: FieldValue) -> str:
    """What is stored when a person lets a pair of values stand: exactly this pair and no other."""
    return f"{_digest(local)}:{_digest(remote)}"


def _digest(value: FieldValue) -> str:
    if value is None or isinstance(value, Address):
        return digest(value)
    return hashlib.sha256(repr(value).encode("utf-8", "surrogatepass")).hexdigest()


def regions_of(local: Fields, remote: Fields) -> Regions:
    """The countries under which phone numbers are read: each side's own address, else the other's."""
    ours, theirs = as_address(local.get("address")), as_address(remote.get("address"))
    own = (ours and (ours.country_code or ours.country)) or None
    other = (theirs and (theirs.country_code or theirs.country)) or None
    return country_code(own or other), country_code(other or own)


def reconcile(sides: Sides, policy: Policy) -> Reconciled:
    """Decide every field of one record. Pure; the same input always gives the same answer."""
    verdicts = {
        path: check(as_address(sides.local[path]), as_address(sides.remote[path]), level=policy.address_level)
        for path in policy.fields
        if path in ADDRESS_FIELDS and path not in sides.paused
    }
    regions = _lazy_regions(sides, policy)
    accepted = {path for path in sides.accepted if _is_accepted(sides, path)}
    verdict = verdicts.get("address")
    if verdict is not None and "address" not in accepted and _fails(sides, policy, verdict):
        return _hold(sides, policy, verdicts, regions)

    rulings: dict[str, Ruling] = {}
    for path in policy.fields:
        if path in sides.paused:
            continue
        seen = verdicts.get(path)
        comparison = Comparison(
            path=path,
            local=sides.local[path],
            remote=sides.remote[path],
            baseline=None if sides.baseline is None else sides.baseline.get(path),
            regions=regions,
            local_at=sides.local_at,
            remote_at=sides.remote_at,
            outcome=None if seen is None else seen.outcome,
            richer=None if seen is None else seen.richer,
            on_partial=policy.on_partial,
            accepted=path in accepted,
        )
        rulings[path] = decide(comparison, policy.rule(path), policy.first_link)
    reconciled = _collect(sides, policy, rulings, verdicts, accepted=accepted)
    return replace(reconciled, baseline={**_respelled(sides, rulings, regions), **reconciled.baseline})


def _respelled(sides: Sides, rulings: Mapping[str, Ruling], regions: Regions) -> Baseline:
    """The pair of a phone number that stands, as it is spelled now: its country may go with the address."""
    path = "phone_number"
    known = (sides.baseline or {}).get(path)
    if known is None or path not in rulings or rulings[path].decision not in _STANDS:
        return {}
    now = (sides.local[path], sides.remote[path])
    pair = tuple(
        old if changed(path, old, new, region) else new
        for old, new, region in zip(known, now, regions, strict=True)
    )
    return {} if pair == tuple(known) else {path: (pair[0], pair[1])}


def _lazy_regions(sides: Sides, policy: Policy) -> Regions:
    """Country names are looked up only if two phone numbers are written differently."""
    path = "phone_number"
    if path in policy.fields and path not in sides.paused:
        known = (sides.baseline or {}).get(path, (None, None))
        if len({sides.local[path], sides.remote[path], *known}) > 1:
            return regions_of(sides.local, sides.remote)
    return (None, None)


def _is_accepted(sides: Sides, path: str) -> bool:
    return sides.accepted[path] == accepted_pair(sides.local.get(path), sides.remote.get(path))


def _fails(sides: Sides, policy: Policy, verdict: AddressVerdict) -> bool:
    """Whether the billing addresses stop the record (design, section 7)."""
    if policy.rule("address").direction is Direction.IGNORE:
        return False
    pair = None if sides.baseline is None else sides.baseline.get("address")
    if pair is not None:
        ours = changed("address", pair[0], sides.local["address"])
        theirs = changed("address", pair[1], sides.remote["address"])
        if not ours and not theirs:
            return False  # a person, or an earlier agreement, let exactly these two stand
        blanked = normalise.blank(sides.local["address"]) or normalise.blank(sides.remote["address"])
        one_sided_change = ours != theirs
        if policy.address_policy is AddressPolicy.THREE_WAY and one_sided_change and not blanked:
            return False
        if verdict.outcome is Outcome.ONE_SIDED:
            was_blank = normalise.blank(pair[0]) and normalise.blank(pair[1])
            return not (was_blank and one_sided_change)
    return verdict.outcome is Outcome.MISMATCH


def _hold(
    sides: Sides, policy: Policy, verdicts: Mapping[str, AddressVerdict], regions: Regions
) -> Reconciled:
    differing = {}
    for path in policy.fields:
        if path in sides.paused or policy.rule(path).direction is Direction.IGNORE:
            continue
        if path in verdicts:
            same = verdicts[path].outcome in (Outcome.MATCH, Outcome.EQUIVALENT)
        else:
            same = normalise.same(path, sides.local[path], sides.remote[path], regions)
        if not same:
            differing[path] = "differs"
    return Reconciled(
        held=True,
        rulings={},
        to_local={},
        to_remote={},
        baseline={},
        conflicts=differing,
        verdicts=verdicts,
        forget_accepted=frozenset(),
    )


def _collect(
    sides: Sides,
    policy: Policy,
    rulings: dict[str, Ruling],
    verdicts: Mapping[str, AddressVerdict],
    *,
    accepted: set[str],
) -> Reconciled:
    to_local: dict[str, FieldValue] = {}
    to_remote: dict[str, FieldValue] = {}
    baseline: dict[str, Pair] = {}
    conflicts: dict[str, str] = {}
    for path, ruling in rulings.items():
        local, remote = sides.local[path], sides.remote[path]
        moving = {Decision.TAKE_CRM: remote, Decision.PUSH_LOCAL: local}.get(ruling.decision)
        if path not in accepted and refusals(path, moving, policy):
            conflicts[path] = NOT_VALID
        elif ruling.decision is Decision.TAKE_CRM:
            to_local[path] = remote
            baseline[path] = (remote, remote)
        elif ruling.decision is Decision.PUSH_LOCAL:
            if sides.doubts(path):
                conflicts[path] = RESTORED
            elif ruling.overwrites and sides.written_back.get(path, 0) >= MAX_WRITEBACKS:
                # Something in the CRM keeps turning our value into another: two attempts are enough.
                conflicts[path] = "keeps_coming_back"
            else:
                to_remote[path] = local
        elif ruling.decision is Decision.CONFLICT:
            conflicts[path] = "both_changed" if sides.baseline and path in sides.baseline else "differs"
        elif ruling.decision is Decision.AGREE:
            baseline[path] = (local, remote)
    settled = {path for path, each in rulings.items() if each.decision in _SETTLED and path not in conflicts}
    return Reconciled(
        held=False,
        rulings=rulings,
        to_local=to_local,
        to_remote=to_remote,
        baseline=baseline,
        conflicts=conflicts,
        verdicts=verdicts,
        forget_accepted=frozenset(path for path in sides.accepted if path in settled or path not in accepted),
    )

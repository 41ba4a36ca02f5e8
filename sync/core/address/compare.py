"""The check itself: two addresses in, an outcome and reasons out."""

from __future__ import annotations

from rapidfuzz.distance import OSA

from connectors.records import Address
from sync.core.address.cities import same_city
from sync.core.address.countries import territory_of
from sync.core.address.place import Place, read
from sync.core.address.premises import compare_premises
from sync.core.address.reasons import Context, one_sided, reason
from sync.core.address.regions import of_one_kind
from sync.core.address.repair import repaired
from sync.core.address.suggest import exact_parts
from sync.core.address.tables import listed
from sync.core.address.trailing import read_country
from sync.core.address.verdict import (
    AddressVerdict,
    ComponentReason,
    Level,
    Outcome,
    Richer,
)
from sync.core.address.verdict import ComponentVerdict as V
from sync.core.address.words import text_of

SHORTEST_CODE = 4


def check(
    local: Address | None, remote: Address | None, *, level: Level | str = Level.NORMALISED
) -> AddressVerdict:
    """Compare two billing addresses.

    Args:
        local: billing's address; None or blank parts count as missing.
        remote: the CRM's.
        level: see `Level`; a string is read as one.

    Returns:
        The outcome with a reason for every component that either side has. Two blank addresses and
        two that are identical after trimming and NFC are a `match` and have no reasons.

    Raises:
        ValueError: if `level` is no level.
    """
    level = Level(level)
    ours, theirs = exact_parts(local), exact_parts(remote)
    if ours == theirs:
        return AddressVerdict(Outcome.MATCH)
    if local is None or remote is None or not ours or not theirs:
        return AddressVerdict(Outcome.ONE_SIDED)
    if level is Level.EXACT:
        text = (", ".join(ours.values()), ", ".join(theirs.values()))
        why = "At the level exact, both sides must be identical."
        return AddressVerdict(Outcome.MISMATCH, (reason("address", V.DIFFERENT, why, text, text),))
    countries = read_country(local), read_country(remote)
    left, right = read(local, countries[1]), read(remote, countries[0])
    verdict = _verdict(_compare(left, right, tolerant=level is Level.TOLERANT))
    if level is Level.TOLERANT and _streets_differ(verdict):
        country = left.country or right.country
        mended = repaired(local, remote, country), repaired(remote, local, country)
        if mended != (local, remote):
            again = (
                read(address, hint)._replace(raw_lines=place.raw_lines)
                for address, hint, place in zip(mended, reversed(countries), (left, right), strict=True)
            )
            mended_verdict = _verdict(_compare(*again, tolerant=True))
            verdict = mended_verdict if mended_verdict.outcome.same else verdict
    return verdict


def _streets_differ(verdict: AddressVerdict) -> bool:
    return any(each.component == "street" and each.verdict is V.DIFFERENT for each in verdict.reasons)


def _compare(left: Place, right: Place, *, tolerant: bool) -> tuple[ComponentReason, ...]:
    country = left.country or right.country
    postal, same_postal = _postal(left, right, country if tolerant else None)
    context = Context(left, right, tolerant, same_postal)
    city = _city(context)
    context = context._replace(same_city=any(each.verdict in (V.SAME, V.SPELLING) for each in city))
    reasons = [
        *_country(left, right),
        *postal,
        *_region(context),
        *city,
        *_box(left, right),
        *compare_premises(context),
    ]
    verdicts = {each.component: each.verdict for each in reasons}
    if not set(verdicts.values()) - {V.ONLY_LOCAL, V.ONLY_REMOTE}:
        pair = (left.raw_text, right.raw_text)
        reasons.append(reason("address", V.DIFFERENT, "They have nothing in common.", pair, pair))
    if verdicts.get("postal_code") is V.TYPO and not (
        verdicts.get("house_number") is V.SAME
        and verdicts.get("city", V.SAME) in (V.SAME, V.SPELLING, V.TYPO)
    ):
        at = next(index for index, each in enumerate(reasons) if each.component == "postal_code")
        raw, normal = (left.raw_postal, right.raw_postal), (left.postal, right.postal)
        reasons[at] = reason("postal_code", V.DIFFERENT, "Different postal codes.", raw, normal)
    return tuple(reasons)


def _verdict(reasons: tuple[ComponentReason, ...]) -> AddressVerdict:
    found = {each.verdict for each in reasons}
    if V.DIFFERENT in found:
        return AddressVerdict(Outcome.MISMATCH, reasons)
    sides = found & {V.ONLY_LOCAL, V.ONLY_REMOTE}
    slipped = any(each.component == "postal_code" and each.verdict is V.TYPO for each in reasons)
    if not sides and not slipped:
        return AddressVerdict(Outcome.EQUIVALENT, reasons)
    richer: Richer = None
    if len(sides) == 1 and not slipped:
        richer = "local" if V.ONLY_LOCAL in sides else "remote"
    return AddressVerdict(Outcome.PARTIAL, reasons, richer)


def _country(left: Place, right: Place) -> list[ComponentReason]:
    a, b = left.country or "", right.country or ""
    raw, normal = (left.raw_country or a, right.raw_country or b), (a, b)
    found = one_sided("country", raw, normal)
    if found is not None:
        return found
    if a == b:
        return [reason("country", V.SAME, "The same country.", raw, normal)]
    if territory_of(a) == territory_of(b):
        return [reason("country", V.SPELLING, "One is a territory of the other.", raw, normal)]
    return [reason("country", V.DIFFERENT, "Different countries.", raw, normal)]


def _postal(left: Place, right: Place, slips_in: str | None) -> tuple[list[ComponentReason], bool]:
    """The reason for the postal code, and whether it is the same on both sides.

    Args:
        left: one place.
        right: the other.
        slips_in: the country whose codes may differ by a slip, None where they may not.
    """
    a, b = left.postal, right.postal
    raw, normal = (left.raw_postal, right.raw_postal), (a, b)
    found = one_sided("postal_code", raw, normal)
    if found is not None:
        return found, False
    if a == b:
        return [reason("postal_code", V.SAME, "The same postal code.", raw, normal)], True
    if min(len(a), len(b)) > 2 and (a.startswith(b) or b.startswith(a)):
        side = V.ONLY_LOCAL if len(a) > len(b) else V.ONLY_REMOTE
        return [
            reason("postal_code", side, "One postal code is the beginning of the other.", raw, normal)
        ], True
    if slips_in and _near(a, b, slips_in):
        why = "The postal codes differ by a slip, or within one area of delivery."
        return [reason("postal_code", V.TYPO, why, raw, normal)], False
    return [reason("postal_code", V.DIFFERENT, "Different postal codes.", raw, normal)], False


def _near(left: str, right: str, country: str) -> bool:
    """Whether two codes differ by a slip, or share the half that stands for an area."""
    if country == "GB":
        return left[:-3] == right[:-3]
    if len(left) != len(right) or len(left) < SHORTEST_CODE:
        return False
    area = (len(left) + 1) // 2
    return left[:area] == right[:area] or OSA.distance(left, right, score_cutoff=1) <= 1


def _region(context: Context) -> list[ComponentReason]:
    left, right = context.left, context.right
    raw, normal = (left.raw_region, right.raw_region), (left.region_key, right.region_key)
    found = one_sided("region", raw, normal)
    if found is not None:
        return found
    if left.region_key == right.region_key:
        return [reason("region", V.SAME, "The same region.", raw, normal)]
    matters = context.country in listed("states_matter")
    trusted = context.same_postal and (context.tolerant or not matters)
    known = left.region_known and right.region_known
    if known and not trusted and of_one_kind(left.region_key, right.region_key, context.country):
        return [reason("region", V.DIFFERENT, "Different regions.", raw, normal)]
    return [reason("region", V.SPELLING, "Not decided: the postal code or the city tells.", raw, normal)]


def _city(context: Context) -> list[ComponentReason]:
    left, right = context.left, context.right
    a, b = (" ".join(text_of(words) for words in place.cities) for place in (left, right))
    raw = (left.raw_city or a, right.raw_city or b)
    found = one_sided("city", raw, (a, b))
    if found is not None:
        return found
    verdict, why = same_city(left, right, same_postal=context.same_postal, tolerant=context.tolerant)
    return [reason("city", verdict, why, raw, (a, b))]


def _box(left: Place, right: Place) -> list[ComponentReason]:
    a, b = (" ".join(sorted(place.boxes)) for place in (left, right))
    found = one_sided("po_box", (a, b), (a, b))
    if found is not None:
        boxed, other = (left, right) if a else (right, left)
        if found and other.street and not boxed.street:
            return [
                reason("po_box", V.DIFFERENT, "A box on one side, a street on the other.", (a, b), (a, b))
            ]
        return found
    same = a == b
    why = "The same box." if same else "Different boxes."
    return [reason("po_box", V.SAME if same else V.DIFFERENT, why, (a, b), (a, b))]

"""The last mile: house number and building of two places, with their street and units.

House and unit numbers decide at every level.
"""

from __future__ import annotations

from sync.core.address.inside import UNIT, Inside
from sync.core.address.lexicon import Kind
from sync.core.address.names import Likeness, Names, compare_names
from sync.core.address.numbers import Numbers, compare_houses
from sync.core.address.place import Place
from sync.core.address.reasons import Context, Pair, both_more, one_sided, reason
from sync.core.address.streets import compare_streets, street_reasons
from sync.core.address.tables import listed
from sync.core.address.units import Houses, Insides, compare_units, reconcile
from sync.core.address.verdict import ComponentReason
from sync.core.address.verdict import ComponentVerdict as V
from sync.core.address.words import Words, text_of


def compare_premises(context: Context) -> list[ComponentReason]:
    """The reasons for street, house number, unit and building."""
    houses, insides = reconcile(context.left, context.right)
    houses, insides = _in_building(context, houses, insides)
    names = compare_streets(context.left, context.right)
    number = None
    if houses[0] and houses[1]:
        either_part = context.country in ("CZ", "SK")
        number = compare_houses(houses[0], houses[1], either_part=either_part)
    return [
        *street_reasons(context, names, number),
        *_house(context, houses, number, names),
        *compare_units(insides),
        *_buildings(context, houses),
    ]


def _in_building(context: Context, houses: Houses, insides: Insides) -> tuple[Houses, Insides]:
    """Take a number that counts within a building for a unit, where the other side does so.

    7 Linden Court, Redwell Road is 7 Linden Court, 68 Redwell Road.
    """
    numbers, inside = list(houses), [list(each) for each in insides]
    places = (context.left, context.right)
    for this, other in ((0, 1), (1, 0)):
        house = houses[this]
        if house is None or houses[other] is None or house == houses[other]:
            continue
        in_other = any(each.value == str(house) for each in insides[other])
        street, names = places[this].street, places[other].extras
        if (
            in_other
            and street
            and any(compare_names(street, name, slips=False).likeness <= Likeness.PART for name in names)
        ):
            numbers[this] = None
            inside[this].append(Inside(UNIT, str(house)))
    return (numbers[0], numbers[1]), (inside[0], inside[1])


def _house(
    context: Context, houses: Houses, number: Numbers | None, names: Names | None
) -> list[ComponentReason]:
    a, b = houses
    texts = (str(a or ""), str(b or ""))
    if a is None and b is None:
        return []
    if a is None or b is None:
        bare, other = (context.left, context.right) if a is None else (context.right, context.left)
        named = context.country in listed("named_houses")
        if named and bare.buildings and not _share_building(bare, other):
            why = "A house number on one side, the name of a house on the other."
            return [reason("house_number", V.DIFFERENT, why, texts, texts)]
        if names and names.likeness > Likeness.TYPO:
            why = "No number to tell the houses apart."
            return [reason("house_number", V.DIFFERENT, why, texts, texts)]
        return one_sided("house_number", texts, texts) or []
    if number is Numbers.SAME:
        return [reason("house_number", V.SAME, "The same house number.", texts, texts)]
    if number is Numbers.PART:
        side = V.ONLY_LOCAL if len(a.parts) > len(b.parts) else V.ONLY_REMOTE
        return [reason("house_number", side, "One house number is part of the other.", texts, texts)]
    return [reason("house_number", V.DIFFERENT, "Different house numbers.", texts, texts)]


def _share_building(bare: Place, other: Place) -> bool:
    """Whether the other side has a building of the side without a number, if only in its street line."""
    names = (*other.extras, other.street)
    return any(compare_names(a, b).likeness <= Likeness.TYPO for a in bare.buildings for b in names)


def _buildings(context: Context, houses: Houses) -> list[ComponentReason]:
    left, right = context.left, context.right
    if not left.extras and not right.extras:
        return []
    names_left, names_right = _unmatched(left, right), _unmatched(right, left)
    pair: Pair = (_listed(names_left), _listed(names_right))
    found = one_sided("building", pair, pair)
    if found is not None:
        return found
    if any(_differ_in_number(a, b) for a in names_left for b in names_right):
        return [reason("building", V.DIFFERENT, "The same name with different numbers.", pair, pair)]
    nearest = min(compare_names(a, b).likeness for a in names_left for b in names_right)
    if nearest <= (Likeness.TYPO if context.tolerant else Likeness.PART):
        return [reason("building", V.SAME, "The same building or district.", pair, pair)]
    if houses == (None, None) and left.buildings and right.buildings:
        return [reason("building", V.DIFFERENT, "Different buildings, and no house number.", pair, pair)]
    if nearest > Likeness.MORE and _names_building(left) and _names_building(right):
        return [reason("building", V.DIFFERENT, "Different buildings.", pair, pair)]
    return both_more("building", "Other names beside the street; the number decides.", pair)


def _unmatched(place: Place, other: Place) -> tuple[Words, ...]:
    """The other names of a place that are neither street nor city on the other side."""
    found = [words for words in place.extras if not _is_among(words, (other.street, *other.cities))]
    if (
        place.street
        and _is_among(other.street, place.extras)
        and not _is_among(place.street, (other.street, *other.extras))
    ):
        found.append(place.street)  # the other side's street is among our other names
    return tuple(found)


def _is_among(words: Words, names: tuple[Words, ...]) -> bool:
    return bool(words) and any(
        compare_names(words, name, slips=False).likeness <= Likeness.PART for name in names if name
    )


def _listed(names: tuple[Words, ...]) -> str:
    return " | ".join(text_of(words) for words in names)


def _names_building(place: Place) -> bool:
    return any(Kind.PREMISE in word.kinds for words in place.buildings for word in words)


def _differ_in_number(left: Words, right: Words) -> bool:
    """Whether two names differ in their number only: District 1, District 3."""
    numbers, names = [], []
    for words in (left, right):
        numbers.append([word.text for word in words if word.text[0].isdigit()])
        names.append(tuple(word for word in words if not word.text[0].isdigit()))
    if not all(numbers) or not all(names) or numbers[0] == numbers[1]:
        return False
    return compare_names(names[0], names[1]).likeness <= Likeness.SPELLING

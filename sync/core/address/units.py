"""Units, floors and entrances of two places."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from sync.core.address.inside import UNIT, Inside
from sync.core.address.numbers import House
from sync.core.address.place import Place
from sync.core.address.reasons import one_sided, reason
from sync.core.address.verdict import ComponentReason
from sync.core.address.verdict import ComponentVerdict as V

_ATOM = re.compile(r"\d+|[^\W\d_]+")
Houses = tuple[House | None, House | None]
Insides = tuple[Sequence[Inside], Sequence[Inside]]


def reconcile(left: Place, right: Place) -> tuple[Houses, Insides]:
    """Give one form to what one side keeps in the house number and the other in the unit.

    Flat B, 24 Howards Road is 24b; 12/3 is 12, flat 3.
    """
    houses: list[House | None] = [left.house, right.house]
    insides = [list(left.inside), list(right.inside)]
    for this, other in ((0, 1), (1, 0)):
        mine, theirs = houses[this], houses[other]
        if mine is None or theirs is None or mine.parts == theirs.parts:
            continue
        rest = _unit_parts(mine, theirs)
        values = [each.value for each in insides[other]]
        if rest and all(part in values for part in rest):
            houses[this] = theirs if len(mine.parts) > 1 else House((mine.parts[0][:-1],))
            insides[this] += [Inside(UNIT, part) for part in rest]
    return (houses[0], houses[1]), (insides[0], insides[1])


def _unit_parts(mine: House, theirs: House) -> list[str]:
    """The parts of `mine` that may be the unit on the other side."""
    if len(mine.parts) == 1:
        lettered = mine.parts[0][-1].isalpha() and not theirs.parts[-1][-1].isalpha()
        return [mine.parts[0][-1]] if lettered else []
    if len(theirs.parts) == 1 and theirs.parts[0] in mine.parts:
        return [part for part in mine.parts if part != theirs.parts[0]]
    return []


def compare_units(insides: Insides) -> list[ComponentReason]:
    """The reasons for what lies inside the house."""
    pair = (_listed(insides[0]), _listed(insides[1]))
    found = one_sided("unit", pair, pair)
    if found is not None:
        return found
    swapped = _swapped(*insides)
    if _atoms(insides[0]) == _atoms(insides[1]) and not swapped:
        return [reason("unit", V.SAME, "The same unit.", pair, pair)]
    left_only, right_only = _only(insides[0], insides[1]), _only(insides[1], insides[0])
    if swapped or any(a.kinds & b.kinds for a in left_only for b in right_only):
        return [reason("unit", V.DIFFERENT, "Different units.", pair, pair)]
    sides = ((V.ONLY_LOCAL, left_only), (V.ONLY_REMOTE, right_only))
    why = "One side says more about the unit."
    return [reason("unit", side, why, pair, pair) for side, rest in sides if rest]


def _atoms(inside: Sequence[Inside]) -> Counter[str]:
    """The numbers and words of the values: 3º B and 3B are both 3 and b."""
    return Counter(atom.lstrip("0") or "0" for each in inside for atom in _ATOM.findall(each.value))


def _only(inside: Sequence[Inside], other: Sequence[Inside]) -> list[Inside]:
    """What of `inside` has no equal in `other`."""
    rest = Counter(_value(each) for each in other)
    found = []
    for each in inside:
        if rest[_value(each)]:
            rest[_value(each)] -= 1
        else:
            found.append(each)
    return found


def _value(inside: Inside) -> tuple[str, ...]:
    return tuple(sorted(_atoms([inside]).elements()))


def _listed(inside: Sequence[Inside]) -> str:
    return " ".join(sorted(each.value for each in inside))


def _swapped(left: Sequence[Inside], right: Sequence[Inside]) -> bool:
    """Whether both sides name the floor, the block or the unit, and not the same one."""
    for kind in ("floor", "block", "km", "unit"):
        a, b = (_atoms([each for each in side if each.kinds == {kind}]) for side in (left, right))
        if a and b and not a & b:
            return True
    return False

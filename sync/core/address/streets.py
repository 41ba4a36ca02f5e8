"""The streets of two places, looked for in the other side's other names too: lines come in any order."""

from __future__ import annotations

from sync.core.address.layout import is_typed
from sync.core.address.lexicon import Kind, lexicon_for
from sync.core.address.names import Likeness, Names, compare_names, without
from sync.core.address.numbers import Numbers
from sync.core.address.place import Place
from sync.core.address.reasons import Context, one_sided, reason
from sync.core.address.verdict import ComponentReason
from sync.core.address.verdict import ComponentVerdict as V
from sync.core.address.words import Words, text_of

_SILENT = (Kind.TYPE, Kind.DIRECTION, Kind.STOP)
_SHORTEST_ARTICLE = 3


def compare_streets(left: Place, right: Place) -> Names | None:
    """The streets compared; None if one side has none of its own."""
    if not left.street or not right.street:
        return None
    names = compare_names(left.street, right.street)
    if names.likeness <= Likeness.PART:
        return names
    in_right, in_left = _nearest(left.street, right.extras), _mirrored(_nearest(right.street, left.extras))
    found_right, found_left = (near.likeness <= Likeness.PART for near in (in_right, in_left))
    if found_right and found_left:
        return max(in_right, in_left, key=lambda near: near.likeness)
    typed_left, typed_right = is_typed(left.street), is_typed(right.street)
    if found_right and typed_left and (not typed_right or right.house is None):
        return in_right
    if found_left and typed_right and (not typed_left or left.house is None):
        return in_left
    pooled = without(left.street, right.street, names, _pool(left), _pool(right))
    unnamed = (found_right and not typed_left) or (found_left and not typed_right)
    return None if unnamed and pooled.likeness > Likeness.TYPO else pooled


def _nearest(street: Words, extras: tuple[Words, ...]) -> Names:
    """The likest of the other side's other names; of use only if it is one with the street."""
    found = (compare_names(street, words, slips=False) for words in extras)
    return min(found, key=lambda names: names.likeness, default=Names(Likeness.DIFFERENT))


def _mirrored(names: Names) -> Names:
    return names._replace(left_only=names.right_only, right_only=names.left_only)


def _pool(place: Place) -> frozenset[str]:
    """All that the other names of a place may stand for."""
    words = [word for name in (*place.cities, *place.extras) for word in name if not word.only(*_SILENT)]
    return frozenset(form for word in words for form in word.forms)


def street_reasons(context: Context, names: Names | None, number: Numbers | None) -> list[ComponentReason]:
    """The reasons for the street, given how its names and the house numbers compare."""
    left, right = context.left, context.right
    normal = (text_of(left.street), text_of(right.street))
    raw = (left.raw_lines, right.raw_lines)
    if names is None:
        found = one_sided("street", raw, normal)
        if found is not None:
            return found
        # The name that stands for a street on one side is a building of the other.
        in_right = _nearest(left.street, right.extras).likeness <= Likeness.PART
        side = V.ONLY_REMOTE if in_right else V.ONLY_LOCAL
        return [reason("street", side, "Only one side names the street.", raw, normal)]
    verdict, why = _verdict(context, names, number)
    return [reason("street", verdict, why, raw, normal)]


def _verdict(context: Context, names: Names, number: Numbers | None) -> tuple[V, str]:
    more = V.ONLY_LOCAL if names.left_only else V.ONLY_REMOTE
    if names.likeness is Likeness.SAME:
        return V.SAME, "The same street."
    if names.likeness is Likeness.SPELLING:
        return V.SPELLING, "The same street, spelled another way."
    if names.likeness is Likeness.PART:
        return more, "The same street; one side leaves out its type, direction or a title."
    if context.tolerant:
        if names.likeness is Likeness.TYPO:
            return V.TYPO, "The same street but for a slip in its spelling."
        if number is Numbers.SAME and names.likeness is Likeness.MORE and _may_leave_out(context):
            return more, "One side has more of the street's name."
        if number is Numbers.SAME and _differ_in_type(context, names):
            return V.TYPO, "The same number, name and postal code; only the kind of street differs."
        if number is None and context.same_postal_street and _same_house_name(context):
            return V.TYPO, "The same name of a house and the same postal code."
    return V.DIFFERENT, "Different streets."


def _may_leave_out(context: Context) -> bool:
    """Whether a part of a street's name may be left out: a given name, where the type comes first."""
    no_postal = not (context.left.postal and context.right.postal)
    if not context.same_postal and not (context.same_city and no_postal):
        return False
    return lexicon_for(context.country).number_last or _has_small_codes(context)


def _has_small_codes(context: Context) -> bool:
    return context.same_postal_street and context.country != "US"


def _differ_in_type(context: Context, names: Names) -> bool:
    """Whether only the kind of street differs, within a postal code that has one such street."""
    only = names.left_only + names.right_only
    return _has_small_codes(context) and names.shared and all(Kind.TYPE in word.kinds for word in only)


def _same_house_name(context: Context) -> bool:
    """Whether both British lines, which have no number, begin with the same name: Hunt Cottage."""
    if context.country != "GB":
        return False
    lines = []
    for place in (context.left, context.right):
        words = [word.text for name in (*place.buildings, place.street) for word in name]
        lines.append(words[1:] if words[0] == "the" and len(words) > _SHORTEST_ARTICLE else words)
    alike = 0
    while alike < min(map(len, lines)) and lines[0][alike] == lines[1][alike]:
        alike += 1
    articles = all(place.street[0].text == "the" for place in (context.left, context.right))
    return alike > 1 or (alike == 1 and articles)

"""Which of the names of an address is its street, and what stands before and after it."""

from __future__ import annotations

from typing import NamedTuple

from sync.core.address.draft import Draft, Part
from sync.core.address.lexicon import Kind
from sync.core.address.words import Words, forms_of, is_strong

_PLAIN_ENDS = (Kind.TYPE, Kind.PREMISE, Kind.UNIT, Kind.BLOCK)


class Layout(NamedTuple):
    """The street, the names before it (buildings, people) and those after it (districts, cities)."""

    street: Words
    buildings: tuple[Words, ...]
    districts: tuple[Words, ...]


def is_typed(words: Words) -> bool:
    """Whether a name says what kind of street it is."""
    return any(Kind.TYPE in word.kinds or Kind.COMPOUND in word.kinds for word in words)


def lay_out(draft: Draft) -> Layout:
    """Find the street: the part with the house number, or the likeliest by its words."""
    parts, number_last = draft.parts, draft.lexicon.number_last
    if not parts:
        return Layout((), (), ())
    best = 0
    if len(parts) > 1:
        scores = [_score(part) + _beside(parts, at, number_last=number_last) for at, part in enumerate(parts)]
        best = scores.index(max(scores))
    buildings = [words for part in parts[:best] for words in part[:2] if words]
    districts = [words for part in parts[best + 1 :] for words in part[:2] if words]
    before, after, _ = parts[best]
    street = before or after
    if before and after:
        after_is_street = not number_last if is_typed(before) == is_typed(after) else is_typed(after)
        if after_is_street:
            street = after
            buildings.append(before)
        else:
            districts.insert(0, after)
    if not number_last:
        street, tail = _split_tail(street)
        districts[:0] = [tail] if tail else []
    return Layout(street, tuple(buildings), tuple(districts))


def _score(part: Part) -> int:
    """How much a part looks like a street with its number."""
    names = part.before + part.after
    kinds = {kind for word in names for kind in word.kinds}
    score = 4 if part.housed and names else 0
    if Kind.COMPOUND in kinds or any(is_strong(word) for word in names):
        score += 3
    elif Kind.TYPE in kinds:
        score += 2
    plain = [is_strong(word) and Kind.PREMISE not in word.kinds for word in names]
    return score + any(plain) + any(plain[:1] + plain[-1:]) + (Kind.HIGHWAY in kinds)


def _beside(parts: list[Part], index: int, *, number_last: bool) -> int:
    """A part is likelier the street if a number stands alone beside it: Rua Augusta, 123."""
    beside = [index + 1] if number_last else [index + 1, index - 1]
    alone = (parts[at] for at in beside if 0 <= at < len(parts))
    return 4 if any(part.housed and not part.before and not part.after for part in alone) else 0


def _split_tail(words: Words) -> tuple[Words, Words]:
    """Cut off the names after the street's type: High Street | Newport Hitchin."""
    for ends in ("street_ends", "street_ends_weak"):
        forms = forms_of(ends, "latin")
        for index in range(1, len(words)):
            if words[index].forms.isdisjoint(forms) or not words[index].only(*_PLAIN_ENDS):
                continue
            end = index + 1
            while end < len(words) and _goes_on(words, end):
                end += 1
            return words[:end], words[end:]
    return words, ()


def _goes_on(words: Words, index: int) -> bool:
    """Whether the word after a street's type still belongs to the street: Church Street North."""
    kinds = words[index].kinds
    saint = Kind.WORD in kinds and index + 1 < len(words)
    return not kinds.isdisjoint((Kind.TYPE, Kind.DIRECTION)) and not saint

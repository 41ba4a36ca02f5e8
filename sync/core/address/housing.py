"""At the end of a segment: which of its numbers is the house's, and what the others are."""

from __future__ import annotations

from collections.abc import Sequence

from sync.core.address.draft import Candidate, Draft, Part
from sync.core.address.inside import UNIT, Inside, are_inside, inside_words
from sync.core.address.lexicon import Kind
from sync.core.address.numbers import house
from sync.core.address.tables import listed
from sync.core.address.words import Word, word_of


def settle(draft: Draft) -> None:
    """Close the segment at hand: keep its house number, its names and its other numbers."""
    candidates = _joined(draft)
    chosen = _choose(draft, candidates) if draft.house is None and draft.may_house else None
    named = draft.country in listed("named_houses")
    cut = _building_end(draft.words) if named and chosen and chosen.position == 0 else 0
    if chosen and cut:
        # 7 Monsal Court Redwald Road: the number counts within the building.
        draft.loose.append(str(chosen.value))
        draft.parts.append(Part(tuple(draft.words[:cut]), (), housed=False))
        draft.parts.append(Part(tuple(draft.words[cut:]), (), housed=False))
        return
    before: list[Word] = []
    names: list[Word] = []
    for position in range(len(draft.words) + 1):
        for candidate in (each for each in candidates if each.position == position):
            if candidate is chosen:
                draft.house = candidate.value
                before, names = names, []
            elif _is_name(draft, candidate, candidates):
                names.append(word_of(str(candidate.value), draft.country))
            else:
                draft.loose.append(str(candidate.value))
        names += draft.words[position : position + 1]
    _keep(draft, before, names, housed=chosen is not None)


def _keep(draft: Draft, before: list[Word], names: list[Word], *, housed: bool) -> None:
    after_house = bool(before) if housed else draft.house is not None
    if names and after_house and are_inside(names):
        draft.inside += inside_words(names)
        names = []
    if housed or not all(word.only(Kind.STOP) for word in names):
        parts = (before, names) if housed else (names, [])
        draft.parts.append(Part(tuple(parts[0]), tuple(parts[1]), housed=housed))


def _joined(draft: Draft) -> list[Candidate]:
    """Join neighbours where the number comes first: 6 14 Fishponds Road is 6-14, 7 C 7 is 7c."""
    if draft.lexicon.number_last:
        return draft.candidates
    joined: list[Candidate] = []
    for candidate in draft.candidates:
        if joined and candidate.position == joined[-1].position and _may_join(draft, joined[-1], candidate):
            joined[-1:] = _join(draft, joined[-1], candidate)
        else:
            joined.append(candidate)
    return joined


def _may_join(draft: Draft, last: Candidate, candidate: Candidate) -> bool:
    """Not if a word marks one of them, nor if the second names a street: 520 3 Ave SW."""
    following = draft.words[candidate.position : candidate.position + 2]
    numbered = bool(following) and (
        draft.is_numbered(following[0]) or (len(following) == 1 and Kind.TYPE in following[0].kinds)
    )
    return not (candidate.marked or last.marked or numbered)


def _join(draft: Draft, last: Candidate, candidate: Candidate) -> list[Candidate]:
    together = house(f"{last.value}-{candidate.value}")
    is_pair = draft.country == "CA" and len(together.parts) == 2  # 900 520 3rd Ave: unit, house
    if len(together.parts) == 1 or together.is_range or is_pair:
        return [last._replace(value=together)]
    if candidate.value.is_range and set(candidate.value.parts) & set(last.value.parts):
        return [candidate]
    first = last.value.parts[0]
    if first.rstrip("abcdefgh") == candidate.value.parts[0]:
        return [last]
    if first[-1].isalpha():
        draft.inside.append(Inside(UNIT, first[-1]))
        return [candidate]
    return [last, candidate]


def _is_name(draft: Draft, candidate: Candidate, candidates: Sequence[Candidate]) -> bool:
    """Whether a number that is not the house's belongs to a name: Avenue 5, 12 de Octubre."""
    words = draft.words
    if not words and not draft.parts and len(candidates) > 1:
        return candidate is candidates[-1]
    if candidate.marked or not words:
        return False
    if candidate.position == 0 and draft.house is None:
        return draft.lexicon.number_last and draft.is_numbered(words[0])  # 6 Avenida 69
    if candidate.position == len(words) and candidates[0].position == 0 and draft.takes_number():
        return True
    beside = words[max(0, candidate.position - 1) : candidate.position + 1]
    return candidate.position < len(words) or any(Kind.TYPE in word.kinds for word in beside)


def _choose(draft: Draft, candidates: Sequence[Candidate]) -> Candidate | None:
    """The house number among the numbers of a segment."""
    words = draft.words
    marked = next((each for each in candidates if each.marked), None)
    if marked or not candidates or not words:
        return marked or (candidates[0] if candidates else None)
    first, last = candidates[0], candidates[-1]
    alone = len(candidates) == 1 and len(words) == 1 and Kind.TYPE in words[0].kinds
    if alone and draft.is_numbered(words[0]) and (first.position or words[0].only(Kind.TYPE)):
        return None  # Calle 50, 5 Avenue: a street without a house
    if last.position == len(words) and (draft.lexicon.number_last or first.position > 0):
        if not draft.only_types():
            return next(each for each in candidates if each.position == len(words))
        if alone and draft.number_follows:
            return None
        named = draft.lexicon.number_last and draft.is_numbered(words[0])  # 6 Avenida 69
        return first if first.position == 0 and len(candidates) > 1 and not named else last
    later = next((each for each in candidates[1:] if 0 < each.position < len(words)), None)
    if first.position == 0 and later and not draft.lexicon.number_last:
        in_building = any(Kind.PREMISE in word.kinds for word in words[: later.position])
        return later if in_building else first
    return first


def _building_end(words: Sequence[Word]) -> int:
    """Where the name of a building ends that a street follows; 0 if there is none."""
    for index in range(1, len(words) - 2):
        if words[index - 1].only(Kind.TYPE):
            return 0
        following = words[index + 1]
        goes_on = Kind.TYPE in following.kinds and Kind.TYPE not in words[index + 2].kinds
        if Kind.PREMISE in words[index].kinds and not goes_on:
            typed = any(Kind.TYPE in word.kinds for word in words[index + 2 :])
            return index + 1 if typed else 0
    return 0

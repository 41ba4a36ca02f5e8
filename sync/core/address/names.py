"""Names of streets, cities and buildings: when two of them are one."""

from __future__ import annotations

from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple

from rapidfuzz.distance import OSA

from sync.core.address.alignment import Alignment, joined_forms
from sync.core.address.lexicon import Kind
from sync.core.address.words import SHORTEST_STEM, Word, Words, forms_of

MOST_WORDS = 10
"""Longer names are compared by their beginnings."""

SHORTEST_TYPO = 4
FIRST_LETTER_SLIPS = 6
TWO_SLIPS = 9
SHORTEST_SLIP = 10
SHORTEST_BEGINNING, LONGEST_BEGINNING = 2, 4
_MEANING = frozenset({Kind.TYPE, Kind.DIRECTION})
_TYPED = frozenset({Kind.TYPE, Kind.COMPOUND})


class Likeness(IntEnum):
    """How two names stand to each other, nearest first."""

    SAME = 0
    SPELLING = 1
    PART = 2
    """One side leaves out a street type, a compass point or a title."""
    TYPO = 3
    MORE = 4
    """One side has more names than the other."""
    DIFFERENT = 5


class Names(NamedTuple):
    """The verdict over two names, and the words that only one side has."""

    likeness: Likeness
    left_only: Words = ()
    right_only: Words = ()
    typo: bool = False
    shared: bool = False


def _may_join(left: Words, right: Words) -> bool:
    """Whether both can begin with the same letter: spares most pairs the work of joining."""
    first = {form[0] for form in left[0].forms}
    return any(form[0] in first for form in right[0].forms)


def _bare(words: Words) -> Words:
    """The words without articles and the like, unless these are the name: Rua A, Avenue E."""
    if not any(word.is_stop for word in words):
        return words
    kept = tuple(word for word in words if not word.is_stop)
    return kept if any(Kind.TYPE not in word.kinds for word in kept) else words


def is_typo(left: str, right: str) -> bool:
    """Whether two words differ by a slip of the keyboard: one edit, two from nine letters on.

    In short words the first letter is hardly ever the wrong one, and in four letters a changed one
    makes another word (Bergstrasse, Burgstrasse): there only a letter too many or two swapped are a
    slip.
    """
    shorter = min(len(left), len(right))
    if shorter < SHORTEST_TYPO or not (left.isalpha() and right.isalpha()):
        return False
    if left[0] != right[0] and left[:2] != right[1::-1] and shorter < FIRST_LETTER_SLIPS:
        return False
    limit = 1 if shorter < TWO_SLIPS else 2
    if OSA.distance(left, right, score_cutoff=limit) > limit:
        return False
    return shorter > SHORTEST_TYPO or len(left) != len(right) or sorted(left) == sorted(right)


def compare_names(left: Words, right: Words, *, slips: bool = True) -> Names:
    """Compare two names word by word, whatever their order of type and name, spaces or short forms.

    Without `slips` no slip of the keyboard is looked for: quicker, where one would not count.
    """
    if left == right:
        return Names(Likeness.SAME)
    if not left or not right:
        return Names(Likeness.DIFFERENT, left, right)
    left, right = _bare(left[:MOST_WORDS]), _bare(right[:MOST_WORDS])
    if len(left) == len(right) and all(
        not a.forms.isdisjoint(b.forms) for a, b in zip(left, right, strict=True)
    ):
        return Names(Likeness.SPELLING)
    if _may_join(left, right) and not joined_forms(left).isdisjoint(joined_forms(right)):
        return Names(Likeness.SPELLING)
    if not _touch(left, right, slips=slips):
        return Names(Likeness.DIFFERENT, left, right)
    return _align(left, right, slips=slips)


def _touch(left: Words, right: Words, *, slips: bool) -> bool:
    """Whether any two telling words may be one: spares most pairs of different names the rest."""
    ours = [word for word in left if word.is_telling] or left
    theirs = [word for word in right if word.is_telling] or right
    for a in ours:
        for b in theirs:
            if a.text[0] == b.text[0] or not a.forms.isdisjoint(b.forms):
                return True
    return slips and any(
        is_typo(a.text, b.text) for a in ours if len(a.text) >= FIRST_LETTER_SLIPS for b in theirs
    )


@lru_cache(maxsize=4096)
def _align(left: Words, right: Words, *, slips: bool) -> Names:
    alignment = Alignment(left, right)
    alignment.match(lambda a, b: a.text == b.text)
    alignment.match(lambda a, b: not a.forms.isdisjoint(b.forms))
    alignment.match_glued()
    if alignment.shared:
        ends = (left[0], left[-1], right[0], right[-1])
        alignment.match(lambda a, b: _is_initial(a, b, ends))
    slipped = slips and alignment.match(_is_slip)
    if slips and alignment.shared and len(alignment.free_left) == len(alignment.free_right):
        slipped = alignment.match(_is_shortened) or slipped
    found = Names(
        Likeness.DIFFERENT,
        alignment.left_only,
        alignment.right_only,
        typo=slipped or not alignment.in_order,
        shared=alignment.shared,
    )
    judged = _judge(left, right, found)
    uneven = slips and len(left) != len(right)
    if judged.likeness is Likeness.DIFFERENT and uneven and _is_slip_joined(left, right):
        return Names(Likeness.TYPO, typo=True, shared=True)
    return judged


def without(
    left: Words, right: Words, names: Names, left_pool: frozenset[str], right_pool: frozenset[str]
) -> Names:
    """Judge again, leaving out words that the other side has elsewhere, as a city or a building."""
    if not names.shared:
        return names
    kept_left, kept_right = _kept(names.left_only, right_pool), _kept(names.right_only, left_pool)
    if len(kept_left) == len(names.left_only) and len(kept_right) == len(names.right_only):
        return names
    return _judge(left, right, names._replace(left_only=kept_left, right_only=kept_right))


def _kept(words: Words, pool: frozenset[str]) -> Words:
    """The words that are not in `pool`; a saint alone stays: Rua São João in São Paulo."""
    kept = tuple(word for word in words if word.forms.isdisjoint(pool))
    dropped = [word for word in words if word not in kept]
    return words if all(word.only(Kind.WORD, Kind.TITLE) for word in dropped) else kept


def _is_slip_joined(left: Words, right: Words) -> bool:
    """Whether two names of ten letters or more differ by one or two slips, a lost space among them."""
    a, b = ("".join(word.text for word in words) for words in (left, right))
    if min(len(a), len(b)) < SHORTEST_SLIP or not (a.isalpha() and b.isalpha()):
        return False
    return OSA.distance(a, b, score_cutoff=2) <= 2


def _is_initial(left: Word, right: Word, ends: Words) -> bool:
    """Whether one is the other's initial; at either end of a name a letter is a type or a direction."""
    a, b = left.text, right.text
    if min(len(a), len(b)) > 1 or a[0] != b[0] or not (a.isalpha() and b.isalpha()):
        return False
    short, full = (left, right) if len(a) == 1 else (right, left)
    if not _MEANING & short.kinds:
        return not _MEANING & full.kinds
    return not _MEANING & full.kinds and all(short is not end for end in ends)


def _is_shortened(left: Word, right: Word) -> bool:
    """Whether one is the beginning of the other: Kr. Barona, Krisjana Barona; a name, not a type."""
    short, full = sorted((left.text, right.text), key=len)
    if not SHORTEST_BEGINNING <= len(short) <= LONGEST_BEGINNING or len(full) < len(short) + 2:
        return False
    return full.startswith(short) and full.isalpha() and not (left.kinds or right.kinds)


def _is_slip(left: Word, right: Word) -> bool:
    if left.kinds - _SOFT and right.kinds - _SOFT:
        return False
    if Kind.COMPOUND in left.kinds and Kind.COMPOUND in right.kinds:
        ends = (left.text[len(left.stem) :], right.text[len(right.stem) :])
        if ends[0] == ends[1]:
            return is_typo(left.stem, right.stem) or _is_short_slip(left.stem, right.stem)
        return (ends[0].endswith(ends[1]) or ends[1].endswith(ends[0])) and is_typo(left.text, right.text)
    typed = (Kind.TYPE in left.kinds) != (Kind.TYPE in right.kinds)
    return is_typo(left.text, right.text) or (typed and is_typo(left.text[1:], right.text[1:]))


def _is_short_slip(left: str, right: str) -> bool:
    """Whether short stems differ by a letter too many or two swapped: Storgata, Stogata; not Berg, Burg."""
    if min(len(left), len(right)) < SHORTEST_STEM or left[0] != right[0]:
        return False
    moved = len(left) != len(right) or sorted(left) == sorted(right)
    return moved and OSA.distance(left, right, score_cutoff=1) <= 1


_SOFT = frozenset({Kind.COMPOUND, Kind.PREMISE})


def _role(word: Word, other: Words) -> Likeness:
    """What it means that only one side has `word`."""
    if Kind.TYPE in word.kinds and not any(each.kinds & _TYPED for each in other):
        return Likeness.PART
    if Kind.HIGHWAY in word.kinds and any(Kind.HIGHWAY in each.kinds for each in other):
        return Likeness.PART
    if Kind.DIRECTION in word.kinds and not word.forms.isdisjoint(forms_of("compass", "latin")):
        return Likeness.PART
    if Kind.TITLE in word.kinds or Kind.STOP in word.kinds:
        return Likeness.PART
    return Likeness.DIFFERENT if any(char.isdigit() for char in word.text) else Likeness.MORE


def _judge(left: Words, right: Words, found: Names) -> Names:
    left_only, right_only = found.left_only, found.right_only
    if not found.shared and (left_only or right_only):
        return found._replace(likeness=Likeness.DIFFERENT)
    roles_left = {_role(word, right) for word in left_only}
    roles_right = {_role(word, left) for word in right_only}
    roles = roles_left | roles_right
    both_more = Likeness.MORE in roles_left and Likeness.MORE in roles_right
    if both_more or _contradict(left_only, right_only):
        return found._replace(likeness=Likeness.DIFFERENT)
    worst = max(roles, default=Likeness.SPELLING)
    return found._replace(likeness=max(worst, Likeness.TYPO) if found.typo else worst)


def _contradict(left_only: Words, right_only: Words) -> bool:
    """Whether both sides have a street type, a compass point or a kind of road that the other lacks."""
    return any(
        any(kind in word.kinds for word in left_only) and any(kind in word.kinds for word in right_only)
        for kind in (Kind.TYPE, Kind.DIRECTION, Kind.HIGHWAY)
    )

"""Which word of one name goes with which word of the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise, product

from sync.core.address.lexicon import Kind
from sync.core.address.words import Word, Words

MOST_JOINED = 64
_MOVING = frozenset({Kind.TYPE, Kind.DIRECTION})


def joined_forms(words: Words) -> frozenset[str]:
    """Every way to write the words as one: Haupt Str., Hauptstr. and Hauptstraße meet here."""
    choices, size = [], 1
    for word in words:
        forms = word.forms if size * len(word.forms) <= MOST_JOINED else (min(word.forms),)
        size *= len(forms)
        choices.append(forms)
    return frozenset("".join(form) for form in product(*choices))


@dataclass(slots=True)
class Alignment:
    """Two names and the words of them that were matched so far; each word is matched once."""

    left: Words
    right: Words
    pairs: list[tuple[int, int]] = field(default_factory=list)
    free_left: list[int] = field(init=False)
    free_right: list[int] = field(init=False)
    shared: bool = False
    """Whether a matched word says more than street, north or the."""

    def __post_init__(self) -> None:
        self.free_left, self.free_right = list(range(len(self.left))), list(range(len(self.right)))

    def match(self, test: Callable[[Word, Word], bool]) -> bool:
        """Match the free words that pass `test`, in order; whether any did."""
        if not self.free_left or not self.free_right:
            return False
        before = len(self.pairs)
        for i in list(self.free_left):
            j = next((j for j in self.free_right if test(self.left[i], self.right[j])), None)
            if j is not None:
                self._pair(i, j)
        return len(self.pairs) > before

    def _pair(self, i: int, j: int) -> None:
        self.pairs.append((i, j))
        self.free_left.remove(i)
        self.free_right.remove(j)
        self.shared = self.shared or not (self.left[i].is_slight or self.right[j].is_slight)

    def match_glued(self) -> None:
        """Match two neighbouring words of one side with one of the other: Kirch Berg and Kirchberg."""
        for i, j, k in _glued(self.left, self.right, self.free_left, self.free_right):
            self._pair(i, j)
            self.free_left.remove(k)
            self.shared = True
        for j, i, k in _glued(self.right, self.left, self.free_right, self.free_left):
            self._pair(i, j)
            self.free_right.remove(k)
            self.shared = True

    @property
    def in_order(self) -> bool:
        """Whether the names come in the same order; types and directions move freely."""
        order = [j for i, j in sorted(self.pairs) if not _MOVING & self.left[i].kinds & self.right[j].kinds]
        return order == sorted(order)

    @property
    def left_only(self) -> Words:
        """The words of the left name that were not matched."""
        return tuple(self.left[i] for i in self.free_left)

    @property
    def right_only(self) -> Words:
        """The words of the right name that were not matched."""
        return tuple(self.right[j] for j in self.free_right)


def _glued(many: Words, one: Words, free_many: list[int], free_one: list[int]) -> list[tuple[int, int, int]]:
    """Index of a word of `many`, of the word of `one` that it and its neighbour make, of the neighbour."""
    found: list[tuple[int, int, int]] = []
    if len(free_many) < 2 or not free_one:
        return found
    taken: set[int] = set()
    firsts = {one[j].text[0] for j in free_one}
    joined = {
        (i, k): joined_forms(many[i : k + 1])
        for i, k in pairwise(free_many)
        if k == i + 1 and many[i].text[0] in firsts
    }
    for j in free_one:
        for (i, k), forms in joined.items():
            if (
                many[i].text[0] == one[j].text[0]
                and taken.isdisjoint((i, k))
                and not forms.isdisjoint(one[j].forms)
            ):
                found.append((i, j, k))
                taken |= {i, k}
                break
    return found

"""Two texts with what differs marked inside them, character by character."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from markupsafe import Markup
from rapidfuzz.distance import Indel

from web.pages.words import coded

MOST = 4_000
"""Characters, or words, that are compared one by one; beyond it whole words, beyond it the whole."""
SPARED = 2
"""Characters in common that are marked, too, beside what differs: single letters tell nobody anything."""
_WORDS = re.compile(r"\s+|\S+")


def marked(ours: str, theirs: str) -> tuple[Markup, Markup]:
    """Both texts, escaped; what the other one lacks is in `<mark>`."""
    head, tail = _common(ours, theirs)
    left, right = ours[head : len(ours) - tail], theirs[head : len(theirs) - tail]
    begin, end = coded(ours[:head]), coded(ours[len(ours) - tail :])
    parts: Sequence[tuple[str, str, bool]]
    if max(len(left), len(right)) <= MOST:
        parts = list(_parts(left, right))
    else:
        words, others = _WORDS.findall(left), _WORDS.findall(right)
        long = max(len(words), len(others)) > MOST
        parts = [(left, right, False)] if long else list(_parts(words, others))
    ours_marked, theirs_marked = [begin], [begin]
    for mine, other, same in _merged(parts):
        ours_marked.append(coded(mine) if same else _mark(mine))
        theirs_marked.append(coded(other) if same else _mark(other))
    return Markup("").join([*ours_marked, end]), Markup("").join([*theirs_marked, end])


def _common(ours: str, theirs: str) -> tuple[int, int]:
    """How many characters both begin with, and end with behind those."""
    shorter = min(len(ours), len(theirs))
    head = next((n for n in range(shorter) if ours[n] != theirs[n]), shorter)
    rest = shorter - head
    tail = next((n for n in range(rest) if ours[-1 - n] != theirs[-1 - n]), rest)
    whole = head + tail in (len(ours), len(theirs))  # one only has more than the other
    return (head, tail) if whole else (head if head > SPARED else 0, tail if tail > SPARED else 0)


def _parts(left: str | list[str], right: str | list[str]) -> Iterator[tuple[str, str, bool]]:
    for step in Indel.opcodes(left, right):
        mine, other = left[step.src_start : step.src_end], right[step.dest_start : step.dest_end]
        yield "".join(mine), "".join(other), step.tag == "equal"


def _merged(parts: Sequence[tuple[str, str, bool]]) -> Iterator[tuple[str, str, bool]]:
    """Neighbours of one sort as one; what is too short to be worth it is marked with what is around it."""
    kept: list[tuple[str, str, bool]] = []
    for mine, other, same in parts:
        equal = same and (len(mine) > SPARED or len(parts) == 1)
        if kept and kept[-1][2] == equal:
            before = kept.pop()
            kept.append((before[0] + mine, before[1] + other, equal))
        else:
            kept.append((mine, other, equal))
    yield from kept


def _mark(text: str) -> Markup:
    return Markup("<mark>{}</mark>").format(coded(text)) if text else Markup("")

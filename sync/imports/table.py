"""Rows of a CSV text: what RFC 4180 says, its usual relatives, and nothing that could be read in two ways."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from sync.errors import BadInput

DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}
MOST_IN_ROW = 1_000_000
"""Characters of one row, whose quoted cells may go over any number of lines."""
_SAMPLE_ROWS = 50
_QUOTE = '"'


@dataclass(frozen=True, slots=True)
class Line:
    """A row as it stands in the file: the number of its first line, from 1, and its cells."""

    number: int
    cells: Sequence[str]


def read_delimiter(text: str) -> str:
    """A delimiter as a person gives it: the character or its name.

    Raises:
        BadInput: it is none that is read.
    """
    found = DELIMITERS.get(text.casefold(), text.replace("\\t", "\t"))
    if found not in DELIMITERS.values():
        raise BadInput(
            "The delimiter is none that is read.",
            cure=f"Give one of: {', '.join(DELIMITERS)}.",
            fields={"delimiter": f"must be one of {', '.join(DELIMITERS)}"},
        )
    return found


def rows(lines: Iterable[str], delimiter: str) -> Iterator[Line]:
    """The rows that are not empty, one after the other.

    Raises:
        BadInput: a quote leaves open where a cell ends, or a row is too long; the text names the place.
    """
    seen: list[str] = []  # the lines of the row that is being read
    start, size = 1, 0

    def remembered() -> Iterator[str]:
        nonlocal size
        for line in lines:
            seen.append(line)
            size += len(line)
            if size > MOST_IN_ROW:
                raise BadInput(
                    f"The row that begins in line {start} is longer than {MOST_IN_ROW:,} characters.",
                    cure="Perhaps a quote is not closed. Correct it, or leave the row out.",
                    fields={"file": f"the row that begins in line {start} is too long"},
                )
            yield line

    reader = csv.reader(remembered(), delimiter=delimiter, strict=True, skipinitialspace=True)
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise _broken("".join(seen), start, delimiter, str(error)) from None
        if cells is None:
            return
        seen.clear()
        size = 0
        if any(cell and not cell.isspace() for cell in cells):
            yield Line(start, cells)
        start = reader.line_num + 1


def _broken(text: str, start: int, delimiter: str, error: str) -> BadInput:
    column, opened, said = 1, 0, "a cell is longer than 131,072 characters"
    state = "start"
    for place, char in enumerate(text):
        if state == "quoted":
            state = "closing" if char == _QUOTE else state
        elif state == "closing" and char == _QUOTE:
            state = "quoted"
        elif char == delimiter:
            column, state = column + 1, "start"
        elif state == "closing" and char not in "\r\n":
            break
        elif state == "start" and char == _QUOTE:
            state, opened = "quoted", place
        elif not (state == "start" and char == " "):
            state = "plain"
    if "limit" not in error:
        said = (
            "the quote that opens this cell is never closed"
            if state == "quoted"
            else "after the closing quote something else follows than a delimiter"
        )
    number = start + (text.count("\n", 0, opened) if state == "quoted" else text.count("\n", 0, place))
    return BadInput(
        f"Line {number}, column {column}: {said}.",
        cure="Nobody can say where this cell ends. Correct it, or double each quote inside of quotes.",
        fields={"file": f"line {number}, column {column}: {said}"},
    )


def recognise(sample: Sequence[str], known: Callable[[str], bool]) -> str:
    """The delimiter of a text, by its first lines.

    Args:
        sample: the lines.
        known: whether the cell of a header names something that is expected.

    Raises:
        BadInput: it could be one or another.
    """
    found: dict[str, tuple[int, bool]] = {}
    single = True
    for delimiter in DELIMITERS.values():
        widths: list[int] = []
        names = 0
        try:
            for line in islice(rows(sample, delimiter), _SAMPLE_ROWS):
                names = sum(map(known, line.cells)) if not widths else names
                widths.append(len(line.cells))
        except BadInput:
            if len(widths) < 2 and len(sample) > 1:
                continue  # the text may merely be cut off in its last cell
        if widths and (widths[0] > 1 or names):
            found[delimiter] = (names, len(set(widths)) == 1)
            single = single and widths[0] == 1
    best = [each for each, fit in found.items() if fit == max(found.values())]
    if len(best) > 1 and not single:
        names_of = {sign: name for name, sign in DELIMITERS.items()}
        both = " or ".join(names_of[each] for each in best)
        raise BadInput(
            f"The delimiter could be {both}.",
            cure="Say which it is.",
            fields={"delimiter": f"could be {both}"},
        )
    return best[0] if best else ","

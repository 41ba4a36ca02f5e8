"""The text of a file that comes in pieces: in which encoding it stands, and its lines, with flat memory.

UTF-8 is recognised by being valid, other Unicode by its byte order mark. Which of the old one-byte encodings
a file has cannot be known from it: that is asked for, never guessed.
"""

from __future__ import annotations

import codecs
import io
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

from sync.errors import BadInput

MOST_IN_LINE = 1_000_000
"""Characters of one line: a file without line ends is not read into memory."""
SAMPLE_LINES = 200
MOST_IN_SAMPLE = 2_000_000
"""Characters of the first lines that are looked at."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_ASKED = "Say which it is: utf-8, utf-16, cp1252 (Windows in Western Europe), latin-1, or another name."
_NO_TEXT = frozenset({"undefined", "punycode", "idna", "utf-7"})  # the last lets half a character through


def read_encoding(name: str) -> str:
    """The name of an encoding as a person gives it.

    Raises:
        BadInput: there is none of that name.
    """
    try:
        known = codecs.lookup(name)
        # The codecs that make bytes of bytes, or text of text, say so nowhere else.
        found = known.name if known._is_text_encoding else ""
    except (LookupError, ValueError):
        found = ""
    if not found or found in _NO_TEXT or found.startswith(("unicode", "raw-unicode")):
        raise BadInput(f"There is no encoding {name}.", cure=_ASKED, fields={"encoding": "is not known"})
    return "utf-8-sig" if found == "utf-8" else found


def recognise(chunks: Iterable[bytes], encoding: str | None = None) -> str:
    """The encoding of a file, all of which is looked at: the one that is given, if it fits.

    Raises:
        BadInput: it cannot be known, or does not fit; the text names the line.
    """
    chosen = None if encoding is None else read_encoding(encoding)
    check: _Check | None = None
    first = b""
    for chunk in chunks:
        if check is None:
            first += chunk
            if len(first) < len(_MARKS[1][0]):
                continue
            chunk, check = first, _Check(chosen or _by_mark(first))  # noqa: PLW2901
        check.feed(chunk)
    check = check or _Check(chosen or _by_mark(first), first)
    check.end()
    return check.encoding


def _by_mark(first: bytes) -> str:
    for mark, name in _MARKS:
        if first.startswith(mark):
            return name
    start = first[:1_000]
    if len(start) > 3 and (not any(start[1::2]) or not any(start[::2])):
        raise BadInput(
            "The file looks like UTF-16, but does not begin with its byte order mark.",
            cure="Say which it is: utf-16-le or utf-16-be.",
            fields={"encoding": "cannot be recognised"},
        )
    return "utf-8-sig"


def _no_mark(encoding: str) -> BadInput:
    """UTF-16 and UTF-32 without their ends named are told by the mark alone."""
    ends = f"{encoding}-le or {encoding}-be"
    return BadInput(
        f"The file does not begin with the byte order mark of {encoding}.",
        cure=f"Say which it is: {ends}.",
        fields={"encoding": f"does not begin with its byte order mark; say {ends}"},
    )


class _Check:
    """Decodes a file to see whether it can be, and knows in which line it is."""

    def __init__(self, encoding: str, first: bytes = b"") -> None:
        self.encoding = encoding
        self._decoder = codecs.getincrementaldecoder(encoding)()
        self._lines, self._last = 1, ""
        if first:
            self.feed(first)

    def feed(self, chunk: bytes, *, final: bool = False) -> None:
        try:
            self._count(self._decoder.decode(chunk, final))
        except UnicodeDecodeError as error:
            known = error.object[: error.start]
            self._count(known.decode(self.encoding, "ignore"))
            raise BadInput(
                f"The file is not {self.encoding.removesuffix('-sig')}: line {self._lines} cannot be read.",
                cure=_ASKED,
                fields={"encoding": f"does not fit line {self._lines}"},
            ) from None
        except UnicodeError:
            raise _no_mark(self.encoding) from None

    def end(self) -> None:
        self.feed(b"", final=True)

    def _count(self, text: str) -> None:
        pair = self._last == "\r" and text.startswith("\n")
        self._lines += text.count("\n") + text.count("\r") - text.count("\r\n") - pair
        self._last = text[-1:] or self._last


class _Pieces(io.RawIOBase):
    """Pieces of a file as one file."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks, self._rest = iter(chunks), memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        while not self._rest:
            piece = next(self._chunks, None)
            if piece is None:
                return 0
            self._rest = memoryview(piece)
        part = self._rest[: len(buffer)]
        buffer[: len(part)] = part
        self._rest = self._rest[len(part) :]
        return len(part)


def lines(chunks: Iterable[bytes], encoding: str, *, errors: str = "strict") -> Iterator[str]:
    """The lines of a file whose encoding was recognised, each with its end as it stands.

    With `errors="replace"` those of a file whose encoding is yet to be found.

    Raises:
        BadInput: a line is longer than `MOST_IN_LINE`, or the file lacks the mark that its encoding needs.
    """
    # Line ends inside of quoted cells are part of them, and are left as they are.
    pieces: io.RawIOBase = _Pieces(chunks)
    raw = io.BufferedReader(pieces, 1 << 16)
    with io.TextIOWrapper(raw, encoding=encoding, errors=errors, newline="") as text:
        number = 0
        while line := _next_line(text, encoding):
            number += 1
            if len(line) > MOST_IN_LINE:
                raise BadInput(
                    f"Line {number} is longer than {MOST_IN_LINE:,} characters.",
                    fields={"file": f"line {number} is too long"},
                )
            yield line


def _next_line(text: io.TextIOWrapper, encoding: str) -> str:
    try:
        return text.readline(MOST_IN_LINE + 1)
    except UnicodeDecodeError:
        raise
    except UnicodeError:
        raise _no_mark(encoding) from None


def first_lines(lines: Iterable[str]) -> list[str]:
    """The lines by which it is seen how a file is to be read."""
    sample: list[str] = []
    for line in lines:
        sample.append(line)
        if is_cut(sample):
            break
    return sample


def is_cut(sample: Sequence[str]) -> bool:
    """Whether a file may go on behind its first lines."""
    return len(sample) >= SAMPLE_LINES or sum(map(len, sample)) >= MOST_IN_SAMPLE


def read_file_name(name: str) -> str:
    """The name of a file as it is kept.

    Raises:
        BadInput: it holds characters that no name has.
    """
    if any(unicodedata.category(each) in ("Cc", "Cs") for each in name):
        raise BadInput(
            "The name of the file holds a control character.",
            cure="Rename the file, and send it again.",
            fields={"file_name": "holds a control character"},
        )
    return name[:255]

"""A form with a file: its fields first, then the file piece by piece as it comes, never held as a whole."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator

from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from web.api.upload import Upload
from web.body import PATIENCE
from web.problems import Refusal

MEDIA_TYPE = "multipart/form-data"
MOST_BESIDE = 1 << 16
"""Bytes beside the file."""
LONGEST_BOUNDARY = 70


class SentForm:
    """A form as a browser sends it, its fields before its file.

    `begin` reads up to the file, `file` the file; whoever refuses the fields takes nothing of the file.
    """

    def __init__(self, request: Request) -> None:
        self._upload = Upload(request, media_type=MEDIA_TYPE, beside=MOST_BESIDE)
        _, options = parse_options_header(request.headers.get("content-type"))
        boundary = options.get(b"boundary", b"")
        if not 0 < len(boundary) <= LONGEST_BOUNDARY:
            raise Refusal(400, "The form cannot be read.")
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._part,
                "on_header_field": self._header_name,
                "on_header_value": self._header_value,
                "on_header_end": self._header,
                "on_headers_finished": self._begun,
                "on_part_data": self._data,
                "on_part_end": self._part_end,
                "on_end": self._end,
            },
        )
        self._header_parts: tuple[bytearray, bytearray] = (bytearray(), bytearray())
        self._name, self._value, self._in_file = "", bytearray(), False
        self._fields: list[tuple[str, str]] = []
        self._waiting: deque[bytes] = deque()
        self._beside, self._ended = 0, False
        self.file_name: str | None = None

    async def begin(self) -> None:
        """Read the fields before the file, or all if there is none; no thread waits for them.

        Raises:
            Refusal: the form cannot be read, takes longer than `PATIENCE` s, is too large, or breaks off.
        """
        try:
            async with asyncio.timeout(PATIENCE):
                while self.file_name is None and not self._ended:
                    self._feed(await self._upload.piece())
        except TimeoutError:
            raise Refusal(408, f"The form took longer than {PATIENCE:g} seconds.") from None

    @property
    def fields(self) -> tuple[tuple[str, str], ...]:
        """The fields before the file, or all if there is none."""
        return tuple(self._fields)

    def file(self) -> Iterator[bytes]:
        """The pieces of the file; none if no file was chosen. To be asked for in a thread.

        Raises:
            Refusal: the form cannot be read, takes too long, is too large, or breaks off.
        """
        pieces = self._upload.pieces()
        while True:
            while self._waiting:
                yield self._waiting.popleft()
            if self._ended:
                return
            self._feed(next(pieces, b""))

    def _feed(self, piece: bytes) -> None:
        if not piece:
            raise Refusal(400, "The form broke off.")
        try:
            self._parser.write(piece)
        except (FormParserError, UnicodeError):
            raise Refusal(400, "The form cannot be read.") from None

    def _part(self) -> None:
        self._name, self._in_file = "", False

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._header_parts[0].extend(data[start:end])

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_parts[1].extend(data[start:end])

    def _header(self) -> None:
        name, value = (bytes(each) for each in self._header_parts)
        for each in self._header_parts:
            each.clear()
        self._count(len(name) + len(value))
        if name.lower() != b"content-disposition":
            return
        _, options = parse_options_header(value)
        self._name = options.get(b"name", b"").decode()
        if b"filename" in options:
            if self.file_name is not None:
                raise Refusal(400, "The form holds more than one file.")
            self.file_name, self._in_file = options[b"filename"].decode("utf-8", "replace"), True

    def _begun(self) -> None:
        if not self._name:
            raise Refusal(400, "The form cannot be read.")

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._in_file:
            self._waiting.append(data[start:end])
        else:
            self._count(end - start)
            self._value.extend(data[start:end])

    def _part_end(self) -> None:
        if self.file_name is None:  # fields behind the file come too late: it may be long
            self._fields.append((self._name, self._value.decode()))
        self._value.clear()

    def _end(self) -> None:
        self._ended = True

    def _count(self, number: int) -> None:
        self._beside += number
        if self._beside > MOST_BESIDE:
            raise Refusal(413, f"The form holds more than {MOST_BESIDE:,} bytes beside its file.")

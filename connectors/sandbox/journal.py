"""An append-only file of what a sandbox has committed, so that it comes back as it was.

One entry is one line of JSON, written and flushed to the operating system before the call is answered:
it survives the process, also by kill -9 (not a power cut). The last line may be torn by such an end;
it was never answered, so it is cut off.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import orjson


class Journal:
    """The file at `path`; with None every method does nothing.

    Use it in this order: `replay()` to its end, then `compact()` if `lines` says it is worth it, then
    `append()`.

    Attributes:
        lines: how many entries the file holds.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.lines = 0
        self._file: BinaryIO | None = None

    def replay(self) -> Iterator[dict[str, Any]]:
        """Every entry, oldest first; cuts a torn last line off the file.

        Raises:
            ValueError: a line that is not JSON and is not the last.
        """
        if self.path is None or not self.path.exists():
            return
        good = 0
        self.lines = 0
        with self.path.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    break
                try:
                    entry = orjson.loads(line)
                except orjson.JSONDecodeError as error:
                    raise ValueError(f"line {self.lines + 1} of {self.path} is not JSON") from error
                good += len(line)
                self.lines += 1
                yield entry
        if good < self.path.stat().st_size:
            os.truncate(self.path, good)

    def append(self, entry: Mapping[str, Any]) -> None:
        """Write one entry and hand it to the operating system."""
        if self.path is None:
            return
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("ab")
        self._file.write(orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE))
        self._file.flush()
        self.lines += 1

    def compact(self, snapshot: Iterable[Mapping[str, Any]]) -> None:
        """Put the entries of `snapshot` in the place of all that is there, at once or not at all."""
        if self.path is None:
            return
        self.close()
        fresh = self.path.with_name(self.path.name + ".new")
        lines = 0
        with fresh.open("wb") as file:
            for entry in snapshot:
                file.write(orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE))
                lines += 1
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.path)
        self.lines = lines

    def close(self) -> None:
        """Give the file back; a later `append` opens it again."""
        if self._file is not None:
            self._file.close()
            self._file = None

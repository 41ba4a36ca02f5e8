"""Files that commands read and write."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import BinaryIO

from sync.errors import BadInput
from sync.work import Progress


@contextmanager
def opened(file: Path) -> Iterator[BinaryIO]:
    """A file to be read; `-` is stdin.

    Raises:
        BadInput: it cannot be.
    """
    if str(file) == "-":
        yield sys.stdin.buffer
        return
    try:
        found = file.open("rb")
    except OSError as error:
        raise BadInput(f"{file} cannot be read ({error.strerror}).") from error
    with found:
        yield found


def write_csv(pages: Iterable[Sequence[str]], into: Path | None, progress: Progress) -> int:
    """Write pages of lines, to stdout if no file is named; returns how many follow the first, the header.

    Raises:
        BadInput: it cannot be written.
    """
    count = 0
    try:
        with nullcontext(sys.stdout.buffer) if into is None else into.open("wb") as file:
            for lines in pages:
                file.write("".join(lines).encode())
                count += len(lines)
                progress({"event": "exported", "done": count - 1, "of": None})
            file.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise BadInput(f"{into or 'stdout'} cannot be written ({error.strerror}).") from error
    return count - 1

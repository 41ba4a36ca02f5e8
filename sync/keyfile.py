"""The key file of an embedded installation: keys for sealing, one a line, the newest first.

The file is always whole and private: it is written beside its place, and put there at once.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from sync.errors import ConfigurationError


def read(path: Path) -> list[str]:
    """The keys; one is made with mode 0600 if there is no file.

    Raises:
        ConfigurationError: the folder cannot be used.
    """
    with _explained(path):
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            _make(path)
        return path.read_text(encoding="ascii").split()


def add(path: Path) -> list[str]:
    """Put a new key in front; all keys, as they are then.

    Raises:
        ConfigurationError: the folder cannot be used.
    """
    present = read(path)
    with _explained(path), _alone(path):
        present = path.read_text(encoding="ascii").split()
        keys = [secrets.token_hex(32), *present]
        _replace(path, keys)
    return keys


def drop(path: Path, old: Sequence[str]) -> None:
    """Take these keys out; those that were put there meanwhile stay.

    Raises:
        ConfigurationError: the folder cannot be used.
    """
    with _explained(path), _alone(path):
        _replace(path, [key for key in path.read_text(encoding="ascii").split() if key not in old])


def _make(path: Path) -> None:
    """Of several processes that make it at once one wins, and none reads half a key."""
    written = _written(path, [secrets.token_hex(32)])
    try:
        with suppress(FileExistsError):
            os.link(written, path)
    finally:
        written.unlink()


def _replace(path: Path, keys: Sequence[str]) -> None:
    _written(path, keys).replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # a key that is lost with the power takes every credential with it
    finally:
        os.close(folder)


def _written(path: Path, keys: Sequence[str]) -> Path:
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".key-")  # made with mode 0600
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write("".join(f"{key}\n" for key in keys))
        file.flush()
        os.fsync(file.fileno())
    return Path(name)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One change of the file at a time, on this machine."""
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigurationError(
            f"The data folder {path.parent} cannot be written.",
            cure="Choose another with CONCORD_DATA or --data.",
        ) from error

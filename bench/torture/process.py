"""A process of Concord that can be killed at any touch of the database or of a CRM.

Once it is dead nothing of it runs any more that could be noticed: no tidying up, no lease given back.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from types import FrameType
from typing import ClassVar, NoReturn

from sync.store.session import Database, Tx

OWN = ("/sync/", "/tasks/")
NOT = ("/sync/store/session.py", "/sync/work.py")


class KilledError(BaseException):
    """The process is gone."""


class Life:
    """How long a process lives: until its fuse has burnt down, which gets shorter at every point.

    Attributes:
        heirs: are told when it is killed.
    """

    points: ClassVar[Counter[str]] = Counter()
    """Where processes were killed, by place and moment."""

    def __init__(self, fuse: int | None = None) -> None:
        self.fuse = fuse
        self.dead = False
        self.heirs: list[Callable[[], None]] = []

    def at(self, moment: str) -> None:
        """Reach a point.

        Raises:
            KilledError: it was the last.
        """
        if self.dead:
            raise KilledError
        if self.fuse is None:
            return
        self.fuse -= 1
        if self.fuse <= 0:
            self.kill(moment)

    def kill(self, moment: str) -> NoReturn:
        """End it here.

        Raises:
            KilledError: always.
        """
        self.dead = True
        for told in self.heirs:
            told()
        self.points[f"{_place()} {moment}"] += 1
        raise KilledError


def _place() -> str:
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        name = frame.f_code.co_filename
        if any(part in name for part in OWN) and not name.endswith(NOT):
            return f"{name.rsplit('/', 1)[1].removesuffix('.py')}.{frame.f_code.co_name}"
        frame = frame.f_back
    return "?"  # pragma: no cover


class MortalDatabase(Database):
    """A database as one process sees it: before, at the end of, and after each transaction it may die."""

    life: Life

    def __init__(self, shared: Database, life: Life) -> None:
        self.__dict__.update(copy(shared).__dict__)
        self.life = life

    @contextmanager
    def _begun(self, *, writes: bool) -> Iterator[Tx]:
        self.life.at("before a transaction")
        with super()._begun(writes=writes) as tx:
            yield tx
            if writes:
                self.life.at("before the commit")
        if writes:
            self.life.at("after the commit")

    def refresh_statistics(self) -> None:
        """Only PostgreSQL has any; so few rows need none, and either database has the same points."""

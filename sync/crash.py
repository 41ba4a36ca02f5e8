"""Points at which the torture programme kills or freezes this process; an installation passes them unharmed.

`CONCORD_CRASH_AT=write.landed:2` is death by SIGKILL, without any tidying up, at the second passage of that
point; `write.landed:2:STOP` freezes it there by SIGSTOP. It is read once per process; where it is not set a
point costs one call.
"""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from functools import cache

VARIABLE = "CONCORD_CRASH_AT"


@dataclass(slots=True)
class _Fuse:
    point: str
    left: int
    signal: int


def crash_here(point: str) -> None:
    """Pass a point; or die there, or be frozen, if it is the one."""
    fuse = _fuse()
    if fuse is None or fuse.point != point:
        return
    fuse.left -= 1
    if fuse.left == 0:
        os.write(2, f"{signal.Signals(fuse.signal).name} at {point}\n".encode())
        os.kill(os.getpid(), fuse.signal)


@cache
def _fuse() -> _Fuse | None:
    point, number, name, *_ = [*os.environ.get(VARIABLE, "").split(":"), "", ""]
    left = int(number) if number.isdecimal() else 1
    return _Fuse(point, left, signal.SIGSTOP if name == "STOP" else signal.SIGKILL) if point else None

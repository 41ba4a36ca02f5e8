"""The third, optional port: a CRM's stream of changes, which a process of its own listens to.

What comes is trusted as little as a webhook: it leaves hints, and the record is fetched again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from connectors.webhook import Hint


class PositionLostError(Exception):
    """The CRM does not go on from this position. Go on without one, and list the changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What came at once.

    Args:
        hints: records that may have changed.
        unnamed: records changed that were not named; the changes since the cursor are to be listed.
        position: where to go on from once all this is kept; opaque.
    """

    hints: Sequence[Hint] = ()
    unnamed: bool = False
    position: bytes = field(default=b"", repr=False)


class Capture(Protocol):
    """Listens to the changes of one account."""

    def listen(self, position: bytes | None) -> Iterator[Heard]:
        """What comes after `position`, or from now on. Ends only by `close`.

        The next is asked for when the one before has been kept: resume the iterator only then.

        Raises:
            PositionLostError: see there.
            ConnectorError: the stream broke (retryable), or cannot be had.
        """
        ...

    def close(self) -> None:
        """End the stream, from any thread."""
        ...

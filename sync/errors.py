"""What Concord itself refuses or cannot do, each with its cause and its cure.

`ConcordError.exit_code` is what a command ends with; the text is safe to show and to log.
"""

from __future__ import annotations

from collections.abc import Mapping

from connectors.records import JSON

__all__ = [
    "BadInput",
    "ConcordError",
    "ConfigurationError",
    "Conflicted",
    "NeedsApproval",
    "NotFoundError",
    "StoreError",
    "Taken",
    "TooSlow",
    "VersionMoved",
]


class ConcordError(Exception):
    """Root of all that a user may see. `cure` says what to do about it."""

    exit_code = 1

    def __init__(self, reason: str, *, cure: str = "") -> None:
        super().__init__(f"{reason} {cure}".strip())
        self.reason = reason
        self.cure = cure


class ConfigurationError(ConcordError):
    """A setting is missing or wrong."""


class StoreError(ConcordError):
    """The database cannot be used."""


class TooSlow(StoreError):
    """The database gave up a statement that took longer than it may; nothing was written."""


class NotFoundError(ConcordError):
    """There is nothing of that name or id in this organisation."""

    exit_code = 2


class BadInput(ConcordError):
    """A value that was given is wrong; `fields` names each field with its reason."""

    exit_code = 2

    def __init__(self, reason: str, *, cure: str = "", fields: Mapping[str, JSON] | None = None) -> None:
        super().__init__(reason, cure=cure)
        self.fields = dict(fields or {})


class Taken(BadInput):
    """A value that must be unique is another record's."""


class VersionMoved(ConcordError):
    """The record has changed since the caller read it: nothing was written."""

    def __init__(self) -> None:
        super().__init__("The record has changed since it was read.", cure="Read it again and look.")


class Conflicted(ConcordError):
    """What was shown is no longer so: nothing was written, and the fresh values are to be looked at."""


class NeedsApproval(ConcordError):
    """A plan waits for a person; `run_id` names it."""

    exit_code = 3

    def __init__(self, reason: str, *, run_id: str, cure: str = "") -> None:
        super().__init__(reason, cure=cure)
        self.run_id = run_id

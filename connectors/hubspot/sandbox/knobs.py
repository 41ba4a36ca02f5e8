"""What can be set on the sandbox while it runs, and the checks of what is set."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from connectors.sandbox.control import ControlError

EXTERNAL_ID_KINDS = ("unique", "plain", "absent")
SCOPES = (
    "crm.objects.companies.read",
    "crm.objects.companies.write",
    "crm.schemas.companies.read",
    "crm.schemas.companies.write",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Knobs:
    """The knobs and where they stand.

    Attributes:
        index_delay: seconds of HubSpot's clock until a search finds what is written from now on; going back
            to 0 shows all at once.
        clock_offset: seconds by which HubSpot's clock is ahead of this machine's.
        freeze_clock: let the clock stand still, so that all changes have one stamp.
        rate_limit: enforce the limits per ten seconds and, for searches, per second.
        ten_secondly_limit: calls in any ten seconds.
        search_per_second: searches in any second.
        daily_limit: calls per day of the portal, enforced if given.
        token: the access token that is good.
        token_expired: answer every call as for an expired token, until this or `token` is set again.
        token_calls: the token expires after so many more calls; None for never.
        oauth_calls: calls after which an access token of the OAuth app has expired; None is no limit.
        oauth_seconds: seconds after which it has.
        rotate_refresh_token: give the OAuth app a new refresh token with every access token, and take the
            old one no more.
        missing_scopes: scopes that the app was not granted.
        migrating: seconds for which calls are answered with 477, counted from when it is set.
        external_id: whether `company_id` is unique, plain or absent.
    """

    index_delay: float = 0.0
    clock_offset: float = 0.0
    freeze_clock: bool = False
    rate_limit: bool = False
    ten_secondly_limit: int = 190
    search_per_second: int = 5
    daily_limit: int | None = None
    token: str = ""
    token_expired: bool = False
    token_calls: int | None = None
    oauth_calls: int | None = None
    oauth_seconds: float = 1_800.0
    rotate_refresh_token: bool = False
    missing_scopes: tuple[str, ...] = ()
    migrating: float = 0.0
    external_id: str = "unique"

    def changed(self, settings: Mapping[str, Any]) -> Knobs:
        """The knobs with these settings.

        Raises:
            ControlError: a knob that there is not, or a value that does not fit it.
        """
        checked: dict[str, Any] = {}
        for name, value in settings.items():
            if name not in _CHECKS:
                known = ", ".join(sorted(each.name for each in fields(self)))
                raise ControlError(f"there is no setting {name!r}; there are {known}, properties, webhooks")
            wanted, fits = _CHECKS[name]
            if not fits(value):
                raise ControlError(f"{name} is {wanted}")
            checked[name] = tuple(value) if isinstance(value, list) else value
        if "token" in checked:
            checked.setdefault("token_expired", False)
        return replace(self, **checked)


class Clock:
    """HubSpot's clock: milliseconds since 1970, moved or stopped by the knobs."""

    def __init__(self) -> None:
        self._offset = 0.0
        self._frozen: int | None = None

    def now(self) -> int:
        """The time in milliseconds."""
        return self._running() if self._frozen is None else self._frozen

    def set(self, offset: float, *, frozen: bool) -> None:
        """Move the clock and let it stand or run."""
        moved = offset != self._offset
        self._offset = offset
        if not frozen:
            self._frozen = None
        elif self._frozen is None or moved:
            self._frozen = self._running()

    def _running(self) -> int:
        return int((time.time() + self._offset) * 1000)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


_Check = tuple[str, Callable[[Any], bool]]

_CHECKS: Mapping[str, _Check] = {
    "index_delay": ("a number of seconds, not negative", lambda value: _number(value) and value >= 0),
    "clock_offset": ("a number of seconds", _number),
    "freeze_clock": ("true or false", _flag),
    "rate_limit": ("true or false", _flag),
    "ten_secondly_limit": ("a whole number", _count),
    "search_per_second": ("a whole number", _count),
    "daily_limit": ("a whole number or null", lambda value: value is None or _count(value)),
    "token": ("a text and not blank", lambda value: isinstance(value, str) and bool(value)),
    "token_expired": ("true or false", _flag),
    "token_calls": ("a whole number or null", lambda value: value is None or _count(value)),
    "oauth_calls": ("a whole number or null", lambda value: value is None or _count(value)),
    "oauth_seconds": ("a number of seconds, not negative", lambda value: _number(value) and value >= 0),
    "rotate_refresh_token": ("true or false", _flag),
    "missing_scopes": (
        f"a list of {', '.join(SCOPES)}",
        lambda value: isinstance(value, list) and all(each in SCOPES for each in value),
    ),
    "migrating": ("a number of seconds, not negative", lambda value: _number(value) and value >= 0),
    "external_id": (
        f"one of {', '.join(EXTERNAL_ID_KINDS)}",
        lambda value: isinstance(value, str) and value in EXTERNAL_ID_KINDS,
    ),
}

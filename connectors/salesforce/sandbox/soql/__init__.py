"""The part of SOQL that a careful sync sends; all else is refused, never answered wrongly."""

from __future__ import annotations

"""The pure core: normalise, match, check, reconcile, plan. No clock, log, database, HTTP or settings."""

from __future__ import annotations

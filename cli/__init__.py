"""The `concord` command."""

from __future__ import annotations

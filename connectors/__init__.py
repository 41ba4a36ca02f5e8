"""The outside world: one port, one folder per CRM. Start with `connectors/README.md`."""

from __future__ import annotations

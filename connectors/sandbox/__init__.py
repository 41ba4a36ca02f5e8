"""What the look-alike CRMs share: the server, faults, the journal, the control routes and the population."""

from __future__ import annotations

"""The whole of Concord, a process each, under faults from outside."""

from __future__ import annotations

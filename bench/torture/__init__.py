"""The torture programme: the promises, held under every fault that can be made; `make torture`."""

from __future__ import annotations

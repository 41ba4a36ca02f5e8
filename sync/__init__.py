"""The sync engine: a pure core, a store, and one public function per use-case."""

from __future__ import annotations

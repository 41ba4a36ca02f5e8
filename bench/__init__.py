"""Benchmarks: each prints ratios measured side by side in one run."""

from __future__ import annotations

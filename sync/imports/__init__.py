"""Customers from files: read strictly, shown as a plan, carried out page by page, and undone like any run."""

from __future__ import annotations

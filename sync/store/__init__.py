"""The store: tables, transactions, and one module of set-wise queries per aggregate."""

from __future__ import annotations

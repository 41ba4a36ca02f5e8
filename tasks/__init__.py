"""Scheduled work: Celery wakes, the database says what is to be done."""

from __future__ import annotations

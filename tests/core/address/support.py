"""What the address tests share: short ways to write an address, and the tables of cases."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from connectors.records import Address

CASES = Path(__file__).parent / "cases"
DATA = Path(__file__).resolve().parents[3] / "sync" / "core" / "address" / "data"


def address(fields: list[str]) -> Address:
    """An address from [lines (parted by a line break), city, state, postal code, country]."""
    lines, city, state, code, country = (field or None for field in fields)
    first, second, third = [*(lines or "").split("\n"), "", ""][:3]
    return Address(
        line1=first or None,
        line2=second or None,
        line3=third or None,
        city=city,
        state=state,
        zipCode=code,
        country=country,
    )


def cases() -> list[dict[str, Any]]:
    """All cases of all tables."""
    return [case for path in sorted(CASES.glob("*.json")) for case in json.loads(path.read_text("utf-8"))]


def language_files() -> list[Path]:
    """The word files, one per language."""
    return sorted((DATA / "words").glob("*.json"))

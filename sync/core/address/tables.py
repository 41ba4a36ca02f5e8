"""The data files beside this package, read once, at their first use."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def read_text(name: str) -> str:
    """The whole of `data/<name>`."""
    return files("sync.core.address").joinpath("data", name).read_text(encoding="utf-8")


@cache
def read_json(name: str) -> Any:
    """`data/<name>` as JSON. Callers must not change what they get."""
    return json.loads(read_text(name))


@cache
def read_rows(name: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """`data/<name>` as rows of a key, a tab, and values parted by `|`; `#` starts a comment line."""
    rows = []
    for line in read_text(name).splitlines():
        if line and not line.startswith("#"):
            key, _, values = line.partition("\t")
            rows.append((key, tuple(values.split("|"))))
    return tuple(rows)


@cache
def listed(setting: str) -> frozenset[str]:
    """A list of the settings as a set: countries parted by spaces, or words."""
    found: str | list[str] = read_json("settings.json")[setting]
    return frozenset(found.split() if isinstance(found, str) else found)

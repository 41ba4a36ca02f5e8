"""What files and their rows are called on pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from connectors.records import is_field
from sync.imports.columns import HEADER, SHIP
from sync.imports.ruling import Action
from sync.store.query import Row
from web.pages import words
from web.pages.values import Change, changes

ENCODINGS: Mapping[str, str] = {
    "utf-8": "UTF-8",
    "cp1252": "Windows, Western Europe (cp1252)",
    "iso8859-15": "ISO 8859-15",
    "cp1250": "Windows, Central Europe (cp1250)",
    "cp1251": "Windows, Cyrillic (cp1251)",
    "cp1253": "Windows, Greek (cp1253)",
    "cp1254": "Windows, Turkish (cp1254)",
    "cp1255": "Windows, Hebrew (cp1255)",
    "cp1256": "Windows, Arabic (cp1256)",
    "mac-roman": "Macintosh (mac-roman)",
    "utf-16": "UTF-16",
    "utf-16-le": "UTF-16, little-endian",
    "utf-16-be": "UTF-16, big-endian",
    "utf-32": "UTF-32",
    "shift_jis": "Japanese (shift_jis)",
    "gb18030": "Chinese (gb18030)",
    "big5": "Chinese, traditional (big5)",
    "euc_kr": "Korean (euc_kr)",
}
"""Those that are offered; a file may stand in any other, by the API or the command."""
DELIMITERS: Mapping[str, str] = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}
ROWS: Mapping[str, tuple[str, str]] = {
    Action.REJECTED: ("Rejected", "They cannot be taken, each for one reason. Nothing is written."),
    Action.CONFLICT: (
        "Questions",
        "The address is another place than ours: the row waits in the conflict queue for a person.",
    ),
    Action.UPDATE: ("Changes", "Customers that there are, and what would change."),
    Action.CREATE: ("New customers", "Nobody has their customer number, or they have none."),
    Action.UNCHANGED: ("Unchanged", "Everything is here already, by meaning."),
    Action.SKIPPED: ("Example", "The example row of the sample file is never taken."),
}
"""What becomes of a row → its heading, and what that means; in the order of the page."""
STAGES: Mapping[str, str] = {
    "coming": "The file is coming in",
    "mapping": "How is it read?",
    "reading": "The file is read",
    "planning": "The plan is made",
    "planned": "The plan waits for an approval",
    "applying": "The plan is carried out",
    "applied": "Carried out",
}
MOST_CELLS = 12


def size(number: int) -> str:
    """A number of bytes."""
    for power, unit in ((30, "GiB"), (20, "MiB"), (10, "KiB")):
        if number >= 1 << power:
            return f"{number / (1 << power):.1f} {unit}"
    return words.plural(number, "byte")


def target(name: str) -> str:
    """A field that a column may be."""
    own = {"tax_ids": "Tax numbers", "id": "Concord's own id", "business_entity": "Our legal entity"}
    if name in own:
        return own[name]
    if name.startswith(SHIP):
        return f"Shipping: {words.field(name.removeprefix(SHIP))}"
    plain = words.field(name)
    return name if "." in name else plain.replace("_", " ").capitalize() if plain == name else plain


def targets(column: str, field: str | None) -> list[str]:
    """The fields that a column may be: Concord's own, and custom ones of its name."""
    slug = "_".join("".join(each if each.isalnum() else " " for each in column.casefold()).split())[:60]
    custom = [f"{place}.{slug}" for place in ("custom_data", "custom_attributes")] if slug else []
    found = dict.fromkeys(
        [*HEADER, *(each for each in custom if is_field(each)), *([field] if field else [])]
    )
    return list(found)


def cells(names: Sequence[str], found: Sequence[str]) -> list[tuple[str, str]]:
    """A row's own text: column and cell, of those that are not blank."""
    named = [*names, *(f"#{n}" for n in range(len(names) + 1, len(found) + 1))]
    return [(name or "no name", cell) for name, cell in zip(named, found, strict=False) if cell.strip()][
        :MOST_CELLS
    ]


def said(row: Mapping[str, object]) -> list[Change]:
    """What a row would change."""
    return changes(row["changes"])


def first_action(counts: Mapping[str, int]) -> str:
    """What is looked at first: what a person should know before the rest."""
    return next((each for each in ROWS if counts.get(each)), Action.CREATE.value)


def is_at_work(run: Row) -> bool:
    """Whether something moves by itself."""
    return run["state"] in ("queued", "running")
